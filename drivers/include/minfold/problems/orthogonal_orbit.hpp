// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_ORTHOGONAL_ORBIT_HPP
#define MINFOLD_PROBLEMS_ORTHOGONAL_ORBIT_HPP

#include <minfold/core/batch.hpp>
#include <minfold/core/random.hpp>
#include <minfold/core/team.hpp>
#include <minfold/problems/joint.hpp>

namespace minfold {

/// All factors of a matrix, k = r (r - 1) / 2 (closed-form test T4, DERIVED):
///   Y is n x r, row-major in y;  L(x) = L_0 + x_0 L_1 + x_1 L_2
///   g = 1/4 |Y Y^T - L L^T|_F^2,  f = 1/2 |Y - C|_F^2
/// S(x) = {L Q : Q orthogonal} has two components, det Q = 1 and -1: the assumption that S is
/// connected fails, the formulas hold.
template <class T, ExecutionSpace E>
struct OrthogonalOrbit {
  Vectors<T const, E> factor;  ///< n r x 3: the entries of L_0, L_1, L_2
  Scalars<T const, E> target;  ///< C, n r
  static constexpr int max_columns = 16;
  int rows = 1, columns = 1;  ///< n, r <= max_columns

  KOKKOS_FUNCTION int batch_size() const { return 1; }
  KOKKOS_FUNCTION int dim_x() const { return 2; }
  KOKKOS_FUNCTION int dim_y() const { return rows * columns; }
  /// Columns of length about 1.5.
  KOKKOS_FUNCTION double restart(Place place) const {
    return 1.5 * normal(place) / Kokkos::sqrt(double(rows));
  }

  template <class X>
  KOKKOS_FUNCTION auto factor_at(int t, X const& x) const {
    return factor(t, 0) + factor(t, 1) * x(0) + factor(t, 2) * x(1);
  }
  /// (Y Y^T - L L^T)_ij
  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> gram_error(int i, int j, X const& x, Y const& y) const {
    using S = joint_t<X, Y>;
    S sum = S(0);
    for (int b = 0; b < columns; ++b) {
      int const s = i * columns + b, t = j * columns + b;
      sum += y(s) * y(t) - factor_at(s, x) * factor_at(t, x);
    }
    return sum;
  }

  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> lower(int, X const& x, Y const& y) const {
    using S = joint_t<X, Y>;
    S diagonal = S(0), above = S(0);
    for (int i = 0; i < rows; ++i)
      for (int j = i; j < rows; ++j) {
        S const e = gram_error(i, j, x, y);
        (i == j ? diagonal : above) += e * e;
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

  /// (Y Y^T - L L^T) Y
  template <class Team, class X, class Y, class Sink>
  KOKKOS_FUNCTION void lower_gradient(Team const& team, int, X const& x, Y const& y,
                                      Sink const& sink) const {
    using S = joint_t<X, Y>;
    // A row at a time, so that an entry of the Gram matrix is formed once: n^2 r products, not n^2 r^2.
    team_for(team, rows, [&](int i) {
      S sums[max_columns];
      for (int a = 0; a < columns; ++a) sums[a] = S(0);
      for (int j = 0; j < rows; ++j) {
        S const error = gram_error(i, j, x, y);
        for (int a = 0; a < columns; ++a) sums[a] += error * y(j * columns + a);
      }
      for (int a = 0; a < columns; ++a) sink(i * columns + a, sums[a]);
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
