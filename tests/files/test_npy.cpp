// SPDX-License-Identifier: Apache-2.0
#include <minfold/files/npy.hpp>

#include "files_support.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace {

using minfold::Array;
using minfold::ElementType;
using minfold::read_npy;
using minfold::test::refuses;
using Shape = std::vector<std::uint64_t>;
using Values = std::vector<double>;

/// A file of version 1.0 with this header and these numbers.
std::string npy(std::string const& header, std::string const& data) {
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += char(header.size() & 0xff);
  bytes += char(header.size() >> 8);
  return bytes + header + data;
}
std::string header(std::string const& descr, std::string const& order, std::string const& shape) {
  return "{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}
template <class T>
std::string raw(std::vector<T> const& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}
std::string reversed(std::string text, std::size_t size) {
  for (std::size_t i = 0; i < text.size(); i += size)
    std::reverse(text.begin() + long(i), text.begin() + long(i + size));
  return text;
}
/// The test machines are little-endian, as the bytes written by raw() are.
std::string three(std::string const& descr, std::string const& data) {
  return npy(header("'" + descr + "'", "False", "(3,)"), data);
}

}  // namespace

TEST_CASE("NPY elements of all types are read") {
  Values const expected = {1, 0, 3};
  auto const check = [&](std::string const& bytes, ElementType type) {
    auto const array = read_npy(bytes, "a");
    CHECK(array.type == type);
    CHECK(array.shape == Shape{3});
    CHECK(array.values == expected);
  };
  check(three("<f8", raw<double>({1, 0, 3})), ElementType::float64);
  check(three("<f4", raw<float>({1, 0, 3})), ElementType::float32);
  check(three("|i1", raw<std::int8_t>({1, 0, 3})), ElementType::int64);
  check(three("<i2", raw<std::int16_t>({1, 0, 3})), ElementType::int64);
  check(three("<i4", raw<std::int32_t>({1, 0, 3})), ElementType::int64);
  check(three("<i8", raw<std::int64_t>({1, 0, 3})), ElementType::int64);
  check(three("|u1", raw<std::uint8_t>({1, 0, 3})), ElementType::int64);
  check(three("<u2", raw<std::uint16_t>({1, 0, 3})), ElementType::int64);
  check(three("<u4", raw<std::uint32_t>({1, 0, 3})), ElementType::int64);
  check(three("<u8", raw<std::uint64_t>({1, 0, 3})), ElementType::int64);
  check(three(">f8", reversed(raw<double>({1, 0, 3}), 8)), ElementType::float64);
  check(three(">f4", reversed(raw<float>({1, 0, 3}), 4)), ElementType::float32);
  check(three(">i4", reversed(raw<std::int32_t>({1, 0, 3}), 4)), ElementType::int64);
  check(three(">u2", reversed(raw<std::uint16_t>({1, 0, 3}), 2)), ElementType::int64);

  CHECK(read_npy(three("|b1", std::string("\x01\x00\x01", 3)), "a").values == Values{1, 0, 1});
  CHECK(read_npy(three("<i2", raw<std::int16_t>({-1, -32768, 32767})), "a").values ==
        Values{-1, -32768, 32767});
  CHECK(read_npy(three("|u1", raw<std::uint8_t>({255, 128, 0})), "a").values ==
        Values{255, 128, 0});
  auto const special = read_npy(three("<f8", raw<double>({NAN, -INFINITY, 5e-324})), "a").values;
  CHECK(std::isnan(special[0]));
  CHECK(special[1] == -INFINITY);
  CHECK(special[2] == 5e-324);
}

TEST_CASE("NPY arrays in Fortran order are rearranged, with any number of extents") {
  auto const array =
      read_npy(npy(header("'<i2'", "True", "(2, 3)"), raw<std::int16_t>({1, 4, 2, 5, 3, 6})), "a");
  CHECK(array.shape == Shape{2, 3});
  CHECK(array.values == Values{1, 2, 3, 4, 5, 6});

  // a(i, j, k, l) = 1000 i + 100 j + 10 k + l, first index fastest in the file.
  std::vector<std::int16_t> file;
  Values expected;
  for (int l = 0; l < 2; ++l)
    for (int k = 0; k < 4; ++k)
      for (int j = 0; j < 3; ++j)
        for (int i = 0; i < 2; ++i) file.push_back(std::int16_t(1000 * i + 100 * j + 10 * k + l));
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 3; ++j)
      for (int k = 0; k < 4; ++k)
        for (int l = 0; l < 2; ++l) expected.push_back(1000 * i + 100 * j + 10 * k + l);
  auto const four = read_npy(npy(header("'<i2'", "True", "(2, 3, 4, 2)"), raw(file)), "a");
  CHECK(four.values == expected);
  CHECK(read_npy(npy(header("'<i2'", "True", "(0, 3)"), ""), "a").values.empty());
  CHECK(read_npy(npy(header("'<i2'", "True", "(1,)"), raw<std::int16_t>({7})), "a").values ==
        Values{7});
}

TEST_CASE("NPY headers are read as NumPy writes them, and as others may") {
  auto const data = raw<float>({1, 2, 3});
  for (std::string const text : {
           "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }            \n",
           "{\"shape\":(3,),\"descr\":\"<f4\",\"fortran_order\":False}",
           "{ 'shape' : ( 3 , ) , 'fortran_order' : True, 'descr' : '<f4' } \n",
       }) {
    CHECK(read_npy(npy(text, data), "a").values == Values{1, 2, 3});
  }
  auto const scalar = read_npy(npy(header("'<f4'", "False", "()"), raw<float>({2.5f})), "a");
  CHECK(scalar.shape.empty());
  CHECK(scalar.values == Values{2.5});
  CHECK(read_npy(npy(header("'<f4'", "False", "(3, 0)"), ""), "a").shape == Shape{3, 0});
  // A product that passes 2^64 on its way to zero.
  CHECK(read_npy(npy(header("'<f4'", "False", "(9223372036854775807, 4, 0)"), ""), "a")
            .values.empty());

  // Versions 2 and 3 have four bytes for the length.
  auto const text = header("'<f4'", "False", "(3,)");
  for (char const version : {'\x02', '\x03'}) {
    std::string bytes = std::string("\x93NUMPY") + version + '\0';
    bytes += char(text.size());
    bytes += std::string(3, '\0') + text + data;
    CHECK(read_npy(bytes, "a").values == Values{1, 2, 3});
  }
}

TEST_CASE("broken NPY files are refused with a sentence") {
  auto const good = three("<f4", raw<float>({1, 2, 3}));
  auto const refuse = [&](std::string const& bytes, std::string const& sentence) {
    refuses([&] { read_npy(bytes, "x.npy"); }, "x.npy: " + sentence);
  };
  refuse("", "expected an NPY file, which begins with the byte 147 and NUMPY, found an empty file");
  refuse("\x93NUMPX\x01",
         "expected an NPY file, which begins with the byte 147 and NUMPY, found "
         "'?NUMPX?'");
  refuse(good.substr(0, 7), "expected the version of the format, the file ends");
  refuse(std::string("\x93NUMPY\x04\x00", 8) + good.substr(8),
         "expected version 1.0, 2.0 or 3.0 of the NPY format, found 4.0");
  refuse(std::string("\x93NUMPY\x01\x02", 8) + good.substr(8),
         "expected version 1.0, 2.0 or 3.0 of the NPY format, found 1.2");
  refuse(good.substr(0, 9), "expected the length of the header, the file ends");
  refuse(good.substr(0, 20), "expected a header of 58 bytes, the file ends after 10");
  // A header of 4 GiB in a file of some bytes.
  refuse(std::string("\x93NUMPY\x02\x00\xff\xff\xff\xff{", 13),
         "expected a header of 4294967295 bytes, the file ends after 1");

  refuse(good.substr(0, good.size() - 1),
         "expected 3 elements of 4 bytes after the header, found 11 bytes");
  refuse(good + "x", "expected its end after 12 bytes of numbers, found 1 bytes more");

  auto const with_shape = [&](std::string const& shape) {
    return npy(header("'<f8'", "False", shape), raw<double>({1, 2}));
  };
  refuse(with_shape("(4611686018427387904, 4)"),
         "expected 4611686018427387904 x 4 elements of 8 bytes after the header, found 16 bytes");
  // 2^61 elements of 8 bytes are 2^64 bytes.
  refuse(with_shape("(2305843009213693952,)"),
         "expected 2305843009213693952 elements of 8 bytes after the header, found 16 "
         "bytes");
  refuse(with_shape("(18446744073709551616,)"),
         "expected extents below 2^64, found '18446744073709551616,), }?'");
  refuse(with_shape("(-2,)"),
         "expected an extent, an integer from 0 in its header, found '-2,), }?'");
  refuse(with_shape("(2)"), "expected ',' after the only extent in its header, found ', }?'");
  refuse(with_shape("(1 2)"), "expected ',' or ')' after an extent in its header, found '2), }?'");
  refuse(with_shape("(,)"), "expected an extent, an integer from 0 in its header, found ',), }?'");
  refuse(with_shape("(1.0, 2)"),
         "expected ',' or ')' after an extent in its header, found '.0, 2), }?'");
  refuse(with_shape("[2]"), "expected a tuple as shape in its header, found '[2], }?'");
  std::string many = "(";
  for (int i = 0; i < 65; ++i) many += "1, ";
  refuse(with_shape(many + ")"), "expected at most 64 extents, found more");

  auto const with = [&](std::string const& text) { return npy(text, raw<double>({1, 2})); };
  refuse(with(""), "expected a dictionary in its header, found its end");
  refuse(with("{}"), "its header lacks the key descr");
  refuse(with("{'descr': '<f8'}"), "its header lacks the key fortran_order");
  refuse(with("{'descr': '<f8', 'fortran_order': True}"), "its header lacks the key shape");
  refuse(with("{'descr': '<f8', 'descr': '<f8'}"), "its header has the key 'descr' twice");
  refuse(with("{'color': '<f8'}"),
         "its header has the key 'color', expected descr, fortran_order and shape");
  refuse(with("{'descr' '<f8'}"), "expected ':' after a key in its header, found ''<f8'}'");
  refuse(with("{'descr': '<f8' 'shape'}"),
         "expected ',' or '}' after a value in its header, found ''shape'}'");
  refuse(with("{descr: '<f8'}"), "expected a key in quotes in its header, found 'descr: '<f8'}'");
  refuse(with("{'descr"), "expected the end of a key in its header, found ''descr'");
  refuse(with("{'descr': '<f8', 'fortran_order': 0}"),
         "expected True or False as fortran_order in its header, found '0}'");
  refuse(with(header("'<f8'", "False", "(2,)") + "x"), "expected the end of its header, found 'x'");
  refuse(with(header("[('a', '<f8')]", "False", "(2,)")),
         "expected numbers, found an array of structures");
  for (std::string const type : {"<f2", "<f16", "<c8", "|O", "<U3", "|f8", "f8", "=f8", "", "<b2"})
    refuse(with(header("'" + type + "'", "False", "(2,)")),
           "its elements are '" + type +
               "', expected f4, f8, i1 to i8, u1 to u8 or b1 after '<' or '>'");

  refuse(three("|b1", std::string("\x01\x02\x01", 3)), "expected truth values 0 and 1, found 2");
  refuse(three("<i8", raw<std::int64_t>({1, (1ll << 53) + 1, 2})),
         "expected integers below 2^53, found one of 9.0072e+15");
}

TEST_CASE("what npy_bytes writes is read again, bit for bit") {
  double const tiny = std::numeric_limits<double>::denorm_min();
  for (auto const type : {ElementType::float64, ElementType::float32, ElementType::int64}) {
    for (auto const& shape : {Shape{}, Shape{4}, Shape{2, 2}, Shape{1, 2, 2}, Shape{0, 5}}) {
      Array array{type, shape, {}};
      Values const values = {1, -2, 1 << 20, 0};
      array.values.assign(values.begin(), values.begin() + long(*minfold::element_count(shape)));
      if (type == ElementType::float64 && !array.values.empty()) array.values[0] = tiny;
      auto const bytes = minfold::npy_bytes(array);
      auto const again = read_npy(bytes, "a");
      CHECK(again.type == type);
      CHECK(again.shape == shape);
      CHECK(again.values == array.values);
      // Where memory maps may begin.
      CHECK((bytes.find('\n') + 1) % 64 == 0);
    }
  }
  refuses([] { minfold::npy_bytes({ElementType::float64, {2, 2}, {1}}); },
          "npy_bytes: the shape is 2 x 2, there are 1 numbers");
}
