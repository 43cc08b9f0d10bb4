// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/drivers/data/bytes.hpp>

#include <zlib.h>

#include <algorithm>
#include <filesystem>

namespace minfold {
namespace {

/// Deflate codes at most 258 bytes in 2 bits, so a file grows by a factor of 1032 at most.
constexpr std::uint64_t largest_expansion = 1032;
/// Bytes of one request to zlib.
constexpr std::size_t piece = std::size_t(1) << 16;

}  // namespace

ByteReader::ByteReader(std::string const& path) : path_(path) {
  std::error_code error;
  auto const status = std::filesystem::status(path, error);
  MINFOLD_REQUIRE(std::filesystem::is_regular_file(status), path, ": expected a file, found ",
                  std::filesystem::exists(status) ? "something else" : "nothing there");
  auto const size = std::filesystem::file_size(path, error);
  MINFOLD_REQUIRE(!error, path, ": its size cannot be read");
  gzFile const file = gzopen(path.c_str(), "rb");
  MINFOLD_REQUIRE(file != nullptr, path, ": cannot be opened for reading");
  file_ = file;
  // zlib looks at the content: gzdirect() is 1 for a plain file, which does not grow.
  capacity_ = gzdirect(file) ? size : size * largest_expansion;
}

ByteReader::~ByteReader() {
  gzclose(gzFile(file_));
}

std::size_t ByteReader::read_some(char* to, std::size_t count) {
  gzFile const file = gzFile(file_);
  int const got = gzread(file, to, unsigned(std::min(count, piece)));
  int code = Z_OK;
  gzerror(file, &code);
  // Z_BUF_ERROR: the compressed stream stops in its middle.
  MINFOLD_REQUIRE(got >= 0 && (code == Z_OK || code == Z_STREAM_END), path_, ": ",
                  code == Z_BUF_ERROR ? "the gzip file is truncated" : "the gzip file is damaged");
  return std::size_t(got);
}

std::string ByteReader::read(std::uint64_t count, std::string const& what) {
  MINFOLD_REQUIRE(count <= capacity_, path_, ": expected ", count, " bytes of ", what,
                  ", but a file of this size holds at most ", capacity_);
  // Grows with what is there: a packed file of 2 MB may claim, and not have, 2 GB.
  std::string bytes;
  while (bytes.size() < count) {
    std::size_t const done = bytes.size(), wanted = std::min<std::uint64_t>(count - done, piece);
    bytes.resize(done + wanted);
    std::size_t const got = read_some(bytes.data() + done, wanted);
    bytes.resize(done + got);
    MINFOLD_REQUIRE(got > 0, path_, ": expected ", count, " bytes of ", what,
                    ", the file ends after ", done);
  }
  return bytes;
}

std::string ByteReader::read_rest(std::uint64_t limit) {
  std::string bytes;
  for (;;) {
    std::size_t const done = bytes.size();
    bytes.resize(done + piece);
    std::size_t const got = read_some(bytes.data() + done, piece);
    bytes.resize(done + got);
    MINFOLD_REQUIRE(bytes.size() <= limit, path_, ": expected at most ", limit, " bytes");
    if (got == 0) return bytes;
  }
}

void ByteReader::require_end(std::string const& what) {
  char extra = 0;
  MINFOLD_REQUIRE(read_some(&extra, 1) == 0, path_, ": expected its end after ", what,
                  ", the file goes on");
}

}  // namespace minfold
