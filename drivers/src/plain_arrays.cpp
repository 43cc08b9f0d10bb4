// SPDX-License-Identifier: Apache-2.0
#include "plain_support.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace minfold::impl::plain {

namespace {

bool empty(minfold_array const& a) {
  return a.extent[0] == 0 || a.extent[1] == 0 || a.extent[2] == 0;
}

bool has_strides(minfold_array const& a, std::array<std::size_t, 3> const& expected) {
  for (int d = 0; d < 3; ++d)
    if (a.extent[d] > 1 && a.stride[d] != std::ptrdiff_t(expected[d])) return false;
  return true;
}

/// Each index moves farther than all faster ones together: no entry has two names.
bool entries_are_distinct(minfold_array const& a) {
  std::array<std::pair<double, double>, 3> steps;
  for (int d = 0; d < 3; ++d)
    steps[d] = {a.extent[d] > 1 ? std::abs(double(a.stride[d])) : 0, double(a.extent[d])};
  std::sort(steps.begin(), steps.end());
  double reach = 0;
  for (auto const& [stride, extent] : steps) {
    if (extent <= 1) continue;
    if (stride <= reach) return false;
    reach += stride * (extent - 1);
  }
  return true;
}

/// First and last byte.
std::pair<std::uintptr_t, std::uintptr_t> range_of(minfold_array const& a) {
  std::ptrdiff_t const size = a.precision == MINFOLD_FLOAT ? sizeof(float) : sizeof(double);
  std::ptrdiff_t low = 0, high = 0;
  for (int d = 0; d < 3; ++d) {
    std::ptrdiff_t const reach = std::ptrdiff_t(a.extent[d] - 1) * a.stride[d];
    (reach < 0 ? low : high) += reach;
  }
  auto const base = reinterpret_cast<std::uintptr_t>(a.data);
  return {base + std::uintptr_t(low * size), base + std::uintptr_t(high * size + size - 1)};
}

}  // namespace

bool in_house_layout(minfold_array const& a) {
  return has_strides(a, {a.extent[1] * a.extent[2], a.extent[2], 1});
}
bool in_exchanged_layout(minfold_array const& a) {
  return has_strides(a, {a.extent[1] * a.extent[2], 1, a.extent[1]});
}

void check_array(char const* what, minfold_array const* a, minfold_precision precision,
                 bool distinct) {
  MINFOLD_REQUIRE(a, what, " is NULL");
  MINFOLD_REQUIRE(a->precision == MINFOLD_DOUBLE || a->precision == MINFOLD_FLOAT, what,
                  " has the unknown precision ", a->precision);
  MINFOLD_REQUIRE(a->precision == precision, what, " is ",
                  a->precision == MINFOLD_FLOAT ? "float" : "double", ", expected ",
                  precision == MINFOLD_FLOAT ? "float" : "double");
  double numbers = 1;
  for (std::size_t const extent : a->extent) {
    MINFOLD_REQUIRE(extent <= std::size_t(std::numeric_limits<int>::max()), what,
                    " has an extent of ", extent, ", at most ", std::numeric_limits<int>::max(),
                    " is possible");
    numbers *= double(extent);
  }
  MINFOLD_REQUIRE(numbers * 8 <= double(std::numeric_limits<std::ptrdiff_t>::max()), what, " has ",
                  numbers, " entries, which no memory holds");
  if (empty(*a)) return;
  MINFOLD_REQUIRE(a->data, what, " has no memory: data is NULL");
  std::size_t const size = precision == MINFOLD_FLOAT ? sizeof(float) : sizeof(double);
  MINFOLD_REQUIRE(reinterpret_cast<std::uintptr_t>(a->data) % size == 0, what,
                  ": data is not aligned to ", size, " bytes");
  MINFOLD_REQUIRE(!distinct || entries_are_distinct(*a), what,
                  " is written to, but its strides give two entries one place");
}

void check_extents(char const* what, minfold_array const& a, std::size_t items, std::size_t rows,
                   std::size_t columns) {
  MINFOLD_REQUIRE(a.extent[0] == items && a.extent[1] == rows && a.extent[2] == columns, what,
                  " is ", a.extent[0], " x ", a.extent[1], " x ", a.extent[2], ", expected ", items,
                  " x ", rows, " x ", columns);
}

void check_sides(char const* function, minfold_array const* b) {
  MINFOLD_REQUIRE(b, "b is NULL");
  double const sides = double(b->extent[0]) * double(b->extent[1]);
  MINFOLD_REQUIRE(sides <= std::numeric_limits<int>::max(), function, ": b has ", sides,
                  " right-hand sides, at most ", std::numeric_limits<int>::max(), " are possible");
}

void refuse_overlap(char const* what, minfold_array const& one, char const* other_what,
                    minfold_array const& other) {
  if (empty(one) || empty(other) || !(in_house_layout(one) || in_house_layout(other))) return;
  auto const [low, high] = range_of(one);
  auto const [other_low, other_high] = range_of(other);
  MINFOLD_REQUIRE(high < other_low || other_high < low, what, " overlaps ", other_what,
                  ", which is not allowed");
}

void check_options(char const* function, minfold_options const& o) {
  auto const check = [&](char const* name, double value) {
    MINFOLD_REQUIRE(std::isfinite(value) && value >= 0, function, ": the option ", name, " is ",
                    value, ", must be positive, or 0 for the default");
  };
  check("kernel_tolerance", o.kernel_tolerance);
  check("minimum_gap", o.minimum_gap);
  check("relative_tolerance", o.relative_tolerance);
  check("range_tolerance", o.range_tolerance);
  check("rank", o.rank);
  check("max_iterations", o.max_iterations);
  MINFOLD_REQUIRE(o.semidefinite == 0 || o.semidefinite == 1, function,
                  ": the option semidefinite is ", o.semidefinite, ", must be 0 or 1");
  MINFOLD_REQUIRE(o.reserved == 0, function, ": the option `reserved` is ", o.reserved,
                  ", must be 0: was the struct set to zeros?");
}

void Verdicts::add(char const* what, int item, Outcome outcome) {
  ++total_;
  if (outcome == Outcome::converged) return;
  if (bad_++ == 0)
    first_ = std::string(what) + " record " + std::to_string(item) + " says " + to_string(outcome);
}

minfold_status Verdicts::status() const {
  if (bad_ == 0) return MINFOLD_OK;
  set_error(("minfold: " + std::string(function_) + ": " + std::to_string(bad_) + " of " +
             std::to_string(total_) + " records are no success; " + first_)
                .c_str());
  return MINFOLD_NOT_CERTIFIED;
}

}  // namespace minfold::impl::plain

minfold_array minfold_contiguous(minfold_precision precision, void const* data, std::size_t items,
                                 std::size_t rows, std::size_t columns) {
  return {const_cast<void*>(data),
          precision,
          {items, rows, columns},
          {std::ptrdiff_t(rows * columns), std::ptrdiff_t(columns), 1}};
}
