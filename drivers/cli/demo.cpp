// SPDX-License-Identifier: Apache-2.0
#include "commands.hpp"
#include "solve.hpp"
#include "terminal.hpp"
#include <fmt/format.h>

#include <cstdio>

namespace minfold::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string percent(Json const& value) {
  return value.is_number() ? fmt::format("{:.1f} %", 100 * value.get<double>()) : "-";
}
std::string number(Json const& value) {
  return value.is_number() ? fmt::format("{:.4g}", value.get<double>()) : "-";
}
std::string whole(Json const& value) {
  return value.is_number() ? value.dump() : "-";
}

Json const& metric(SolveReport const& report, char const* key) {
  static Json const none;
  return report.metrics.is_object() && report.metrics.contains(key) ? report.metrics.at(key) : none;
}

void row(std::string const& what, std::string const& before, std::string const& after,
         std::string const& ideal = "") {
  fmt::print("  {:<34}{:>12}{:>14}{:>18}\n", what, before, after, ideal);
}

void verdict(SolveReport const& report) {
  auto const& last = report.result.last;
  auto const& c = last.certificate;
  int const targets = c.certified + c.uncertain + c.refused;
  fmt::print(
      "  {:<34}{}, {}{} ({} iterations, {})\n", "verdict", to_string(report.result.outcome),
      painted(to_string(c.verdict), c.verdict == Verdict::certified ? Tone::good : Tone::doubtful),
      targets > 1 ? fmt::format(": {} of {} targets", c.certified, targets) : "",
      report.result.iterations, duration(last.seconds));
  for (auto const& reason : c.reasons) fmt::print("  {:<34}{}\n", "", reason);
}

}  // namespace

int run_demo(SolveRequest const& request) {
  // The data and the size that the table talks about, whatever the problems' defaults become.
  SolveRequest cleaning = request, arm = request;
  cleaning.problem = "hyper-cleaning";
  cleaning.sets.insert(cleaning.sets.end(), {"dataset=digits", "corruption=0.4"});
  // Accuracy that a table can show; a demo is over within a minute.
  if (!request.tolerance) cleaning.tolerance = 1e-2;
  if (!request.tolerance) arm.tolerance = 1e-4;
  arm.problem = "redundant-arm";
  arm.sets = {"kind=planar", "targets=1000"};

  if (!request.quiet)
    fmt::print("Two bilevel problems whose lower level has a manifold of minimizers.\n\n");
  std::fflush(stdout);
  auto const cleaned = solve(cleaning);
  if (int const status = interrupted_status(cleaned)) return status;
  auto const moved = solve(arm);
  if (int const status = interrupted_status(moved)) return status;

  fmt::print("{}\n", painted(fmt::format("  {:<34}{:>12}{:>14}{:>18}", "", "before", "after",
                                         "with true labels"),
                             Tone::strong));
  fmt::print(
      "{}: a weight for each of {} images of digits; corruption {} nominal, {} effective: {} wrong "
      "labels\n",
      painted("hyper-cleaning", Tone::strong), whole(metric(cleaned, "train")),
      percent(metric(cleaned, "nominal_corruption")),
      percent(metric(cleaned, "effective_corruption")), whole(metric(cleaned, "corrupted")));
  row("accuracy on test images", percent(metric(cleaned, "test_accuracy_uncleaned")),
      percent(metric(cleaned, "test_accuracy_cleaned")),
      percent(metric(cleaned, "test_accuracy_true_labels")));
  row("samples given less than half weight", "0", whole(metric(cleaned, "marked")));
  row("wrong labels among them", "0", whole(metric(cleaned, "marked_and_corrupted")),
      whole(metric(cleaned, "corrupted")));
  verdict(cleaned);
  fmt::print("{}: base and links of one arm for {} targets\n",
             painted("redundant-arm", Tone::strong), whole(metric(moved, "targets")));
  row("mean posture effort [rad^2]", number(metric(moved, "effort_before")),
      number(metric(moved, "effort_after")));
  row("largest distance to a target [m]", number(metric(moved, "hand_error_before")),
      number(metric(moved, "hand_error_after")));
  verdict(moved);

  fmt::print(
      "\nNext (from the source tree: ./run minfold ...):\n"
      "  minfold list                                       all problems\n"
      "  minfold solve two-well --json two-well.json        a closed form to compare with\n"
      "  minfold solve redundant-arm --set kind=spatial     seven joints in space\n");
  // A few of a thousand random targets are close to a tie or a degenerate posture; the table says so,
  // and that is a demonstration, not a failure.
  auto const shown = [](SolveReport const& r) {
    return r.result.outcome == SolveOutcome::converged &&
           r.result.last.certificate.verdict != Verdict::refused;
  };
  return shown(cleaned) && shown(moved) ? 0 : 1;
}

}  // namespace minfold::cli
