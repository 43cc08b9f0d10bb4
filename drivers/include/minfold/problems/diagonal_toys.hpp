// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_DIAGONAL_TOYS_HPP
#define MINFOLD_PROBLEMS_DIAGONAL_TOYS_HPP

#include <minfold/core/batch.hpp>
#include <minfold/core/team.hpp>
#include <minfold/problems/joint.hpp>

namespace minfold {

/// What the lower level does with the residual r = H y - x, q = 1/2 |r|^2.
enum class ToyLower {
  quadratic,  ///< g = q: one minimizer H^{-1} x
  cosine      ///< g = cos q: every ellipsoid |H y - x| = sqrt(2 pi (2j+1)) is a set of minimizers
};

/// What the upper level looks at.
enum class ToyUpper {
  wave,   ///< f = sin(c^T x + d^T y) + log(|x + y|^2 + 1)
  image,  ///< f = 1/2 |H y - c|^2
  bowls   ///< f = 1/2 |y - c|^2 + 1/2 |x - e|^2
};

/// The toy problems of arXiv 2504.17215 in n = m dimensions (FOUND in the authors' code, SGF-BLO:
/// quadratic and cosine with wave; image and bowls are DERIVED, for their closed forms).
///
/// The source takes H = Q diag(h) Q^T with a random rotation Q. Here H = diag(h): g and f of a wave
/// depend on inner products only, and c, d and the start are standard normal, so that rotating x and
/// y by Q gives the source's problem with the same distribution of the data. Every gradient is O(n).
///
/// On an ellipsoid of the cosine d2g/dy2 = H r r^T H, one positive eigenvalue: k = n - 1. q = 2 pi j are
/// sets of maximizers, which are critical points of g as well.
template <class T, ExecutionSpace E, ToyLower lower_kind, ToyUpper upper_kind>
struct DiagonalToy {
  Scalars<T const, E> h, c, d;  ///< d: of the wave, or e of the bowls; not read by image

  KOKKOS_FUNCTION int batch_size() const { return 1; }
  KOKKOS_FUNCTION int dim_x() const { return int(h.extent(0)); }
  KOKKOS_FUNCTION int dim_y() const { return int(h.extent(0)); }

  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> residual(int i, X const& x, Y const& y) const {
    return h(i) * y(i) - x(i);
  }

  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> lower(int, X const& x, Y const& y) const {
    using S = joint_t<X, Y>;
    S square = S(0);
    for (int i = 0; i < dim_y(); ++i) {
      S const r = residual(i, x, y);
      square += r * r;
    }
    S const q = T(0.5) * square;
    if constexpr (lower_kind == ToyLower::cosine)
      return cos(q);
    else
      return q;
  }

  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> upper(int, X const& x, Y const& y) const {
    using S = joint_t<X, Y>;
    S phase = S(0), square = S(0);
    for (int i = 0; i < dim_y(); ++i) {
      if constexpr (upper_kind == ToyUpper::wave) {
        S const sum = x(i) + y(i);
        phase += c(i) * x(i) + d(i) * y(i);
        square += sum * sum;
      } else if constexpr (upper_kind == ToyUpper::image) {
        S const e = h(i) * y(i) - c(i);
        square += e * e;
      } else {
        S const e = y(i) - c(i), a = x(i) - d(i);
        square += e * e + a * a;
      }
    }
    if constexpr (upper_kind == ToyUpper::wave)
      return sin(phase) + log(square + T(1));
    else
      return T(0.5) * square;
  }

  /// The factor of r in the derivatives of g: 1, or -sin q.
  template <class Team, class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> slope(Team const& team, X const& x, Y const& y) const {
    using S = joint_t<X, Y>;
    if constexpr (lower_kind == ToyLower::cosine) {
      S const square = team_sum(team, dim_y(), [&](int i) {
        S const r = residual(i, x, y);
        return S(r * r);
      });
      return -sin(T(0.5) * square);
    } else {
      return S(1);
    }
  }

  template <class Team, class X, class Y, class Sink>
  KOKKOS_FUNCTION void lower_gradient(Team const& team, int, X const& x, Y const& y,
                                      Sink const& sink) const {
    auto const factor = slope(team, x, y);
    team_for(team, dim_y(), [&](int i) { sink(i, factor * h(i) * residual(i, x, y)); });
  }
  template <class Team, class X, class Y, class Sink>
  KOKKOS_FUNCTION void lower_gradient_x(Team const& team, int, X const& x, Y const& y,
                                        Sink const& sink) const {
    auto const factor = slope(team, x, y);
    team_for(team, dim_y(), [&](int i) { sink(i, -(factor * residual(i, x, y))); });
  }

  /// cos(c^T x + d^T y) and 2 / (|x + y|^2 + 1)
  template <class Team, class X, class Y, class S>
  KOKKOS_FUNCTION void wave_factors(Team const& team, X const& x, Y const& y, S& swing,
                                    S& pull) const {
    S const phase = team_sum(team, dim_y(), [&](int i) { return S(c(i) * x(i) + d(i) * y(i)); });
    S const square = team_sum(team, dim_y(), [&](int i) {
      S const sum = x(i) + y(i);
      return S(sum * sum);
    });
    swing = cos(phase);
    pull = T(2) / (square + T(1));
  }

  template <class Team, class X, class Y, class Sink>
  KOKKOS_FUNCTION void upper_gradient(Team const& team, int, X const& x, Y const& y,
                                      Sink const& sink) const {
    using S = joint_t<X, Y>;
    if constexpr (upper_kind == ToyUpper::wave) {
      S swing, pull;
      wave_factors(team, x, y, swing, pull);
      team_for(team, dim_y(), [&](int i) { sink(i, S(swing * d(i) + pull * (x(i) + y(i)))); });
    } else if constexpr (upper_kind == ToyUpper::image) {
      team_for(team, dim_y(), [&](int i) { sink(i, h(i) * (h(i) * y(i) - c(i))); });
    } else {
      team_for(team, dim_y(), [&](int i) { sink(i, y(i) - c(i)); });
    }
  }
  template <class Team, class X, class Y, class Sink>
  KOKKOS_FUNCTION void upper_gradient_x(Team const& team, int, X const& x, Y const& y,
                                        Sink const& sink) const {
    using S = joint_t<X, Y>;
    if constexpr (upper_kind == ToyUpper::wave) {
      S swing, pull;
      wave_factors(team, x, y, swing, pull);
      team_for(team, dim_y(), [&](int i) { sink(i, S(swing * c(i) + pull * (x(i) + y(i)))); });
    } else if constexpr (upper_kind == ToyUpper::image) {
      team_for(team, dim_x(), [&](int i) { sink(i, S(0)); });
    } else {
      team_for(team, dim_x(), [&](int i) { sink(i, x(i) - d(i)); });
    }
  }
};

}  // namespace minfold

#endif
