// SPDX-License-Identifier: Apache-2.0
// HG-MS on arms: many targets that share one upper variable.
#include <minfold/drivers/hgms.hpp>
#include <minfold/problems/catalog.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <cmath>
#include <string>
#include <vector>

namespace {

using Space = Kokkos::DefaultExecutionSpace;
using namespace minfold;

struct Arm {
  std::string kind;
  int joints, task;
  double reach;
  int targets = 40;

  NamedProblem<double> make(std::uint64_t seed) const {
    Settings settings({"kind=" + kind, "targets=" + std::to_string(targets)});
    ProblemContext context;
    context.seed = seed;
    return find_problem("redundant-arm").make_double(settings, context);
  }
};

struct Run {
  std::vector<Iteration> lines;
  std::vector<double> x, y, hypergradient;
};

/// From `x`, and from the points `track` where there are some.
Run solve(NamedProblem<double> const& named, std::vector<double> const& x,
          std::vector<double> const& track, int candidates, int iterations) {
  Space const space;
  HgmsOptions<double> options;
  options.max_iterations = iterations;
  options.candidates.count = candidates;
  BilevelState<double, Space> state(space, *named.problem);
  impl::from_doubles<double, Space>(space, x, state.x);
  state.warm = !track.empty();
  if (state.warm) impl::from_doubles<double, Space>(space, track, state.y);
  Run run;
  minimize_hgms<double, Space>(space, *named.problem, state, options, [&](Iteration const& line) {
    run.lines.push_back(line);
    return true;
  });
  run.x = impl::to_doubles(space, state.x);
  run.y = impl::to_doubles(space, state.y);
  run.hypergradient = impl::to_doubles(space, state.hypergradient);
  return run;
}

std::vector<Arm> const arms = {{"planar", 5, 2, 1.0}, {"spatial", 7, 3, 0.926}};

}  // namespace

TEST_CASE("HG-MS moves an arm to where its targets cost less", "[hgms][arm]") {
  auto const& arm = arms[std::size_t(GENERATE(0, 1))];
  CAPTURE(arm.kind);
  auto const named = arm.make(1);
  auto const run = solve(named, named.start, {}, 8, 6);
  REQUIRE(run.lines.size() == 7);
  for (std::size_t i = 1; i < run.lines.size(); ++i) {
    CAPTURE(i);
    CHECK(run.lines[i].upper <= run.lines[i - 1].upper);
  }
  CHECK(run.lines.back().upper <= 0.9 * run.lines.front().upper);

  // Self-motion manifolds of the right dimension, at all targets and throughout.
  for (auto const& line : run.lines) {
    auto const& c = line.certificate;
    CHECK(c.kernel_dimension == arm.joints - arm.task);
    CHECK(c.kernel_dimension_min == arm.joints - arm.task);
    CHECK(c.certified + c.uncertain + c.refused == arm.targets);
    CHECK(c.refused == 0);
    CHECK(c.certified >= arm.targets - 5);
  }

  // Forward kinematics on the host: the hands are on their targets, and F is what it should be.
  auto const metrics = named.metrics({named.start, run.y}, {run.x, run.y});
  CHECK(metrics["hand_error_after"].get<double>() <= 1e-9 * arm.reach);
  CHECK(metrics["hand_error_before"].get<double>() > 1e-3);  // y belongs to the new x only
  double const upper = metrics["effort_after"].get<double>() + metrics["design_cost"].get<double>();
  CHECK(std::abs(run.lines.back().upper - upper) <= 1e-12);
}

TEST_CASE("the usual number of candidates finds the postures that many more find", "[hgms][arm]") {
  auto const& arm = arms[std::size_t(GENERATE(0, 1))];
  CAPTURE(arm.kind);
  auto const named = arm.make(3);
  double const usual =
      solve(named, named.start, {}, HgmsOptions<double>().candidates.count, 0).lines[0].upper;
  CHECK(usual <= 1.001 * solve(named, named.start, {}, 48, 0).lines[0].upper);
}

TEST_CASE("the hypergradient of an arm is the slope of F over all targets", "[hgms][arm]") {
  auto const& arm = arms[std::size_t(GENERATE(0, 1))];
  CAPTURE(arm.kind);
  // Where two postures of a target tie, F has a kink: a seed is wanted without any at x_0.
  NamedProblem<double> named;
  Run at;
  std::uint64_t seed = 0;
  do {
    REQUIRE(++seed <= 6);
    named = arm.make(seed);
    at = solve(named, named.start, {}, 8, 0);
  } while (at.lines[0].certificate.certified < arm.targets);
  REQUIRE(at.hypergradient.size() == named.start.size());

  // F is followed along the selected postures. Central differences: h^2 F'''/6 + 1e-12 / h.
  double const h = 1e-4;
  auto const upper = [&](std::size_t j, double shift) {
    auto x = named.start;
    x[j] += shift;
    return solve(named, x, at.y, 1, 0).lines[0].upper;
  };
  for (std::size_t j = 0; j < named.start.size(); ++j) {
    CAPTURE(seed, j, at.hypergradient[j]);
    double const forward = upper(j, h), backward = upper(j, -h);
    CHECK(std::abs((forward - backward) / (2 * h) - at.hypergradient[j]) <= 1e-6);
    // Second differences of the size of h^2: no target has jumped to another posture.
    CHECK(std::abs(forward + backward - 2 * at.lines[0].upper) <= 1e-5);
  }
}
