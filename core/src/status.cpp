// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/status.hpp>

#include <ostream>

namespace minfold {

char const* to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::not_run: return "not run";
    case Outcome::converged: return "converged";
    case Outcome::iteration_limit: return "iteration limit";
    case Outcome::inconsistent_rhs: return "inconsistent right-hand side";
    case Outcome::indefinite_operator: return "indefinite operator";
    case Outcome::ambiguous_rank: return "ambiguous rank";
    case Outcome::rank_limit: return "rank limit";
    case Outcome::not_finite: return "not finite";
  }
  return "unknown outcome";
}

std::ostream& operator<<(std::ostream& stream, Outcome outcome) {
  return stream << to_string(outcome);
}

std::ostream& operator<<(std::ostream& stream, Summary const& summary) {
  stream << summary.items << " items:";
  for (int o = 0; o < outcome_count; ++o)
    if (summary.count[o]) stream << ' ' << summary.count[o] << ' ' << Outcome(o) << ',';
  return stream << " worst residual " << summary.worst_residual << " (item " << summary.worst_item
                << "), " << summary.products << " products";
}

}  // namespace minfold
