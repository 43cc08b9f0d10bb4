// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_SPHERE_HPP
#define MINFOLD_PROBLEMS_SPHERE_HPP

#include <minfold/core/batch.hpp>
#include <minfold/core/random.hpp>
#include <minfold/core/team.hpp>
#include <minfold/problems/joint.hpp>

namespace minfold {

/// Moving sphere S^k in R^d (closed-form test T1, DERIVED; the normal directions are added here):
///   e = y - a(x),  a_i(x) = center(i, 0) + center(i, 1) x_0 + center(i, 2) x_1
///   r(x) = radius + ripple sin(x_0 + x_1)
///   g = 1/4 (e_0^2 + ... + e_k^2 - r^2)^2 + 1/2 sum_{i > k} stiffness_i e_i^2
///   f = 1/2 |y - target|^2 + |x - wish|^2
/// Every gradient costs O(d).
template <class T, ExecutionSpace E>
struct Sphere {
  Vectors<T const, E> center;     ///< d x 3
  Scalars<T const, E> target;     ///< d
  Scalars<T const, E> stiffness;  ///< d, read for i > k
  int manifold_dim = 1;           ///< k
  T radius{}, ripple{};
  T wish[2]{};

  KOKKOS_FUNCTION int batch_size() const { return 1; }
  KOKKOS_FUNCTION int dim_x() const { return 2; }
  KOKKOS_FUNCTION int dim_y() const { return int(target.extent(0)); }
  /// A start of the length of the sphere, whatever d is.
  KOKKOS_FUNCTION double restart(Place place) const {
    return double(radius) * normal(place) / Kokkos::sqrt(double(manifold_dim + 1));
  }

  template <class X>
  KOKKOS_FUNCTION auto radius_at(X const& x) const {
    return radius + ripple * sin(x(0) + x(1));
  }
  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> from_center(int i, X const& x, Y const& y) const {
    return y(i) - (center(i, 0) + center(i, 1) * x(0) + center(i, 2) * x(1));
  }

  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> lower(int, X const& x, Y const& y) const {
    using S = joint_t<X, Y>;
    S square = S(0), normal_part = S(0);
    for (int i = 0; i <= manifold_dim; ++i) {
      S const e = from_center(i, x, y);
      square += e * e;
    }
    for (int i = manifold_dim + 1; i < dim_y(); ++i) {
      S const e = from_center(i, x, y);
      normal_part += stiffness(i) * e * e;
    }
    auto const r = radius_at(x);
    S const excess = square - r * r;
    return T(0.25) * excess * excess + T(0.5) * normal_part;
  }

  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> upper(int, X const& x, Y const& y) const {
    using S = joint_t<X, Y>;
    S square = S(0);
    for (int i = 0; i < dim_y(); ++i) {
      S const e = y(i) - target(i);
      square += e * e;
    }
    S away = S(0);
    for (int j = 0; j < 2; ++j) away += (x(j) - wish[j]) * (x(j) - wish[j]);
    return T(0.5) * square + away;
  }

  /// e_0^2 + ... + e_k^2 - r^2
  template <class Team, class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> excess_at(Team const& team, X const& x, Y const& y) const {
    using S = joint_t<X, Y>;
    auto const r = radius_at(x);
    S const square = team_sum(team, manifold_dim + 1, [&](int i) {
      S const e = from_center(i, x, y);
      return S(e * e);
    });
    return square - r * r;
  }

  template <class Team, class X, class Y, class Sink>
  KOKKOS_FUNCTION void lower_gradient(Team const& team, int, X const& x, Y const& y,
                                      Sink const& sink) const {
    using S = joint_t<X, Y>;
    S const excess = excess_at(team, x, y);
    team_for(team, dim_y(), [&](int i) {
      S const e = from_center(i, x, y);
      sink(i, i <= manifold_dim ? S(excess * e) : S(stiffness(i) * e));
    });
  }

  template <class Team, class X, class Y, class Sink>
  KOKKOS_FUNCTION void lower_gradient_x(Team const& team, int, X const& x, Y const& y,
                                        Sink const& sink) const {
    using S = joint_t<X, Y>;
    S const excess = excess_at(team, x, y);
    auto const slope = radius_at(x) * (ripple * cos(x(0) + x(1)));  // r dr/dx_j, the same for both
    for (int j = 0; j < 2; ++j) {
      S const moved = team_sum(team, dim_y(), [&](int i) {
        S const e = from_center(i, x, y);
        return i <= manifold_dim ? S(excess * e * center(i, 1 + j))
                                 : S(stiffness(i) * e * center(i, 1 + j));
      });
      Kokkos::single(Kokkos::PerTeam(team), [&] { sink(j, S(-moved - excess * slope)); });
    }
  }

  template <class Team, class X, class Y, class Sink>
  KOKKOS_FUNCTION void upper_gradient(Team const& team, int, X const&, Y const& y,
                                      Sink const& sink) const {
    team_for(team, dim_y(), [&](int i) { sink(i, y(i) - target(i)); });
  }

  template <class Team, class X, class Y, class Sink>
  KOKKOS_FUNCTION void upper_gradient_x(Team const& team, int, X const& x, Y const&,
                                        Sink const& sink) const {
    team_for(team, 2, [&](int j) { sink(j, T(2) * (x(j) - wish[j])); });
  }
};

}  // namespace minfold

#endif
