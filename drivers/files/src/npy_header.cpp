// SPDX-License-Identifier: Apache-2.0
#include "npy_header.hpp"

#include <minfold/core/require.hpp>

#include "text.hpp"

#include <charconv>

namespace minfold::impl {
namespace {

/// NumPy itself has 32, and 64 from version 2 on.
constexpr std::size_t most_extents = 64;

/// The header is a dictionary of Python with three keys; this reads those and no other Python.
class Dictionary {
 public:
  Dictionary(std::string_view text, std::string const& name) : rest_(text), name_(name) {}

  void read(NpyHeader& header) {
    expect('{', "a dictionary");
    bool seen[3] = {};
    while (!accept('}')) {
      auto const key = string("a key");
      expect(':', "':' after a key");
      int const which = key == "descr" ? 0 : key == "fortran_order" ? 1 : key == "shape" ? 2 : -1;
      MINFOLD_REQUIRE(which >= 0, name_, ": its header has the key ", quoted(key),
                      ", expected descr, fortran_order and shape");
      MINFOLD_REQUIRE(!seen[which], name_, ": its header has the key ", quoted(key), " twice");
      seen[which] = true;
      if (which == 0) descr(header);
      if (which == 1) header.fortran_order = truth();
      if (which == 2) header.shape = shape();
      if (accept(',')) continue;
      expect('}', "',' or '}' after a value");
      break;
    }
    MINFOLD_REQUIRE(seen[0] && seen[1] && seen[2], name_, ": its header lacks the key ",
                    !seen[0]   ? "descr"
                    : !seen[1] ? "fortran_order"
                               : "shape");
    skip_blanks();
    MINFOLD_REQUIRE(rest_.empty(), name_, ": expected the end of its header, found ",
                    quoted(rest_));
  }

 private:
  void skip_blanks() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\n')) rest_.remove_prefix(1);
  }
  bool accept(char c) {
    skip_blanks();
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  [[noreturn]] void unexpected(std::string const& what) const {
    refuse_with(name_, ": expected ", what, " in its header, found ",
                rest_.empty() ? "its end" : quoted(rest_));
  }
  void expect(char c, std::string const& what) {
    if (!accept(c)) unexpected(what);
  }

  /// Without escapes, which no name of a type or key needs.
  std::string_view string(std::string const& what) {
    skip_blanks();
    if (rest_.empty() || (rest_[0] != '\'' && rest_[0] != '"')) unexpected(what + " in quotes");
    auto const end = rest_.find(rest_[0], 1);
    if (end == rest_.npos) unexpected("the end of " + what);
    auto const found = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return found;
  }

  void descr(NpyHeader& header) {
    skip_blanks();
    MINFOLD_REQUIRE(rest_.empty() || rest_[0] != '[', name_,
                    ": expected numbers, found an array of structures");
    auto const type = string("the element type");
    bool good = type.size() == 3 && std::string_view("<>|").find(type[0]) != type.npos;
    if (good) {
      auto const element = type.substr(1);
      good = false;
      for (auto const known : {"f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"})
        good |= element == known;
      // Only one byte has no order.
      good &= type[0] != '|' || element[1] == '1';
    }
    MINFOLD_REQUIRE(good, name_, ": its elements are ", quoted(type),
                    ", expected f4, f8, i1 to i8, u1 to u8 or b1 after '<' or '>'");
    header.kind = type[1];
    header.size = std::size_t(type[2] - '0');
    header.big_endian = type[0] == '>';
  }

  bool truth() {
    skip_blanks();
    for (bool const value : {false, true}) {
      std::string_view const word = value ? "True" : "False";
      if (rest_.substr(0, word.size()) != word) continue;
      rest_.remove_prefix(word.size());
      return value;
    }
    unexpected("True or False as fortran_order");
  }

  std::vector<std::uint64_t> shape() {
    expect('(', "a tuple as shape");
    std::vector<std::uint64_t> extents;
    bool comma = true;
    while (!accept(')')) {
      if (!comma) unexpected("',' or ')' after an extent");
      skip_blanks();
      std::uint64_t extent = 0;
      auto const [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), extent);
      MINFOLD_REQUIRE(error != std::errc::result_out_of_range, name_,
                      ": expected extents below 2^64, found ", quoted(rest_));
      if (error != std::errc()) unexpected("an extent, an integer from 0");
      rest_.remove_prefix(std::size_t(end - rest_.data()));
      extents.push_back(extent);
      MINFOLD_REQUIRE(extents.size() <= most_extents, name_, ": expected at most ", most_extents,
                      " extents, found more");
      comma = accept(',');
    }
    // (3) is a number in brackets.
    if (extents.size() == 1 && !comma) unexpected("',' after the only extent");
    return extents;
  }

  std::string_view rest_;
  std::string const& name_;
};

}  // namespace

NpyHeader read_npy_header(std::string_view bytes, std::string const& name) {
  std::string_view const magic("\x93NUMPY", 6);
  MINFOLD_REQUIRE(bytes.substr(0, magic.size()) == magic, name,
                  ": expected an NPY file, which begins with the byte 147 and NUMPY, found ",
                  bytes.empty() ? "an empty file" : quoted(bytes.substr(0, 8)));
  MINFOLD_REQUIRE(bytes.size() >= 8, name, ": expected the version of the format, the file ends");
  auto const byte = [&](std::size_t at) {
    return std::size_t(static_cast<unsigned char>(bytes[at]));
  };
  auto const version = byte(6);
  MINFOLD_REQUIRE(version >= 1 && version <= 3 && byte(7) == 0, name,
                  ": expected version 1.0, 2.0 or 3.0 of the NPY format, found ", version, ".",
                  byte(7));
  std::size_t const digits = version == 1 ? 2 : 4;
  MINFOLD_REQUIRE(bytes.size() >= 8 + digits, name,
                  ": expected the length of the header, the file ends");
  std::size_t length = 0;
  for (std::size_t d = digits; d-- > 0;) length = 256 * length + byte(8 + d);
  auto const rest = bytes.substr(8 + digits);
  MINFOLD_REQUIRE(length <= rest.size(), name, ": expected a header of ", length,
                  " bytes, the file ends after ", rest.size());
  NpyHeader header;
  header.data = 8 + digits + length;
  Dictionary(rest.substr(0, length), name).read(header);
  return header;
}

}  // namespace minfold::impl
