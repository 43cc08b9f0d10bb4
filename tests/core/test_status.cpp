// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/status.hpp>

#include "support/host.hpp"
#include <catch2/catch_test_macros.hpp>

#include <sstream>
#include <stdexcept>

using namespace minfold;
using namespace minfold::test;

TEST_CASE("a summary counts outcomes and finds the worst finite item") {
  Kokkos::View<SolveRecord<double>*, Space> const records("test::records", 5);
  auto const host = Kokkos::create_mirror_view(records);
  Outcome const outcomes[] = {Outcome::converged, Outcome::iteration_limit, Outcome::converged,
                              Outcome::not_finite, Outcome::inconsistent_rhs};
  double const residuals[] = {1e-13, 3e-2, 2e-13, std::nan(""), 1e-3};
  for (int i = 0; i < 5; ++i) {
    host(i).outcome = outcomes[i];
    host(i).residual = residuals[i];
    host(i).products = 10 * (i + 1);
    host(i).iterations = i == 2 ? 77 : i;
    host(i).leakage = i == 4 ? 0.25 : 0;
  }
  Kokkos::deep_copy(records, host);
  auto const s = summarize(Space(), records);
  CHECK(s.items == 5);
  CHECK(s[Outcome::converged] == 2);
  CHECK(s[Outcome::iteration_limit] == 1);
  CHECK(s[Outcome::not_finite] == 1);
  CHECK(s[Outcome::inconsistent_rhs] == 1);
  CHECK(s[Outcome::not_run] == 0);
  CHECK(s.worst_item == 1);
  CHECK(s.worst_residual == 3e-2);
  CHECK(s.worst_leakage == 0.25);
  CHECK(s.products == 150);
  CHECK(s.iterations == 77);
  CHECK_FALSE(s.all(Outcome::converged));
  std::ostringstream text;
  text << s;
  CHECK(text.str().find("2 converged") != std::string::npos);
  CHECK(text.str().find("1 not finite") != std::string::npos);
}

TEST_CASE("a summary of nothing has every outcome and no worst item") {
  Kokkos::View<KernelRecord<float>*, Space> const none("test::none", 0);
  auto const s = summarize(Space(), none);
  CHECK(s.items == 0);
  CHECK(s.worst_item == -1);
  CHECK(s.all(Outcome::converged));
}

TEST_CASE("items that were not finite have no part in the worst residual") {
  Kokkos::View<RangeRecord<double>*, Space> const records("test::records", 2);
  auto const host = Kokkos::create_mirror_view(records);
  host(0).outcome = Outcome::not_finite;
  host(0).range_residual = 1e300;
  host(1).outcome = Outcome::converged;
  host(1).range_residual = 0;
  Kokkos::deep_copy(records, host);
  auto const s = summarize(Space(), records);
  CHECK(s.worst_item == 1);
  CHECK(s.worst_residual == 0);
}

TEST_CASE("every outcome has a name of its own") {
  for (int o = 0; o < outcome_count; ++o) {
    std::ostringstream text;
    text << Outcome(o);
    CHECK(text.str() != "unknown outcome");
    for (int other = 0; other < o; ++other)
      CHECK(std::string(to_string(Outcome(other))) != text.str());
  }
}

TEST_CASE("a wrong call is refused with a sentence that names what was expected") {
  double number = 0;
  try {
    batch_vector(Space(), &number, -1, 3);
    FAIL("accepted a negative extent");
  } catch (std::invalid_argument const& e) {
    CHECK(std::string(e.what()) == "minfold: batch_vector: negative extent (-1 x 3)");
  }
  CHECK_THROWS_AS(batch_vector(Space(), static_cast<double*>(nullptr), 1, 1),
                  std::invalid_argument);
  CHECK_NOTHROW(batch_vector(Space(), static_cast<double*>(nullptr), 0, 5));
}
