// SPDX-License-Identifier: Apache-2.0
#include "study/studies.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace minfold::study {
namespace {

/// count numbers from low to high
std::vector<double> line(double low, double high, int count) {
  std::vector<double> x(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) x[std::size_t(i)] = low + (high - low) * i / (count - 1);
  return x;
}

/// 10^low ... 10^high, `decade` of them a decade
std::vector<double> powers(int low, int high, int decade) {
  std::vector<double> x;
  for (int i = low * decade; i <= high * decade; ++i)
    x.push_back(std::pow(10.0, double(i) / decade));
  return x;
}

}  // namespace

/// F and grad F at given x, by HG-MS without a step: many kinks (N2), a gradient that is Hoelder continuous
/// with exponent 1 / (2p - 1) and no more (H_p), one with no positive exponent (H_flat). Without the bowl
/// of the problems, so that F is what methods.md says.
void run_regularity(Runner& runner, bool quick) {
  struct Case {
    std::string name, problem;
    std::vector<std::string> sets;
    double half_width;
    bool exponent;
  };
  std::vector<Case> const cases = {{"N2", "kinks", {"frequency=8", "curvature=0"}, 0.8, false},
                                   {"H_1", "hoelder", {"p=1", "curvature=0"}, 0.5, true},
                                   {"H_2", "hoelder", {"p=2", "curvature=0"}, 0.5, true},
                                   {"H_3", "hoelder", {"p=3", "curvature=0"}, 0.5, true},
                                   {"H_flat", "flat", {"curvature=0"}, 0.5, true}};
  for (auto const& what : cases) {
    if (!runner.has_problem(what.problem)) continue;
    RunSpec spec;
    spec.study = "regularity";
    spec.problem = what.problem;
    spec.sets = what.sets;
    // 0 is one of them: a kink itself; and next to all kinks, so that a figure shows them steep.
    spec.sweep = line(-what.half_width, what.half_width, quick ? 33 : 201);
    if (what.problem == "kinks") {
      for (int j = -2; j <= 2; ++j)
        for (double const beside : {-1e-4, 1e-4})
          spec.sweep.push_back(j * std::numbers::pi / 8 + beside);
      std::sort(spec.sweep.begin(), spec.sweep.end());
    }
    runner.run(spec, {{"case", what.name}, {"part", "line"}});
    if (!what.exponent) continue;
    spec.sweep = powers(-6, -1, quick ? 2 : 8);
    runner.run(spec, {{"case", what.name}, {"part", "powers"}});
  }
}

}  // namespace minfold::study
