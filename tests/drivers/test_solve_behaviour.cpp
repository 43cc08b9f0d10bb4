// SPDX-License-Identifier: Apache-2.0
// Whole solves: ties, units, warm starts, rare exploration, and the counters.
#include <minfold/drivers/functor_problem.hpp>
#include <minfold/drivers/hgms.hpp>
#include <minfold/drivers/impl/host_vectors.hpp>

#include "problem_probe.hpp"
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <limits>

using namespace minfold;
using namespace minfold::test;

namespace {

/// Targets that share x on the unit circle, f_t = b x^2 / 2 - (2 y_0^2 - 1) - w_t x y_0 with w_t = 1, 2, ...:
/// F = sum_t (b x^2 / 2 - 1 - w_t |x|), a kink at 0 that is the sum of as many kinks, each with two isolated
/// minimizers. In the units of a user: f, g and y times any factors.
struct Kinks {
  int targets = 3;
  double f_unit = 1, g_unit = 1, y_unit = 1, bowl = 0;
  KOKKOS_FUNCTION int batch_size() const { return targets; }
  KOKKOS_FUNCTION int dim_x() const { return 1; }
  KOKKOS_FUNCTION int dim_y() const { return 2; }
  KOKKOS_FUNCTION double length_scale() const { return y_unit; }
  template <class X, class Y>
  KOKKOS_FUNCTION auto lower(int, X const& x, Y const& y) const {
    auto const s = (y(0) * y(0) + y(1) * y(1)) / (y_unit * y_unit) - 1.0 + 0.0 * x(0);
    return g_unit * 0.25 * s * s;
  }
  template <class X, class Y>
  KOKKOS_FUNCTION auto upper(int item, X const& x, Y const& y) const {
    auto const u = y(0) / y_unit;
    return f_unit * (0.5 * bowl * x(0) * x(0) + 1.0 - 2.0 * u * u - (1.0 + item) * x(0) * u);
  }
};

struct Solved {
  SolveResult result;
  std::vector<Iteration> lines;
  Vec x, h;
};

template <class Problem>
Solved solve_from(Problem const& problem, double x0, HgmsOptions<double> const& options = {}) {
  Space const space;
  BilevelState<double, Space> state(space, problem);
  Kokkos::deep_copy(state.x, x0);
  Solved s;
  s.result = minimize_hgms<double, Space>(space, problem, state, options, [&](auto const& line) {
    s.lines.push_back(line);
    return true;
  });
  s.x = impl::to_doubles(space, state.x);
  s.h = impl::to_doubles(space, state.hypergradient);
  return s;
}

/// Counts what it is asked for by itself.
class Witness final : public AnyProblem<double, Space> {
 public:
  using typename AnyProblem<double, Space>::ConstVectors;
  using typename AnyProblem<double, Space>::ConstBlocks;
  using Out = Vectors<double, Space>;
  using OutBlocks = Blocks<double, Space>;
  using Values = Scalars<double, Space>;

  explicit Witness(AnyProblem<double, Space> const& problem) : problem_(problem) {}
  mutable Counters seen;

  int batch_size() const override { return problem_.batch_size(); }
  int dim_x() const override { return problem_.dim_x(); }
  int dim_y() const override { return problem_.dim_y(); }
  bool has_second_order() const override { return true; }
  void upper_value(Space const& e, ConstVectors x, ConstVectors y, Values f) const override {
    seen.values += std::int64_t(y.extent(0));
    problem_.upper_value(e, x, y, f);
  }
  void lower_value(Space const& e, ConstVectors x, ConstVectors y, Values g) const override {
    seen.values += std::int64_t(y.extent(0));
    problem_.lower_value(e, x, y, g);
  }
  void upper_gradient(Space const& e, ConstVectors x, ConstVectors y, Out a, Out b) const override {
    seen.gradients += std::int64_t(y.extent(0));
    problem_.upper_gradient(e, x, y, a, b);
  }
  void lower_gradient(Space const& e, ConstVectors x, ConstVectors y, Out a) const override {
    seen.gradients += std::int64_t(y.extent(0));
    problem_.lower_gradient(e, x, y, a);
  }
  void lower_hessian(Space const& e, ConstVectors x, ConstVectors y, ConstBlocks v,
                     OutBlocks o) const override {
    seen.hessian_products += std::int64_t(v.extent(0) * v.extent(1));
    problem_.lower_hessian(e, x, y, v, o);
  }
  void mixed_transpose(Space const& e, ConstVectors x, ConstVectors y, ConstVectors z,
                       Out o) const override {
    seen.mixed_products += std::int64_t(y.extent(0));
    problem_.mixed_transpose(e, x, y, z, o);
  }
  void upper_hessian(Space const& e, ConstVectors x, ConstVectors y, ConstBlocks v,
                     OutBlocks o) const override {
    seen.second_products += std::int64_t(v.extent(0) * v.extent(1));
    problem_.upper_hessian(e, x, y, v, o);
  }
  void third_product(Space const& e, ConstVectors x, ConstVectors y, ConstVectors l, ConstBlocks v,
                     OutBlocks o) const override {
    seen.second_products += std::int64_t(v.extent(0) * v.extent(1));
    problem_.third_product(e, x, y, l, v, o);
  }

 private:
  AnyProblem<double, Space> const& problem_;
};

}  // namespace

TEST_CASE("the kinks of targets that share x add up", "[ties]") {
  FunctorProblem<Kinks, double> const problem(Kinks{});
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    HgmsOptions<double> options;
    options.max_iterations = 0;
    options.seed = seed;
    auto const s = solve_from(problem, 0.0, options);
    auto const& line = s.lines[0];
    CAPTURE(seed);
    CHECK(line.tied == 3);
    // F' (0; +-1) = -(1 + 2 + 3), and 0 is in the subdifferential [-6, 6].
    CHECK(std::abs(line.directional_derivative + 6) <= 1e-9);
    CHECK(std::abs(s.h[0]) <= 1e-9);
    CHECK(line.certificate.verdict == Verdict::uncertain);
    CHECK(mentions(line.certificate, "uniqueness"));
    // A concave kink is no minimum: the solve does not end there.
    CHECK(s.result.outcome == SolveOutcome::iteration_limit);
  }
  // Away from the kink the derivative is one-sided no more.
  auto const s = solve_from(problem, 0.5, {.max_iterations = 0});
  CHECK(s.lines[0].tied == 0);
  CHECK(std::abs(s.lines[0].directional_derivative + 6) <= 1e-9);
  CHECK(std::abs(s.h[0] + 6) <= 1e-9);
}

TEST_CASE("a solve leaves the kink it starts on", "[ties]") {
  FunctorProblem<Kinks, double> const problem(Kinks{.bowl = 1});
  auto const s = solve_from(problem, 0.0);
  CHECK(s.result.solved());
  // F = 3 x^2 / 2 - 3 - 6 |x|
  CHECK(std::abs(std::abs(s.x[0]) - 2) <= 1e-8);
  CHECK(std::abs(s.result.last.upper + 9) <= 1e-12);
}

TEST_CASE("verdict and result do not depend on the units of f, g and y", "[units]") {
  auto const plain = solve_from(FunctorProblem<Kinks, double>(Kinks{.bowl = 1}), 0.7);
  CHECK(plain.result.solved());
  for (double const f : {1e-9, 1.0, 1e7})
    for (double const g : {1e-8, 1e6})
      for (double const y : {1e-5, 1e4}) {
        CAPTURE(f, g, y);
        FunctorProblem<Kinks, double> const problem(
            Kinks{.f_unit = f, .g_unit = g, .y_unit = y, .bowl = 1});
        auto const s = solve_from(problem, 0.7);
        CHECK(s.result.outcome == SolveOutcome::converged);
        CHECK(s.result.last.certificate.verdict == Verdict::certified);
        CHECK(std::abs(s.x[0] - 2) <= 1e-7);
        auto const tied = solve_from(problem, 0.0, {.max_iterations = 0});
        CHECK(tied.result.last.certificate.verdict == Verdict::uncertain);
      }
}

TEST_CASE("a multiple of a kink that cancels is no proof of uniqueness", "[ties]") {
  // At x = pi / 8 the slope of -sin(8 x) y_0 along S is rounding, and so is f itself.
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    auto const named =
        make<double>("kinks", {"x0=0.39269908169872414", "center=0.39269908169872414"});
    Space const space;
    BilevelState<double, Space> state(space, *named.problem);
    impl::from_doubles<double, Space>(space, named.start, state.x);
    HgmsOptions<double> options;
    options.max_iterations = 0;
    options.seed = seed;
    auto const result = minimize_hgms<double, Space>(space, *named.problem, state, options);
    CHECK(result.last.certificate.verdict != Verdict::certified);
  }
}

TEST_CASE("without fresh candidates nothing is certified, and the end always has them",
          "[explore]") {
  FunctorProblem<Kinks, double> const problem(Kinks{.bowl = 1});
  HgmsOptions<double> options;
  options.candidates.every = 1000;
  options.outer.rule = StepRule::fixed;
  options.outer.step = 0.1;
  auto const s = solve_from(problem, 0.7, options);
  REQUIRE(s.lines.size() > 4);
  CHECK(s.result.solved());
  for (std::size_t i = 1; i + 1 < s.lines.size(); ++i) {
    CHECK(s.lines[i].certificate.verdict == Verdict::uncertain);
    CHECK(mentions(s.lines[i].certificate, "uniqueness"));
  }
  CHECK(s.lines.back().certificate.verdict == Verdict::certified);
}

TEST_CASE("a warm start tracks its point", "[explore]") {
  FunctorProblem<Kinks, double> const problem(Kinks{.targets = 1, .bowl = 1});
  Space const space;
  BilevelState<double, Space> state(space, problem);
  Kokkos::deep_copy(state.x, 0.7);
  HgmsOptions<double> options;
  CHECK(minimize_hgms(space, problem, state, options).solved());
  CHECK(state.warm);
  auto const again = minimize_hgms(space, problem, state, options);
  CHECK(again.solved());
  CHECK(again.iterations == 0);
  // Tracking only: from a point of the wrong side it ends on the wrong side, uncertified.
  Kokkos::deep_copy(state.x, 0.7);
  impl::from_doubles<double, Space>(space, {-1, 0.01}, state.y);
  state.warm = true;
  options.candidates.count = 1;
  options.refine.max_iterations = 0;
  options.max_iterations = 0;
  auto const held = minimize_hgms(space, problem, state, options);
  // f = 0.7^2 / 2 - 1 + 0.7 at y = (-1, 0), where the best is 1.4 lower.
  CHECK(std::abs(held.last.upper + 0.055) < 1e-3);
  CHECK(held.last.certificate.verdict == Verdict::uncertain);
}

TEST_CASE("the counters say what the problem was asked for", "[counters]") {
  FunctorProblem<Kinks, double> const plain(Kinks{.targets = 1, .bowl = 1});
  Witness const problem(plain);
  auto const s = solve_from(problem, 0.7);
  auto const counted = total(s.result.last.counters);
  CHECK(counted.values == problem.seen.values);
  CHECK(counted.gradients == problem.seen.gradients);
  CHECK(counted.hessian_products == problem.seen.hessian_products);
  CHECK(counted.mixed_products == problem.seen.mixed_products);
  CHECK(counted.second_products == problem.seen.second_products);
  for (auto const n : {counted.values, counted.gradients, counted.hessian_products,
                       counted.mixed_products, counted.second_products})
    CHECK(n > 0);
  // One mixed product for every hypergradient at the selected point, and one for the reference.
  auto const& differentiate = s.result.last.counters[int(Stage::differentiate)];
  CHECK(differentiate.mixed_products == s.result.iterations + 1);
  CHECK(s.result.last.counters[int(Stage::candidates)].gradients > 0);
}
