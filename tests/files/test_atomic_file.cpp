// SPDX-License-Identifier: Apache-2.0
#include <minfold/files/atomic_file.hpp>

#include "files_support.hpp"
#include <sys/stat.h>
#include <unistd.h>
#if defined(__linux__)
#include <linux/capability.h>
#include <sys/syscall.h>
#endif

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

/// While it lives root, too, may do only what permissions say. `works` is false where that cannot be had.
class WithoutPrivilege {
 public:
  WithoutPrivilege() {
    if (geteuid() != 0) return;
#if defined(__linux__)
    if (syscall(SYS_capget, &header_, before_) != 0) {
      works = false;
      return;
    }
    __user_cap_data_struct less[2] = {before_[0], before_[1]};
    less[0].effective &= ~((1U << CAP_DAC_OVERRIDE) | (1U << CAP_DAC_READ_SEARCH));
    works = changed_ = syscall(SYS_capset, &header_, less) == 0;
#else
    works = false;
#endif
  }
  ~WithoutPrivilege() {
#if defined(__linux__)
    if (changed_) syscall(SYS_capset, &header_, before_);
#endif
  }
  WithoutPrivilege(WithoutPrivilege const&) = delete;
  WithoutPrivilege& operator=(WithoutPrivilege const&) = delete;
  bool works = true;

 private:
#if defined(__linux__)
  __user_cap_header_struct header_{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct before_[2] = {};
  bool changed_ = false;
#endif
};

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

TEST_CASE("a file or a folder that is read-only is refused") {
  WithoutPrivilege const as_a_user;
  if (!as_a_user.works) SKIP("root may write to every file, and stays root here");
  Folder const folder;
  auto const path = folder("out");
  minfold::write_whole_file(path, "kept");
  REQUIRE(chmod(path.c_str(), 0444) == 0);
  minfold::test::refuses([&] { minfold::require_writable(path); },
                         "cannot write " + path + ": Permission denied");
  minfold::test::refuses([&] { minfold::write_whole_file(path, "new"); },
                         "cannot write " + path + ": Permission denied");
  CHECK(content(path) == "kept");
  // Neither what is there nor anything new in a folder without permission.
  REQUIRE(chmod(path.c_str(), 0644) == 0);
  REQUIRE(chmod(folder.path.c_str(), 0555) == 0);
  for (auto const& name : {path, folder("new")}) {
    auto const sentence = "cannot write " + name + ": Permission denied";
    minfold::test::refuses([&] { minfold::require_writable(name); }, sentence);
    minfold::test::refuses([&] { minfold::write_whole_file(name, "new"); }, sentence);
  }
  REQUIRE(chmod(folder.path.c_str(), 0755) == 0);
  CHECK(content(path) == "kept");
  CHECK(files_in(folder) == 1);
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
