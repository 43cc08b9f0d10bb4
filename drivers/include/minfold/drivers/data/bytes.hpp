// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_DATA_BYTES_HPP
#define MINFOLD_DRIVERS_DATA_BYTES_HPP

#include <cstddef>
#include <cstdint>
#include <string>

/// Files as bytes: plain or gzip, whichever the content says.
namespace minfold {

/// Reads a file from its beginning, as often as the caller asks for a piece.
///
/// Errors: std::invalid_argument with one sentence that names the file.
class ByteReader {
 public:
  explicit ByteReader(std::string const& path);
  ~ByteReader();
  ByteReader(ByteReader const&) = delete;
  ByteReader& operator=(ByteReader const&) = delete;

  std::string const& path() const { return path_; }
  /// Exactly `count` bytes. Refuses, before it allocates, a count that a file of this size cannot
  /// hold, and a file that ends early or is damaged; `what` names the piece in the sentence.
  std::string read(std::uint64_t count, std::string const& what);
  /// Everything that is left, at most `limit` bytes.
  std::string read_rest(std::uint64_t limit);
  /// Refuses a file that goes on.
  void require_end(std::string const& what);

 private:
  std::size_t read_some(char* to, std::size_t count);

  std::string path_;
  std::uint64_t capacity_ = 0;  ///< most bytes that the file can expand to
  void* file_ = nullptr;        ///< gzFile
};

}  // namespace minfold

#endif
