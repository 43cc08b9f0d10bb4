// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_AFFINE_HPP
#define MINFOLD_PROBLEMS_AFFINE_HPP

#include <minfold/core/batch.hpp>
#include <minfold/core/random.hpp>
#include <minfold/core/team.hpp>
#include <minfold/problems/joint.hpp>

namespace minfold {

/// Affine solution sets of dimension k = d - p (closed-form test T2, DERIVED):
///   g = 1/2 |A y - B x|^2,  A = diag(sigma) (first p rows of I - 2 u u^T),  |u| = 1
///   f = 1/2 |y - w(x)|^2 + alpha/2 |x|^2,  w(x) = c + C x
/// A A^T = diag(sigma^2), and A y costs O(d).
template <class T, ExecutionSpace E>
struct Affine {
  Scalars<T const, E> direction;  ///< u, d
  Vectors<T const, E> rows;       ///< p x 4: sigma_i, B_i0, B_i1, B_i2
  Vectors<T const, E> target;     ///< d x 4: c_i, C_i0, C_i1, C_i2
  T alpha{};

  KOKKOS_FUNCTION int batch_size() const { return 1; }
  KOKKOS_FUNCTION int dim_x() const { return 3; }
  KOKKOS_FUNCTION int dim_y() const { return int(direction.extent(0)); }
  KOKKOS_FUNCTION int rank() const { return int(rows.extent(0)); }
  /// A start of length about 2, which is |c|.
  KOKKOS_FUNCTION double restart(Place place) const {
    return 2.0 * normal(place) / Kokkos::sqrt(double(dim_y()));
  }

  /// (A y - B x)_i, given <u, y>
  template <class X, class Y, class S>
  KOKKOS_FUNCTION joint_t<X, Y> residual(int i, X const& x, Y const& y, S const& along) const {
    return rows(i, 0) * (y(i) - T(2) * direction(i) * along) -
           (rows(i, 1) * x(0) + rows(i, 2) * x(1) + rows(i, 3) * x(2));
  }
  /// (y - w(x))_i
  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> from_target(int i, X const& x, Y const& y) const {
    return y(i) - (target(i, 0) + target(i, 1) * x(0) + target(i, 2) * x(1) + target(i, 3) * x(2));
  }

  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> lower(int, X const& x, Y const& y) const {
    using S = joint_t<X, Y>;
    element_t<Y> along = element_t<Y>(0);
    for (int i = 0; i < dim_y(); ++i) along += direction(i) * y(i);
    S square = S(0);
    for (int i = 0; i < rank(); ++i) {
      S const e = residual(i, x, y, along);
      square += e * e;
    }
    return T(0.5) * square;
  }

  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> upper(int, X const& x, Y const& y) const {
    using S = joint_t<X, Y>;
    S square = S(0);
    for (int i = 0; i < dim_y(); ++i) {
      S const e = from_target(i, x, y);
      square += e * e;
    }
    return T(0.5) * square + T(0.5) * alpha * (x(0) * x(0) + x(1) * x(1) + x(2) * x(2));
  }

  /// A^T r = diag(sigma) r, reflected
  template <class Team, class X, class Y, class Sink>
  KOKKOS_FUNCTION void lower_gradient(Team const& team, int, X const& x, Y const& y,
                                      Sink const& sink) const {
    using S = joint_t<X, Y>;
    auto const along = team_dot(team, dim_y(), direction, y);
    S const back = team_sum(team, rank(), [&](int i) {
      return S(direction(i) * rows(i, 0) * residual(i, x, y, along));
    });
    team_for(team, dim_y(), [&](int i) {
      S const mirrored = T(-2) * direction(i) * back;
      sink(i, i < rank() ? S(rows(i, 0) * residual(i, x, y, along) + mirrored) : mirrored);
    });
  }

  /// -B^T r
  template <class Team, class X, class Y, class Sink>
  KOKKOS_FUNCTION void lower_gradient_x(Team const& team, int, X const& x, Y const& y,
                                        Sink const& sink) const {
    using S = joint_t<X, Y>;
    auto const along = team_dot(team, dim_y(), direction, y);
    for (int j = 0; j < 3; ++j) {
      S const sum = team_sum(team, rank(),
                             [&](int i) { return S(rows(i, 1 + j) * residual(i, x, y, along)); });
      Kokkos::single(Kokkos::PerTeam(team), [&] { sink(j, S(-sum)); });
    }
  }

  template <class Team, class X, class Y, class Sink>
  KOKKOS_FUNCTION void upper_gradient(Team const& team, int, X const& x, Y const& y,
                                      Sink const& sink) const {
    team_for(team, dim_y(), [&](int i) { sink(i, from_target(i, x, y)); });
  }

  /// alpha x - C^T (y - w)
  template <class Team, class X, class Y, class Sink>
  KOKKOS_FUNCTION void upper_gradient_x(Team const& team, int, X const& x, Y const& y,
                                        Sink const& sink) const {
    using S = joint_t<X, Y>;
    for (int j = 0; j < 3; ++j) {
      S const sum = team_sum(team, dim_y(),
                             [&](int i) { return S(target(i, 1 + j) * from_target(i, x, y)); });
      Kokkos::single(Kokkos::PerTeam(team), [&] { sink(j, S(alpha * x(j) - sum)); });
    }
  }
};

}  // namespace minfold

#endif
