// SPDX-License-Identifier: Apache-2.0
// A sequence of solves: each starts from the last one, and a verdict that is not `certified` is acted upon.
//
// S(x) is the circle of radius x, and f draws y to a target a that moves: the optimum is x = |a| / 2,
// F = |a|^2 / 4. When a passes through the centre all points of the circle are equally good, nothing is selected,
// and x = |a| / 2 = 0 is a point where the circle itself has shrunk to nothing. The verdict says so.
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
    // state.x is that of the last solve, and so is state.y, because a solve leaves state.warm = true.
    auto const start = minfold::to_host(space, state.x), start_y = minfold::to_host(space, state.y);
    auto const result = minfold::minimize_hgms(space, problem, state);
    auto const& last = result.last;
    double const exact = 25 * t * t / 4;
    std::printf("a = (%4.1f, %4.1f): %-15s %-9s F = %.9f, %3d iterations\n", 3 * t, 4 * t,
                to_string(result.outcome), to_string(last.certificate.verdict), last.upper,
                result.iterations);
    if (result.solved()) {
      right = right && std::abs(last.upper - exact) <= 1e-8 * (1 + exact);
      continue;
    }
    // The number may be right; the hypergradient is not to be trusted, and the reasons say why. This
    // target is left out, and the next solve goes on from the last point that was certified.
    for (auto const& reason : last.certificate.reasons) std::printf("    %s\n", reason.c_str());
    ++refused;
    right = right && std::abs(t) < 1e-12;
    Kokkos::deep_copy(space, state.x, start);
    Kokkos::deep_copy(space, state.y, start_y);
    space.fence("start goes out of scope");
  }
  return right && refused == 1 ? 0 : 1;
}
