// SPDX-License-Identifier: Apache-2.0
// Problems that throw, give NaN or change their size in the middle of a run, and what is left of the run.
#include <minfold/drivers/hgms.hpp>

#include "method_cases.hpp"
#include "method_runs.hpp"
#include "support/snapshots.hpp"
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <limits>
#include <stdexcept>

namespace {

using namespace minfold;
using namespace minfold::test;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using Space = Kokkos::DefaultExecutionSpace;

enum class Fault { none, throws, nan, grows };

/// Fit until its gradient has been asked for `sound` times.
class Faulty final : public FunctorProblem<Fit, double> {
 public:
  Faulty(Fault fault, int sound)
      : FunctorProblem<Fit, double>(Fit{}), fault_(fault), left_(sound) {}
  int dim_y() const override { return grown_ ? 4 : 3; }
  void lower_gradient(Space const& space, ConstVectors x, ConstVectors y,
                      Vectors<double, Space> gy) const override {
    ++calls;
    bool const now = fault_ != Fault::none && left_-- <= 0;
    if (now && fault_ == Fault::throws) throw std::runtime_error("the simulator is gone");
    FunctorProblem<Fit, double>::lower_gradient(space, x, y, gy);
    if (now && fault_ == Fault::nan)
      Kokkos::deep_copy(space, gy, std::numeric_limits<double>::quiet_NaN());
    grown_ = now && fault_ == Fault::grows;
  }
  mutable int calls = 0;

 private:
  Fault fault_;
  mutable int left_;
  mutable bool grown_ = false;
};

struct Watched {
  std::optional<SolveResult> result;
  std::vector<Snapshot> delivered;
  Vec x, y;
};

/// A run of 12 iterations; the sink is not asked for anything on the way.
void run(std::string const& method, Faulty const& problem, Watched& w,
         Snapshot const* from = nullptr) {
  Space const space;
  BilevelState<double, Space> state(space, problem);
  Kokkos::deep_copy(space, state.x, 0.7);
  Checkpoints checkpoints;
  checkpoints.resume_from = from;
  checkpoints.sink = [&](Snapshot s) { w.delivered.push_back(std::move(s)); };
  NamedRun run;
  run.method = method;
  run.max_iterations = 12;
  run.tolerance = method == "hgms" ? 1e-14 : 0.0;
  run.assess = false;
  Settings settings(method == "hgms"
                        ? std::vector<std::string>{"step-rule=fixed", "step=0.05", "candidates=2"}
                        : std::vector<std::string>{});
  w.result = minimize<double>(space, problem, state, run, settings, {}, checkpoints);
  w.x = minfold::impl::to_doubles(space, state.x);
  w.y = minfold::impl::to_doubles(space, state.y);
}

/// Of an undisturbed run, to break it in the middle.
int half_of_the_gradients(std::string const& method) {
  Watched w;
  Faulty const sound(Fault::none, 0);
  run(method, sound, w);
  return sound.calls / 2;
}

void check_goes_on(std::string const& method, Watched const& broken) {
  REQUIRE(broken.delivered.size() == 1);
  int const k = broken.delivered[0].iteration();
  CHECK(k > 0);
  CHECK(k < 12);
  Watched whole, resumed;
  run(method, Faulty(Fault::none, 0), whole);
  run(method, Faulty(Fault::none, 0), resumed, &broken.delivered[0]);
  CHECK(resumed.x == whole.x);
  CHECK(resumed.y == whole.y);
  CHECK(resumed.result->iterations == 12);
}

}  // namespace

TEST_CASE("a problem that throws ends the run, and its last good iteration is saved", "[faults]") {
  std::string const method = GENERATE("hgms", "v-pbgd", "pzobo");
  CAPTURE(method);
  Watched w;
  CHECK_THROWS_MATCHES(run(method, Faulty(Fault::throws, half_of_the_gradients(method)), w),
                       std::runtime_error, MessageMatches(ContainsSubstring("simulator is gone")));
  check_goes_on(method, w);
}

TEST_CASE("a problem that gives NaN fails, and its last good iteration is saved", "[faults]") {
  std::string const method = GENERATE("hgms", "v-pbgd", "pzobo");
  CAPTURE(method);
  Watched w;
  run(method, Faulty(Fault::nan, half_of_the_gradients(method)), w);
  CHECK(w.result->outcome == SolveOutcome::failed);
  check_goes_on(method, w);
}

TEST_CASE("a problem that changes its size ends the run, and its last good iteration is saved",
          "[faults]") {
  std::string const method = GENERATE("hgms", "v-pbgd", "pzobo");
  CAPTURE(method);
  Watched w;
  CHECK_THROWS_MATCHES(run(method, Faulty(Fault::grows, half_of_the_gradients(method)), w),
                       std::invalid_argument,
                       MessageMatches(ContainsSubstring("has changed its sizes")));
  check_goes_on(method, w);
}

TEST_CASE("a sink that throws ends the run with its error, and is not asked again", "[faults]") {
  Space const space;
  Faulty const problem(Fault::none, 0);
  BilevelState<double, Space> state(space, problem);
  int asked = 0;
  Checkpoints checkpoints;
  checkpoints.every = 2;
  checkpoints.sink = [&](Snapshot) {
    ++asked;
    throw std::runtime_error("no disk");
  };
  CHECK_THROWS_MATCHES(minimize_hgms<double>(space, problem, state, {}, {}, checkpoints),
                       std::runtime_error, MessageMatches(ContainsSubstring("no disk")));
  CHECK(asked == 1);
}

TEST_CASE("what does not belong together is refused by a sentence", "[checkpoint]") {
  SolveCase const line{"v-pbgd", "line", {"step=0.01"}, 4};
  RunChoices keep;
  keep.keep = true;
  keep.assess = false;
  auto const whole = run_case(line, keep);
  RunChoices choices;
  choices.assess = false;
  auto const refused = [&](SolveCase const& which, Snapshot const& from, std::string const& text) {
    CAPTURE(text);
    choices.from = &from;
    CHECK_THROWS_MATCHES(run_case(which, choices), std::invalid_argument,
                         MessageMatches(ContainsSubstring(text)));
  };
  auto const& good = whole.snapshots.at(2);
  refused({"hgms", "line", {}, 4, false, 1e-9}, good,
          "the method of the checkpoint is v-pbgd, that of this run is hgms");
  refused({"v-pbgd", "line", {"step=0.02"}, 4}, good,
          "the setting step of the checkpoint is 0.01, that of this run is 0.02");
  refused({"v-pbgd", "line", {"step=0.01"}, 4, true}, good,
          "the precision of the checkpoint is double, that of this run is float");
  refused({"v-pbgd", "affine", {"step=0.01"}, 4}, good, "dimension of ");
  auto bad = good;
  bad.entries.erase("method/w");
  refused(line, bad, "the snapshot has no method/w");
  bad = good;
  bad.entries["method/w"].shape = {7};
  refused(line, bad, "the snapshot has 7 of method/w, expected ");
  bad = good;
  bad.entries["method/w"].type = SnapshotType::int64;
  refused(line, bad, "the snapshot has method/w in elements of type int64");
  bad = good;
  bad.entries["method/w"].data.pop_back();
  refused(line, bad, "bytes of method/w");
  bad = good;
  auto& version = bad.entries["identity/version"].data;
  version[0] = std::byte{'9'};
  refused(line, bad, "the version of the checkpoint is 9");
  refused(line, Snapshot{}, "the checkpoint does not say its ");
}

TEST_CASE("more iterations than at first go on from the end", "[checkpoint]") {
  // No step depends on the number of iterations.
  SolveCase const which{"f2sa", "line", {"step=0.01"}, 10};
  RunChoices keep;
  keep.keep = true;
  auto const whole = run_case(which, keep);
  keep.iterations = 4;
  auto const first = run_case(which, keep);
  RunChoices choices;
  choices.from = &first.snapshots.at(4);
  choices.before = first.lines;
  auto const resumed = run_case(which, choices);
  CHECK(resumed.result.iterations == 10);
  // The target of the run is written into every line.
  CHECK(difference(whole.digest, resumed.digest) == "");
}

TEST_CASE("a run that was stopped goes on, and a run that is over ends as it did", "[checkpoint]") {
  std::string const method = GENERATE("hgms", "soba");
  CAPTURE(method);
  auto const sets = method == "hgms" ? std::vector<std::string>{"step-rule=fixed", "step=0.05"}
                                     : std::vector<std::string>{};
  SolveCase const which{method, "two-well", sets, 8, false, 1e-9};
  RunChoices keep;
  keep.keep = true;
  auto const whole = run_case(which, keep);
  REQUIRE(whole.result.iterations > 3);
  auto stop = keep;
  stop.stop_after = 2;
  auto const stopped = run_case(which, stop);
  CHECK(stopped.result.outcome == SolveOutcome::stopped);
  REQUIRE(stopped.snapshots.rbegin()->first == 2);
  RunChoices choices;
  choices.from = &stopped.snapshots.at(2);
  choices.before = stopped.lines;
  CHECK(difference(whole.digest, run_case(which, choices).digest) == "");
  choices.from = &whole.snapshots.at(whole.result.iterations);
  choices.before = whole.lines;
  CHECK(difference(whole.digest, run_case(which, choices).digest) == "");
}

TEST_CASE("a method without archive() says so where a checkpoint is asked for", "[checkpoint]") {
  class Plain final : public Method<double, Space> {
   public:
    void begin(Oracle<double, Space>&) override {}
    MethodStep step(Oracle<double, Space>&, int, int) override { return {}; }
  };
  Space const space;
  FunctorProblem<Fit, double> const problem(Fit{});
  BilevelState<double, Space> state(space, problem);
  Plain method;
  RunOptions<double> options;
  options.max_iterations = 2;
  options.assess = false;
  CHECK_NOTHROW(run_method<double, Space>(space, problem, state, method, options));
  Checkpoints checkpoints;
  checkpoints.sink = [](Snapshot) {};
  CHECK_THROWS_MATCHES(
      (run_method<double, Space>(space, problem, state, method, options, {}, checkpoints)),
      std::invalid_argument, MessageMatches(ContainsSubstring("cannot be checkpointed")));
}
