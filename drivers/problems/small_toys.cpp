// SPDX-License-Identifier: Apache-2.0
#include <minfold/problems/small_toys.hpp>

#include "entries.hpp"
#include "host.hpp"

#include <algorithm>
#include <cmath>

namespace minfold {
namespace {

using Numbers = std::vector<double>;

struct CoresetTruth {
  struct Mixture {
    double p[4], point[2];
  };
  static Mixture mixture(Numbers const& x) {
    Mixture m{};
    double const shift = *std::max_element(x.begin(), x.end());
    double total = 0;
    for (int i = 0; i < 4; ++i) total += m.p[i] = std::exp(x[i] - shift);
    for (int i = 0; i < 4; ++i) {
      m.p[i] /= total;
      for (int j = 0; j < 2; ++j) m.point[j] += m.p[i] * Coreset<double>::vertex(i, j);
    }
    return m;
  }
  /// F = 1/2 |e|^2, e = sum_i p_i v_i - (3,-2), dF/dx_i = p_i <v_i - sum_k p_k v_k, e>
  Truth truth(Numbers const& x) const {
    auto const m = mixture(x);
    double const e[2] = {m.point[0] - 3, m.point[1] + 2};
    Truth t{0.5 * (e[0] * e[0] + e[1] * e[1]), Numbers(4), {m.point[0], m.point[1]}, true};
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 2; ++j)
        t.gradient[i] += m.p[i] * (Coreset<double>::vertex(i, j) - m.point[j]) * e[j];
    return t;
  }
  /// The point of the hull nearest to (3,-2) is the vertex (3,1), which no finite x reaches.
  static Optimum optimum() { return {4.5, {}}; }
  static double distance(Numbers const& x, Numbers const& y) {
    auto const m = mixture(x);
    return std::hypot(y[0] - m.point[0], y[1] - m.point[1]);
  }
};

struct ExampleOneTruth {
  static Truth truth(Numbers const& x) {
    double const e = x[0] - 2 * std::sin(x[0]);
    return {0.5 * e * e, {e * (1 - 2 * std::cos(x[0]))}, {x[0]}, true};
  }
  static Optimum optimum() { return {0, {}}; }  // x = 0 and x = +-1.895...
  static double distance(Numbers const& x, Numbers const& y) { return std::abs(y[0] - x[0]); }
};

struct SineToyTruth {
  /// With a = 4x - 2: F = cos a / (1 + e^{-a}) + 1/2 log(a^2 + 1)
  static Truth truth(Numbers const& x) {
    double const a = 4 * x[0] - 2, share = 1 / (1 + std::exp(-a));
    double const slope = -std::sin(a) * share + std::cos(a) * share * (1 - share) + a / (a * a + 1);
    return {std::cos(a) * share + 0.5 * std::log(a * a + 1), {4 * slope}, {-x[0]}, true};
  }
  /// The valley where cos a is about -1. F'' > 0 throughout the interval of a that is halved; that no
  /// other x is lower is tested with the Lipschitz constant of F.
  static Optimum optimum() {
    double low = 1.0, high = 1.3;  // a from 2 to 3.2
    for (int halving = 0; halving < 100; ++halving) {
      double const x = 0.5 * (low + high);
      (truth({x}).gradient[0] < 0 ? low : high) = x;
    }
    return {truth({low}).upper, {low}};
  }
  static double distance(Numbers const& x, Numbers const& y) { return std::abs(y[0] + x[0]); }
};

template <class T>
NamedProblem<T> make_coreset(Settings& settings, ProblemContext const&) {
  auto const start = settings.numbers("x0", {0}, 4, "start of the upper variable");
  return impl::assemble<T, Coreset<T>, CoresetTruth>({}, start,
                                                     std::make_shared<CoresetTruth const>());
}

template <class T>
NamedProblem<T> make_example_one(Settings& settings, ProblemContext const&) {
  auto const start = settings.numbers("x0", {3}, 1, "start of the upper variable");
  return impl::assemble<T, ExampleOne<T>, ExampleOneTruth>(
      {}, start, std::make_shared<ExampleOneTruth const>());
}

template <class T>
NamedProblem<T> make_sine_toy(Settings& settings, ProblemContext const&) {
  using E = Kokkos::DefaultExecutionSpace;
  auto const start = settings.numbers("x0", {1.5}, 1, "start of the upper variable");
  MINFOLD_REQUIRE(start[0] >= 0 && start[0] <= 3, "--set x0=", start[0],
                  ": expected a number from 0 to 3");
  auto named = impl::assemble<T, SineToy<T>, SineToyTruth>({}, start,
                                                           std::make_shared<SineToyTruth const>());
  Scalars<T, E> const low("minfold::sine_toy::lower", 1), high("minfold::sine_toy::upper", 1);
  Kokkos::deep_copy(high, T(3));
  named.problem = std::make_unique<FunctorProblem<SineToy<T>, T>>(SineToy<T>{}, true,
                                                                  UpperSet<T, E>::box(low, high));
  return named;
}

}  // namespace

CatalogEntry coreset_entry() {
  return {"coreset", "softmax weights of four points: the infimum is at infinity",
          make_coreset<double>, make_coreset<float>};
}
CatalogEntry example_one_entry() {
  return {"example-1", "a penalty keeps the bad local minimum: Example 1 of arXiv 2408.16087",
          make_example_one<double>, make_example_one<float>};
}
CatalogEntry sine_toy_entry() {
  return {"v-pbgd-toy", "a nonconvex lower level of one solution, x in [0, 3]: toy of V-PBGD",
          make_sine_toy<double>, make_sine_toy<float>};
}

}  // namespace minfold
