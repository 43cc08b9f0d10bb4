// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_RUNGE_KUTTA_HPP
#define MINFOLD_DRIVERS_IMPL_RUNGE_KUTTA_HPP

#include <minfold/drivers/oracle.hpp>

#include <algorithm>
#include <cmath>
#include <functional>

namespace minfold::impl {

/// The classical fourth-order method for z' = v(z), z = (x, y), with a step of its own for each row.
template <class T, ExecutionSpace E>
class RungeKutta {
 public:
  using PerRow = std::vector<double>;
  using Joint = typename Oracle<T, E>::Joint;
  /// out := v(at)
  using Field = std::function<void(Joint const& at, Joint const& out)>;

  void begin(Oracle<T, E>& o) {
    for (auto* v : {&first_, &slope_, &sum_, &stage_, &whole_, &half_, &fine_, &middle_})
      *v = o.like_both("runge_kutta");
    steps = rejected = forced = 0;
  }

  /// to := from + h times the weighted slopes; `first` = v(from). 3 more slopes.
  void step(Oracle<T, E>& o, Field const& field, Joint const& from, Joint const& first,
            PerRow const& h, Joint const& to) {
    o.copy(first, sum_);
    Joint const* slope = &first;
    for (int i = 1; i < 4; ++i) {
      o.copy(from, stage_);
      o.axpy(scaled(h, i == 3 ? 1.0 : 0.5), *slope, stage_);
      field(stage_, slope_);
      slope = &slope_;
      o.axpy(i == 3 ? 1.0 : 2.0, slope_, sum_);
    }
    o.copy(from, to);
    o.axpy(scaled(h, 1.0 / 6), sum_, to);
  }

  /// z := z(span): steps whose error estimate, from one step against two halves, is at most
  /// tolerance (1 + |z|). `h` holds the first trial steps, then those to go on with. A step below 1e-6 of
  /// the span is taken whatever its error is, and counted as forced; where even that is not finite the row
  /// goes no further, and is what came out. tolerance 0: one step of `span`.
  /// Source  step doubling, for example Hairer, Norsett, Wanner, Solving ODEs I, II.4. The better of the two
  ///         solutions is kept; no extrapolation.
  void advance(Oracle<T, E>& o, Field const& field, Joint const& z, double span, double tolerance,
               PerRow& h) {
    std::size_t const rows = h.size();
    if (!(tolerance > 0)) {
      field(z, first_);
      step(o, field, z, first_, PerRow(rows, span), fine_);
      o.copy(fine_, z);
      ++steps;
      return;
    }
    PerRow done(rows, 0.0);
    double const shortest = 1e-6 * span;
    for (;;) {
      PerRow trial(rows, 0.0);
      bool working = false;
      for (std::size_t r = 0; r < rows; ++r) {
        double const left = span - done[r];
        if (!(left > 1e-12 * span)) continue;
        working = true;
        trial[r] = std::min(std::max(h[r], shortest), left);
      }
      if (!working) return;
      field(z, first_);
      step(o, field, z, first_, trial, whole_);
      step(o, field, z, first_, scaled(trial, 0.5), half_);
      field(half_, middle_);
      step(o, field, half_, middle_, scaled(trial, 0.5), fine_);
      o.axpy(-1.0, fine_, whole_);
      auto const error = o.dot(whole_, whole_), size = o.dot(z, z);
      PerRow taken(rows, 0.0), kept(rows, 1.0);
      for (std::size_t r = 0; r < rows; ++r) {
        if (trial[r] == 0) continue;
        double const estimate = std::sqrt(error[r]) / 15;
        double const allowed = tolerance * (1 + std::sqrt(size[r]));
        bool const good = estimate <= allowed, last_resort = trial[r] <= shortest;
        bool const cut = trial[r] < h[r];  // by the end of the interval: says nothing of h
        double const factor = !std::isfinite(estimate) ? 0.2
                              : estimate > 0
                                  ? std::clamp(0.9 * std::pow(allowed / estimate, 0.2), 0.2, 5.0)
                                  : 5.0;
        if (good || last_resort) {
          taken[r] = 1;
          kept[r] = 0;
          // Shorter steps have not helped, and there is a million of them.
          done[r] = std::isfinite(estimate) ? done[r] + trial[r] : span;
          if (!good) ++forced;
          ++steps;
          h[r] = cut ? std::max(h[r], factor * trial[r]) : factor * trial[r];
        } else {
          ++rejected;
          h[r] = std::min(factor, 1.0) * trial[r];
        }
      }
      o.axpby(taken, fine_, kept, z);
    }
  }
  void archive(StateArchive& a) {
    a("steps", steps);
    a("rejected", rejected);
    a("forced", forced);
  }
  long steps = 0, rejected = 0, forced = 0;  ///< of all rows, since begin

 private:
  static PerRow scaled(PerRow v, double a) {
    for (double& e : v) e *= a;
    return v;
  }
  Joint first_, slope_, sum_, stage_, whole_, half_, fine_, middle_;
};

}  // namespace minfold::impl

#endif
