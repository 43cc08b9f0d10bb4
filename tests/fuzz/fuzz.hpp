// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_FUZZ_HPP
#define MINFOLD_TESTS_FUZZ_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

/// What a fuzzed reader is held to: it returns, or it refuses with std::invalid_argument and one
/// sentence. Any other exception ends the process, which is a finding, and so is a broken EXPECT.
namespace minfold::fuzz {

/// A file in memory, where the system has a place for that, which the reader under test reads: the
/// readers are tested as they are called, with a path.
class ScratchFile {
 public:
  /// `ending` is that of the file's name, such as ".npy".
  explicit ScratchFile(std::string const& ending);
  ~ScratchFile();
  ScratchFile(ScratchFile const&) = delete;
  ScratchFile& operator=(ScratchFile const&) = delete;

  std::string const& path() const { return path_; }
  void write(std::string_view bytes);
  std::string content() const;

 private:
  std::string path_;
  int file_ = -1;
};

/// Prints what was expected and ends the process.
[[noreturn]] void broken(char const* condition, char const* file, int line);

#define EXPECT(condition)                                                      \
  do {                                                                         \
    if (!(condition)) ::minfold::fuzz::broken(#condition, __FILE__, __LINE__); \
  } while (false)

/// Whether the last input was accepted; the replay compares it with what a corpus file's name says.
inline bool accepted = false;

/// Its sentence.
inline std::string last_refusal;

/// The sentence of a refusal is for a terminal and for JSON: it is short, begins as the reader's do,
/// and has no control characters of the file in it, nor bytes that are not UTF-8.
void expect_sentence(std::string_view sentence, std::string_view beginning);

/// The reader's result, or nothing if it refused.
template <class Read>
auto attempt(Read const& read, std::string_view beginning = "minfold: ")
    -> std::optional<decltype(read())> {
  accepted = false;
  try {
    auto result = read();
    accepted = true;
    return result;
  } catch (std::invalid_argument const& refusal) {
    expect_sentence(refusal.what(), beginning);
    last_refusal = refusal.what();
    return std::nullopt;
  }
}

/// The input of one call as text.
inline std::string_view view(std::uint8_t const* data, std::size_t size) {
  return {reinterpret_cast<char const*>(data), size};
}

}  // namespace minfold::fuzz

#endif
