// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_RECORDS_HPP
#define MINFOLD_TESTS_RECORDS_HPP

#include <minfold/core/status.hpp>
#include <minfold/kernels/nystrom.hpp>
#include <minfold/kernels/orthonormalize.hpp>
#include <minfold/kernels/symmetric_eigen.hpp>

#include <tuple>

/// All members of a record: its bytes would include padding, which nobody writes.
namespace minfold::test {

template <class T>
auto members(SolveRecord<T> const& r) {
  return std::tuple(r.outcome, r.iterations, r.products, r.rhs_norm, r.residual, r.leakage,
                    r.operator_norm);
}
template <class T>
auto members(RangeRecord<T> const& r) {
  return std::tuple(r.outcome, r.rank, r.products, r.norm_estimate, r.range_residual,
                    r.orthogonality, r.gap);
}
template <class T>
auto members(KernelRecord<T> const& r) {
  return std::tuple(r.outcome, r.dimension, r.products, r.norm_estimate, r.kernel_residual,
                    r.orthogonality, r.gap, r.smallest_kept, r.most_negative);
}
template <class T>
auto members(EigenRecord<T> const& r) {
  return std::tuple(r.outcome, r.sweeps, r.norm, r.residual);
}
template <class T>
auto members(OrthonormalizeRecord<T> const& r) {
  return std::tuple(r.outcome, r.rank, r.largest, r.smallest_kept);
}
template <class T>
auto members(NystromRecord<T> const& r) {
  return std::tuple(r.outcome, r.rank, r.products, r.norm_estimate, r.largest, r.smallest,
                    r.predicted_plain, r.predicted);
}
inline auto members(double number) {
  return std::tuple(number);
}

}  // namespace minfold::test

#endif
