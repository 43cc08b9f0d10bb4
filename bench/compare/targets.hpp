// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_BENCH_COMPARE_TARGETS_HPP
#define MINFOLD_BENCH_COMPARE_TARGETS_HPP

#include "compare/measure.hpp"

#include <string>
#include <vector>

namespace minfold::bench {

/// One thing that was promised of a row, and what was measured.
struct Judged {
  std::string promise;  ///< ">= 18"
  bool met = false;
};

/// The promises about one peer of the row.
std::vector<Judged> judge_peer(Row const& row, Measured const& peer);
/// The promises about the row itself: accuracy, the fastest peer, the ceiling.
std::vector<Judged> judge_row(Row const& row);

}  // namespace minfold::bench

#endif
