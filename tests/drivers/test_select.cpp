// SPDX-License-Identifier: Apache-2.0
// The choice among candidates, from hand-made records.
#include <minfold/drivers/functor_problem.hpp>
#include <minfold/drivers/select.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <limits>
#include <vector>

using namespace minfold;
using Space = Kokkos::DefaultExecutionSpace;

namespace {

/// Only its shape and its length matter here.
struct Plane {
  int targets = 1;
  double length = 1;
  KOKKOS_FUNCTION int batch_size() const { return targets; }
  KOKKOS_FUNCTION int dim_x() const { return 1; }
  KOKKOS_FUNCTION int dim_y() const { return 2; }
  KOKKOS_FUNCTION double length_scale() const { return length; }
  template <class X, class Y>
  KOKKOS_FUNCTION auto lower(int, X const& x, Y const& y) const {
    return x(0) * y(0) + y(1);
  }
  template <class X, class Y>
  KOKKOS_FUNCTION auto upper(int, X const& x, Y const& y) const {
    return x(0) + y(0) + y(1);
  }
};

struct Candidate {
  double y0 = 0, f = 0;
  double g = 0;
  double gradient = 0;  ///< tangential, relative
  Outcome lower = Outcome::converged, refined = Outcome::converged;
};

std::vector<SelectRecord<double>> select_among(std::vector<Candidate> const& candidates,
                                               int tracked = 0, Plane const& plane = {}) {
  Space const space;
  FunctorProblem<Plane, double> const problem(plane);
  int const items = int(candidates.size());
  auto const y = make_vectors<double>(space, "y", items, 2);
  auto const lower = make_scalars<LowerRecord<double>>(space, "lower", items);
  auto const refined = make_scalars<RefineRecord<double>>(space, "refined", items);
  auto const records = make_scalars<SelectRecord<double>>(space, "records", plane.targets);
  auto const host_y = Kokkos::create_mirror_view(y);
  auto const host_lower = Kokkos::create_mirror_view(lower);
  auto const host_refined = Kokkos::create_mirror_view(refined);
  for (int i = 0; i < items; ++i) {
    auto const& c = candidates[i];
    host_y(i, 0) = c.y0;
    host_y(i, 1) = 0;
    LowerRecord<double> l;
    l.outcome = c.lower;
    l.operator_norm = 1;
    l.value = c.g;
    host_lower(i) = l;
    RefineRecord<double> r;
    r.outcome = c.refined;
    r.value = c.f;
    r.gradient_norm = c.gradient;
    r.scale = 1;
    host_refined(i) = r;
  }
  Kokkos::deep_copy(y, host_y);
  Kokkos::deep_copy(lower, host_lower);
  Kokkos::deep_copy(refined, host_refined);
  select_best<double, Space>(space, problem, y, lower, refined, records, {.tracked = tracked});
  auto const host = to_host(space, records);
  return {host.data(), host.data() + host.size()};
}

constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("the lowest candidate wins, the next different point is its rival", "[select]") {
  auto const s = select_among({{0, 3}, {1, 1}, {1 + 1e-6, 1}, {2, 2}, {3, 5}})[0];
  CHECK(s.best == 1);
  CHECK(s.rival == 3);
  CHECK(s.margin == 1);
  CHECK(s.usable == 5);
  CHECK(s.independent == 4);
  CHECK(!s.open);
  CHECK(!s.below);
  // All agree: no rival.
  auto const agreed = select_among({{1, 1}, {1 + 1e-6, 1}})[0];
  CHECK(agreed.rival == -1);
  CHECK(agreed.margin == infinity);
  // An exact tie goes to the lower index.
  auto const tie = select_among({{1, 1}, {-1, 1}})[0];
  CHECK(tie.best == 0);
  CHECK(tie.rival == 1);
  CHECK(tie.margin == 0);
}

TEST_CASE("different is measured in the lengths of the problem", "[select]") {
  CHECK(select_among({{1, 1}, {1.01, 2}})[0].rival == 1);
  CHECK(select_among({{1, 1}, {1.01, 2}}, 0, {.targets = 1, .length = 1e3})[0].rival == -1);
}

TEST_CASE("a candidate that stopped at the accuracy of f still ties", "[select]") {
  auto const stopped = Outcome::iteration_limit;
  auto const s = select_among({{1, 1, 0, 1e-8, Outcome::converged, stopped},
                               {-1, 1, 0, 1e-8, Outcome::converged, stopped}})[0];
  CHECK(s.best == 0);
  CHECK(s.rival == 1);
  CHECK(s.margin == 0);
  CHECK(s.finished == 2);
}

TEST_CASE("a candidate that is still descending keeps the question open", "[select]") {
  auto const stopped = Outcome::iteration_limit;
  Candidate const far{-1, 1.5, 0, 0.8, Outcome::converged, stopped};
  auto const s = select_among({{1, 1}, {1 + 1e-6, 1}, far})[0];
  CHECK(s.best == 0);
  CHECK(s.rival == -1);
  CHECK(s.open);
  CHECK(s.independent == 1);
  // Too high to come below, or on its way to the same point: no question.
  Candidate high = far;
  high.f = 2;
  CHECK(!select_among({{1, 1}, high})[0].open);
  Candidate same = far;
  same.y0 = 1;
  CHECK(!select_among({{1, 1}, same})[0].open);
  CHECK(select_among({{1, 1}, same})[0].independent == 0);
}

TEST_CASE("local minimizers of g and points off S are not selected", "[select]") {
  // The lowest f at a higher g, and at a point that no lower solve finished.
  auto const s = select_among(
      {{0, -9, 0.1}, {1, -8, 0, 0, Outcome::iteration_limit}, {2, 1, 0}, {3, 2, 0}})[0];
  CHECK(s.best == 2);
  CHECK(s.rival == 3);
  CHECK(s.usable == 2);
  CHECK(!s.below);
  // A smaller g, though not at its minimum yet, unmasks the others.
  CHECK(select_among({{0, 1, 0.1}, {1, 0, 0.05, 0, Outcome::iteration_limit}})[0].below);
  // A large constant in g does not make a local minimizer global.
  CHECK(select_among({{0, -9, 1e6 + 0.1}, {2, 1, 1e6}})[0].best == 1);
  CHECK(select_among({{0, 1, infinity, 0, Outcome::not_finite}, {2, 1, 1e6}})[0].best == 1);
}

TEST_CASE("what is not finite or no minimum of g is never selected", "[select]") {
  double const nan = std::numeric_limits<double>::quiet_NaN();
  auto const s = select_among({{0, nan, 0},
                               {1, -5, nan},
                               {2, -5, 0, 0, Outcome::not_finite},
                               {3, -5, 0, 0, Outcome::converged, Outcome::indefinite_operator},
                               {4, -5, 0, 0, Outcome::converged, Outcome::not_finite},
                               {5, 7, 0}})[0];
  CHECK(s.best == 5);
  CHECK(s.usable == 1);
  CHECK(s.independent == 0);
  CHECK(select_among({{0, nan, 0}})[0].best == -1);
}

TEST_CASE("copies of what was tracked are no independent look", "[select]") {
  // Candidates 0 and 1 were tracked together.
  CHECK(select_among({{1, 1}, {1, 1}}, 2)[0].independent == 0);
  CHECK(select_among({{1, 1}, {1, 1}, {1, 1}}, 2)[0].independent == 1);
  CHECK(select_among({{1, 1}, {2, 2}, {3, 0.5}}, 2)[0].independent == 2);
}

TEST_CASE("every target chooses among its own candidates", "[select]") {
  // Candidate-major: rows 0, 1 are candidate 0 of the two targets.
  auto const s = select_among({{0, 1}, {0, 5}, {1, 2}, {1, 4}}, 0, {.targets = 2, .length = 1});
  CHECK(s[0].best == 0);
  CHECK(s[1].best == 1);
  CHECK(s[1].margin == 1);
}
