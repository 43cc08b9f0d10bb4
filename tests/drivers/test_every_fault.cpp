// SPDX-License-Identifier: Apache-2.0
// Every callback that a method asks, broken in every way in the middle of a run of every method of the catalog:
// the run ends within seconds, with one sentence or an outcome that is no success, and its last good iteration
// is saved.
#include <minfold/drivers/functor_problem.hpp>
#include <minfold/drivers/method_catalog.hpp>

#include "method_cases.hpp"
#include "method_matrix.hpp"
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <array>
#include <limits>
#include <optional>
#include <stdexcept>

namespace {

using namespace minfold;
using namespace minfold::test;

enum Callback {
  upper_value,
  lower_value,
  upper_gradient,
  lower_gradient,
  lower_hessian,
  mixed_transpose,
  lower_gradient_x,
  mixed_product,
  upper_hessian,
  third_product,
  callbacks
};
char const* name_of(Callback which) {
  static constexpr char const* names[] = {
      "upper_value",     "lower_value",      "upper_gradient", "lower_gradient", "lower_hessian",
      "mixed_transpose", "lower_gradient_x", "mixed_product",  "upper_hessian",  "third_product"};
  return names[which];
}

enum class Fault { none, throws, nan, longer_y, shorter_y, shorter_x, no_target };

/// Fit until `which` has been asked `sound` times; from then on it is broken.
class Broken final : public FunctorProblem<Fit, double> {
  using Base = FunctorProblem<Fit, double>;

 public:
  explicit Broken(Fault fault = Fault::none, Callback which = Callback::upper_value, int sound = 0)
      : Base(Fit{}), fault_(fault), which_(which), sound_(sound) {}

  int batch_size() const override { return happened(Fault::no_target) ? 0 : 1; }
  int dim_x() const override { return happened(Fault::shorter_x) ? 1 : 2; }
  int dim_y() const override {
    return happened(Fault::longer_y) ? 4 : happened(Fault::shorter_y) ? 2 : 3;
  }

  void upper_value(Space const& space, ConstVectors x, ConstVectors y,
                   Scalars<double, Space> out) const override {
    ask<Callback::upper_value>(space, [&] { Base::upper_value(space, x, y, out); }, out);
  }
  void lower_value(Space const& space, ConstVectors x, ConstVectors y,
                   Scalars<double, Space> out) const override {
    ask<Callback::lower_value>(space, [&] { Base::lower_value(space, x, y, out); }, out);
  }
  void upper_gradient(Space const& space, ConstVectors x, ConstVectors y, Vectors<double, Space> gx,
                      Vectors<double, Space> gy) const override {
    ask<Callback::upper_gradient>(
        space, [&] { Base::upper_gradient(space, x, y, gx, gy); }, gx, gy);
  }
  void lower_gradient(Space const& space, ConstVectors x, ConstVectors y,
                      Vectors<double, Space> gy) const override {
    ask<Callback::lower_gradient>(space, [&] { Base::lower_gradient(space, x, y, gy); }, gy);
  }
  void lower_hessian(Space const& space, ConstVectors x, ConstVectors y, ConstBlocks v,
                     Blocks<double, Space> out) const override {
    ask<Callback::lower_hessian>(space, [&] { Base::lower_hessian(space, x, y, v, out); }, out);
  }
  void mixed_transpose(Space const& space, ConstVectors x, ConstVectors y, ConstVectors z,
                       Vectors<double, Space> out) const override {
    ask<Callback::mixed_transpose>(space, [&] { Base::mixed_transpose(space, x, y, z, out); }, out);
  }
  void lower_gradient_x(Space const& space, ConstVectors x, ConstVectors y,
                        Vectors<double, Space> out) const override {
    ask<Callback::lower_gradient_x>(space, [&] { Base::lower_gradient_x(space, x, y, out); }, out);
  }
  void mixed_product(Space const& space, ConstVectors x, ConstVectors y, ConstVectors u,
                     Vectors<double, Space> out) const override {
    ask<Callback::mixed_product>(space, [&] { Base::mixed_product(space, x, y, u, out); }, out);
  }
  void upper_hessian(Space const& space, ConstVectors x, ConstVectors y, ConstBlocks v,
                     Blocks<double, Space> out) const override {
    ask<Callback::upper_hessian>(space, [&] { Base::upper_hessian(space, x, y, v, out); }, out);
  }
  void third_product(Space const& space, ConstVectors x, ConstVectors y, ConstVectors lambda,
                     ConstBlocks v, Blocks<double, Space> out) const override {
    ask<Callback::third_product>(
        space, [&] { Base::third_product(space, x, y, lambda, v, out); }, out);
  }

  /// Every sample is all of g.
  int samples() const override { return 2; }
  std::unique_ptr<AnyProblem<double, Space>> on_sample(Space const&, Place, int) const override {
    return std::make_unique<CountedProblem<double, Space>>(*this);
  }

  mutable std::array<int, callbacks> calls{};
  mutable int after = 0;  ///< calls of any callback once it is broken

 private:
  bool happened(Fault fault) const { return fault == fault_ && broken_; }

  template <Callback me, class Sound, class... Outputs>
  void ask(Space const& space, Sound const& sound, Outputs const&... out) const {
    bool const now = me == which_ && calls[me]++ >= sound_ && fault_ != Fault::none;
    if (me != which_) ++calls[me];
    after += broken_;
    if (now && fault_ == Fault::throws) throw std::runtime_error("the simulator is gone");
    sound();
    if (now && fault_ == Fault::nan)
      (Kokkos::deep_copy(space, out, std::numeric_limits<double>::quiet_NaN()), ...);
    broken_ = broken_ || now;
  }

  Fault fault_;
  Callback which_;
  int sound_;
  mutable bool broken_ = false;
};

struct Watched {
  std::optional<SolveResult> result;
  std::string sentence;
  std::vector<Snapshot> delivered;
  std::array<int, callbacks> first{},
      last{};  ///< calls when iteration 0 and the last one were seen
  int iterations = -1;
  int after = 0;  ///< as in Broken
  Vec x, y;
};

/// Converges where nothing is broken.
Watched watch(std::string const& method, Broken const& problem, Snapshot const* from = nullptr) {
  Space const space;
  Watched w;
  BilevelState<double, Space> state(space, Broken());
  Kokkos::deep_copy(space, state.x, 0.7);
  Checkpoints checkpoints;
  checkpoints.resume_from = from;
  checkpoints.sink = [&](Snapshot s) { w.delivered.push_back(std::move(s)); };
  NamedRun run;
  run.method = method;
  run.max_iterations = method == "hgms" ? 40 : 200;
  run.tolerance = method == "hgms" ? 1e-2 : 0.1;
  auto sets = budget_of(method, {"fit", {}, 0.1, 2}).sets;
  if (method == "hgms") sets = {"step-rule=fixed", "step=0.1", "candidates=2"};
  Settings settings(sets);
  auto const observer = [&](Iteration const& line) {
    if (w.iterations < 0) w.first = problem.calls;
    w.last = problem.calls;
    w.iterations = line.iteration;
    return true;
  };
  try {
    w.result = minimize<double>(space, problem, state, run, settings, observer, checkpoints);
  } catch (std::exception const& error) {
    w.sentence = error.what();
  }
  w.after = problem.after;
  w.x = minfold::impl::to_doubles(space, state.x);
  w.y = minfold::impl::to_doubles(space, state.y);
  return w;
}

/// Where in a run a callback breaks.
enum class Phase { first_iteration, middle, assessment };

/// After how many calls of `which`; nothing where the phase has none.
std::optional<int> calls_before(Phase phase, Watched const& whole, Broken const& asked,
                                Callback which) {
  int const first = whole.first[which], last = whole.last[which], all = asked.calls[which];
  auto const between = [](int low, int high) {
    return low < high ? std::optional<int>((low + high) / 2) : std::nullopt;
  };
  switch (phase) {
    case Phase::first_iteration: return between(0, first);
    case Phase::middle: return between(first, last);
    default: return between(last, all);
  }
}

/// Calls check(whole, broken, phase, callback) for all that the method asks, in every phase of a run.
template <class Check>
int break_everything(std::string const& method, Fault fault, Check const& check) {
  Broken const sound;
  auto const whole = watch(method, sound);
  CAPTURE(method, whole.sentence);
  REQUIRE(whole.result);
  CHECK(whole.result->outcome == SolveOutcome::converged);
  CHECK(whole.iterations >= 1);
  int cases = 0;
  for (int c = 0; c < callbacks; ++c)
    for (Phase const phase : {Phase::first_iteration, Phase::middle, Phase::assessment}) {
      auto const which = Callback(c);
      auto const at = calls_before(phase, whole, sound, which);
      if (!at) continue;
      Kokkos::Timer const timer;
      auto const broken = watch(method, Broken(fault, which, *at));
      CAPTURE(name_of(which), int(phase), int(fault), *at, broken.sentence);
      CHECK(timer.seconds() < 60);  // seconds, on a machine with other work
      // What was saved is one state, that of the last good iteration, from which a sound problem goes on.
      CHECK(broken.delivered.size() <= 1);
      if (phase != Phase::first_iteration) {
        REQUIRE(broken.delivered.size() == 1);
        int const k = broken.delivered[0].iteration();
        CHECK(k >= 0);
        if (fault != Fault::nan) CHECK(k <= whole.iterations);
        if (phase == Phase::assessment) CHECK(k == whole.iterations);
      }
      check(whole, broken, phase, which);
      ++cases;
    }
  CHECK(cases > 6);
  return cases;
}

void check_goes_on(std::string const& method, Watched const& whole, Watched const& broken) {
  if (broken.delivered.empty()) return;
  auto const resumed = watch(method, Broken(), &broken.delivered[0]);
  CHECK(resumed.sentence == "");
  CHECK(resumed.x == whole.x);
  CHECK(resumed.y == whole.y);
}

std::vector<std::string> all_methods() {
  std::vector<std::string> names;
  for (auto const& entry : methods()) names.push_back(entry.name);
  return names;
}

}  // namespace

TEST_CASE("whatever callback throws, its error ends every method, and the run is saved",
          "[faults]") {
  for (auto const& method : all_methods())
    break_everything(method, Fault::throws,
                     [&](Watched const& whole, Watched const& broken, Phase, Callback) {
                       CHECK(broken.sentence == "the simulator is gone");
                       check_goes_on(method, whole, broken);
                     });
}

TEST_CASE("a problem that changes a size anywhere ends every method with a sentence", "[faults]") {
  for (auto const& method : all_methods())
    for (Fault const fault :
         {Fault::longer_y, Fault::shorter_y, Fault::shorter_x, Fault::no_target}) {
      // They pass through the same check in all methods.
      bool const of_few = fault == Fault::shorter_x || fault == Fault::no_target;
      if (of_few && method != "hgms" && method != "pbgd" && method != "soba") continue;
      std::string const now = fault == Fault::longer_y    ? "1, 2, 4"
                              : fault == Fault::shorter_y ? "1, 2, 2"
                              : fault == Fault::shorter_x ? "1, 1, 3"
                                                          : "0, 2, 3";
      break_everything(method, fault, [&](Watched const&, Watched const& broken, Phase, Callback) {
        // After the last call of all there is nothing that would ask for the size.
        if (broken.after == 0 && broken.result) return;
        CHECK(broken.sentence ==
              "minfold: the problem has changed its sizes while it is solved: from "
              "1 targets, dim_x 2, dim_y 3 to " +
                  now);
      });
    }
}

TEST_CASE("NaN from any callback is certified by no method, and the run is saved", "[faults]") {
  for (auto const& method : all_methods())
    break_everything(method, Fault::nan,
                     [&](Watched const&, Watched const& broken, Phase phase, Callback which) {
                       REQUIRE(broken.result);
                       CHECK(!broken.result->solved());
                       // What a method asks for in its steps, and not for its start only, may not be NaN
                       // where it ends. HG-MS does without second derivatives where it must.
                       bool const second =
                           which == Callback::upper_hessian || which == Callback::third_product;
                       if (phase == Phase::middle && !(method == "hgms" && second))
                         CHECK(broken.result->outcome != SolveOutcome::converged);
                       for (auto const& snapshot : broken.delivered) {
                         auto const resumed = watch(method, Broken(), &snapshot);
                         CHECK(resumed.sentence == "");
                         for (double const value : resumed.x) CHECK(std::isfinite(value));
                         for (double const value : resumed.y) CHECK(std::isfinite(value));
                       }
                     });
}

namespace {

/// Nothing to minimize over, or nothing to minimize.
struct NoSize {
  int targets = 1, x = 1, y = 1;
  KOKKOS_FUNCTION int batch_size() const { return targets; }
  KOKKOS_FUNCTION int dim_x() const { return x; }
  KOKKOS_FUNCTION int dim_y() const { return y; }
  template <class X, class Y>
  KOKKOS_FUNCTION auto lower(int, X const&, Y const& v) const {
    return v(0) * v(0);
  }
  template <class X, class Y>
  KOKKOS_FUNCTION auto upper(int, X const& u, Y const&) const {
    return u(0) * u(0);
  }
};

}  // namespace

TEST_CASE("a problem without a size is refused by every method", "[faults]") {
  Space const space;
  for (auto const& method : all_methods())
    for (NoSize const size : {NoSize{0, 1, 1}, NoSize{1, 0, 1}, NoSize{1, 1, 0}, NoSize{1, 0, 0}}) {
      CAPTURE(method, size.targets, size.x, size.y);
      FunctorProblem<NoSize, double> const problem(size);
      BilevelState<double, Space> state(space, problem);
      NamedRun run;
      run.method = method;
      Settings settings(budget_of(method, {"fit", {}, 0.1, 2}).sets);
      std::string sentence;
      try {
        minimize<double>(space, problem, state, run, settings);
      } catch (std::invalid_argument const& error) {
        sentence = error.what();
      }
      CHECK_THAT(sentence, Catch::Matchers::ContainsSubstring("must be positive"));
      CHECK_THAT(sentence, Catch::Matchers::ContainsSubstring(
                               std::to_string(size.targets) + " targets, dim_x " +
                               std::to_string(size.x) + ", dim_y " + std::to_string(size.y)));
    }
}
