// SPDX-License-Identifier: Apache-2.0
#include <minfold/drivers/check.hpp>
#include <minfold/drivers/method_catalog.hpp>
#include <minfold/problems/catalog.hpp>

#include "commands.hpp"
#include "solve.hpp"
#include "terminal.hpp"
#include <fmt/format.h>

#include <cmath>

namespace minfold::cli {
namespace {

template <class T>
DerivativeCheck check(NamedProblem<T> const& named, Settings& settings, SolveRequest const& request,
                      int points) {
  if (!request.config.empty()) {  // describes a solve: keys of its method are no mistake
    auto run = named_run(request);
    ask_settings<T>(run, settings);
  }
  settings.refuse_unknown();
  return check_derivatives<T, Kokkos::DefaultExecutionSpace>(
      Kokkos::DefaultExecutionSpace(), *named.problem, named.start,
      {.points = points, .seed = request.seed});
}

}  // namespace

int run_check(SolveRequest const& request, int points) {
  auto const& entry = find_problem(request.problem);
  Settings settings(request.sets);
  ProblemContext const context{request.seed, request.data};
  auto const result = request.precision == "float"
                          ? check(entry.make_float(settings, context), settings, request, points)
                          : check(entry.make_double(settings, context), settings, request, points);

  if (!request.quiet) {
    fmt::print("{:<32}{:>12}{:>8}\n", "derivative", "worst error", "slope");
    for (auto const& line : result.lines)
      fmt::print("{:<32}{:>12.1e}{:>8}  {}{}\n", line.what, line.error,
                 std::isnan(line.slope) ? "-" : fmt::format("{:.2f}", line.slope),
                 line.ok ? painted("ok", Tone::good) : painted("WRONG", Tone::bad),
                 line.note.empty() ? "" : "  " + line.note);
  }
  int wrong = 0;
  for (auto const& line : result.lines) wrong += !line.ok;
  if (wrong == 0)
    fmt::print("{}: derivatives agree with differences at {} points\n", request.problem, points);
  else
    fmt::print("{}: {} of {} checks fail\n", request.problem, wrong, result.lines.size());
  return wrong == 0 ? 0 : 1;
}

}  // namespace minfold::cli
