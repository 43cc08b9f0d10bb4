// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_PIVOTED_KERNEL_HPP
#define MINFOLD_KERNELS_IMPL_PIVOTED_KERNEL_HPP

#include <minfold/kernels/impl/pivoted_solve.hpp>

/// Kernel and pseudoinverse of one explicit A >= 0 from its pivoted Cholesky factor: the method of
/// choice where the dimension k of the kernel is a sizeable part of n. Hosts only, one item a call.
namespace minfold::impl {

template <std::floating_point T>
struct PivotedKernelOptions {
  T kernel_tolerance = default_kernel_tolerance<T>;
  T minimum_gap = 10;
  T relative_tolerance = default_tolerance<T>;  ///< on ||A z - P b|| / ||P b||
  int capacity = 0;                             ///< vectors that fit into q
  std::uint64_t seed = 1;
  std::uint32_t item = 0;
};

/// Random vectors for ||A|| and for the smallest kept eigenvalue, and combinations that bound ||A Q||.
inline constexpr int norm_probes = 4, inverse_probes = 2, kernel_probes = 8;
/// From this order and kernel on, ||A Q|| is bounded by probes: n^2 k products would be as much work as all
/// the rest.
inline constexpr int probed_order = 1024, probed_kernel = 64;
/// Times the longest image of eight normal vectors: a bound of the norm, but for one case in 10^8; 10 sqrt(2 /
/// pi).
template <std::floating_point T>
inline constexpr T probe_bound = T(7.978845608028654);

/// Words of type T, and integers, that pivoted_kernel works in, for `columns` right-hand sides.
inline long pivoted_kernel_words(int n, int columns) {
  long const vectors = 6 * long(columns) + 2 * (norm_probes + kernel_probes + inverse_probes) + 1;
  return 2 * long(n) * n + vectors * n + pivoted_words;
}
inline long pivoted_kernel_integers(int n) {
  return n;
}

/// Orthonormal basis Q of ker A and z(c, :) = A^+ b(c, :) of one explicit A >= 0.
///
/// Requires  a with one of its strides 1; b, z: (columns, n), contiguous, not aliased; q: (capacity, n);
///           work, integers: as many as pivoted_kernel_words and _integers say.
/// Gives     q(j, :), j < dimension, zeros beyond; kernel and solves(c) with everything recomputed from A:
///           kernel_residual = max_j ||A q_j|| / ||A||, or, from order 1024 and k > 64 on, a bound of
///           ||A Q||_2 / ||A|| that holds with probability 1 - 10^-8 (Halko, Martinsson, Tropp 2011,
///           (4.3)), and orthogonality such a bound of ||Q Q^T - I||_2 where it had to be improved;
///           residual = ||A z - P b|| / ||P b||, P = I - Q Q^T, after one or two steps of refinement.
///           smallest_kept is the Ritz value of two steps of inverse iteration with two vectors, an upper
///           estimate of mu; norm_estimate a lower bound after two steps of power iteration.
///           The rank r = n - k is where trace(A - L L^T) <= kernel_tolerance ||A||, so with A >= 0 all
///           eigenvalues above the tolerance are kept; one below it that is kept shows in
///           smallest_kept: `ambiguous_rank`. `indefinite_operator`: a residual diagonal below
///           -kernel_tolerance ||A||, or a kernel residual above what trace(A - L L^T) allows. In that case,
///           and for `not_finite`, q and z are zero. `rank_limit`: k > capacity; z is right.
/// Costs     (r^2 n - 2/3 r^3) + r^2 k + 2 n k^2 flops, 2 m (n^2 + 5 n k + r^2) for the refinement of the
///           basis in m = corrected(r, k) directions, about k / 16, and 2 n^2 k for the residual where no
///           probes do.
template <std::floating_point T>
void pivoted_kernel(ExplicitMatrix<T> const& a, int columns, T const* b, T* z, T* q, int& dimension,
                    KernelRecord<T>& kernel, SolveRecord<T>* solves, T* work, int* integers,
                    PivotedKernelOptions<T> const& options) {
  int const n = a.n, capacity = options.capacity, wide = columns + inverse_probes;
  T* const l = work;
  T* const square = l + long(n) * n;
  T* const rhs = square + long(n) * n;
  T* const solution = rhs + long(columns) * n;
  T* const x = solution + long(columns) * n;
  T* const y = x + long(columns + norm_probes + kernel_probes) * n;
  T* const solved = y + long(columns + norm_probes + kernel_probes) * n;
  T* const small = solved + long(wide) * n;
  T* const d = small + long(wide) * n;
  T* const local = d + n;
  int* const order = integers;
  kernel = {};
  auto const give_up = [&](Outcome outcome) {
    kernel.outcome = outcome;
    dimension = kernel.dimension = 0;
    std::fill(q, q + long(capacity) * n, T(0));
    std::fill(z, z + long(columns) * n, T(0));
    for (int c = 0; c < columns; ++c) {
      solves[c] = {};
      solves[c].outcome = outcome;
      solves[c].rhs_norm = pivoted::length(b + long(c) * n, n);
    }
  };

  auto const r = pivoted_cholesky_blocked<T>(a, l, n, order, d, local,
                                             {.max_rank = n,
                                              .tolerance = options.kernel_tolerance,
                                              .negative = options.kernel_tolerance,
                                              .seed = options.seed,
                                              .item = options.item});
  if (!r.finite) return give_up(Outcome::not_finite);
  int const rank = r.rank, k = n - rank;
  if (!r.complete) {
    kernel.norm_estimate = r.norm / r.factor;
    kernel.most_negative = r.norm > T(0) ? r.lowest / r.norm : T(-1);
    return give_up(Outcome::indefinite_operator);
  }
  auto const place = [&](int i, int c) {
    return Place{options.seed, Stream::sketch, options.item, std::uint32_t(i),
                 pivot_column + 1 + std::uint32_t(c)};
  };
  // Starts of iterations: signs will do, and one draw makes 52 of them.
  auto const signs = [&](T* to, int first, int count) {
    for (int c = 0; c < count; ++c)
      for (int i0 = 0; i0 < n; i0 += 52) {
        auto bits = std::uint64_t(uniform(place(i0, first + c)) * 4503599627370496.0);
        for (int i = i0; i < std::min(i0 + 52, n); ++i, bits >>= 1)
          to[long(c) * n + i] = bits & 1 ? T(1) : T(-1);
      }
  };

  T* const full = k <= capacity ? q : square;
  bool const probed = n >= probed_order && k > probed_kernel;
  pivoted::Factored<T> const f{a, r.factor, l, rank, order, full, k};
  if (k > 0) {
    T *const rows = l + long(rank) * n, *const steep = square + long(k) * n,
             *const room = steep + long(pivoted::corrected(rank, k)) * n;
    // Signs of so few as there may be would often be dependent.
    for (int c = 0; c < pivoted::corrected(rank, k); ++c)
      for (int j = 0; j < k; ++j)
        steep[long(c) * n + j] =
            T(normal(place(j, inverse_probes + norm_probes + kernel_probes + c)));
    if (!pivoted::kernel_rows(l, n, rank, steep, square, local))
      return give_up(Outcome::not_finite);
    for (int j = 0; j < k; ++j) {
      T const* const from = rows + long(j) * n;
      T* const to = full + long(j) * n;
      for (int i = 0; i < n; ++i) to[order[i]] = from[i];
    }
    pivoted::correct_kernel(f, full, steep, room);
    kernel.orthogonality = pivoted::orthonormalize_rows(k, n, full, probed, rows);
    if (!std::isfinite(kernel.orthogonality)) return give_up(Outcome::not_finite);
  }

  // Right-hand sides, of order one, and their parts in the range.
  for (int c = 0; c < columns; ++c) {
    T const* const from = b + long(c) * n;
    T* const to = rhs + long(c) * n;
    T largest = 0;
    for (int i = 0; i < n; ++i) largest = std::max(largest, std::abs(from[i]));
    T const scale = power_of_two_below(largest);
    for (int i = 0; i < n; ++i) to[i] = from[i] / scale;
    solves[c] = {};
    solves[c].rhs_norm = pivoted::length(to, n);
    solves[c].operator_norm = scale;  // until the end
    std::copy(to, to + n, solved + long(c) * n);
  }
  f.remove_kernel(columns, rhs, small);
  f.remove_kernel(columns, rhs, small);
  for (int c = 0; c < columns; ++c) {
    T* const to = solved + long(c) * n;
    T const* const from = rhs + long(c) * n;
    for (int i = 0; i < n; ++i) to[i] -= from[i];
    T const whole = solves[c].rhs_norm;
    solves[c].leakage = whole > T(0) ? pivoted::length(to, n) / whole : T(0);
    std::copy(from, from + n, to);
  }

  // First solve: A^+ b, and one step of inverse iteration.
  T* const inverse = solved + long(columns) * n;
  signs(inverse, 0, inverse_probes);
  f.remove_kernel(inverse_probes, inverse, small);
  f.solve(wide, solved, small);
  std::copy(solved, solved + long(columns) * n, solution);

  // First products: those solutions, vectors for the norm, and the basis or combinations of it.
  T* const tops = x + long(columns) * n;
  T* const combined = tops + long(norm_probes) * n;
  std::copy(solution, solution + long(columns) * n, x);
  signs(tops, inverse_probes, norm_probes);
  if (rank > 0)  // nearly a column of A, so one step ahead
    for (int i = 0; i < n; ++i) tops[order[i]] = l[long(i) * n];
  if (probed) {
    for (int c = 0; c < kernel_probes; ++c)
      for (int j = 0; j < k; ++j)
        y[long(c) * k + j] = T(normal(place(j, inverse_probes + norm_probes + c)));
    host_gemm(Transpose::no, Transpose::no, kernel_probes, n, k, T(1), y, k, full, n, T(0),
              combined, n);
    if (kernel.orthogonality < T(0)) {
      host_gemm(Transpose::no, Transpose::yes, kernel_probes, k, n, T(1), combined, n, full, n,
                T(-1), y, k);
      T worst = 0;
      for (int c = 0; c < kernel_probes; ++c) {
        T const off = pivoted::length(y + long(c) * k, k);
        if (!(off <= worst)) worst = off;
      }
      kernel.orthogonality = probe_bound<T> * worst;
      if (!std::isfinite(worst)) return give_up(Outcome::not_finite);
    }
  }
  f.multiply(columns + norm_probes + (probed ? kernel_probes : 0), x, y);
  T norm = 0, residual = 0;
  bool finite = true;
  auto const raise_norm = [&](int first, int count) {
    for (int c = first; c < first + count; ++c) {
      T const size = pivoted::length(x + long(c) * n, n),
              image = pivoted::length(y + long(c) * n, n);
      finite = finite && std::isfinite(image);
      if (size > T(0) && image > norm * size) norm = image / size;
    }
  };
  raise_norm(columns, norm_probes);
  if (probed) {
    for (int c = 0; c < kernel_probes; ++c) {
      T const image = pivoted::length(y + long(columns + norm_probes + c) * n, n);
      if (!(image <= residual)) residual = image;
    }
    residual *= probe_bound<T>;
  } else if (k > 0) {
    T* const product = l + long(rank) * n;
    f.multiply(k, full, product);
    for (int j = 0; j < k; ++j) {
      T const image = pivoted::length(product + long(j) * n, n);
      if (!(image <= residual)) residual = image;
    }
  }
  finite = finite && std::isfinite(residual);
  if (!finite) return give_up(Outcome::not_finite);

  // Refinement, and in its first round the second steps of both iterations.
  int used = 0;
  T kept = 0;
  {
    T* const second = inverse + n;
    auto const normalize = [&](T* v) {
      T const size = pivoted::length(v, n);
      for (int i = 0; i < n; ++i) v[i] = size > T(0) ? v[i] / size : T(0);
    };
    normalize(inverse);
    normalize(second);
    for (int pass = 0; pass < 2; ++pass) {
      T const overlap = pivoted::dot(inverse, second, n);
      for (int i = 0; i < n; ++i) second[i] -= overlap * inverse[i];
    }
    // Of a one-dimensional range nothing is left.
    if (!(pivoted::length(second, n) > rounding<T>(n))) std::fill(second, second + n, T(0));
    normalize(second);
  }
  std::copy(inverse, inverse + long(inverse_probes) * n, y + long(columns + norm_probes) * n);
  T const* const before = y + long(columns + norm_probes) * n;
  for (int round = 0;; ++round) {
    for (int c = 0; c < columns; ++c)
      for (int i = 0; i < n; ++i)
        solved[long(c) * n + i] = rhs[long(c) * n + i] - y[long(c) * n + i];
    f.remove_kernel(columns, solved, small);
    f.solve(round == 0 ? wide : columns, solved, small);
    for (long t = 0; t < long(columns) * n; ++t) solution[t] += solved[t];
    // Once more: what the first projection had to remove may have been larger than the solution.
    f.remove_kernel(columns, solution, small);
    std::copy(solution, solution + long(columns) * n, x);
    if (round == 0) {
      T const h11 = pivoted::dot(before, inverse, n),
              h22 = pivoted::dot(before + n, inverse + n, n),
              h12 = T(0.5) *
                    (pivoted::dot(before, inverse + n, n) + pivoted::dot(before + n, inverse, n));
      T const top = T(0.5) * (h11 + h22) + std::hypot(T(0.5) * (h11 - h22), h12);
      kept = rank > 0 ? T(1) / top : T(0);
      for (int c = 0; c < norm_probes; ++c) {
        T* const from = y + long(columns + c) * n;
        T const size = pivoted::length(from, n);
        for (int i = 0; i < n; ++i) tops[long(c) * n + i] = size > T(0) ? from[i] / size : T(0);
      }
      f.multiply(columns + norm_probes, x, y);
      raise_norm(columns, norm_probes);
    } else {
      f.multiply(columns, x, y);
    }
    used = round + 2;
    bool good = true;
    for (int c = 0; c < columns; ++c) {
      auto& solve = solves[c];
      T const* const right = rhs + long(c) * n;
      T const* const image = y + long(c) * n;
      T error = 0, range = 0;
      for (int i = 0; i < n; ++i) {
        error += (right[i] - image[i]) * (right[i] - image[i]);
        range += right[i] * right[i];
      }
      error = std::sqrt(error);
      range = std::sqrt(range);
      T const size = pivoted::length(solution + long(c) * n, n);
      bool const nothing = !(range > rounding<T>(n) * solve.rhs_norm);
      T const attainable = T(8) * epsilon<T> * (norm * size + solve.rhs_norm);
      solve.residual = nothing || !std::isfinite(error) ? T(0) : error / range;
      solve.outcome = !std::isfinite(error) || !std::isfinite(size) ? Outcome::not_finite
                      : nothing || error <= std::max(options.relative_tolerance * range, attainable)
                          ? Outcome::converged
                          : Outcome::iteration_limit;
      good = good && solve.outcome != Outcome::iteration_limit;
    }
    if (good || round == 1) break;
  }
  if (!finite) return give_up(Outcome::not_finite);

  // The record. What is above the norms seen is at least as large as the diagonal.
  T const dropped = std::max(residual, rounding<T>(n) * norm);
  kernel.norm_estimate = norm / r.factor;
  kernel.kernel_residual = norm > T(0) ? residual / norm : T(0);
  kernel.smallest_kept = kept / r.factor;
  kernel.gap = rank > 0 && dropped > T(0) ? kept / dropped : Kokkos::Experimental::infinity_v<T>;
  kernel.most_negative = r.lowest < -r.level() && norm > T(0) ? r.lowest / norm : T(0);
  kernel.products = (probed ? kernel_probes : k) + 2 * norm_probes;
  bool const too_large =
      residual > (probed ? T(8) : T(1)) * (options.kernel_tolerance + rounding<T>(n)) * norm;
  if (too_large || !(kept >= T(0))) {
    auto const record = kernel;
    give_up(Outcome::indefinite_operator);
    kernel = record;
    kernel.outcome = Outcome::indefinite_operator;
    return;
  }
  bool const clear =
      rank == 0 || (kernel.gap >= options.minimum_gap && kept > options.kernel_tolerance * norm);
  kernel.outcome = !clear         ? Outcome::ambiguous_rank
                   : k > capacity ? Outcome::rank_limit
                                  : Outcome::converged;
  kernel.dimension = k;
  dimension = std::min(k, capacity);
  if (full != q) std::copy(full, full + long(dimension) * n, q);
  std::fill(q + long(dimension) * n, q + long(capacity) * n, T(0));
  for (int c = 0; c < columns; ++c) {
    auto& solve = solves[c];
    T const scale = solve.operator_norm;
    bool const usable = solve.outcome != Outcome::not_finite;
    for (int i = 0; i < n; ++i)
      z[long(c) * n + i] = usable ? (solution[long(c) * n + i] * scale) * r.factor : T(0);
    solve.rhs_norm *= scale;
    solve.operator_norm = kernel.norm_estimate;
    solve.products = used;
    if (solve.outcome == Outcome::converged && kernel.outcome == Outcome::ambiguous_rank)
      solve.outcome = Outcome::ambiguous_rank;
  }
}

}  // namespace minfold::impl

#endif
