// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/files/atomic_file.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace minfold {
namespace {

/// A file that is there only while this object is, unless it was renamed.
class Temporary {
 public:
  explicit Temporary(std::string const& target)
      // Short: a name of almost any length is fine for the target.
      : path_((std::filesystem::path(target).parent_path() /
               (".minfold-" + std::to_string(getpid()) + ".tmp"))
                  .string()),
        descriptor_(open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
    MINFOLD_REQUIRE(descriptor_ >= 0, "cannot write ", target, ": ", std::strerror(errno));
  }
  ~Temporary() {
    if (descriptor_ >= 0) close(descriptor_);
    if (!path_.empty()) unlink(path_.c_str());
  }
  Temporary(Temporary const&) = delete;
  Temporary& operator=(Temporary const&) = delete;

  bool write_all(std::string const& content) const {
    for (std::size_t done = 0; done < content.size();) {
      auto const n = write(descriptor_, content.data() + done, content.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      done += std::size_t(n);
    }
    return fsync(descriptor_) == 0 || errno == EINVAL;  // EINVAL: not a file that can be synced
  }
  bool become(std::string const& target) {
    int const closed = close(descriptor_);
    descriptor_ = -1;
    if (closed != 0 || std::rename(path_.c_str(), target.c_str()) != 0) return false;
    path_.clear();
    return true;
  }

 private:
  std::string path_;
  int descriptor_;
};

/// What is written directly, because no file can be renamed over it: /dev/stdout, a pipe.
bool is_special(std::string const& path) {
  struct stat info{};
  return stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

/// The file itself where `path` is a symbolic link, even to a file that is not there yet: renaming
/// would replace the link.
std::string resolved(std::string const& path) {
  std::filesystem::path target = path;
  // As many links in a row as Linux follows. What cannot be looked at is no link, and opening it will
  // say why.
  for (int link = 0; link < 40; ++link) {
    std::error_code error;
    auto const next = std::filesystem::read_symlink(target, error);
    if (error) break;
    target = target.parent_path() / next;
  }
  return target.string();
}

}  // namespace

void require_writable(std::string const& path) {
  MINFOLD_REQUIRE(!path.empty(), "the name of the output file is empty");
  std::error_code ignored;  // what stands in the way of opening it is said below
  MINFOLD_REQUIRE(!std::filesystem::is_directory(path, ignored), "cannot write ", path,
                  ": it is a directory");
  if (is_special(path)) return;
  auto const target = resolved(path);
  struct stat info{};
  MINFOLD_REQUIRE(stat(target.c_str(), &info) == 0 || errno == ENOENT, "cannot write ", path, ": ",
                  std::strerror(errno));
  Temporary const probe(target);
}

void write_whole_file(std::string const& path, std::string const& content) {
  if (is_special(path)) {
    std::FILE* const file = std::fopen(path.c_str(), "w");
    MINFOLD_REQUIRE(file, "cannot write ", path, ": ", std::strerror(errno));
    bool const written = std::fwrite(content.data(), 1, content.size(), file) == content.size();
    MINFOLD_REQUIRE(std::fclose(file) == 0 && written, "cannot write ", path, ": ",
                    std::strerror(errno));
    return;
  }
  auto const target = resolved(path);
  Temporary file(target);
  MINFOLD_REQUIRE(file.write_all(content) && file.become(target), "cannot write ", path, ": ",
                  std::strerror(errno));
}

}  // namespace minfold
