// SPDX-License-Identifier: Apache-2.0
// Where the dimension of S is a guess: an early end that says so, and the same one after a resume.
#include <minfold/drivers/checkpoints.hpp>
#include <minfold/drivers/counted_problem.hpp>
#include <minfold/drivers/impl/host_vectors.hpp>
#include <minfold/drivers/method_catalog.hpp>
#include <minfold/problems/catalog.hpp>

#include "support/host.hpp"
#include <catch2/catch_test_macros.hpp>

#include <cstring>
#include <string>
#include <vector>

using namespace minfold;
using namespace minfold::test;

namespace {

struct Ended {
  SolveResult result;
  std::vector<double> values, x;
  std::vector<Snapshot> snapshots;
  std::int64_t gradients =
      0;  ///< that this run asked for, not those of the run that it goes on with
};

/// S(x) is affine of dimension 4 in 8, and eigenvalues of H below half of the largest are called zero: there is no
/// gap there.
Ended solve(Snapshot const* from = nullptr) {
  Space const space;
  Settings settings({"dim=8", "kernel-tolerance=0.5"});
  auto const named = find_problem("affine").make_double(settings, {});
  CountedProblem<double, Space> const problem(*named.problem);
  BilevelState<double, Space> state(space, problem);
  impl::from_doubles<double, Space>(space, named.start, state.x);
  Ended ended;
  Checkpoints checkpoints;
  checkpoints.every = 1;
  checkpoints.sink = [&](Snapshot s) { ended.snapshots.push_back(std::move(s)); };
  checkpoints.resume_from = from;
  NamedRun run;
  run.method = "hgms";
  ended.result = minimize<double>(
      space, problem, state, run, settings,
      [&](Iteration const& line) {
        ended.values.push_back(line.upper);
        return true;
      },
      checkpoints);
  ended.gradients = total(problem.counters()).gradients;
  ended.x = impl::to_doubles(space, state.x);
  return ended;
}

}  // namespace

TEST_CASE("a solve whose rank stays a guess ends at the first iteration without descent",
          "[faults]") {
  Ended const whole = solve();
  CHECK(whole.result.outcome == SolveOutcome::stalled);
  CHECK(whole.result.last.certificate.verdict == Verdict::refused);
  CHECK(whole.result.iterations >= 1);
  CHECK(whole.result.iterations <= 10);
  // It has descended as long as that was possible with a wrong hypergradient.
  CHECK(whole.values.back() < 0.5 * whole.values.front());
  for (auto const last : {whole.snapshots.size() - 1, whole.snapshots.size() - 2}) {
    Ended const resumed = solve(&whole.snapshots[last]);
    CHECK(resumed.result.outcome == SolveOutcome::stalled);
    CHECK(resumed.result.iterations == whole.result.iterations);
    CHECK(resumed.x == whole.x);
  }
}

TEST_CASE("a snapshot of a solve on a guessed rank knows what F was an iteration before",
          "[faults]") {
  Ended const whole = solve();
  REQUIRE(whole.snapshots.size() >= 3);
  auto snapshot = whole.snapshots[1];
  auto& entry = snapshot.entries.at("hgms/upper_before");
  REQUIRE(entry.data.size() == sizeof(double));
  double before = 0;
  std::memcpy(&before, entry.data.data(), sizeof before);
  CHECK(before == whole.values[0]);
  // Had F been lower then, the run would end without another question.
  before = whole.values[1] - 1;
  std::memcpy(entry.data.data(), &before, sizeof before);
  Ended const resumed = solve(&snapshot);
  CHECK(resumed.result.outcome == SolveOutcome::stalled);
  CHECK(resumed.result.iterations == 1);
  CHECK(resumed.gradients == 0);
}
