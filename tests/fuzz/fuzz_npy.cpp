// SPDX-License-Identifier: Apache-2.0
// NPY files; what was read, written again and read again, is the same.
#include <minfold/files/npy.hpp>

#include "fuzz.hpp"

#include <cmath>

using namespace minfold;

namespace {

bool same(double a, double b) {
  return std::isnan(a) ? std::isnan(b) : a == b && std::signbit(a) == std::signbit(b);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string const name = "array.npy";
  auto const array = fuzz::attempt([&] { return read_npy(fuzz::view(data, size), name); });
  if (!array) return 0;
  EXPECT(element_count(array->shape) == array->values.size());
  if (array->type == ElementType::int64)
    for (double const v : array->values) EXPECT(v == std::floor(v) && std::abs(v) < 0x1p53);
  if (array->type == ElementType::float32)
    for (double const v : array->values) EXPECT(same(double(float(v)), v));

  auto const again = fuzz::attempt([&] { return read_npy(npy_bytes(*array), name); });
  EXPECT(again && again->type == array->type && again->shape == array->shape);
  EXPECT(again->values.size() == array->values.size());
  for (std::size_t i = 0; i < array->values.size(); ++i)
    EXPECT(same(again->values[i], array->values[i]));
  return 0;
}
