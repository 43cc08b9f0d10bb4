// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_CHEBYSHEV_FILTER_HPP
#define MINFOLD_KERNELS_IMPL_CHEBYSHEV_FILTER_HPP

#include <minfold/kernels/impl/judge_ritz.hpp>

#include <cmath>
#include <utility>

namespace minfold::impl {

/// p_m(t) = T_m((c - t) / e) / T_m(c / e), [c - e, c + e] = [a, b]: of all polynomials of degree m with p(0) = 1
/// the one whose maximum on [a, b] is least, 1 / T_m(c / e) = 1 / cosh(m rate) <= 2 exp(-m rate). It falls
/// from 1 on [0, a], and is above 1 where t < 0 or t > a + b only.
template <std::floating_point T>
struct ChebyshevFilter {
  T center = 0, half = 0;
  T rate =
      0;  ///< arccosh(c / e) = log((1 + s) / (1 - s)), s = sqrt(a / b): the asymptotic rate of CG
  int degree = 0;

  /// The t < a with p_m(t) >= level: eigenvalues that the filter keeps by more are below it. A lower
  /// estimate by (1 + exp(-2 m y)) / (1 + exp(-2 m rate)) <= 2 in `level`, y = arccosh((c - t) / e).
  KOKKOS_FUNCTION T least_damped(T level, int m) const {
    if (!(level > T(0)) || !(level < T(1))) return T(0);
    T const y = rate + Kokkos::log(level) / T(m);
    T const t = center - half * Kokkos::cosh(y > T(0) ? y : T(0));
    return t > T(0) ? t : T(0);
  }
};

/// The polynomial that leaves 0.1 sqrt(tolerance) of a random vector of length sqrt(n) outside the kernel:
/// Ritz values, whose errors are squares, then are right to a hundredth of the tolerance.
template <std::floating_point T>
ChebyshevFilter<T> chebyshev_filter(KernelBasisOptions<T> const& options, int n) {
  T const a = options.smallest_nonzero, b = options.largest;
  ChebyshevFilter<T> f;
  f.center = (a + b) / 2;
  f.half = std::max((b - a) / 2, f.center * T(1e-3));
  f.rate = std::acosh(f.center / f.half);
  T const left = T(0.1) * std::sqrt(options.kernel_tolerance);
  f.degree = int(std::ceil(std::min(std::log(T(2) * std::sqrt(T(n)) / left) / f.rate, T(1e9))));
  return f;
}

/// Most products with a column: as those that the options give to CG.
template <std::floating_point T>
int most_degree(KernelBasisOptions<T> const& options, int n) {
  int most = options.max_iterations > 0 ? options.max_iterations : 10 * n + 100;
  if (options.total_iterations > 0) most = std::min(most, options.total_iterations);
  return most;
}

/// Whether the block is filtered first. With bounds that hold it costs width * degree products, and CG on the k
/// columns of the basis does what is left; CG on the whole block goes down to 1e-4 tolerance, which is
/// some ten digits in place of the filter's five to seven, but adapts to the spectrum, ends after n products at
/// most, and after few from a good start.
template <std::floating_point T>
bool filters_by_chebyshev(KernelBasisOptions<T> const& options, int n) {
  bool const bounds = options.smallest_nonzero > T(0) && options.largest > T(0);
  if (options.filter != KernelFilter::automatic)
    return options.filter == KernelFilter::chebyshev && bounds;
  if (!bounds || options.probes < 1 || options.start.extent(1) > 0) return false;
  return chebyshev_filter(options, n).degree < std::min(n, most_degree(options, n));
}

/// Columns on their way: p_degree(A) Omega, and the same of one degree less.
template <std::floating_point T, ExecutionSpace E>
struct FilteredBlock {
  Blocks<T, E> now, before;
  Vectors<T, E> length;  ///< of the columns of Omega
  int degree = 0;
  T ratio = 0;  ///< T_{degree - 1}(c / e) / T_degree(c / e)
};

/// Random columns with numbers from `first` on.
template <std::floating_point T, ExecutionSpace E>
FilteredBlock<T, E> new_filtered_block(E const& space, int items, int first, int count, int n,
                                       KernelBasisOptions<T> const& options) {
  FilteredBlock<T, E> f{
      make_blocks<T>(space, "minfold::kernel_basis::filter_now", items, count, n),
      make_blocks<T>(space, "minfold::kernel_basis::filter_before", items, count, n),
      make_vectors<T>(space, "minfold::kernel_basis::filter_length", items, count)};
  fill_sketch(space, f.now, options.seed, Stream::sketch, first, options.item_ids);
  auto const now = f.now;
  auto const length = f.length;
  for_each_item(
      "minfold::kernel_basis::filter_length", space, items * count, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int system) {
        int const item = system / count, c = system % count;
        T const norm = team_norm(team, n, Kokkos::subview(now, item, c, Kokkos::ALL));
        Kokkos::single(Kokkos::PerTeam(team), [&] { length(item, c) = norm; });
      });
  return f;
}

/// Marks the items whose columns have grown, which bounds that hold do not allow: |p| <= 1 on [0, a + b], and
/// above 1 by tolerance / a for noise below zero. Returns the number of the others.
template <std::floating_point T, ExecutionSpace E>
int refute_bounds(E const& space, FilteredBlock<T, E> const& f,
                  Scalars<FilterState<T>, E> const& states) {
  auto const now = f.now;
  auto const length = f.length;
  int const count = int(now.extent(1)), n = int(now.extent(2));
  for_each_item(
      "minfold::kernel_basis::filter_growth", space, int(now.extent(0)), n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        bool grown = false;
        for (int c = 0; c < count; ++c) {
          T const norm = team_norm(team, n, Kokkos::subview(now, item, c, Kokkos::ALL));
          grown = grown || !(norm <= T(2) * length(item, c));
        }
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          if (grown) states(item).refuted = true;
        });
      });
  int good = 0;
  Kokkos::parallel_reduce(
      "minfold::kernel_basis::filter_good", Kokkos::RangePolicy<E>(space, 0, int(now.extent(0))),
      KOKKOS_LAMBDA(int item, int& sum) { sum += !states(item).refuted; }, good);
  return good;
}

/// The second product of the recurrence is one of the power method as well: with A w_0 = c (w_0 - w_1),
/// A^2 w_0 = c (A w_0 - A w_1). Only where c is not so far off that the difference is rounding; bounds
/// that are count as refuted.
template <std::floating_point T, ExecutionSpace E>
void raise_norms_by_recurrence(E const& space, FilteredBlock<T, E> const& f,
                               Blocks<T, E> const& image, T center,
                               Scalars<FilterState<T>, E> const& states) {
  auto const now = f.now, before = f.before;
  int const count = int(now.extent(1)), n = int(now.extent(2));
  T const far = T(0.1) / std::sqrt(epsilon<T>);
  for_each_item(
      "minfold::kernel_basis::filter_norms", space, int(now.extent(0)), n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        T largest = states(item).norm;
        bool const off = !(center <= far * largest);
        for (int c = 0; !off && c < count; ++c) {
          T const first =
              team_norm(team, n, [&](int i) { return before(item, c, i) - now(item, c, i); });
          T const second = team_norm(team, n, [&](int i) {
            return center * (before(item, c, i) - now(item, c, i)) - image(item, c, i);
          });
          if (first > T(0) && second / first > largest) largest = second / first;
        }
        team.team_barrier();
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          states(item).norm = largest;
          if (off) states(item).refuted = true;
        });
      });
}

/// f := columns of a higher degree, by w_{j+1} = w_j + r_j r_{j-1} (w_j - w_{j-1}) - (2 r_j / e) A w_j with
/// r_j = T_j(c / e) / T_{j+1}(c / e) = 1 / (2 c / e - r_{j-1}): what A maps to zero does not change in it.
/// No inner product; lengths are looked at when the degree has doubled.
template <ExecutionSpace E, class A, std::floating_point T>
void raise_degree(E const& space, A const& a, ChebyshevFilter<T> const& filter,
                  FilteredBlock<T, E>& f, int degree, Scalars<FilterState<T>, E> const& states) {
  constexpr int piece = 4096;
  int const items = int(f.now.extent(0)), count = int(f.now.extent(1)), n = int(f.now.extent(2)),
            began = f.degree;
  auto const image = make_blocks<T>(space, "minfold::kernel_basis::filter_image", items, count, n);
  std::int64_t const size = std::int64_t(items) * count * n;
  while (f.degree < degree) {
    apply_block(space, a, Blocks<T const, E>(f.now), image);
    if (f.degree == 0) raise_norms(space, f.now, image, states);
    if (f.degree == 1) raise_norms_by_recurrence(space, f, image, filter.center, states);
    T const twice = T(2) * filter.center / filter.half, last = f.ratio;
    T const ratio = f.degree == 0 ? T(2) / twice : T(1) / (twice - last);
    T const inertia = f.degree == 0 ? T(0) : ratio * last;
    T const step = (f.degree == 0 ? T(1) : T(2)) * ratio / filter.half;
    T const* const now = f.now.data();
    T const* const product = image.data();
    T* const next = f.before.data();
    for_each_item(
        "minfold::kernel_basis::filter_step", space, int((size + piece - 1) / piece), piece,
        KOKKOS_LAMBDA(TeamMember<E> const& team, int part) {
          std::int64_t const first = std::int64_t(part) * piece;
          int const length = int(size - first < piece ? size - first : piece);
          // Before the first step there is no column of one degree less, and its memory is anything.
          if (inertia == T(0))
            team_for(team, length,
                     [&](int i) { next[first + i] = now[first + i] - step * product[first + i]; });
          else
            team_for(team, length, [&](int i) {
              T const w = now[first + i];
              next[first + i] = w + inertia * (w - next[first + i]) - step * product[first + i];
            });
        });
    std::swap(f.now, f.before);
    f.ratio = ratio;
    ++f.degree;
    bool const look = (f.degree & (f.degree - 1)) == 0 || f.degree == degree;
    if (look && refute_bounds(space, f, states) == 0) break;
  }
  int const spent = count * (f.degree - std::max(began, 1));  // raise_norms has counted the first
  Kokkos::parallel_for(
      "minfold::kernel_basis::filter_count", Kokkos::RangePolicy<E>(space, 0, items),
      KOKKOS_LAMBDA(int item) { states(item).products += spent; });
}

}  // namespace minfold::impl

#endif
