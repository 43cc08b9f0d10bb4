// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_BENCH_COMPARE_MEASURE_HPP
#define MINFOLD_BENCH_COMPARE_MEASURE_HPP

#include "compare/problem.hpp"
#include "support/ceilings.hpp"

#include <optional>
#include <string>
#include <vector>

namespace minfold::bench {

struct Plan {
  int rounds = 0;      ///< 0: as many as fit the seconds, at least 3, at most 41
  double seconds = 4;  ///< for one case, shared by its contenders
  std::vector<std::string>
      broken;  ///< contenders whose answers are falsified before they are checked
};

/// One contender of one case.
struct Measured {
  std::string name;
  double milliseconds = 0;  ///< median; of a wrong peer that of its one run
  double ratio = 0;  ///< median over the rounds of its time / minfold's time in the same round
  double ratio_low = 0, ratio_high = 0;  ///< quartiles
  Verdict verdict;
  Answer answer;  ///< without the arrays
  /// Those at the common tolerance, where it was then asked for more: see measure.
  long asked_products = 0;
  double asked_error = 0;
  int rounds = 0;
};

struct Row {
  Case what;
  Measured minfold;
  double ceiling_fraction = 0;
  std::vector<Measured> peers;
};

/// Checks all contenders, then times those that are right, in turns: minfold, peer, peer, ..., again.
/// If minfold is wrong nothing is timed. Where both can be told at which residual to stop, minfold or the peer,
/// whichever is less accurate, is told to go on until its error is at most that of the other.
Row measure(Case const& c, Plan const& plan, Ceilings const& ceilings);

/// One case with one thread of the host and with all, in turns.
struct Scaling {
  Case what;
  int threads = 1;
  double one = 0, all = 0;                ///< median times, ms
  double speedup = 0, low = 0, high = 0;  ///< median and quartiles of one / all in the same round
  int rounds = 0;
  Verdict verdict;
};

/// Whether the speed-up of a case is shown.
bool scales(Case const& c);
/// Runs minfold on an instance of the host's space that has one thread and on one that has all, in turns, in
/// this process. Both answers are checked first.
Scaling measure_scaling(Case const& c, Plan const& plan);

}  // namespace minfold::bench

#endif
