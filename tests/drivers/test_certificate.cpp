// SPDX-License-Identifier: Apache-2.0
// The verdict, from the numbers it is derived from.
#include <minfold/drivers/certificate.hpp>

#include "problem_probe.hpp"
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <functional>
#include <limits>

using namespace minfold;
using minfold::test::mentions;

namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

ItemCertificate good() {
  ItemCertificate c;
  c.lower_residual = 1e-14;
  c.distance_bound = 1e-13;
  c.kernel_dimension = 2;
  c.gap = 1e9;
  c.tangential_residual = 1e-11;
  c.nondegeneracy = 0.3;
  c.smallest_curvature = 0.3;
  c.uniqueness_margin = 0.1;
  c.solve_residual = 1e-13;
  c.leakage = 1e-12;
  return c;
}

ItemCertificate judged(std::function<void(ItemCertificate&, Evidence&)> const& spoil,
                       bool single = false) {
  auto c = good();
  Evidence e;
  spoil(c, e);
  judge(c, e, resolved({}, single));
  return c;
}

}  // namespace

TEST_CASE("good numbers are certified without reasons", "[certificate]") {
  auto const c = judged([](auto&, auto&) {});
  CHECK(c.verdict == Verdict::certified);
  CHECK(c.reasons.empty());
  // No rival at all, and an isolated point without directions along S.
  auto const alone = judged([](auto& i, auto&) {
    i.uniqueness_margin = std::numeric_limits<double>::infinity();
    i.nondegeneracy = std::numeric_limits<double>::infinity();
  });
  CHECK(alone.verdict == Verdict::certified);
}

TEST_CASE("every number and every doubt can take the verdict away, and says so", "[certificate]") {
  struct Fault {
    char const* word;
    Verdict verdict;
    std::function<void(ItemCertificate&, Evidence&)> spoil;
  };
  auto const refused = Verdict::refused, uncertain = Verdict::uncertain;
  for (auto const& [word, verdict, spoil] : {
           Fault{"not on S(x)", refused, [](auto& c, auto&) { c.lower_residual = 1e-9; }},
           Fault{"not on S(x)", refused, [](auto&, auto& e) { e.on_manifold = false; }},
           Fault{"smaller g", refused, [](auto&, auto& e) { e.below = true; }},
           Fault{"indefinite", refused, [](auto&, auto& e) { e.indefinite = true; }},
           Fault{"rank: ", refused, [](auto& c, auto&) { c.gap = 9; }},
           Fault{"is zero", uncertain, [](auto&, auto& e) { e.flat = true; }},
           Fault{"a guess", refused, [](auto&, auto& e) { e.dimension_ambiguous = true; }},
           Fault{"rank: ", uncertain, [](auto&, auto& e) { e.dimension_known = false; }},
           Fault{"lengths away", uncertain, [](auto& c, auto&) { c.distance_bound = 1e-6; }},
           Fault{"solve: ", refused, [](auto& c, auto&) { c.solve_residual = 1e-6; }},
           Fault{"solve: ", refused, [](auto&, auto& e) { e.solve_converged = false; }},
           Fault{"outside the range", uncertain, [](auto& c, auto&) { c.leakage = 1e-5; }},
           Fault{"not critical", uncertain, [](auto& c, auto&) { c.tangential_residual = 1e-6; }},
           Fault{"degeneracy", uncertain, [](auto& c, auto&) { c.nondegeneracy = 1e-7; }},
           Fault{"degeneracy", uncertain, [](auto& c, auto&) { c.nondegeneracy = -0.1; }},
           Fault{"not measured", uncertain, [](auto& c, auto&) { c.nondegeneracy = nan_value; }},
           Fault{"uniqueness", uncertain, [](auto& c, auto&) { c.uniqueness_margin = 1e-10; }},
           Fault{"only one candidate", uncertain, [](auto&, auto& e) { e.compared = false; }},
           Fault{"not examined", uncertain, [](auto&, auto& e) { e.examined = false; }},
           Fault{"still descending", uncertain, [](auto&, auto& e) { e.open = true; }},
           Fault{"not finite", refused, [](auto&, auto& e) { e.finite = false; }},
       }) {
    auto const c = judged(spoil);
    CAPTURE(word);
    CHECK(c.verdict == verdict);
    CHECK(c.reasons.size() == 1);
    CHECK(mentions(c, word));
  }
}

TEST_CASE("a NaN in any number is never certified", "[certificate]") {
  for (double ItemCertificate::* const number :
       {&ItemCertificate::lower_residual, &ItemCertificate::distance_bound, &ItemCertificate::gap,
        &ItemCertificate::tangential_residual, &ItemCertificate::nondegeneracy,
        &ItemCertificate::uniqueness_margin, &ItemCertificate::solve_residual,
        &ItemCertificate::leakage})
    for (bool const single : {false, true})
      CHECK(judged([&](auto& c, auto&) { c.*number = nan_value; }, single).verdict !=
            Verdict::certified);
}

TEST_CASE("a distance is judged in the lengths of the problem", "[certificate]") {
  auto const c = judged([](auto& i, auto& e) {
    i.distance_bound = 1e-5;
    e.length = 1e3;
  });
  CHECK(c.verdict == Verdict::certified);
}

TEST_CASE("thresholds that were given stay, the others follow the precision", "[certificate]") {
  CertificateOptions given;
  given.solve_residual = 0.5;
  auto const in_float = resolved(given, true), in_double = resolved(given, false);
  CHECK(in_float.solve_residual == 0.5);
  CHECK(in_float.distance > in_double.distance);
  CHECK(in_float.nondegeneracy > in_double.nondegeneracy);
  CHECK(in_float.lower_residual > in_double.lower_residual);
}

TEST_CASE("the certificate of many targets is the worst of them, with counts", "[certificate]") {
  auto a = judged([](auto&, auto&) {});
  auto b = judged([](auto& c, auto&) {
    c.kernel_dimension = 5;
    c.gap = 2;
    c.rival = true;
    c.uniqueness_margin = 1e-12;
  });
  auto c = judged([](auto& i, auto&) { i.uniqueness_margin = 1e-13; });
  auto const all = aggregate({a, b, c});
  CHECK(all.certified == 1);
  CHECK(all.uncertain == 1);
  CHECK(all.refused == 1);
  CHECK(all.verdict == Verdict::refused);
  CHECK(all.kernel_dimension == 5);
  CHECK(all.kernel_dimension_min == 2);
  CHECK(all.gap == 2);
  CHECK(all.uniqueness_margin == 1e-13);
  CHECK(all.rival);
  CHECK(mentions(all, "uniqueness: 2 of 3 targets"));
  CHECK(mentions(all, "rank: 1 of 3 targets"));
  CHECK(aggregate({a, a}).verdict == Verdict::certified);
  // One target keeps its sentences.
  CHECK(aggregate({b}).reasons == b.reasons);

  a.solve_residual = nan_value;
  CHECK(std::isnan(aggregate({a, b}).solve_residual));
  CHECK(std::isnan(aggregate({b, a}).solve_residual));
}
