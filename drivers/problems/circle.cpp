// SPDX-License-Identifier: Apache-2.0
#include <minfold/problems/degenerate.hpp>
#include <minfold/problems/unit_circle.hpp>

#include "entries.hpp"
#include "host.hpp"

#include <cmath>
#include <limits>
#include <numbers>
#include <tuple>

namespace minfold {
namespace {

double sign(double x) {
  return x < 0 ? -1.0 : 1.0;
}

struct CircleTruth {
  double curvature = 1, center = 0;

  double bowl(double x) const { return 0.5 * curvature * (x - center) * (x - center); }
  double bowl_slope(double x) const { return curvature * (x - center); }
  double distance(std::vector<double> const&, std::vector<double> const& y) const {
    return std::abs(std::hypot(y[0], y[1]) - 1);
  }
  static Optimum unbounded() { return {-std::numeric_limits<double>::infinity(), {}}; }
};

/// F = constant - |x| + bowl: two-well with constant -A, kink with 0.
struct AbsTruth : CircleTruth {
  double constant = 0;

  Truth truth(std::vector<double> const& x) const {
    double const s = sign(x[0]);
    Truth t{constant - std::abs(x[0]) + bowl(x[0]), {bowl_slope(x[0]) - s}, {s, 0}, true};
    // The Clarke set at 0 is bowl'(0) + [-1, 1].
    if (x[0] == 0) t = {t.upper, {bowl_slope(0)}, {}, false};
    return t;
  }
  /// The minimum of the branch on the side of the bowl: x = center +- 1 / curvature.
  Optimum optimum() const {
    if (curvature == 0) return unbounded();
    double const x = center + sign(center) / curvature;
    return {truth({x}).upper, center == 0 ? std::vector<double>{} : std::vector<double>{x}};
  }
};

/// F = -|sin N x| + bowl
struct KinksTruth : CircleTruth {
  double frequency = 8;

  Truth truth(std::vector<double> const& x) const {
    double const wave = std::sin(frequency * x[0]), s = sign(wave);
    Truth t{-std::abs(wave) + bowl(x[0]),
            {bowl_slope(x[0]) - s * frequency * std::cos(frequency * x[0])},
            {s, 0},
            true};
    // Rounding of the argument: within it a computed sine has no sign.
    double const rounding = std::numeric_limits<double>::epsilon() * frequency * std::abs(x[0]);
    if (std::abs(wave) <= rounding) t = {t.upper, {bowl_slope(x[0])}, {}, false};
    return t;
  }
  /// One minimum an arch, at most: the arch that holds the center or one of its neighbours has the
  /// lowest, since -|sin| is the same on all and the bowl grows away from the center. On an arch
  /// F is convex between its kinks.
  Optimum optimum() const {
    if (curvature == 0) return {-1, {}};
    double const arch = std::numbers::pi / frequency;
    double const home = std::floor(center / arch);
    Optimum best{std::numeric_limits<double>::infinity(), {}};
    for (int offset = -1; offset <= 1; ++offset) {
      double low = (home + offset) * arch, high = low + arch;
      auto const slope = [&](double x) {
        double const s = std::fmod(std::abs(home + offset), 2.0) == 0 ? 1.0 : -1.0;
        return bowl_slope(x) - s * frequency * std::cos(frequency * x);
      };
      for (int halving = 0; halving < 200; ++halving) {
        double const middle = 0.5 * (low + high);
        (slope(middle) < 0 ? low : high) = middle;
      }
      double const x = 0.5 * (low + high), upper = truth({x}).upper;
      // N x is rounded before its sine is taken: neighbours may differ by less than that.
      double const rounding =
          1e-14 * (1 + std::abs(upper)) +
          std::numeric_limits<double>::epsilon() * frequency * (std::abs(center) + arch);
      if (upper < best.upper - rounding)
        best = {upper, {x}};
      else if (upper <= best.upper + rounding)
        best.x.clear();
    }
    return best;
  }
};

/// F = min over s in [0, 1] of psi(s) - |x| s, + bowl; `selected` gives s* and the minimum.
template <class Derived>
struct DegenerateTruth : CircleTruth {
  Truth truth(std::vector<double> const& x) const {
    auto const [s, phi, unique] = static_cast<Derived const&>(*this).selected(std::abs(x[0]));
    double const y = sign(x[0]) * s;
    Truth t{phi + bowl(x[0]), {bowl_slope(x[0]) - y}, {}, unique};
    if (unique) t.selection = {std::sqrt((1 - s) * (1 + s)), y};
    return t;
  }
  /// min_x F = min over s of min_x psi(s) - x s + bowl(x), attained at x = center + s / curvature:
  /// for center >= 0 the smallest value of G(s) = psi(s) - center s - s^2 / (2 curvature) on [0, 1].
  /// psi' is convex, or convex and then concave, and not above the line center + s / curvature at 0: it
  /// crosses that line upwards once at most. The crossing, or else s = 1, is the minimizer.
  Optimum optimum() const {
    if (curvature == 0) return unbounded();
    auto const& self = static_cast<Derived const&>(*this);
    double const c = std::abs(center);
    auto const rising = [&](double s) { return self.slope(s) > c + s / curvature; };
    auto const value = [&](double s) { return self.psi(s) - c * s - s * s / (2 * curvature); };
    int const cells = 4000;  // a crossing that is missed is a shallow dip on the way down to s = 1
    double low = 1, high = 1;
    for (int cell = 1; cell <= cells && low == 1; ++cell)
      if (rising(double(cell) / cells)) {
        low = double(cell - 1) / cells;
        high = double(cell) / cells;
      }
    for (int halving = 0; halving < 200 && low < high; ++halving) {
      double const middle = 0.5 * (low + high);
      (rising(middle) ? high : low) = middle;
    }
    double const s = value(low) <= value(1) ? low : 1.0;
    Optimum result{0, {sign(center) * (c + s / curvature)}};
    result.upper = truth(result.x).upper;
    bool const tie = low < 1 && std::abs(value(low) - value(1)) <= 1e-14 * (1 + c + 1 / curvature);
    bool const mirrored = center == 0 && s > 0;
    if (tie || mirrored) result.x.clear();
    return result;
  }
};

struct HoelderTruth : DegenerateTruth<HoelderTruth> {
  int p = 2;
  double psi(double s) const { return std::pow(s, 2 * p) / (2 * p); }
  double slope(double s) const { return std::pow(s, 2 * p - 1); }
  /// s* = x^{1/(2p-1)}, capped at 1
  std::tuple<double, double, bool> selected(double x) const {
    double const s = x >= 1 ? 1.0 : std::pow(x, 1.0 / (2 * p - 1));
    return {s, psi(s) - x * s, true};
  }
};

struct FlatTruth : DegenerateTruth<FlatTruth> {
  static double psi(double s) { return s == 0 ? 0.0 : std::exp(-1 / (s * s)); }
  static double slope(double s) { return s == 0 ? 0.0 : 2 * psi(s) / (s * s * s); }
  /// The interior solution of 2 s^{-3} exp(-1/s^2) = x, or s = 1: from x = 0.7958... on, where both
  /// have the same value and F has a kink, s = 1 is lower.
  std::tuple<double, double, bool> selected(double x) const {
    double const at_end = psi(1) - x;
    double const top = std::sqrt(2.0 / 3.0);  // psi' increases up to here
    if (x >= slope(top)) return {1.0, at_end, true};
    double low = 0, high = top;
    for (int halving = 0; halving < 200; ++halving) {
      double const middle = 0.5 * (low + high);
      (slope(middle) < x ? low : high) = middle;
    }
    double const s = x == 0 ? 0.0 : high, inside = psi(s) - x * s;
    bool const tie = std::abs(inside - at_end) <= 1e-15;
    return inside <= at_end ? std::tuple{s, inside, !tie} : std::tuple{1.0, at_end, !tie};
  }
};

/// Keys that the problems on the circle share; `center` and the start differ in their defaults.
template <class T, class Functor, class Data>
void common_keys(Settings& settings, Functor& functor, Data& data, double curvature,
                 double center) {
  data.curvature = settings.number("curvature", curvature, 0, 1e6,
                                   "f contains curvature/2 (x - center)^2; without it F may be "
                                   "unbounded");
  data.center =
      settings.number("center", center, -1e3, 1e3, "f contains curvature/2 (x - center)^2");
  functor.curvature = T(data.curvature);
  functor.center = T(data.center);
}
std::vector<double> start_key(Settings& settings, double fallback) {
  return settings.numbers("x0", {fallback}, 1, "start of the upper variable");
}

template <class T>
NamedProblem<T> make_two_well(Settings& settings, ProblemContext const&) {
  auto data = std::make_shared<AbsTruth>();
  TwoWell<T> functor;
  double const amplitude = settings.number("amplitude", 1, 0, 1e3, "depth A of the two wells");
  common_keys<T>(settings, functor, *data, 1, 0.3);
  functor.amplitude = T(amplitude);
  data->constant = -amplitude;
  return impl::assemble<T, TwoWell<T>, AbsTruth>(functor, start_key(settings, -0.1), data);
}

template <class T>
NamedProblem<T> make_kink(Settings& settings, ProblemContext const&) {
  auto data = std::make_shared<AbsTruth>();
  Kink<T> functor;
  common_keys<T>(settings, functor, *data, 1, 0);
  return impl::assemble<T, Kink<T>, AbsTruth>(functor, start_key(settings, 0.5), data);
}

template <class T>
NamedProblem<T> make_kinks(Settings& settings, ProblemContext const&) {
  auto data = std::make_shared<KinksTruth>();
  Kinks<T> functor;
  int const frequency =
      settings.integer("frequency", 8, 1, 1000000, "N, kinks in an interval of length pi");
  common_keys<T>(settings, functor, *data, 1, 0);
  data->frequency = frequency;
  functor.frequency = T(frequency);
  return impl::assemble<T, Kinks<T>, KinksTruth>(functor, start_key(settings, 0.5), data);
}

char const* const weight_meaning = "how much the left half of the circle is lifted";

template <class T>
NamedProblem<T> make_hoelder(Settings& settings, ProblemContext const&) {
  auto data = std::make_shared<HoelderTruth>();
  Hoelder<T> functor;
  data->p = functor.power_half =
      settings.integer("p", 2, 1, 50, "grad F is Hoelder continuous with exponent 1/(2p-1)");
  functor.weight = T(settings.number("weight", 1, 1e-3, 1e3, weight_meaning));
  common_keys<T>(settings, functor, *data, 2, 0.25);
  return impl::assemble<T, Hoelder<T>, HoelderTruth>(functor, start_key(settings, -0.5), data);
}

template <class T>
NamedProblem<T> make_flat(Settings& settings, ProblemContext const&) {
  auto data = std::make_shared<FlatTruth>();
  Flat<T> functor;
  functor.weight = T(settings.number("weight", 1, 1e-3, 1e3, weight_meaning));
  common_keys<T>(settings, functor, *data, 2, 0.25);
  return impl::assemble<T, Flat<T>, FlatTruth>(functor, start_key(settings, -0.5), data);
}

}  // namespace

CatalogEntry two_well_entry() {
  return {"two-well", "a circle with two wells: tracking a local solution misses the right one",
          make_two_well<double>, make_two_well<float>};
}
CatalogEntry kink_entry() {
  return {"kink", "a selection that is not unique at x = 0: F = -|x| + a quadratic",
          make_kink<double>, make_kink<float>};
}
CatalogEntry kinks_entry() {
  return {"kinks", "many kinks: F = -|sin N x| + a quadratic", make_kinks<double>,
          make_kinks<float>};
}
CatalogEntry hoelder_entry() {
  return {"hoelder", "a degenerate selection: grad F is Hoelder continuous with exponent 1/(2p-1)",
          make_hoelder<double>, make_hoelder<float>};
}
CatalogEntry flat_entry() {
  return {"flat", "a degenerate selection: grad F has no positive Hoelder exponent",
          make_flat<double>, make_flat<float>};
}

}  // namespace minfold
