// SPDX-License-Identifier: Apache-2.0
#include "fuzz.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace minfold::fuzz {
namespace {

/// Of one sequence of UTF-8 at the beginning of the text; 0 if it is none.
std::size_t sequence_length(std::string_view text) {
  auto const byte = [&](std::size_t i) { return i < text.size() ? std::uint8_t(text[i]) : 0u; };
  unsigned const first = byte(0);
  std::size_t const length = first < 0x80   ? 1
                             : first < 0xc2 ? 0
                             : first < 0xe0 ? 2
                             : first < 0xf0 ? 3
                             : first < 0xf5 ? 4
                                            : 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0u) != 0x80u) return 0;
  bool const overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  bool const outside = (first == 0xed && byte(1) > 0x9f) || (first == 0xf4 && byte(1) > 0x8f);
  return overlong || outside ? 0 : length;
}

}  // namespace

ScratchFile::ScratchFile(std::string const& ending) {
  std::error_code unknown;
  auto const memory = std::filesystem::path("/dev/shm");
  auto const folder = std::filesystem::is_directory(memory, unknown)
                          ? memory
                          : std::filesystem::temp_directory_path();
  path_ = (folder / "minfold-fuzz-XXXXXX").string() + ending;
  file_ = mkstemps(path_.data(), int(ending.size()));
  EXPECT(file_ >= 0);
}

ScratchFile::~ScratchFile() {
  close(file_);
  unlink(path_.c_str());
}

void ScratchFile::write(std::string_view bytes) {
  EXPECT(ftruncate(file_, off_t(bytes.size())) == 0);
  EXPECT(pwrite(file_, bytes.data(), bytes.size(), 0) == ssize_t(bytes.size()));
}

std::string ScratchFile::content() const {
  std::ifstream in(path_, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void broken(char const* condition, char const* file, int line) {
  std::fprintf(stderr, "%s:%d: expected %s\n", file, line, condition);
  std::abort();
}

void expect_sentence(std::string_view sentence, std::string_view beginning) {
  bool good = sentence.starts_with(beginning) && sentence.size() <= 2500;
  for (std::string_view rest = sentence; good && !rest.empty();) {
    std::size_t const length = sequence_length(rest);
    unsigned const first = std::uint8_t(rest[0]), second = length == 2 ? std::uint8_t(rest[1]) : 0;
    bool const control = first < 0x20 || first == 0x7f || (first == 0xc2 && second < 0xa0);
    good = length > 0 && !control;
    rest.remove_prefix(std::min(length, rest.size()));
  }
  if (!good) std::fprintf(stderr, "%.*s\n", int(sentence.size()), sentence.data());
  bool const one_printable_sentence = good;
  EXPECT(one_printable_sentence);
}

}  // namespace minfold::fuzz
