// SPDX-License-Identifier: Apache-2.0
#include "solve.hpp"
#include "terminal.hpp"
#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace minfold::cli {
namespace {

std::string outcome_text(SolveResult const& result) {
  switch (result.outcome) {
    case SolveOutcome::converged: return "converged";
    case SolveOutcome::iteration_limit: return "not converged (iteration limit)";
    case SolveOutcome::stalled: return "not converged (no step decreases F)";
    case SolveOutcome::stopped: return "stopped";
    case SolveOutcome::failed: return "failed";
  }
  return "?";
}

Tone tone_of(Verdict verdict) {
  return verdict == Verdict::certified   ? Tone::good
         : verdict == Verdict::uncertain ? Tone::doubtful
                                         : Tone::bad;
}

/// A metric as a person reads it: fractions and lengths with few digits.
std::string value_text(nlohmann::ordered_json const& value) {
  if (value.is_number_float()) return fmt::format("{:.5g}", value.get<double>());
  if (value.is_string()) return value.get<std::string>();
  return value.dump();
}

}  // namespace

std::string summary(SolveReport const& report, bool only_the_line) {
  auto const& result = report.result;
  auto const& last = result.last;
  auto const& certificate = last.certificate;
  std::string text;
  auto const out = std::back_inserter(text);
  auto const row = [&](std::string const& what, std::string const& value) {
    fmt::format_to(out, "  {:<16}{}\n", what, value);
  };

  bool const converged = result.outcome == SolveOutcome::converged;
  fmt::format_to(out, "{}: {} after {} iterations, {}; {} = {:.10g}, {}\n",
                 painted(report.problem, Tone::strong),
                 painted(outcome_text(result), converged ? Tone::good : Tone::doubtful),
                 result.iterations,
                 painted(to_string(certificate.verdict), tone_of(certificate.verdict)),
                 report.method == "hgms" ? "F" : "f", last.upper, duration(last.seconds));
  if (only_the_line) return text;

  if (!report.iterations.empty()) {
    auto const& first = report.iterations.front();
    bool const own = report.method != "hgms";
    row(own ? "f(x, y)" : "F", fmt::format("{:.10g} -> {:.10g}", first.upper, last.upper));
    // Other methods know their measure after a step only.
    auto const& second = report.iterations[own && report.iterations.size() > 1 ? 1 : 0];
    row(own ? "stationarity" : "|grad F|",
        fmt::format("{:.3g} -> {:.3g}", second.hypergradient_norm, last.hypergradient_norm));
    if (result.assessment)
      row("by HG-MS", fmt::format("F = {:.10g}, |grad F| = {:.3g} at the end",
                                  result.assessment->upper, result.assessment->hypergradient_norm));
  }
  bool const varies = certificate.kernel_dimension_min != certificate.kernel_dimension;
  row("manifold", fmt::format("dimension {}{}, spectral gap {:.1e}",
                              varies ? fmt::format("{} to ", certificate.kernel_dimension_min) : "",
                              certificate.kernel_dimension, certificate.gap));
  if (certificate.certified + certificate.uncertain + certificate.refused > 1)
    row("targets", fmt::format("{} certified, {} uncertain, {} refused", certificate.certified,
                               certificate.uncertain, certificate.refused));
  for (auto const& reason : certificate.reasons) row("not certified", reason);
  auto const work = total(last.counters);
  row("work",
      fmt::format("{} gradients, {} Hessian, {} mixed, {} second-order products", work.gradients,
                  work.hessian_products, work.mixed_products, work.second_products));
  if (report.truth) {
    auto const& t = *report.truth;
    auto const known = [](double v) { return std::isfinite(v) ? fmt::format("{:.1e}", v) : "-"; };
    row("closed form",
        fmt::format("relative errors: first hypergradient {}, F {}, x {}", known(t.gradient_error),
                    known(t.upper_error), known(t.x_error)));
  }
  if (report.metrics.is_object())
    for (auto const& [key, value] : report.metrics.items())
      fmt::format_to(out, "  {:<28}{}\n", key, value_text(value));
  return text;
}

}  // namespace minfold::cli
