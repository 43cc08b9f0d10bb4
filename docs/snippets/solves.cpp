// SPDX-License-Identifier: Apache-2.0
// The programs of the pages about solves: options, methods by name, certificates, derivatives.
#include <minfold/drivers/check.hpp>
#include <minfold/drivers/functor_problem.hpp>
#include <minfold/drivers/hgms.hpp>
#include <minfold/drivers/method_catalog.hpp>
#include <minfold/drivers/pbgd.hpp>
#include <minfold/kernels/pinv_direct.hpp>

#include <cmath>
#include <cstdio>
#include <iostream>
#include <vector>

namespace {

using Space = Kokkos::DefaultExecutionSpace;
int failures = 0;

void expect(bool right, char const* what) {
  if (right) return;
  ++failures;
  std::fprintf(stderr, "wrong: %s\n", what);
}

// [problem]
// g = 1/4 (|y|^2 - x^2)^2: S(x) is the circle of radius |x|; f draws its points towards (3, 4).
struct Ring {
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
    auto const a = y(0) - 3.0, b = y(1) - 4.0;
    return 0.5 * (a * a + b * b) + 0.5 * x(0) * x(0);
  }
};
// [problem]

void hgms(Space const& space) {
  // [hgms]
  minfold::FunctorProblem<Ring, double> const problem(Ring{});
  minfold::BilevelState<double, Space> state(space, problem);
  Kokkos::deep_copy(space, state.x, 1.0);

  minfold::HgmsOptions<double> options;
  options.tolerance = 1e-8;
  options.seed = 7;
  options.candidates.count = 6;
  options.outer.largest_move = 2;
  auto const result = minfold::minimize_hgms(space, problem, state, options);
  // [hgms]
  // [certificate]
  auto const& certificate = result.last.certificate;
  std::cout << to_string(result.outcome) << ", " << to_string(certificate.verdict) << '\n';
  for (auto const& reason : certificate.reasons) std::cout << "  " << reason << '\n';
  if (!result.solved()) {
    // x, y and hypergradient in `state` are the best that was found. Do not use them unseen.
  }
  // One certificate a target, when there are several:
  for (auto const& one : state.certificates)
    std::cout << "dim S = " << one.kernel_dimension << ", gap " << one.gap << '\n';
  // [certificate]
  auto const x = minfold::to_host(space, state.x);
  expect(result.solved() && std::abs(x(0, 0) - 2.5) < 1e-7, "hgms");
}

void by_name(Space const& space) {
  minfold::FunctorProblem<Ring, double> const problem(Ring{});
  minfold::BilevelState<double, Space> state(space, problem);
  Kokkos::deep_copy(space, state.x, 1.0);
  // [by_name]
  minfold::Settings settings({"gamma=10", "step=5e-4", "inner-step=0.02"});  // as of --set
  minfold::NamedRun run;
  run.method = "pbgd";
  run.max_iterations = 20000;
  auto const result = minfold::minimize<double>(space, problem, state, run, settings);
  std::cout << "pbgd: f(x, y) = " << result.last.upper << '\n';
  if (result.assessment)
    std::cout << "by HG-MS: F = " << result.assessment->upper
              << ", |grad F| = " << result.assessment->hypergradient_norm << '\n';
  // [by_name]
  expect(result.assessment && std::abs(result.assessment->upper - 6.25) < 0.01, "by_name");
}

void direct(Space const& space) {
  minfold::FunctorProblem<Ring, double> const problem(Ring{});
  minfold::BilevelState<double, Space> state(space, problem);
  Kokkos::deep_copy(space, state.x, 1.0);
  // [direct]
  minfold::PbgdOptions<double> options;
  options.gamma = 10;
  options.step = 5e-4;        // 0: by estimates of the curvature
  options.inner_step = 0.02;  // of the steps on g
  minfold::Pbgd<double, Space> method(options);
  minfold::RunOptions<double> run;
  run.max_iterations = 20000;
  auto const result = minfold::run_method<double, Space>(space, problem, state, method, run);
  for (auto const& finding : result.findings)
    std::cout << finding.name << " = " << finding.value << '\n';
  // [direct]
  auto const x = minfold::to_host(space, state.x);
  expect(std::abs(x(0, 0) - 2.5) < 0.1, "direct: x up to O(1 / gamma)");
}

void check(Space const& space) {
  // [check]
  minfold::FunctorProblem<Ring, double> const problem(Ring{});
  auto const found = minfold::check_derivatives<double, Space>(space, problem, {1.0});
  for (auto const& line : found.lines)
    std::cout << line.what << ": " << (line.ok ? "ok" : "WRONG") << ", error " << line.error
              << '\n';
  // [check]
  expect(found.ok(), "check_derivatives");
}

// [pointers]
// Plain pointers: H is (items, n, n), b and z are (items, n), item slowest, in memory of the backend.
bool solve_plain(Space const& space, double const* h, double const* b, double* z, int items,
                 int n) {
  Kokkos::View<double const***, Kokkos::LayoutRight, Space::memory_space,
               Kokkos::MemoryTraits<Kokkos::Unmanaged>> const matrices(h, items, n, n);
  auto const solves = minfold::make_scalars<minfold::SolveRecord<double>>(space, "solves", items);
  auto const kernels =
      minfold::make_scalars<minfold::KernelRecord<double>>(space, "kernels", items);
  minfold::pinv_direct(space, minfold::DenseOperator(matrices),
                       minfold::batch_vector(space, b, items, n),
                       minfold::batch_vector(space, z, items, n), solves, kernels);
  return minfold::summarize(space, solves).all(minfold::Outcome::converged);
}
// [pointers]

void pointers(Space const& space) {
  // Of one item, the Laplacian of a path of three nodes: b is an eigenvector of the eigenvalue 1.
  Kokkos::View<double[9], Space> const h("h");
  Kokkos::View<double[3], Space> const b("b"), z("z");
  auto const h_host = Kokkos::create_mirror_view(h);
  auto const b_host = Kokkos::create_mirror_view(b);
  double const entries[9] = {1, -1, 0, -1, 2, -1, 0, -1, 1}, right[3] = {1, 0, -1};
  for (int i = 0; i < 9; ++i) h_host(i) = entries[i];
  for (int i = 0; i < 3; ++i) b_host(i) = right[i];
  Kokkos::deep_copy(h, h_host);
  Kokkos::deep_copy(b, b_host);
  bool const solved = solve_plain(space, h.data(), b.data(), z.data(), 1, 3);
  auto const found = minfold::to_host(space, z);
  expect(solved && std::abs(found(0) - 1) < 1e-12 && std::abs(found(1)) < 1e-12, "pointers");
}

void refusal() {
  // [refusal]
  try {
    minfold::Settings settings({"candidats=6"});
    minfold::HgmsOptions<double>::from(settings);
    settings.refuse_unknown();
  } catch (std::invalid_argument const& error) {
    std::cout << error.what() << '\n';  // ... unknown key; did you mean candidates?
  }
  // [refusal]
}

}  // namespace

int main(int argc, char** argv) {
  Kokkos::ScopeGuard const kokkos(argc, argv);
  Space const space;
  hgms(space);
  by_name(space);
  direct(space);
  check(space);
  pointers(space);
  refusal();
  return failures == 0 ? 0 : 1;
}
