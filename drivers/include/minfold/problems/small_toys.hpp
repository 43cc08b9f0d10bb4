// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_SMALL_TOYS_HPP
#define MINFOLD_PROBLEMS_SMALL_TOYS_HPP

#include <minfold/core/dual.hpp>
#include <minfold/core/random.hpp>
#include <minfold/problems/joint.hpp>

namespace minfold {

/// A point in the hull of four others, by softmax weights (FOUND: benchmark of arXiv 2504.17215, code
/// SGF-BLO): x in R^4, y in R^2,
///   g = 1/2 |y - sum_i p_i v_i|^2,  p = softmax(x),  v = (1,3), (3,1), (-2,2), (-3,2)
///   f = 1/2 |y - (3,-2)|^2
/// S(x) is one point. inf F = 4.5 at the vertex (3,1), approached as x_1 - x_i goes to infinity.
template <class T>
struct Coreset {
  KOKKOS_FUNCTION int batch_size() const { return 1; }
  KOKKOS_FUNCTION int dim_x() const { return 4; }
  KOKKOS_FUNCTION int dim_y() const { return 2; }
  KOKKOS_FUNCTION static T vertex(int i, int j) {
    constexpr double v[4][2] = {{1, 3}, {3, 1}, {-2, 2}, {-3, 2}};
    return T(v[i][j]);
  }

  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> lower(int, X const& x, Y const& y) const {
    using S = joint_t<X, Y>;
    // p does not change when all of x is shifted alike; this shift keeps exp in range.
    T shift = plain_value(x(0));
    for (int i = 1; i < 4; ++i) shift = max(shift, T(plain_value(x(i))));
    element_t<X> total = element_t<X>(0), point[2] = {element_t<X>(0), element_t<X>(0)};
    for (int i = 0; i < 4; ++i) {
      element_t<X> const weight = exp(x(i) - shift);
      total += weight;
      for (int j = 0; j < 2; ++j) point[j] += weight * vertex(i, j);
    }
    S const e = y(0) - point[0] / total, a = y(1) - point[1] / total;
    return T(0.5) * (e * e + a * a);
  }
  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> upper(int, X const&, Y const& y) const {
    return T(0.5) * ((y(0) - T(3)) * (y(0) - T(3)) + (y(1) + T(2)) * (y(1) + T(2)));
  }
};

/// Example 1 of arXiv 2408.16087 (FOUND); x is its u, y its v:
///   f = 1/2 (x - 2 sin y)^2,  g = 1/2 (x - y)^2
/// S(x) = {x}, F = 1/2 (x - 2 sin x)^2: global minima 0 and +-1.8954942670, and a local minimum at
/// 7 pi / 3 with F = 15.67 (DERIVED).
///
/// Caution (DERIVED): min over x of f + gamma g is gamma / (2 (1 + gamma)) (y - 2 sin y)^2, which has, as
/// a function of y, the critical points that F has. A penalty does not remove the bad local minimum;
/// what it gives is the freedom to start y elsewhere than at the solution of the lower level.
template <class T>
struct ExampleOne {
  KOKKOS_FUNCTION int batch_size() const { return 1; }
  KOKKOS_FUNCTION int dim_x() const { return 1; }
  KOKKOS_FUNCTION int dim_y() const { return 1; }

  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> lower(int, X const& x, Y const& y) const {
    return T(0.5) * (x(0) - y(0)) * (x(0) - y(0));
  }
  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> upper(int, X const& x, Y const& y) const {
    joint_t<X, Y> const e = x(0) - T(2) * sin(y(0));
    return T(0.5) * e * e;
  }
};

/// The toy problem of the V-PBGD authors (FOUND), 0 <= x <= 3:
///   f = cos(4y + 2) / (1 + e^{2 - 4x}) + 1/2 log((4x - 2)^2 + 1)
///   g = (x + y)^2 + x sin^2(x + y)
/// S(x) = {-x}: with s = x + y, dg/dy = 2 s + x sin 2s vanishes at s = 0 only while x < 4.6 (DERIVED; at
/// 4.603... the graph of -x sin w touches that of w). g is not convex in y for x > 1.
///
/// The published derivative of f writes (1 + exp(2 - 4x)**2) for (1 + exp(2 - 4x))**2; here derivatives
/// come from the formula of f.
template <class T>
struct SineToy {
  KOKKOS_FUNCTION int batch_size() const { return 1; }
  KOKKOS_FUNCTION int dim_x() const { return 1; }
  KOKKOS_FUNCTION int dim_y() const { return 1; }

  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> lower(int, X const& x, Y const& y) const {
    using S = joint_t<X, Y>;
    S const s = x(0) + y(0), sine = sin(s);
    return s * s + x(0) * sine * sine;
  }
  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> upper(int, X const& x, Y const& y) const {
    auto const a = T(4) * x(0) - T(2);
    return cos(T(4) * y(0) + T(2)) / (T(1) + exp(-a)) + T(0.5) * log(a * a + T(1));
  }
};

}  // namespace minfold

#endif
