// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/files/npy.hpp>

#include "npy_header.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace minfold {
namespace {

/// The number at `from`, its bytes turned around where the file has the other order.
template <class T>
T number_at(char const* from, bool swap) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, from, sizeof(T));
  if (swap) std::reverse(bytes, bytes + sizeof(T));
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

template <class T>
void read_numbers(std::string_view data, bool swap, std::vector<double>& values) {
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = double(number_at<T>(data.data() + i * sizeof(T), swap));
}

void read_numbers(std::string_view data, impl::NpyHeader const& header, std::vector<double>& out) {
  bool const swap =
      header.size > 1 && header.big_endian != (std::endian::native == std::endian::big);
  switch (header.kind) {
    case 'f':
      if (header.size == 4) return read_numbers<float>(data, swap, out);
      return read_numbers<double>(data, swap, out);
    case 'i':
      if (header.size == 1) return read_numbers<std::int8_t>(data, swap, out);
      if (header.size == 2) return read_numbers<std::int16_t>(data, swap, out);
      if (header.size == 4) return read_numbers<std::int32_t>(data, swap, out);
      return read_numbers<std::int64_t>(data, swap, out);
    default:  // u, b
      if (header.size == 1) return read_numbers<std::uint8_t>(data, swap, out);
      if (header.size == 2) return read_numbers<std::uint16_t>(data, swap, out);
      if (header.size == 4) return read_numbers<std::uint32_t>(data, swap, out);
      return read_numbers<std::uint64_t>(data, swap, out);
  }
}

/// From first index fastest to last index fastest.
std::vector<double> in_c_order(std::vector<double> const& values,
                               std::vector<std::uint64_t> const& shape) {
  std::vector<double> sorted(values.size());
  std::vector<std::uint64_t> index(shape.size(), 0), stride(shape.size());
  std::uint64_t step = 1;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    stride[d] = step;
    step *= shape[d];
  }
  std::uint64_t from = 0;
  for (double& value : sorted) {
    value = values[from];
    for (std::size_t d = shape.size(); d-- > 0;) {
      from += stride[d];
      if (++index[d] < shape[d]) break;
      from -= stride[d] * shape[d];
      index[d] = 0;
    }
  }
  return sorted;
}

}  // namespace

Array read_npy(std::string_view bytes, std::string const& name) {
  auto const header = impl::read_npy_header(bytes, name);
  auto const data = bytes.substr(header.data);
  auto const count = element_count(header.shape);
  // Division: the product with the size could pass 2^64.
  MINFOLD_REQUIRE(count && *count <= data.size() / header.size, name, ": expected ",
                  shape_text(header.shape), " elements of ", header.size,
                  " bytes after the header, found ", data.size(), " bytes");
  MINFOLD_REQUIRE(*count * header.size == data.size(), name, ": expected its end after ",
                  *count * header.size, " bytes of numbers, found ",
                  data.size() - *count * header.size, " bytes more");

  Array array;
  array.type = header.kind != 'f' ? ElementType::int64
               : header.size == 4 ? ElementType::float32
                                  : ElementType::float64;
  array.shape = header.shape;
  array.values.resize(*count);
  read_numbers(data, header, array.values);
  if (header.size == 8 && header.kind != 'f')
    for (double const v : array.values)
      MINFOLD_REQUIRE(std::abs(v) < 0x1p53, name, ": expected integers below 2^53, found one of ",
                      v);
  if (header.kind == 'b')
    for (double const v : array.values)
      MINFOLD_REQUIRE(v <= 1, name, ": expected truth values 0 and 1, found ", v);
  if (header.fortran_order && array.shape.size() > 1)
    array.values = in_c_order(array.values, array.shape);
  return array;
}

std::string npy_bytes(Array const& array) {
  MINFOLD_REQUIRE(element_count(array.shape) == array.values.size(), "npy_bytes: the shape is ",
                  shape_text(array.shape), ", there are ", array.values.size(), " numbers");
  std::string shape;
  for (auto const extent : array.shape) shape += std::to_string(extent) + ", ";
  if (array.shape.size() > 1) shape.resize(shape.size() - 2);
  if (array.shape.size() == 1) shape.resize(shape.size() - 1);
  char const* const descr = array.type == ElementType::float32   ? "<f4"
                            : array.type == ElementType::float64 ? "<f8"
                                                                 : "<i8";
  std::string header =
      "{'descr': '" + std::string(descr) + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  // The data begin at a multiple of 64 bytes, after a newline.
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  MINFOLD_REQUIRE(header.size() < 0x10000, "npy_bytes: ", array.shape.size(),
                  " extents are too many for the format");
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += char(header.size() & 0xff);
  bytes += char(header.size() >> 8);
  bytes += header;

  bool const swap = std::endian::native == std::endian::big;
  auto const start = bytes.size();
  auto const write = [&](auto zero) {
    bytes.resize(start + array.values.size() * sizeof(zero));
    char* to = bytes.data() + start;
    for (double const v : array.values) {
      auto const value = decltype(zero)(v);
      std::memcpy(to, &value, sizeof(value));
      if (swap) std::reverse(to, to + sizeof(value));
      to += sizeof(value);
    }
  };
  switch (array.type) {
    case ElementType::float32: write(float{}); break;
    case ElementType::float64: write(double{}); break;
    case ElementType::int64: write(std::int64_t{}); break;
  }
  return bytes;
}

}  // namespace minfold
