// SPDX-License-Identifier: Apache-2.0
#include <minfold/files/atomic_file.hpp>

#include "files_support.hpp"
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace {

using minfold::test::content;
using minfold::test::Folder;

mode_t mode_of(std::string const& path) {
  struct stat info{};
  REQUIRE(stat(path.c_str(), &info) == 0);
  return info.st_mode & 07777;
}

auto files_in(Folder const& folder) {
  return std::distance(std::filesystem::directory_iterator(folder.path), {});
}

}  // namespace

TEST_CASE("a file that is replaced keeps its permissions, a new one has those of the umask") {
  Folder const folder;
  auto const path = folder("out");
  auto const before = umask(027);
  minfold::write_whole_file(path, "first");
  umask(before);
  CHECK(mode_of(path) == 0640);
  REQUIRE(chmod(path.c_str(), 0600) == 0);
  minfold::write_whole_file(path, "second");
  CHECK(mode_of(path) == 0600);
  CHECK(content(path) == "second");
  REQUIRE(chmod(path.c_str(), 0666) == 0);
  minfold::write_whole_file(path, "third");
  CHECK(mode_of(path) == 0666);
}

TEST_CASE("a file that is read-only is refused") {
  if (geteuid() == 0) SKIP("root may write to every file");
  Folder const folder;
  auto const path = folder("out");
  minfold::write_whole_file(path, "kept");
  REQUIRE(chmod(path.c_str(), 0444) == 0);
  minfold::test::refuses([&] { minfold::require_writable(path); },
                         "cannot write " + path + ": Permission denied");
  minfold::test::refuses([&] { minfold::write_whole_file(path, "new"); },
                         "cannot write " + path + ": Permission denied");
  CHECK(content(path) == "kept");
}

TEST_CASE("threads write to one folder at once") {
  Folder const folder;
  constexpr int threads = 4, rounds = 25;
  // Long enough that writes overlap.
  auto const text = [](int t) { return std::string(200000, char('a' + t)); };
  std::atomic<int> wrong{0};
  std::vector<std::thread> writers;
  for (int t = 0; t < threads; ++t)
    writers.emplace_back([&, t] {
      auto const path = folder("out" + std::to_string(t));
      for (int i = 0; i < rounds; ++i) try {
          minfold::write_whole_file(path, text(t));
          wrong += content(path) != text(t);
        } catch (std::exception const&) {
          ++wrong;
        }
    });
  for (auto& writer : writers) writer.join();
  CHECK(wrong == 0);
  CHECK(files_in(folder) == threads);
}

TEST_CASE("what somebody has put under the name of a temporary file is not written to") {
  Folder const folder;
  auto const victim = folder("victim");
  minfold::write_whole_file(victim, "precious");
  // As this process names them, with the number of any file so far.
  for (int i = 0; i < 200; ++i)
    std::filesystem::create_symlink("victim", folder(".minfold-" + std::to_string(getpid()) + "-" +
                                                     std::to_string(i) + ".tmp"));
  std::filesystem::create_symlink("victim",
                                  folder(".minfold-" + std::to_string(getpid()) + ".tmp"));
  minfold::require_writable(folder("out"));
  minfold::write_whole_file(folder("out"), "mine");
  CHECK(content(victim) == "precious");
  CHECK(content(folder("out")) == "mine");
}
