// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_ASSEMBLE_HPP
#define MINFOLD_KERNELS_IMPL_ASSEMBLE_HPP

#include <minfold/core/dense_operator.hpp>
#include <minfold/core/lifted_operator.hpp>
#include <minfold/core/status.hpp>

#include <algorithm>

namespace minfold::impl {

template <class A>
inline constexpr bool is_dense = false;
template <class M>
inline constexpr bool is_dense<DenseOperator<M>> = true;

/// Columns that travel through the operator at once.
inline constexpr int assembly_block = 128;

/// h(item, :, :) := A_item. An explicit matrix is copied, any other operator multiplies the
/// identity. Returns the products used an item: 0 or n.
template <ExecutionSpace E, class A, class T>
int assemble(E const& space, A const& a, Blocks<T, E> const& h) {
  int const items = int(h.extent(0)), n = int(h.extent(1));
  if constexpr (is_dense<A>) {
    auto const m = a.matrix;
    Kokkos::parallel_for(
        "minfold::assemble::copy",
        Kokkos::MDRangePolicy<E, Kokkos::Rank<3>>(space, {0, 0, 0}, {items, n, n}),
        KOKKOS_LAMBDA(int item, int i, int j) { h(item, i, j) = m(item, i, j); });
    return 0;
  } else {
    for (int first = 0; first < n; first += assembly_block) {
      int const width = std::min(assembly_block, n - first);
      auto const x = make_blocks<T>(space, "minfold::assemble::identity", items, width, n);
      auto const y = make_blocks<T>(space, "minfold::assemble::product", items, width, n);
      Kokkos::parallel_for(
          "minfold::assemble::identity",
          Kokkos::MDRangePolicy<E, Kokkos::Rank<3>>(space, {0, 0, 0}, {items, width, n}),
          KOKKOS_LAMBDA(int item, int c, int i) { x(item, c, i) = i == first + c ? T(1) : T(0); });
      apply_block(space, a, Blocks<T const, E>(x), y);
      Kokkos::parallel_for(
          "minfold::assemble::store",
          Kokkos::MDRangePolicy<E, Kokkos::Rank<3>>(space, {0, 0, 0}, {items, width, n}),
          KOKKOS_LAMBDA(int item, int c, int i) { h(item, first + c, i) = y(item, c, i); });
    }
    return n;
  }
}

/// What the spectrum says of the kernel.
template <std::floating_point T>
struct SpectrumSplit {
  Outcome outcome = Outcome::not_run;
  int first = 0, dimension = 0;  ///< values [first, first + dimension) count as zero
  T norm = 0, gap = 0, smallest_kept = 0, most_negative = 0;
};

/// Splits ascending values into kept and zero: |value| <= tolerance * scale counts as zero, where
/// scale >= max |value| is the norm of the whole operator. The split is trusted when the smallest
/// kept magnitude exceeds the largest dropped one, or the rounding level of `order` terms if that is
/// larger, by minimum_gap.
template <class W, std::floating_point T>
KOKKOS_INLINE_FUNCTION SpectrumSplit<T> split_spectrum(W const& w, int n, T scale, int order,
                                                       T tolerance, T minimum_gap) {
  SpectrumSplit<T> s;
  for (int i = 0; i < n; ++i) {
    if (!Kokkos::isfinite(w(i))) {
      s.outcome = Outcome::not_finite;
      return s;
    }
    scale = Kokkos::max(scale, Kokkos::abs(T(w(i))));
  }
  s.norm = scale;
  T dropped = rounding<T>(order) * scale, kept = Kokkos::Experimental::infinity_v<T>;
  for (int i = 0; i < n; ++i) {
    T const magnitude = Kokkos::abs(T(w(i)));
    if (magnitude <= tolerance * scale) {
      if (s.dimension == 0) s.first = i;
      ++s.dimension;
      dropped = Kokkos::max(dropped, magnitude);
    } else {
      kept = Kokkos::min(kept, magnitude);
    }
  }
  if (n > 0 && scale > T(0)) s.most_negative = Kokkos::min(T(0), T(w(0)) / scale);
  s.smallest_kept = s.dimension == n ? T(0) : kept;
  // dropped is 0 only for the zero operator, whose kernel is everything and beyond doubt.
  s.gap = dropped > T(0) ? kept / dropped : Kokkos::Experimental::infinity_v<T>;
  s.outcome = s.most_negative < -tolerance ? Outcome::indefinite_operator
              : s.gap < minimum_gap        ? Outcome::ambiguous_rank
                                           : Outcome::converged;
  return s;
}

}  // namespace minfold::impl

#endif
