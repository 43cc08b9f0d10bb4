// SPDX-License-Identifier: Apache-2.0
#include <minfold/problems/catalog.hpp>

#include "support/host.hpp"
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

using namespace minfold;
using Space = Kokkos::DefaultExecutionSpace;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;

TEST_CASE("redundant-arm from settings: shapes, box, restarts and refused geometry", "[arm]") {
  Space const space;
  auto const make = [](std::vector<std::string> texts) {
    Settings settings(texts);
    auto named = find_problem("redundant-arm").make_double(settings, {});
    settings.refuse_unknown();
    return named;
  };
  auto const planar = make({"targets=20", "joints=7"});
  CHECK(planar.problem->batch_size() == 20);
  CHECK(planar.problem->dim_x() == 9);
  CHECK(planar.problem->dim_y() == 7);
  CHECK(planar.problem->shared_upper());
  auto const spatial = make({"kind=spatial", "targets=20"});
  CHECK(spatial.problem->dim_x() == 6);
  CHECK(spatial.problem->dim_y() == 7);
  CHECK(spatial.start.size() == 6);

  SECTION("x is projected onto the box about the nominal design") {
    auto const x = test::to_vectors({std::vector<double>(9, 5.0)});
    planar.problem->project_upper(space, x);
    auto const host = to_host(space, x);
    CHECK_THAT(host(0, 0), WithinAbs(0.1, 1e-15));
    CHECK_THAT(host(0, 2), WithinAbs(1.15 / 7, 1e-15));
  }
  SECTION("restarts lie between the joint limits, near the rest and far from it") {
    auto const y = make_vectors<double>(space, "y", 40, 7);
    spatial.problem->random_lower(space, {.seed = 3, .stream = Stream::restart}, y);
    auto const host = to_host(space, y);
    for (int i = 0; i < 40; ++i) {
      CHECK(std::abs(host(i, 1)) <= 120 * std::numbers::pi / 180);
      if (i > 0) CHECK(host(i, 0) != host(i - 1, 0));
    }
    std::vector<double> const rest = {0, 0.5, 0.3, -1.3, 0, 0.7, 0};
    double nearest = 10, farthest = 0;
    for (int i = 0; i < 40; ++i) {
      double square = 0;
      for (int j = 0; j < 7; ++j) square += std::pow(host(i, j) - rest[j], 2);
      nearest = std::min(nearest, std::sqrt(square));
      farthest = std::max(farthest, std::sqrt(square));
    }
    CHECK(nearest < 0.25 * farthest);
    CHECK(farthest > 3);
  }
  SECTION("what cannot be reached is refused") {
    CHECK_THROWS_WITH(make({"far=0.9"}), ContainsSubstring("far") && ContainsSubstring("at most"));
    CHECK_THROWS_WITH(make({"near=0.7", "far=0.6"}), ContainsSubstring("less than far"));
    CHECK_THROWS_WITH(make({"kind=spatial", "near=0.1"}), ContainsSubstring("at least"));
    CHECK_THROWS_WITH(make({"joints=2"}), ContainsSubstring("joints"));
    CHECK_THROWS_WITH(make({"kind=spatial", "joints=6"}), ContainsSubstring("joints"));
    CHECK_THROWS_WITH(make({"target=20"}), ContainsSubstring("did you mean targets"));
  }
  SECTION("posture, links and start are settings") {
    auto const arm =
        make({"targets=5", "joints=3", "links=0.5,0.3,0.2", "limit=2,2.5,3", "rest=0.1,-0.2,0.3",
              "weights=3,2,1", "limit-weight=0", "x0=0.05,-0.05,0.51,0.3,0.2"});
    CHECK(arm.start == std::vector<double>{0.05, -0.05, 0.51, 0.3, 0.2});
    auto const metrics = arm.metrics({arm.start, std::vector<double>(15, 0.1)},
                                     {arm.start, std::vector<double>(15, 2.2)});
    // 1/2 sum of weights (0.1 - rest)^2; one of three joints passes its limit at 2.2.
    CHECK_THAT(metrics["effort_before"].get<double>(), WithinAbs(0.11, 1e-14));
    CHECK_THAT(metrics["angles_past_limits_after"].get<double>(), WithinAbs(1.0 / 3, 1e-14));
    // base 20, links 40: 1/2 (20 (0.05^2 + 0.05^2) + 40 0.01^2)
    CHECK_THAT(metrics["design_cost"].get<double>(), WithinAbs(0.052, 1e-14));
    auto const x = test::to_vectors({std::vector<double>(5, 5.0)});
    arm.problem->project_upper(space, x);
    CHECK_THAT(to_host(space, x)(0, 2), WithinAbs(0.575, 1e-15));
    CHECK(make({"kind=spatial", "limit=1.5"}).start == make({"kind=spatial"}).start);

    CHECK_THROWS_WITH(make({"x0=0.2,0,0.2,0.2,0.2,0.2,0.2"}),
                      ContainsSubstring("x0") && ContainsSubstring("-0.1 to 0.1"));
    CHECK_THROWS_WITH(make({"x0=0,0,0.3,0.2,0.2,0.2,0.2"}), ContainsSubstring("link-box"));
    CHECK_THROWS_WITH(make({"limit=4"}), ContainsSubstring("limit"));
    CHECK_THROWS_WITH(make({"rest=1,2"}), ContainsSubstring("expected 5 numbers"));
    CHECK_THROWS_WITH(make({"weights=0"}), ContainsSubstring("weights"));
    CHECK_THROWS_WITH(make({"links=-1"}), ContainsSubstring("links"));
    // A longest link that leaves a hole about the base.
    CHECK_THROWS_WITH(make({"joints=3", "links=0.8,0.1,0.1"}), ContainsSubstring("at least"));
  }
  SECTION("metrics: a hand off its target and an angle past its limit are seen") {
    Solution start{planar.start, std::vector<double>(20 * 7, 0.1)}, end = start;
    end.y[0] = 3;
    end.x[0] += 0.05;
    auto const metrics = planar.metrics(start, end);
    CHECK(metrics["targets"] == 20);
    CHECK(metrics["hand_error_after"] > 0.1);
    CHECK(metrics["effort_after"] > metrics["effort_before"]);
    CHECK(metrics["angles_past_limits_before"] == 0.0);
    CHECK_THAT(metrics["angles_past_limits_after"].get<double>(), WithinAbs(1.0 / 140, 1e-15));
    CHECK_THAT(metrics["base_shift"].get<double>(), WithinAbs(0.05, 1e-15));
    CHECK_THAT(metrics["design_cost"].get<double>(), WithinAbs(0.5 * 20 * 0.0025, 1e-15));
  }
}
