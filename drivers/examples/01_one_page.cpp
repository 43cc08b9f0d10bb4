// SPDX-License-Identifier: Apache-2.0
// The README shows this file from the next line on.
#include <minfold/drivers/functor_problem.hpp>
#include <minfold/drivers/hgms.hpp>

#include <cstdio>

// S(x) is the circle of radius x. Which of its points counts is decided by f.
struct Ring {
  KOKKOS_FUNCTION int batch_size() const { return 1; }
  KOKKOS_FUNCTION int dim_x() const { return 1; }
  KOKKOS_FUNCTION int dim_y() const { return 2; }

  template <class X, class Y>
  KOKKOS_FUNCTION auto lower(int, X const& x, Y const& y) const {  // g
    auto const s = y(0) * y(0) + y(1) * y(1) - x(0) * x(0);
    return 0.25 * s * s;
  }
  template <class X, class Y>
  KOKKOS_FUNCTION auto upper(int, X const& x, Y const& y) const {  // f
    auto const a = y(0) - 3.0, b = y(1) - 4.0;
    return 0.5 * (a * a + b * b) + 0.5 * x(0) * x(0);
  }
};

int main(int argc, char** argv) {
  Kokkos::ScopeGuard const kokkos(argc, argv);
  Kokkos::DefaultExecutionSpace const space;
  minfold::FunctorProblem<Ring, double> const problem(Ring{});

  minfold::BilevelState<double, Kokkos::DefaultExecutionSpace> state(space, problem);
  Kokkos::deep_copy(state.x, 1.0);
  auto const result = minfold::minimize_hgms(space, problem, state, {}, [](auto const& line) {
    std::printf("%2d  F = %.12f  |grad F| = %.1e  dim S = %d  %s\n", line.iteration, line.upper,
                line.hypergradient_norm, line.certificate.kernel_dimension,
                minfold::to_string(line.certificate.verdict));
    return true;
  });

  auto const x = minfold::to_host(space, state.x), y = minfold::to_host(space, state.y);
  std::printf("x = %.9f, y = (%.9f, %.9f): %s\n", x(0, 0), y(0, 0), y(0, 1),
              to_string(result.outcome));
  return result.solved() ? 0 : 1;
}
