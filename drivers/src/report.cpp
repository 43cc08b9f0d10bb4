// SPDX-License-Identifier: Apache-2.0
#include <minfold/drivers/report.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace minfold {
namespace {

using Json = nlohmann::ordered_json;

Json finite(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

/// Names in the report are words joined by underscores.
std::string identifier(std::string text) {
  std::replace_if(text.begin(), text.end(), [](char c) { return c == ' ' || c == '-'; }, '_');
  return text;
}

Json counters_json(Counters const& c) {
  return {{"values", c.values},
          {"gradients", c.gradients},
          {"hessian_products", c.hessian_products},
          {"mixed_products", c.mixed_products},
          {"second_products", c.second_products},
          {"seconds", finite(c.seconds)}};
}

void add_certificate(Json& json, ItemCertificate const& c) {
  json["verdict"] = to_string(c.verdict);
  json["lower_residual"] = finite(c.lower_residual);
  json["distance_bound"] = finite(c.distance_bound);
  json["kernel_dimension"] = c.kernel_dimension;
  json["gap"] = finite(c.gap);
  json["tangential_residual"] = finite(c.tangential_residual);
  json["nondegeneracy"] = finite(c.nondegeneracy);
  json["smallest_curvature"] = finite(c.smallest_curvature);
  json["uniqueness_margin"] = finite(c.uniqueness_margin);
  json["solve_residual"] = finite(c.solve_residual);
  json["leakage"] = finite(c.leakage);
  json["candidates"] = c.candidates;
  json["rival"] = c.rival;
}

Json iteration_json(Iteration const& it) {
  auto const& c = it.certificate;
  auto const sum = total(it.counters);
  Json json = {{"iteration", it.iteration},
               {"upper", finite(it.upper)},
               {"hypergradient_norm", finite(it.hypergradient_norm)},
               {"target", finite(it.target)},
               {"directional_derivative", finite(it.directional_derivative)},
               {"tied", it.tied},
               {"step", finite(it.step)}};
  add_certificate(json, c);
  json["kernel_dimension_min"] = c.kernel_dimension_min;
  json["certified"] = c.certified;
  json["uncertain"] = c.uncertain;
  json["refused"] = c.refused;
  json["values"] = sum.values;
  json["gradients"] = sum.gradients;
  json["hessian_products"] = sum.hessian_products;
  json["mixed_products"] = sum.mixed_products;
  json["second_products"] = sum.second_products;
  json["seconds"] = finite(it.seconds);
  json["lower_gradient_norm"] = finite(it.lower_gradient_norm);
  json["lower_gap"] = finite(it.lower_gap);
  json["kkt_residual"] = finite(it.kkt_residual);
  json["penalty"] = finite(it.penalty);
  if (!c.reasons.empty()) json["reasons"] = c.reasons;
  return json;
}

/// What there is to say of the targets that keep a solve from being certified.
Json not_certified_json(std::vector<ItemCertificate> const& certificates) {
  Json list = Json::array();
  for (std::size_t t = 0; t < certificates.size() && list.size() < 20; ++t) {
    if (certificates[t].verdict == Verdict::certified) continue;
    Json json = {{"target", t}};
    add_certificate(json, certificates[t]);
    json["reasons"] = certificates[t].reasons;
    list.push_back(std::move(json));
  }
  return list;
}

Json result_json(SolveReport const& report) {
  auto const& last = report.result.last;
  Json json = {{"outcome", identifier(to_string(report.result.outcome))},
               {"solved", report.result.solved()},
               {"verdict", to_string(last.certificate.verdict)},
               {"reasons", last.certificate.reasons},
               {"iterations", report.result.iterations},
               {"upper", finite(last.upper)}};
  if (report.x.size() <= 100) {
    json["x"] = Json::array();
    for (double const v : report.x) json["x"].push_back(finite(v));
  }
  json["metrics"] = report.metrics;
  if (report.result.assessment) {
    auto const& a = *report.result.assessment;
    json["assessment"] = {{"upper", finite(a.upper)},
                          {"hypergradient_norm", finite(a.hypergradient_norm)},
                          {"allowed", finite(a.allowed)},
                          {"excess", finite(a.excess)},
                          {"distance", finite(a.distance)}};
  }
  for (auto const& finding : report.result.findings)
    json["findings"][finding.name] = finite(finding.value);
  if (report.certificates.size() > 1)
    json["not_certified"] = not_certified_json(report.certificates);
  return json;
}

Json truth_json(TruthErrors const& t) {
  return {{"upper", finite(t.upper)},
          {"upper_error", finite(t.upper_error)},
          {"optimum", finite(t.optimum)},
          {"gradient_error", finite(t.gradient_error)},
          {"final_gradient_error", finite(t.final_gradient_error)},
          {"x_error", finite(t.x_error)}};
}

double norm(std::vector<double> const& v) {
  double sum = 0;
  for (double const e : v) sum += e * e;
  return std::sqrt(sum);
}

double distance(std::vector<double> a, std::vector<double> const& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::quiet_NaN();
  for (std::size_t i = 0; i < a.size(); ++i) a[i] -= b[i];
  return norm(a);
}

}  // namespace

template <class T, ExecutionSpace E>
TruthErrors compare_with_truth(NamedProblem<T, E> const& named, Seen const& first,
                               Seen const& last) {
  constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  TruthErrors errors;
  auto const start = named.truth(first.x), end = named.truth(last.x);
  errors.upper = end.upper;
  errors.upper_error = std::abs(last.upper - end.upper) / std::max(1.0, std::abs(end.upper));
  double const slope = norm(start.gradient);
  errors.gradient_error =
      start.differentiable ? distance(first.hypergradient, start.gradient) / slope : unknown;
  errors.final_gradient_error = start.differentiable && end.differentiable
                                    ? distance(last.hypergradient, end.gradient) / slope
                                    : unknown;
  errors.optimum = errors.x_error = unknown;
  if (named.optimum) {
    auto const best = named.optimum();
    errors.optimum = best.upper;
    if (!best.x.empty()) errors.x_error = distance(last.x, best.x) / std::max(1.0, norm(best.x));
  }
  return errors;
}

using Space = Kokkos::DefaultExecutionSpace;
template TruthErrors compare_with_truth(NamedProblem<double, Space> const&, Seen const&,
                                        Seen const&);
template TruthErrors compare_with_truth(NamedProblem<float, Space> const&, Seen const&,
                                        Seen const&);

nlohmann::ordered_json options_json(Settings const& settings) {
  Json json = Json::object();
  for (auto const& [key, entry] : settings.known()) {
    auto const& text = entry.value;
    char const* const end = text.data() + text.size();
    std::int64_t whole = 0;
    double number = 0;
    auto const as_whole = std::from_chars(text.data(), end, whole);
    auto const as_number = std::from_chars(text.data(), end, number);
    if (as_whole.ec == std::errc() && as_whole.ptr == end)
      json[key] = whole;
    else if (as_number.ec == std::errc() && as_number.ptr == end)
      json[key] = finite(number);
    else if (text == "true" || text == "false")
      json[key] = text == "true";
    else
      json[key] = text;
  }
  return json;
}

nlohmann::ordered_json report_json(SolveReport const& report) {
  Json json = {{"schema", "minfold-solve-1"}, {"problem", report.problem},
               {"method", report.method},     {"backend", report.backend},
               {"threads", report.threads},   {"precision", report.precision},
               {"seed", report.seed}};
  if (!report.build.is_null()) json["build"] = report.build;
  json["options"] = report.options;
  json["iterations"] = Json::array();
  for (auto const& it : report.iterations) json["iterations"].push_back(iteration_json(it));
  json["result"] = result_json(report);
  if (report.truth) json["truth"] = truth_json(*report.truth);
  for (int s = 0; s < stage_count; ++s)
    json["stages"][identifier(to_string(Stage(s)))] = counters_json(report.result.last.counters[s]);
  return json;
}

}  // namespace minfold
