// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_METHOD_CASES_HPP
#define MINFOLD_TESTS_METHOD_CASES_HPP

#include <minfold/drivers/functor_problem.hpp>
#include <minfold/drivers/method.hpp>

#include <cmath>
#include <vector>

/// A problem with closed forms for the methods that move (x, y), and how to run them on host vectors.
namespace minfold::test {

using Space = Kokkos::DefaultExecutionSpace;
using Vec = std::vector<double>;

/// Numbers of one target of Fit.
struct FitData {
  double s[2], c[3];
};
KOKKOS_INLINE_FUNCTION FitData fit_data(int target) {
  FitData d{{0.8, 1.25}, {1.0, -2.0, 3.0}};
  d.s[0] += 0.1 * target;
  d.s[1] -= 0.2 * target;
  for (int i = 0; i < 3; ++i) d.c[i] += 0.5 * target - 0.3 * i * target;
  return d;
}

/// x in R^2, y in R^3:  g = 1/2 sum_{i < 2} (s_i y_i - x_i)^2,  f = 1/2 |y - c|^2 + a/2 |x|^2.
/// S(x) = {y_i = x_i / s_i, y_2 free}, k = 1. Everything is separable in i. Target t of the batch has the
/// data of first + t.
struct Fit {
  int targets = 1, first = 0;
  static constexpr double a = 0.5;
  KOKKOS_FUNCTION int batch_size() const { return targets; }
  KOKKOS_FUNCTION int dim_x() const { return 2; }
  KOKKOS_FUNCTION int dim_y() const { return 3; }
  template <class X, class Y>
  KOKKOS_FUNCTION auto lower(int t, X const& x, Y const& y) const {
    auto const d = fit_data(first + t);
    auto const p = d.s[0] * y(0) - x(0), q = d.s[1] * y(1) - x(1);
    return 0.5 * (p * p + q * q);
  }
  template <class X, class Y>
  KOKKOS_FUNCTION auto upper(int t, X const& x, Y const& y) const {
    auto const d = fit_data(first + t);
    auto const u = y(0) - d.c[0], v = y(1) - d.c[1], w = y(2) - d.c[2];
    return 0.5 * (u * u + v * v + w * w) + 0.5 * a * (x(0) * x(0) + x(1) * x(1));
  }
};

template <class T>
Vectors<T, Space> to_view(Vec const& values, int columns) {
  Vectors<T, Space> v("minfold::test::values", values.size() / columns, columns);
  impl::from_doubles<T, Space>(Space(), values, v);
  return v;
}

/// A problem, an oracle at (x, y), and a method that was begun: for tests of single steps.
template <class T>
struct Bench {
  CountedProblem<T, Space> counted;
  Oracle<T, Space> oracle;

  Bench(AnyProblem<T, Space> const& problem, Vec const& x, Vec const& y)
      : counted(problem),
        oracle(Space(), counted, to_view<T>(x, problem.dim_x()), to_view<T>(y, problem.dim_y())) {}
  Vec x() const { return impl::to_doubles(Space(), oracle.x); }
  Vec y() const { return impl::to_doubles(Space(), oracle.y); }
};

struct Ran {
  SolveResult result;
  Vec x, y;
  std::vector<Iteration> lines;
};

/// From (x, y) as they are, without an assessment.
template <class T>
Ran run(AnyProblem<T, Space> const& problem, Method<T, Space>& method, Vec const& x, Vec const& y,
        int iterations, double tolerance = 0, int record_every = 1) {
  Space const space;
  BilevelState<T, Space> state(space, problem);
  impl::from_doubles<T, Space>(space, x, state.x);
  impl::from_doubles<T, Space>(space, y, state.y);
  state.warm = true;
  RunOptions<T> options;
  options.max_iterations = iterations;
  options.tolerance = T(tolerance);
  options.record_every = record_every;
  options.assess = false;
  Ran ran;
  ran.result =
      run_method<T, Space>(space, problem, state, method, options, [&](Iteration const& it) {
        ran.lines.push_back(it);
        return true;
      });
  ran.x = impl::to_doubles(space, state.x);
  ran.y = impl::to_doubles(space, state.y);
  return ran;
}

/// Whether three independent problems in a batch end, to the last bit, where each ends alone.
template <class T, class Make>
bool same_as_alone(Make const& make, int iterations) {
  FunctorProblem<Fit, T> const all(Fit{3, 0}, false);
  Vec x, y;
  for (int t = 0; t < 3; ++t) {
    for (double v : {0.3, -0.4}) x.push_back(v + 0.2 * t);
    for (double v : {1.0, 0.5, -1.0}) y.push_back(v - 0.3 * t);
  }
  auto const together = make();
  auto const batch = run<T>(all, *together, x, y, iterations);
  bool same = true;
  for (int t = 0; t < 3; ++t) {
    FunctorProblem<Fit, T> const one(Fit{1, t}, false);
    auto const alone = make();
    auto const single = run<T>(one, *alone, Vec(x.begin() + 2 * t, x.begin() + 2 * t + 2),
                               Vec(y.begin() + 3 * t, y.begin() + 3 * t + 3), iterations);
    for (int j = 0; j < 2; ++j) same = same && single.x[j] == batch.x[2 * t + j];
    for (int i = 0; i < 3; ++i) same = same && single.y[i] == batch.y[3 * t + i];
    for (double const v : single.x) same = same && std::isfinite(v);
  }
  return same;
}

inline double distance(Vec const& u, Vec const& v) {
  double sum = 0;
  for (std::size_t i = 0; i < u.size(); ++i) sum += (u[i] - v[i]) * (u[i] - v[i]);
  return std::sqrt(sum);
}
inline double inner(Vec const& u, Vec const& v) {
  double sum = 0;
  for (std::size_t i = 0; i < u.size(); ++i) sum += u[i] * v[i];
  return sum;
}
/// Slope of log(value) against log(argument), by least squares.
inline double log_slope(Vec const& argument, Vec const& value) {
  double const n = double(value.size());
  double sx = 0, sy = 0, sxx = 0, sxy = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    double const u = std::log(argument[i]), v = std::log(value[i]);
    sx += u;
    sy += v;
    sxx += u * u;
    sxy += u * v;
  }
  return (n * sxy - sx * sy) / (n * sxx - sx * sx);
}

}  // namespace minfold::test

#endif
