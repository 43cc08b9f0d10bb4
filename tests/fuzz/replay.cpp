// SPDX-License-Identifier: Apache-2.0
// Feeds the files of a folder to a fuzz target that was built without libFuzzer: what was found once
// stays mended. A name that begins with valid- or refused- says what the reader has to do with it.
#include "fuzz.hpp"
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

namespace {

/// No input of a few KB is worth more memory than this.
constexpr long largest_resident_kb = 1 << 20;

bool replay(std::filesystem::path const& path) {
  std::ifstream in(path, std::ios::binary);
  std::string const bytes{std::istreambuf_iterator<char>(in), {}};
  auto const name = path.filename().string();
  std::printf("%s\n", name.c_str());
  std::fflush(stdout);  // the last name before a crash is the one that matters
  try {
    LLVMFuzzerTestOneInput(reinterpret_cast<std::uint8_t const*>(bytes.data()), bytes.size());
  } catch (std::exception const& error) {
    std::printf("  an exception that the reader does not document: %s\n", error.what());
    return false;
  }
  bool const accepted = minfold::fuzz::accepted;
  if (!accepted) std::printf("  %s\n", minfold::fuzz::last_refusal.c_str());
  if (name.starts_with("valid-") && !accepted) std::printf("  refused, and should not be\n");
  if (name.starts_with("refused-") && accepted) std::printf("  accepted, and should not be\n");
  return !(name.starts_with("valid-") && !accepted) && !(name.starts_with("refused-") && accepted);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::printf("usage: %s FOLDER\n", arguments[0]);
    return 2;
  }
  std::vector<std::filesystem::path> files;
  for (auto const& entry : std::filesystem::directory_iterator(arguments[1]))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::ptrdiff_t const failed = std::count_if(
      files.begin(), files.end(), [](std::filesystem::path const& file) { return !replay(file); });
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  bool const bounded = usage.ru_maxrss <= largest_resident_kb;
  std::printf("%zu files, %td failed, %ld KB of memory\n", files.size(), failed, usage.ru_maxrss);
  return files.empty() || failed > 0 || !bounded ? 1 : 0;
}
