// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_COUNTERS_HPP
#define MINFOLD_DRIVERS_COUNTERS_HPP

#include <array>
#include <cstdint>

namespace minfold {

/// The stages of a method; counters and seconds are kept for each.
enum class Stage : std::uint8_t { lower_solve, candidates, refine, select, differentiate, certify };
inline constexpr int stage_count = 6;
char const* to_string(Stage stage);

/// Work actually done, in vectors: one gradient of one item is 1, a Hessian product with a block of
/// c vectors for b items is b c.
struct Counters {
  std::int64_t values = 0;            ///< f or g
  std::int64_t gradients = 0;         ///< grad_y g, grad_y f (with grad_x f)
  std::int64_t hessian_products = 0;  ///< H v
  std::int64_t mixed_products = 0;    ///< G^T z
  std::int64_t second_products = 0;   ///< (d2f/dy2) v and (d3g/dy3)[lambda, v]
  double seconds = 0;

  Counters& operator+=(Counters const& other) {
    values += other.values;
    gradients += other.gradients;
    hessian_products += other.hessian_products;
    mixed_products += other.mixed_products;
    second_products += other.second_products;
    seconds += other.seconds;
    return *this;
  }
};

/// Work in gradients: a value is half of one, a Hessian or mixed product two, a second-order product
/// four. What reverse and forward differentiation of one objective cost (the constants are ours).
inline double gradient_equivalents(Counters const& c) {
  return double(c.gradients) + 0.5 * double(c.values) +
         2.0 * double(c.hessian_products + c.mixed_products) + 4.0 * double(c.second_products);
}

using StageCounters = std::array<Counters, stage_count>;

inline Counters total(StageCounters const& stages) {
  Counters sum;
  for (auto const& stage : stages) sum += stage;
  return sum;
}

}  // namespace minfold

#endif
