// SPDX-License-Identifier: Apache-2.0
// The names of the problems and what their settings refuse.
#include "problem_probe.hpp"
#include <catch2/catch_test_macros.hpp>

#include <stdexcept>

using namespace minfold;
using namespace minfold::test;

TEST_CASE("settings of the problems are checked", "[problems]") {
  auto const refused = [](std::string const& name, std::vector<std::string> const& texts) {
    CAPTURE(name, texts);
    CHECK_THROWS_AS(make<double>(name, texts), std::invalid_argument);
    CHECK_THROWS_AS(make<float>(name, texts), std::invalid_argument);
  };
  refused("sphere", {"dim=1"});
  refused("sphere", {"dim=5", "manifold-dim=5"});
  refused("sphere", {"x0=1,2,3"});
  refused("sphere", {"radios=1"});
  refused("sphere", {"radius=0"});
  refused("sphere", {"ripple=1.4"});
  refused("sphere", {"distance=-1"});
  refused("sphere", {"wish=1,2,3"});
  refused("sphere", {"wish=1,200"});
  refused("affine", {"alpha=0"});
  refused("affine", {"condition=0.5"});
  refused("affine", {"dim=5", "manifold-dim=0"});
  refused("stiefel", {"n=3", "p=3"});
  refused("stiefel", {"ripple=1"});
  refused("stiefel", {"pull=-1"});
  refused("orthogonal-orbit", {"planted=11,0"});
  refused("orthogonal-orbit", {"r=1"});
  refused("orthogonal-orbit", {"n=2", "r=3"});
  refused("phase-orbit", {"noise=-1"});
  refused("two-well", {"amplitude=-1"});
  refused("reweighting", {"dim=4", "rank=4"});
  refused("reweighting", {"rank=5", "samples=4"});
  refused("reweighting", {"x0=1,2"});
  refused("reweighting", {"contrast=-1"});
  refused("line", {"target=nan"});
  refused("kink", {"curvature=-1"});
  refused("kinks", {"frequency=0"});
  refused("kinks", {"frequency=1.5"});
  refused("hoelder", {"p=0"});
  refused("flat", {"weight=0"});
  refused("convex-toy", {"smallest=0"});
  refused("cosine-toy", {"upper=bowls"});
  refused("cosine-toy", {"dim=1"});
  refused("quadratic", {"upper=wave"});
  refused("coreset", {"x0=1,2,3"});
  refused("v-pbgd-toy", {"x0=-0.1"});
  refused("v-pbgd-toy", {"x0=3.1"});
  CHECK_THROWS_AS(find_problem("spere"), std::invalid_argument);
  auto const named = make<double>("sphere", {});
  CHECK_THROWS_AS(named.truth({1.0}), std::invalid_argument);
  CHECK_THROWS_AS(named.distance({1.0, 1.0}, {1.0}), std::invalid_argument);
}

TEST_CASE("the catalog has every problem once, and finds it by name", "[problems]") {
  std::vector<std::string> names;
  for (auto const& entry : catalog()) {
    names.push_back(entry.name);
    CHECK(&find_problem(entry.name) == &entry);
    CHECK(!entry.summary.empty());
  }
  CHECK(names == std::vector<std::string>{"sphere",         "affine",
                                          "stiefel",        "orthogonal-orbit",
                                          "phase-orbit",    "line",
                                          "two-well",       "reweighting",
                                          "kink",           "kinks",
                                          "hoelder",        "flat",
                                          "redundant-arm",  "hyper-cleaning",
                                          "convex-toy",     "cosine-toy",
                                          "quadratic",      "coreset",
                                          "example-1",      "v-pbgd-toy",
                                          "representation", "diagonal-cleaning"});
  try {
    find_problem("steifel");
    FAIL("found a problem that is not there");
  } catch (std::invalid_argument const& e) {
    CHECK(std::string(e.what()).find("stiefel") != std::string::npos);
  }
}
