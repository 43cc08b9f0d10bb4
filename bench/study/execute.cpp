// SPDX-License-Identifier: Apache-2.0
#include "study/execute.hpp"

#include <minfold/core/require.hpp>
#include <minfold/drivers/method_catalog.hpp>
#include <minfold/drivers/report.hpp>
#include <minfold/problems/catalog.hpp>

#include "study/records.hpp"

#include <algorithm>
#include <cmath>

namespace minfold::study {

std::sig_atomic_t volatile interrupted = 0;

namespace {

using State = BilevelState<double, Space>;

std::vector<double> start_of(RunSpec const& spec, NamedProblem<double> const& named) {
  auto x = named.start;
  if (spec.start)
    for (std::size_t i = 0; i < x.size(); ++i)
      x[i] = spec.start->scale *
             normal({spec.start->seed, Stream::problem, 4000, std::uint32_t(i), 0});
  return x;
}

void put(Space const& space, std::vector<double> const& from, Vectors<double, Space> const& to) {
  auto const host = Kokkos::create_mirror_view(to);
  MINFOLD_REQUIRE(from.size() == host.size(), "study: the start has ", from.size(),
                  " numbers, expected ", host.size());
  std::copy(from.begin(), from.end(), host.data());
  Kokkos::deep_copy(space, to, host);
  space.fence("minfold::study: host copy goes out of scope");
}

/// Whether the next stretch fits into the budgets too, if it takes what the last one took.
class Allowance {
 public:
  explicit Allowance(RunSpec const& spec) : spec_(spec) {}

  bool lasts(Iteration const& line) {
    double const work = gradient_equivalents(total(line.counters));
    bool const enough = fits(spec_.gradient_equivalents, work, work_) &&
                        fits(spec_.seconds, line.seconds, seconds_);
    work_ = work;
    seconds_ = line.seconds;
    return enough;
  }

 private:
  static bool fits(double budget, double now, double before) {
    return budget == 0 || (now < budget && (before == 0 || now + (now - before) <= budget));
  }
  RunSpec const& spec_;
  double work_ = 0, seconds_ = 0;
};

NamedRun named_run(RunSpec const& spec) {
  NamedRun run;
  run.method = spec.method;
  run.seed = spec.seed;
  run.max_iterations = spec.max_iterations;
  run.tolerance = spec.tolerance;
  run.record_every = spec.record_every;
  run.assess = spec.assess;
  return run;
}

/// F(x) and grad F(x) where they are known: of the closed form, of HG-MS, of the assessment.
Json end_of(NamedProblem<double> const& named, RunSpec const& spec, SolveResult const& result,
            Solution const& end) {
  Json json;
  json["x"] = std::vector<double>(end.x.begin(),
                                  end.x.begin() + long(std::min<std::size_t>(100, end.x.size())));
  json["upper"] = number(result.last.upper);
  json["verdict"] = to_string(result.last.certificate.verdict);
  if (spec.method == "hgms") json["F"] = number(result.last.upper);
  if (result.assessment) {
    json["F"] = number(result.assessment->upper);
    json["hypergradient_norm"] = number(result.assessment->hypergradient_norm);
    json["excess"] = number(result.assessment->excess);
    json["distance"] = number(result.assessment->distance);
  }
  bool const finite =
      std::all_of(end.x.begin(), end.x.end(), [](double v) { return std::isfinite(v); });
  if (named.truth && finite) {
    auto const truth = named.truth(end.x);
    json["F_true"] = number(truth.upper);
    json["gradient_norm_true"] = number(length(truth.gradient));
    json["gradient_norm_true_start"] = number(length(named.truth(start_of(spec, named)).gradient));
    if (!truth.selection.empty())
      json["selection_error"] = number(distance(end.y, truth.selection));
  }
  if (named.optimum && finite) {
    auto const optimum = named.optimum();
    json["F_optimum"] = number(optimum.upper);
    if (!optimum.x.empty()) json["x_error"] = number(distance(end.x, optimum.x));
  }
  if (named.distance && finite) json["lower_distance"] = number(named.distance(end.x, end.y));
  return json;
}

Json solve(RunSpec const& spec, std::optional<int> stop_at) {
  Space const space;
  Settings settings(spec.sets);
  auto const named = find_problem(spec.problem).make_double(settings, {spec.problem_seed, ""});
  State state(space, *named.problem);
  put(space, start_of(spec, named), state.x);
  auto run = named_run(spec);

  Records records(named, spec.directions);
  Solution start;
  Allowance allowance(spec);
  auto const result =
      minimize<double>(space, *named.problem, state, run, settings, [&](Iteration const& line) {
        if (start.x.empty()) start = {host_copy(space, state.x), host_copy(space, state.y)};
        records.add(line, spec.directions ? host_copy(space, state.x) : std::vector<double>{},
                    spec.directions && spec.method == "hgms" ? host_copy(space, state.hypergradient)
                                                             : std::vector<double>{});
        if (stop_at) return line.iteration < *stop_at && !interrupted;
        return allowance.lasts(line) && !interrupted;
      });
  if (interrupted) throw Interrupted();

  Json json;
  json["options"] = options_json(settings);
  json["options"]["max_iterations"] = *run.max_iterations;
  json["options"]["tolerance"] = *run.tolerance;
  json["outcome"] = to_string(result.outcome);
  json["iterations"] = result.iterations;
  json["reasons"] = result.last.certificate.reasons;
  json["records"] = records.json();
  json["findings"] = Json::object();
  for (auto const& finding : result.findings)
    json["findings"][finding.name] = number(finding.value);
  Solution const end = {host_copy(space, state.x), host_copy(space, state.y)};
  json["end"] = end_of(named, spec, result, end);
  bool const usable = !start.x.empty() && result.outcome != SolveOutcome::failed;
  json["metrics"] = usable && named.metrics ? named.metrics(start, end) : Json(nullptr);
  json["seconds"] = records.seconds();
  return json;
}

/// HG-MS at each x, without a step.
Json sweep(RunSpec const& spec) {
  Space const space;
  Json json;
  std::vector<Json> upper, gradient, true_upper, true_gradient, verdict, tied;
  for (double const x : spec.sweep) {
    if (interrupted) throw Interrupted();
    Settings settings(spec.sets);
    auto const named = find_problem(spec.problem).make_double(settings, {spec.problem_seed, ""});
    MINFOLD_REQUIRE(named.start.size() == 1, "study: a sweep needs one upper variable, ",
                    spec.problem, " has ", named.start.size());
    State state(space, *named.problem);
    put(space, {x}, state.x);
    auto run = named_run(spec);
    run.max_iterations = 0;
    auto const result = minimize<double>(space, *named.problem, state, run, settings);
    upper.push_back(number(result.last.upper));
    gradient.push_back(number(host_copy(space, state.hypergradient)[0]));
    verdict.push_back(to_string(result.last.certificate.verdict));
    tied.push_back(result.last.tied);
    if (named.truth) {
      auto const truth = named.truth({x});
      true_upper.push_back(number(truth.upper));
      true_gradient.push_back(truth.differentiable ? number(truth.gradient[0]) : Json(nullptr));
    }
    json["options"] = options_json(settings);
  }
  json["sweep"] = {{"x", spec.sweep},
                   {"F", upper},
                   {"gradient", gradient},
                   {"F_true", true_upper},
                   {"gradient_true", true_gradient},
                   {"verdict", verdict},
                   {"tied", tied}};
  return json;
}

}  // namespace

Json execute(RunSpec const& spec, std::optional<int> stop_at) {
  Kokkos::Timer const timer;
  Json json;
  try {
    json = spec.sweep.empty() ? solve(spec, stop_at) : sweep(spec);
  } catch (std::invalid_argument const& error) {
    json = {{"refused", error.what()}};
  }
  json["seconds_total"] = timer.seconds();
  return json;
}

}  // namespace minfold::study
