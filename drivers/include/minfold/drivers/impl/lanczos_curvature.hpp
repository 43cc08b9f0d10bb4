// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_LANCZOS_CURVATURE_HPP
#define MINFOLD_DRIVERS_IMPL_LANCZOS_CURVATURE_HPP

#include <minfold/drivers/impl/tangent_projector.hpp>

namespace minfold::impl {

/// What Lanczos knows of the smallest eigenvalue of one item.
template <std::floating_point T>
struct LanczosState {
  bool running = false;
  bool resolved = false;  ///< `lower` is close enough, or `ritz` is negative
  T ritz = 0;             ///< smallest Ritz value: an upper bound of the smallest eigenvalue
  T lower = -Kokkos::Experimental::infinity_v<T>;  ///< a lower bound of it; see LanczosStep
  T largest = 0;                                   ///< largest |Ritz value|
  T scale = 0;                                     ///< curvature of f met elsewhere
  int steps = 0, limit = 0;
};

/// The tridiagonal matrix of `j` Lanczos steps: diagonal a(i), below it b(i), and b(j - 1) to the next.
template <class Row>
struct Tridiagonal {
  Row a, b;
  int j;
  using T = std::remove_cvref_t<decltype(a(0))>;

  /// Eigenvalues below `at` (Sturm).
  KOKKOS_FUNCTION int below(T at) const {
    int count = 0;
    T pivot = 1;
    for (int i = 0; i < j; ++i) {
      pivot = a(i) - at - (i > 0 ? b(i - 1) * (b(i - 1) / pivot) : T(0));
      if (pivot == T(0)) pivot = Kokkos::Experimental::norm_min_v<T>;
      count += pivot < T(0);
    }
    return count;
  }
  KOKKOS_FUNCTION T radius() const {
    T r = 0;
    for (int i = 0; i < j; ++i)
      r = Kokkos::max(r, Kokkos::abs(a(i)) + (i > 0 ? b(i - 1) : T(0)) + (i + 1 < j ? b(i) : T(0)));
    return r;
  }
  /// log prod_i pivot_i(at) / b(i), `at` below all eigenvalues; -infinity where it is not.
  KOKKOS_FUNCTION T log_ratio(T at) const {
    T pivot = 1, sum = 0;
    for (int i = 0; i < j; ++i) {
      pivot = a(i) - at - (i > 0 ? b(i - 1) * (b(i - 1) / pivot) : T(0));
      if (!(pivot > T(0))) return -Kokkos::Experimental::infinity_v<T>;
      sum += Kokkos::log(pivot / b(i));
    }
    return sum;
  }
};

/// Lanczos for the smallest eigenvalue of A on its space of dimension k, with full reorthogonalization, from a
/// random unit vector v of that space.
///
/// The bound (DERIVED): the characteristic polynomial p of the j x j matrix T has ||p(A) v|| = b_1 ... b_j, so
/// an eigenvalue l with the part w of v in its eigenspace has |p(l)| |w| <= b_1 ... b_j. Below all Ritz values
/// |p(l)| = det(T - l) falls in l, hence no eigenvalue is below L where det(T - L) |w| > b_1 ... b_j. Of a
/// random v, |w| < d / sqrt(k) with probability at most sqrt(2 / pi) d. So L holds but with that
/// probability (here d is 1e-10, in float 1e-6) whatever the spectrum is; at j = k it is exact.
/// The form that impl::run_bulk asks for.
template <class T, ExecutionSpace E>
struct LanczosStep {
  static constexpr int between_checks = 4;
  static constexpr T luck = std::is_same_v<T, float> ? T(1e-6) : T(1e-10);

  Vectors<T, E> v, image;  ///< the last vector, A times it
  Blocks<T, E> basis;      ///< (items, limit, n)
  Vectors<T, E> a, b;      ///< (items, limit)
  Scalars<LanczosState<T>, E> states;
  int n;
  /// Resolved at lower >= near * ritz (near < 1), or at lower > -saddle * scale (saddle > 0), or at
  /// ritz < -saddle * scale.
  T near, saddle;

  KOKKOS_FUNCTION bool running(int item, int) const { return states(item).running; }

  /// v: a random tangent vector, normalized here. One that is 0 belongs to a space of dimension 0.
  template <class Team>
  KOKKOS_FUNCTION void begin(Team const& team, int item, int) const {
    auto s = states(item);
    T const norm = Kokkos::sqrt(team_sum(team, n, [&](int i) { return v(item, i) * v(item, i); }));
    team.team_barrier();
    s.running = s.running && norm > T(0) && Kokkos::isfinite(norm) && s.limit > 0;
    T const inverse = s.running ? T(1) / norm : T(0);
    team_for(team, n, [&](int i) { v(item, i) *= inverse; });
    team.team_barrier();
    team_single(team, [&] { states(item) = s; });
  }

  template <class Team>
  KOKKOS_FUNCTION void step(Team const& team, int item, int) const {
    auto s = states(item);
    int const j = s.steps;
    // The product has taken from v what lies outside of the tangent space: all of v near the end.
    T const size = Kokkos::sqrt(team_sum(team, n, [&](int i) { return v(item, i) * v(item, i); }));
    team.team_barrier();
    T const unit = size > T(0) ? T(1) / size : T(0);
    team_for(team, n, [&](int i) {
      v(item, i) *= unit;
      image(item, i) *= unit;
      basis(item, j, i) = v(item, i);
    });
    team.team_barrier();
    T const diagonal = team_sum(team, n, [&](int i) { return v(item, i) * image(item, i); });
    team.team_barrier();
    for (int pass = 0; pass < 2; ++pass)
      for (int l = 0; l <= j; ++l) {
        T const part = team_sum(team, n, [&](int i) { return basis(item, l, i) * image(item, i); });
        team_for(team, n, [&](int i) { image(item, i) -= part * basis(item, l, i); });
        team.team_barrier();
      }
    T const next =
        Kokkos::sqrt(team_sum(team, n, [&](int i) { return image(item, i) * image(item, i); }));
    s.largest = Kokkos::max(s.largest, Kokkos::max(Kokkos::abs(diagonal), next));
    T const floor = T(1e2) * epsilon<T> * s.largest;
    // An invariant space: what is left is rounding, not tangent to S.
    T const noise = std::is_same_v<T, float> ? T(1e3) : T(1e4);
    bool const closed = !(next > noise * epsilon<T> * s.largest);
    T const least =
        Kokkos::Experimental::norm_min_v<T>;  // not by reference: devices have none to it
    T const off = Kokkos::max(Kokkos::max(next, floor), least);
    T const inverse = T(1) / off;
    team_for(team, n, [&](int i) { v(item, i) = image(item, i) * inverse; });
    ++s.steps;
    bool const finite = Kokkos::isfinite(next) && Kokkos::isfinite(diagonal);
    bool const last = closed || s.steps >= s.limit;
    team.team_barrier();
    team_single(team, [&] {
      a(item, j) = diagonal;
      b(item, j) = off;
      if (finite && (last || s.steps % between_checks == 0)) check(item, s);
      s.running = finite && !last && !s.resolved;
      states(item) = s;
    });
    team.team_barrier();
  }

  /// By one thread: Ritz values and the bound, by bisection.
  KOKKOS_FUNCTION void check(int item, LanczosState<T>& s) const {
    auto const row_a = Kokkos::subview(a, item, Kokkos::ALL);
    auto const row_b = Kokkos::subview(b, item, Kokkos::ALL);
    Tridiagonal<std::remove_cv_t<decltype(row_a)>> const t{row_a, row_b, s.steps};
    T const radius = t.radius();
    T low = -radius, high = radius;
    int const halvings = std::is_same_v<T, float> ? 30 : 56;
    for (int i = 0; i < halvings; ++i) {
      T const middle = T(0.5) * (low + high);
      (t.below(middle) > 0 ? high : low) = middle;
    }
    s.ritz = high;
    T top = radius, bottom = low;
    for (int i = 0; i < 20; ++i) {  // the largest one need not be accurate
      T const middle = T(0.5) * (bottom + top);
      (t.below(middle) < s.steps ? bottom : top) = middle;
    }
    s.largest = Kokkos::max(Kokkos::abs(s.ritz), Kokkos::abs(bottom));
    T const needed = -Kokkos::log(luck) + T(0.5) * Kokkos::log(T(n));
    T under = s.ritz - T(4) * s.largest, over = s.ritz;
    if (t.log_ratio(under) > needed) {
      for (int i = 0; i < halvings; ++i) {
        T const middle = T(0.5) * (under + over);
        (t.log_ratio(middle) > needed ? under : over) = middle;
      }
      s.lower = under - T(1e2) * epsilon<T> * s.largest;
    }
    T const level = Kokkos::max(s.scale, s.largest);
    s.resolved = s.ritz < -Kokkos::max(saddle, T(1e2) * epsilon<T>) * level ||
                 (near > T(0) && s.lower > T(0) && s.lower >= near * s.ritz) ||
                 (saddle > T(0) && s.lower > -saddle * level);
  }

  /// d(item, :) := unit vector of the smallest Ritz value, by inverse iteration below it, for the items whose
  /// Ritz value is below -saddle * scale. c: (items, >= 2 limit) scratch.
  template <class Team>
  KOKKOS_FUNCTION void ritz_vector(Team const& team, int item, Vectors<T, E> const& c,
                                   Vectors<T, E> const& d) const {
    auto const s = states(item);
    int const j = s.steps;
    team_single(team, [&] {
      T const shift = s.ritz - T(1e-6) * s.largest;
      for (int i = 0; i < j; ++i) c(item, i) = T(1);
      for (int turn = 0; turn < 4; ++turn) {
        T pivot = 1, size = 0;
        for (int i = 0; i < j; ++i) {  // L D L^T, positive definite: no pivoting
          T const l = i > 0 ? b(item, i - 1) / pivot : T(0);
          pivot = a(item, i) - shift - (i > 0 ? b(item, i - 1) * l : T(0));
          c(item, j + i) = pivot;
          if (i > 0) c(item, i) -= l * c(item, i - 1);
        }
        for (int i = j - 1; i >= 0; --i) {
          c(item, i) /= c(item, j + i);
          if (i + 1 < j) c(item, i) -= b(item, i) / c(item, j + i) * c(item, i + 1);
          size = Kokkos::max(size, Kokkos::abs(c(item, i)));
        }
        for (int i = 0; i < j; ++i) c(item, i) /= size;
      }
    });
    team.team_barrier();
    team_for(team, n, [&](int i) { d(item, i) = T(0); });
    team.team_barrier();
    for (int l = 0; l < j; ++l) {
      T const part = c(item, l);
      team_for(team, n, [&](int i) { d(item, i) += part * basis(item, l, i); });
      team.team_barrier();
    }
    T const norm = Kokkos::sqrt(team_sum(team, n, [&](int i) { return d(item, i) * d(item, i); }));
    team.team_barrier();
    team_for(team, n, [&](int i) { d(item, i) /= norm; });
    team.team_barrier();
  }
};

}  // namespace minfold::impl

#endif
