// SPDX-License-Identifier: Apache-2.0
// Every method on every problem with a closed form: what must hold everywhere, and what theory expects of
// each pair.
#include "method_matrix.hpp"
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <set>

namespace {

using namespace minfold;
using namespace minfold::test;

struct Cell {
  MatrixProblem const& problem;
  NamedProblem<double> const& named;
  std::string const& method;
  double scale;  ///< |grad F(x_0)|
};

double length(Vec const& v) {
  return std::sqrt(dot(v, v));  // NaN where an entry is
}
bool finite(Vec const& v) {
  for (double const e : v)
    if (!std::isfinite(e)) return false;
  return true;
}

/// What holds whatever the method and the problem: no NaN is a success, and the assessment and its
/// certificate agree with the closed form.
void check_honest(Cell const& cell, MatrixEnd const& end) {
  auto const& result = end.result;
  bool const certified = result.last.certificate.verdict == Verdict::certified;
  if (!finite(end.x) || !finite(end.y)) {
    CHECK(result.outcome == SolveOutcome::failed);
    CHECK_FALSE(certified);
    return;
  }
  if (!(length(end.x) <= 1e30)) {  // diverged: closed forms overflow there
    CHECK_FALSE(certified);
    return;
  }
  auto const truth = cell.named.truth(end.x);
  bool const own = cell.method == "hgms";
  if (!own && !result.assessment) {
    CHECK(result.outcome == SolveOutcome::failed);
    return;
  }
  // The assessment's own certificate: the reasons that run_method adds are about the method alone.
  bool stands = truth.differentiable;
  for (auto const& reason : result.last.certificate.reasons)
    stands =
        stands && (reason.rfind("stationarity: ", 0) == 0 || reason.rfind("selection: ", 0) == 0);
  if (stands) {
    double const upper = own ? result.last.upper : result.assessment->upper;
    double const slope =
        own ? result.last.hypergradient_norm : result.assessment->hypergradient_norm;
    CHECK(std::abs(upper - truth.upper) <= 1e-6 * std::max(1.0, std::abs(truth.upper)));
    if (cell.problem.bounded)
      CHECK(slope <= length(truth.gradient) + 1e-6 * cell.scale);  // projected on the bounds of x
    else
      CHECK(std::abs(slope - length(truth.gradient)) <=
            1e-6 * std::max(cell.scale, length(truth.gradient)));
  }
  // Of HG-MS the certificate is about h at x, not about x: `solved` says both.
  if (!(own ? result.solved() : certified)) return;
  CHECK(truth.differentiable);
  CHECK(result.last.hypergradient_norm <= 1e-3 * std::max(cell.scale, 1.0));
  if (!cell.problem.bounded) CHECK(length(truth.gradient) <= 1e-4 * std::max(cell.scale, 1.0));
  if (!truth.selection.empty())
    CHECK(gap(end.y, truth.selection) <= 1e-3 * cell.named.problem->length_scale());
}

void check_expected(Cell const& cell, MatrixEnd const& end, char expected) {
  bool const certified = end.result.last.certificate.verdict == Verdict::certified;
  bool const own = cell.method == "hgms";
  if (!finite(end.x) || !(length(end.x) <= 1e30)) {  // nothing but u and b allows that
    CHECK_FALSE(certified);
    CHECK((expected == 'u' || expected == 'b'));
    return;
  }
  auto const truth = cell.named.truth(end.x);
  double const slope = length(truth.gradient) / cell.scale;
  INFO("expected " << expected << ", |grad F| / |grad F(x_0)| = " << slope);
  if (expected == 'e') CHECK(slope <= exact_within);
  if (expected == 'p') CHECK(slope <= near_within);
  if (expected == 'b') {
    CHECK(!(slope < biased_from));
    CHECK_FALSE(certified);
  }
  if (expected == 'u') CHECK_FALSE((own ? end.result.solved() : certified));
}

}  // namespace

TEST_CASE("every method on every closed form is exact, near, biased or uncertified as expected",
          "[matrix]") {
  std::set<std::string> rows;
  for (auto const& row : matrix_rows()) {
    rows.insert(row.problem);
    REQUIRE(row.letters.size() == methods().size());
    auto const& problem = matrix_problem(row.problem);
    auto const named = make<double>(problem.name, problem.sets);
    double const slope = length(named.truth(named.start).gradient);
    for (std::size_t i = 0; i < methods().size(); ++i) {
      auto const& method = methods()[i].name;
      char const expected = row.letters[i];
      CAPTURE(problem.name, method);
      auto const budget = budget_of(method, problem);
      Cell const cell{problem, named, method, slope > 1e-12 ? slope : 1};
      if (expected == 'r') {
        CHECK_THROWS_AS(run_cell(named, method, budget.sets, budget.iterations),
                        std::invalid_argument);
        continue;
      }
      auto const end = run_cell(named, method, budget.sets, budget.iterations);
      check_honest(cell, end);
      check_expected(cell, end, expected);
    }
  }
  // No problem with a closed form is left out.
  for (auto const& entry : catalog()) {
    Settings settings(std::vector<std::string>{});
    auto const named = entry.make_double(settings, {});
    if (named.truth || named.optimum) CHECK(rows.count(entry.name) == 1);
  }
}

TEST_CASE("a first direction of 0 is no convergence", "[matrix]") {
  // grad_x f = 0 and the first adjoint of soba is 0: it must go on and come nearer.
  for (std::string const name : {"coreset", "reweighting"}) {
    CAPTURE(name);
    auto const& problem = matrix_problem(name);
    auto const named = make<double>(name, problem.sets);
    auto const budget = budget_of("soba", problem);
    auto const end = run_cell(named, "soba", budget.sets, budget.iterations);
    CHECK(end.result.iterations > 1);
    CHECK(gap(end.x, named.start) > 1e-3);
  }
}

TEST_CASE("the seed of a run reaches the methods that sample", "[matrix][seed]") {
  struct Sampling {
    std::string problem, method;
    std::vector<std::string> sets;
    int iterations;
  };
  std::vector<Sampling> const all = {
      {"hyper-cleaning", "hgms-minibatch", {"batch=8"}, 5},
      {"line", "superquantile", {"samples=20", "langevin-steps=2", "burn-in=5"}, 5},
      {"line", "pzobo", {}, 5},
  };
  for (auto const& s : all) {
    CAPTURE(s.method);
    auto const named = make<double>(s.problem, matrix_problem(s.problem).sets);
    auto const x = [&](std::uint64_t seed, bool fixed) {
      auto sets = s.sets;
      if (fixed) sets.push_back("sampling-seed=7");
      // y_0 is given: it depends on the seed of the run too, if it is random.
      return run_cell(named, s.method, sets, s.iterations, seed, false, true).x;
    };
    CHECK(x(1, false) == x(1, false));
    CHECK(x(1, false) != x(2, false));
    CHECK(x(1, true) == x(2, true));
    CHECK(x(1, true) != x(1, false));
  }
}
