// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_PHASE_ORBIT_HPP
#define MINFOLD_PROBLEMS_PHASE_ORBIT_HPP

#include <minfold/core/batch.hpp>
#include <minfold/core/random.hpp>
#include <minfold/core/team.hpp>
#include <minfold/problems/joint.hpp>

namespace minfold {

/// A complex vector up to its phase: S(x) is a circle, k = 1 (closed-form test T5, DERIVED):
///   z_i = y_i + sqrt(-1) y_{n+i};  l(x) = l_0 + x_0 l_1 + x_1 l_2, stored the same way
///   g = 1/4 |z z^* - l l^*|_F^2,  f = 1/2 |y - c|^2
template <class T, ExecutionSpace E>
struct PhaseOrbit {
  Vectors<T const, E> ray;     ///< 2n x 3: l_0, l_1, l_2
  Scalars<T const, E> target;  ///< c, 2n

  KOKKOS_FUNCTION int batch_size() const { return 1; }
  KOKKOS_FUNCTION int dim_x() const { return 2; }
  KOKKOS_FUNCTION int dim_y() const { return int(target.extent(0)); }
  /// A start of length about 1.5.
  KOKKOS_FUNCTION double restart(Place place) const {
    return 1.5 * normal(place) / Kokkos::sqrt(double(dim_y()));
  }

  template <class X>
  KOKKOS_FUNCTION auto ray_at(int t, X const& x) const {
    return ray(t, 0) + ray(t, 1) * x(0) + ray(t, 2) * x(1);
  }

  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> lower(int, X const& x, Y const& y) const {
    using S = joint_t<X, Y>;
    int const n = dim_y() / 2;
    S diagonal = S(0), above = S(0);
    for (int i = 0; i < n; ++i) {
      auto const li = ray_at(i, x), mi = ray_at(n + i, x);
      for (int j = i; j < n; ++j) {
        auto const lj = ray_at(j, x), mj = ray_at(n + j, x);
        S const real = y(i) * y(j) + y(n + i) * y(n + j) - (li * lj + mi * mj);
        S const imaginary = y(n + i) * y(j) - y(i) * y(n + j) - (mi * lj - li * mj);
        (i == j ? diagonal : above) += real * real + imaginary * imaginary;
      }
    }
    return T(0.25) * diagonal + T(0.5) * above;
  }

  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> upper(int, X const&, Y const& y) const {
    using S = joint_t<X, Y>;
    S square = S(0);
    for (int t = 0; t < dim_y(); ++t) {
      auto const e = y(t) - target(t);
      square += e * e;
    }
    return T(0.5) * square;
  }

  /// |z|^2 z - l (l^* z)
  template <class Team, class X, class Y, class Sink>
  KOKKOS_FUNCTION void lower_gradient(Team const& team, int, X const& x, Y const& y,
                                      Sink const& sink) const {
    using S = joint_t<X, Y>;
    int const n = dim_y() / 2;
    auto const square = team_dot(team, 2 * n, y, y);
    S const real = team_sum(
        team, n, [&](int i) { return S(ray_at(i, x) * y(i) + ray_at(n + i, x) * y(n + i)); });
    S const imaginary = team_sum(
        team, n, [&](int i) { return S(ray_at(i, x) * y(n + i) - ray_at(n + i, x) * y(i)); });
    team_for(team, n, [&](int i) {
      auto const l = ray_at(i, x), m = ray_at(n + i, x);
      sink(i, S(square * y(i) - (l * real - m * imaginary)));
      sink(n + i, S(square * y(n + i) - (l * imaginary + m * real)));
    });
  }

  template <class Team, class X, class Y, class Sink>
  KOKKOS_FUNCTION void upper_gradient(Team const& team, int, X const&, Y const& y,
                                      Sink const& sink) const {
    team_for(team, dim_y(), [&](int t) { sink(t, y(t) - target(t)); });
  }
};

}  // namespace minfold

#endif
