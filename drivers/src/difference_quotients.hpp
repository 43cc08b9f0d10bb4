// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_SRC_DIFFERENCE_QUOTIENTS_HPP
#define MINFOLD_DRIVERS_SRC_DIFFERENCE_QUOTIENTS_HPP

#include <minfold/drivers/check.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

/// Decides from values on the host whether a claimed derivative is one.
namespace minfold::impl {

/// Host arrays, item slowest.
using Host = std::vector<double>;

/// What is known of one item's difference quotients.
struct Series {
  double best = std::numeric_limits<double>::infinity();  ///< smallest relative error
  bool above_rounding = false;                            ///< at some step
  double previous = 0;    ///< error at the step before, 0 where it was not well above rounding
  double recent[3] = {};  ///< orders between the last pairs of such steps
  int slopes = 0;         ///< pairs met
  std::vector<double> quotient;  ///< of the step before

  double slope() const {
    return slopes > 0 ? (recent[0] + recent[1] + recent[2]) / std::min(slopes, 3)
                      : std::numeric_limits<double>::quiet_NaN();
  }
};

inline double median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

/// Collects lines by name, the worst over the points.
template <class T>
class CheckLines {
 public:
  static constexpr double unit = std::numeric_limits<T>::epsilon();
  static constexpr double difference_tolerance = std::is_same_v<T, float> ? 1e-2 : 1e-6;
  static constexpr double identity_tolerance = 1e5 * unit;

  /// A derivative against differences. exact: items x c, the claimed D a(p) d; size(item): what
  /// errors are relative to; carried(item): |p| times the rate of change of a, the part of the
  /// rounding error that comes from rounding p; a(h): items x c, the function at p + h d.
  void difference(std::string const& what, int items, int c, Host const& exact, Host const& size,
                  Host const& carried, std::function<Host(double)> const& a) {
    std::vector<Series> series(items);
    bool finite = all_finite(exact);
    // 0.25 * 2^-22 = 6e-8: below it rounding hides everything even for linear functions.
    for (int k = 0; k < 23 && finite; ++k) {
      double const h = std::ldexp(0.25, -k);
      Host const up = a(h), down = a(-h);
      bool above = false;
      for (int i = 0; i < items; ++i)
        above |= step(series[i], i, c, h, exact, size, carried, up, down);
      if (!above && k > 8) break;  // rounding has taken over for every item
    }
    double worst = 0, worst_slope = 0;
    int unresolved = 0;
    std::vector<double> slopes;
    for (int i = 0; i < items; ++i) {
      auto& s = series[i];
      if (size[i] == 0 && !s.above_rounding) s.best = 0;  // claimed to be zero, and is
      if (s.slopes > 2) slopes.push_back(s.slope());
      // Errors that still fall with order two where rounding takes over contradict nothing: exp(-1/s^2)
      // near its flat point.
      bool const falls = s.slope() >= (s.slopes > 2 ? 1.7 : 3);
      if (!std::isfinite(s.best) || (s.best > difference_tolerance && falls)) {
        ++unresolved;
      } else if (s.best >= worst) {
        worst = s.best;
        worst_slope = s.slope();
      }
    }
    bool const wrong = worst > difference_tolerance;
    double const slope = wrong ? worst_slope : median(slopes);
    bool const slow = !wrong && slope < 1.7;
    std::string note;
    if (!finite)
      note = "not finite";
    else if (unresolved == items)
      note = "no step resolves it above rounding";
    else if (slow)
      note = "errors do not fall with the square of the step";
    add({what, finite ? worst : std::numeric_limits<double>::infinity(), difference_tolerance,
         slope, finite && !wrong && !slow, note});
  }

  /// |error| relative to size, for each item.
  void identity(std::string const& what, Host const& error, Host const& size) {
    double worst = 0;
    bool finite = all_finite(error);
    for (std::size_t i = 0; i < error.size(); ++i)
      if (error[i] != 0) worst = std::max(worst, std::abs(error[i]) / size[i]);
    finite = finite && std::isfinite(worst);
    add({what, worst, identity_tolerance, std::numeric_limits<double>::quiet_NaN(),
         finite && worst <= identity_tolerance, finite ? "" : "not finite"});
  }

  std::vector<CheckLine> take() { return std::move(lines_); }

 private:
  static bool all_finite(Host const& values) {
    return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
  }

  /// One step of one item; true if its error is above rounding.
  static bool step(Series& s, int item, int c, double h, Host const& exact, Host const& size,
                   Host const& carried, Host const& up, Host const& down) {
    double error = 0, refined = 0, quotient = 0, level = 0;
    bool const first = s.quotient.empty();
    s.quotient.resize(c);
    for (int j = 0; j < c; ++j) {
      std::size_t const t = std::size_t(item) * c + j;
      double const q = (up[t] - down[t]) / (2 * h);
      // Richardson: with the quotient of 2h the h^2 term cancels.
      double const extrapolated = first ? q : (4 * q - s.quotient[j]) / 3;
      error += (q - exact[t]) * (q - exact[t]);
      refined += (extrapolated - exact[t]) * (extrapolated - exact[t]);
      quotient += q * q;
      level += up[t] * up[t] + down[t] * down[t];
      s.quotient[j] = q;
    }
    error = std::sqrt(error);
    if (!std::isfinite(error) || !std::isfinite(level)) return false;  // left the domain
    double const noise = 16 * unit * (std::sqrt(level) + carried[item]) / h;
    double const scale = std::max(size[item], std::sqrt(quotient));
    // Where rounding alone exceeds the tolerance the step says nothing.
    if (noise <= difference_tolerance * scale)
      s.best = std::min(s.best, std::max(0.0, std::min(error, std::sqrt(refined)) - noise) / scale);
    bool const clear = error > 30 * noise;
    if (clear && s.previous > 0) s.recent[s.slopes++ % 3] = std::log2(s.previous / error);
    s.previous = clear ? error : 0;
    s.above_rounding |= error > noise;
    return error > noise;
  }

  void add(CheckLine line) {
    for (auto& known : lines_) {
      if (known.what != line.what) continue;
      bool const worse = line.ok == known.ok ? line.error > known.error : !line.ok;
      if (worse) known = std::move(line);
      return;
    }
    lines_.push_back(std::move(line));
  }

  std::vector<CheckLine> lines_;
};

}  // namespace minfold::impl

#endif
