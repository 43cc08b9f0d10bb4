// SPDX-License-Identifier: Apache-2.0
// The programs of the page for those who come from JAXopt, Betty or TorchOpt.
#include <minfold/drivers/functor_problem.hpp>
#include <minfold/drivers/hgms.hpp>
#include <minfold/drivers/method_catalog.hpp>
#include <minfold/kernels/pinv_cgls.hpp>

#include <cmath>
#include <cstdio>
#include <iostream>

namespace {

using Space = Kokkos::DefaultExecutionSpace;
int failures = 0;

void expect(bool right, char const* what) {
  if (right) return;
  ++failures;
  std::fprintf(stderr, "wrong: %s\n", what);
}

// [problem]
// g leaves y_1 free: S(x) = {(x, anything)}, and f wants it to be x.
struct Line {
  KOKKOS_FUNCTION int batch_size() const { return 1; }
  KOKKOS_FUNCTION int dim_x() const { return 1; }
  KOKKOS_FUNCTION int dim_y() const { return 2; }
  template <class X, class Y>
  KOKKOS_FUNCTION auto lower(int, X const& x, Y const& y) const {
    return 0.5 * y(0) * y(0) - x(0) * y(0);
  }
  template <class X, class Y>
  KOKKOS_FUNCTION auto upper(int, X const& x, Y const& y) const {
    auto const a = x(0) - y(1), b = y(0) - 1.0;
    return 0.5 * a * a + 0.5 * b * b;
  }
};
// [problem]

void gradient(Space const& space) {
  // [gradient]
  minfold::FunctorProblem<Line, double> const problem(Line{});
  minfold::BilevelState<double, Space> state(space, problem);
  Kokkos::deep_copy(space, state.x, 0.3);
  minfold::HgmsOptions<double> options;
  options.max_iterations = 0;  // the gradient at x, no step
  auto const result = minfold::minimize_hgms(space, problem, state, options);
  auto const h = minfold::to_host(space, state.hypergradient);
  std::cout << "grad F = " << h(0, 0) << ", " << to_string(result.last.certificate.verdict) << '\n';
  // [gradient]
  expect(std::abs(h(0, 0) + 0.7) < 1e-9, "gradient");
  expect(result.last.certificate.verdict == minfold::Verdict::certified, "gradient: verdict");
}

// [operator]
// H = diag(1, 0), as a product
struct Product {
  using scalar_type = double;
  KOKKOS_FUNCTION int batch_size() const { return 1; }
  KOKKOS_FUNCTION int dim() const { return 2; }
  template <class Team, class X, class Y>
  KOKKOS_FUNCTION void apply(Team const& team, int, X const& x, Y const& y) const {
    minfold::team_for(team, 2, [&](int i) { y(i) = i == 0 ? x(0) : 0.0; });
  }
};
// [operator]

void adjoint(Space const& space) {
  auto const b = minfold::make_vectors<double>(space, "b", 1, 2);
  auto const fill = Kokkos::create_mirror_view(b);
  fill(0, 0) = -0.7;
  fill(0, 1) = 1.7;
  Kokkos::deep_copy(space, b, fill);
  // [adjoint]
  auto const z = minfold::make_vectors<double>(space, "z", 1, 2);
  auto const kernel_part = minfold::make_vectors<double>(space, "kernel_part", 1, 2);
  auto const records = minfold::make_scalars<minfold::SolveRecord<double>>(space, "records", 1);
  minfold::pinv_cgls(space, Product{}, b, z, kernel_part, records);
  auto const record = minfold::to_host(space, records)(0);
  std::cout << record.outcome << ", outside of the range: " << record.leakage << '\n';
  // [adjoint]
  auto const x = minfold::to_host(space, z), part = minfold::to_host(space, kernel_part);
  expect(record.outcome == minfold::Outcome::converged, "adjoint: outcome");
  expect(std::abs(x(0, 0) + 0.7) + std::abs(x(0, 1)) < 1e-12, "adjoint: z");
  expect(std::abs(part(0, 1) - 1.7) < 1e-12, "adjoint: part in the kernel");
}

void loop(Space const& space) {
  minfold::FunctorProblem<Line, double> const problem(Line{});
  minfold::BilevelState<double, Space> state(space, problem);
  Kokkos::deep_copy(space, state.x, 0.3);
  // [loop]
  minfold::Settings settings;  // step=, inner-steps= and so on; none is needed here
  minfold::NamedRun run;
  run.method = "hgms";  // or aid-cg, stocbio, soba, ...
  run.max_iterations = 100;
  run.tolerance = 1e-8;
  auto const result = minfold::minimize<double>(space, problem, state, run, settings);
  std::cout << to_string(result.outcome) << " after " << result.iterations << " iterations\n";
  // [loop]
  auto const x = minfold::to_host(space, state.x);
  expect(result.solved() && std::abs(x(0, 0) - 1) < 1e-6, "loop");
}

}  // namespace

int main(int argc, char** argv) {
  Kokkos::ScopeGuard const kokkos(argc, argv);
  Space const space;
  gradient(space);
  adjoint(space);
  loop(space);
  return failures != 0;
}
