// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_STUDY_EXECUTE_HPP
#define MINFOLD_STUDY_EXECUTE_HPP

#include "study/run_spec.hpp"

#include <csignal>
#include <stdexcept>

namespace minfold::study {

/// Raised by SIGINT and SIGTERM; a run that sees it ends with Interrupted.
extern std::sig_atomic_t volatile interrupted;

struct Interrupted : std::runtime_error {
  Interrupted() : std::runtime_error("interrupted; the same command goes on from here") {}
};

/// Runs `spec`. Gives
///   options: every key in force,
///   outcome, iterations (of the solve), reasons,
///   records: {iteration, gradient_equivalents, hessian_products, upper, stationarity,
///     lower_gradient_norm, lower_gap, kkt_residual, penalty, direction_error, ...}, an array each,
///   end: {x (at most 100 numbers), F, gradient_norm, ... where a closed form or an assessment has them},
///   metrics of the problem,
///   seconds: of each record; seconds_total. Nothing else in it depends on the clock.
/// `stop_at`: ends with the record of this iteration, whatever the clock says; with it and the recorded
/// number of iterations a run that a budget of seconds has ended is repeated exactly.
/// Errors: what a method or problem refuses is its result, as {"refused": sentence}.
Json execute(RunSpec const& spec, std::optional<int> stop_at = {});

}  // namespace minfold::study

#endif
