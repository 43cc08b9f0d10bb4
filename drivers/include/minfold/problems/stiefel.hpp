// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_STIEFEL_HPP
#define MINFOLD_PROBLEMS_STIEFEL_HPP

#include <minfold/core/batch.hpp>
#include <minfold/core/random.hpp>
#include <minfold/core/team.hpp>
#include <minfold/problems/joint.hpp>

namespace minfold {

/// Scaled orthonormal frames, k = n p - p (p + 1) / 2 (closed-form test T3, DERIVED):
///   Y is n x p, row-major in y;  M(x) = M_0 + x_0 M_1 + x_1 M_2;  s(x) = 1 + ripple sin(x_0 + x_1)
///   g = 1/4 |Y^T Y - s(x)^2 I|_F^2,  f = -<M(x), Y> + pull/2 |x|^2
/// p < n, so that the solution set is connected.
template <class T, ExecutionSpace E>
struct Stiefel {
  Vectors<T const, E> matrix;  ///< n p x 3: the entries of M_0, M_1, M_2
  int rows = 2, columns = 1;   ///< n, p
  T ripple{}, pull{};

  KOKKOS_FUNCTION int batch_size() const { return 1; }
  KOKKOS_FUNCTION int dim_x() const { return 2; }
  KOKKOS_FUNCTION int dim_y() const { return rows * columns; }
  /// Columns of length about 1.
  KOKKOS_FUNCTION double restart(Place place) const {
    return normal(place) / Kokkos::sqrt(double(rows));
  }

  template <class X>
  KOKKOS_FUNCTION auto scale_at(X const& x) const {
    return T(1) + ripple * sin(x(0) + x(1));
  }
  template <class X>
  KOKKOS_FUNCTION auto matrix_at(int i, X const& x) const {
    return matrix(i, 0) + matrix(i, 1) * x(0) + matrix(i, 2) * x(1);
  }
  /// (Y^T Y - s^2 I)_ab
  template <class Y, class S>
  KOKKOS_FUNCTION auto gram_error(int a, int b, Y const& y, S const& scale) const {
    using Sum = std::remove_cvref_t<decltype(y(0) * scale)>;
    Sum sum = a == b ? Sum(-(scale * scale)) : Sum(0);
    for (int i = 0; i < rows; ++i) sum += y(i * columns + a) * y(i * columns + b);
    return sum;
  }

  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> lower(int, X const& x, Y const& y) const {
    using S = joint_t<X, Y>;
    auto const scale = scale_at(x);
    S diagonal = S(0), above = S(0);
    for (int a = 0; a < columns; ++a)
      for (int b = a; b < columns; ++b) {
        S const e = gram_error(a, b, y, scale);
        (a == b ? diagonal : above) += e * e;
      }
    return T(0.25) * diagonal + T(0.5) * above;
  }

  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> upper(int, X const& x, Y const& y) const {
    using S = joint_t<X, Y>;
    S value = T(0.5) * pull * (x(0) * x(0) + x(1) * x(1));
    for (int i = 0; i < dim_y(); ++i) value -= matrix_at(i, x) * y(i);
    return value;
  }

  /// Y (Y^T Y - s^2 I)
  template <class Team, class X, class Y, class Sink>
  KOKKOS_FUNCTION void lower_gradient(Team const& team, int, X const& x, Y const& y,
                                      Sink const& sink) const {
    using S = joint_t<X, Y>;
    auto const scale = scale_at(x);
    team_for(team, dim_y(), [&](int t) {
      int const i = t / columns, a = t % columns;
      S sum = S(0);
      for (int b = 0; b < columns; ++b) sum += y(i * columns + b) * gram_error(a, b, y, scale);
      sink(t, sum);
    });
  }

  template <class Team, class X, class Y, class Sink>
  KOKKOS_FUNCTION void upper_gradient(Team const& team, int, X const& x, Y const&,
                                      Sink const& sink) const {
    team_for(team, dim_y(), [&](int t) { sink(t, -matrix_at(t, x)); });
  }
};

}  // namespace minfold

#endif
