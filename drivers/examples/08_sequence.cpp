// SPDX-License-Identifier: Apache-2.0
// A sequence of solves: each starts from the last one, and a verdict that is not `certified` is acted upon.
//
// S(x) is the circle of radius |x|, and f draws y to a target a that moves: the optimum is |x| = |a| / 2,
// F = |a|^2 / 4. When a passes through the centre, the circle shrinks to a point there, and a start from
// x = 0 sees no circle any more: that solve is stationary and wrong, and its verdict says so.
#include <minfold/drivers/functor_problem.hpp>
#include <minfold/drivers/hgms.hpp>

#include <cmath>
#include <cstdio>

struct Ring {
  double a, b;  // the target

  KOKKOS_FUNCTION int batch_size() const { return 1; }
  KOKKOS_FUNCTION int dim_x() const { return 1; }
  KOKKOS_FUNCTION int dim_y() const { return 2; }
  template <class X, class Y>
  KOKKOS_FUNCTION auto lower(int, X const& x, Y const& y) const {
    auto const s = y(0) * y(0) + y(1) * y(1) - x(0) * x(0);
    return 0.25 * s * s;
  }
  template <class X, class Y>
  KOKKOS_FUNCTION auto upper(int, X const& x, Y const& y) const {
    auto const u = y(0) - a, v = y(1) - b;
    return 0.5 * (u * u + v * v) + 0.5 * x(0) * x(0);
  }
};

int main(int argc, char** argv) {
  Kokkos::ScopeGuard const kokkos(argc, argv);
  Kokkos::DefaultExecutionSpace const space;
  using Problem = minfold::FunctorProblem<Ring, double>;
  Problem const first(Ring{3, 4});
  minfold::BilevelState<double, Kokkos::DefaultExecutionSpace> state(space, first);
  Kokkos::deep_copy(state.x, 1.0);
  int refused = 0;
  bool right = true;
  for (int step = 0; step <= 10; ++step) {
    double const t = 1 - step / 5.0;  // (3, 4) through (0, 0) to (-3, -4)
    Problem const problem(Ring{3 * t, 4 * t});
    // From the last x and y: a solve leaves state.warm = true.
    auto result = minfold::minimize_hgms(space, problem, state);
    if (!result.solved()) {
      // Not to be trusted, and the reasons say why. Here: start again from where there is a circle.
      std::printf("a = (%4.1f, %4.1f): %s, but %s\n", 3 * t, 4 * t, to_string(result.outcome),
                  to_string(result.last.certificate.verdict));
      for (auto const& reason : result.last.certificate.reasons)
        std::printf("    %s\n", reason.c_str());
      ++refused;
      Kokkos::deep_copy(space, state.x, 1.0);
      state.warm = false;
      result = minfold::minimize_hgms(space, problem, state);
    }
    double const exact = 25 * t * t / 4;
    std::printf("a = (%4.1f, %4.1f): %s and %s, F = %.9f, %d iterations\n", 3 * t, 4 * t,
                to_string(result.outcome), to_string(result.last.certificate.verdict),
                result.last.upper, result.iterations);
    right = right && result.solved() && std::abs(result.last.upper - exact) <= 1e-8 * (1 + exact);
  }
  return right && refused == 1 ? 0 : 1;
}
