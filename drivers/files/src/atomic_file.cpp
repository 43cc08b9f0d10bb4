// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/files/atomic_file.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

namespace minfold {
namespace {

std::string folder_of(std::string const& path) {
  auto folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

/// What a file is made of before it gets its name: nothing is left of it unless it became the target. Where
/// the file system can, it has no name at all until then, so that not even a kill leaves anything.
class Temporary {
 public:
  explicit Temporary(std::string const& target) : folder_(folder_of(target)) {
    struct stat old{};
    bool const replaces = stat(target.c_str(), &old) == 0;
    // Renaming asks the folder only, and would replace what its owner has made read-only.
    bool const allowed = !replaces || faccessat(AT_FDCWD, target.c_str(), W_OK, AT_EACCESS) == 0;
    MINFOLD_REQUIRE(allowed, "cannot write ", target, ": ", std::strerror(errno));
    open_unnamed();
    if (descriptor_ < 0) open_named();
    MINFOLD_REQUIRE(descriptor_ >= 0, "cannot write ", target, ": ", std::strerror(errno));
    if (replaces) keep_permissions(old);
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
    if (path_.empty() && !take_name()) return false;
    int const closed = close(descriptor_);
    descriptor_ = -1;
    if (closed != 0 || std::rename(path_.c_str(), target.c_str()) != 0) return false;
    path_.clear();
    return true;
  }

 private:
  /// Short: a name of almost any length is fine for the target. Another one each time: several threads may
  /// write to one folder.
  std::string fresh_name() const {
    static std::atomic<unsigned> count{0};
    return folder_ + "/.minfold-" + std::to_string(getpid()) + "-" + std::to_string(count++) +
           ".tmp";
  }
  /// Calls `make` with fresh names until one is not taken, and keeps that. What is there already, if only a
  /// link that somebody else put there, is never written to.
  template <class Make>
  bool with_fresh_name(Make const& make) {
    for (int attempt = 0; attempt < 1000; ++attempt) {
      auto name = fresh_name();
      if (make(name.c_str())) {
        path_ = std::move(name);
        return true;
      }
      if (errno != EEXIST) return false;
    }
    return false;
  }

  void open_named() {
    with_fresh_name([&](char const* name) {
      descriptor_ = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      return descriptor_ >= 0;
    });
  }
#if defined(O_TMPFILE)
  std::string own_link() const { return "/proc/self/fd/" + std::to_string(descriptor_); }
  void open_unnamed() {
    descriptor_ = open(folder_.c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);
    // Without /proc it could never get a name.
    if (descriptor_ < 0 || access(own_link().c_str(), F_OK) == 0) return;
    close(descriptor_);
    descriptor_ = -1;
  }
  bool take_name() {
    return with_fresh_name([&](char const* name) {
      return linkat(AT_FDCWD, own_link().c_str(), AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0;
    });
  }
#else
  void open_unnamed() {}
  bool take_name() { return false; }
#endif

  /// Those of the file that is replaced, as far as this process may give them.
  void keep_permissions(struct stat const& old) const {
    struct stat mine{};
    if (fstat(descriptor_, &mine) != 0) return;
    if (mine.st_uid != old.st_uid || mine.st_gid != old.st_gid) {
      // What was for its group only must not become readable to ours.
      if (fchown(descriptor_, old.st_uid, old.st_gid) != 0 &&
          fchown(descriptor_, uid_t(-1), old.st_gid) != 0) {
        fchmod(descriptor_, old.st_mode & 0707);
        return;
      }
    }
    fchmod(descriptor_, old.st_mode & 0777);
  }

  std::string folder_, path_;
  int descriptor_ = -1;
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
