// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/version.hpp>
#include <minfold/drivers/method_catalog.hpp>
#include <minfold/problems/catalog.hpp>

#include "commands.hpp"
#include "run_options.hpp"
#include "solve.hpp"
#include "toml_text.hpp"
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <type_traits>
#include <vector>

namespace minfold::cli {
namespace {

/// One option: a comment of what it means, then the line with where its value comes from; a comment too
/// where nothing is chosen.
void print_line(std::string const& key, std::string const& value, std::string const& meaning,
                std::string const& origin, bool chosen = true) {
  fmt::print("# {}\n{}{} = {}  # {}\n", toml_comment(meaning), chosen ? "" : "# ", toml_key(key),
             value, toml_comment(origin));
}

/// Empty where neither the command line nor the file has it.
std::string origin_of(SolveRequest const& request, std::string const& key) {
  if (request.from_line.count(key)) return "the command line";
  auto const place = request.from_file.find(key);
  return place == request.from_file.end() ? "" : place->second;
}

void print_run(SolveRequest const& request, NamedRun const& run) {
  SolveRequest effective = request;
  effective.max_iterations = run.max_iterations;
  effective.tolerance = run.tolerance;
  // As short as the precision has it: 1e-4, not 9.999999747378752e-05.
  if (request.precision == "float")
    effective.tolerance = std::stod(fmt::format("{}", float(*run.tolerance)));
  SolveRequest const defaults;
  for (auto const& option : run_options()) {
    auto const value = option.value(effective);
    auto const usual = option.value(defaults);
    auto origin = origin_of(request, option.key);
    if (origin.empty())
      origin = option.key == "max-iterations" || option.key == "tolerance"
                   ? "the default of " + request.method
                   : "the default";
    else if (!usual.empty())
      origin += "; the default is " + usual;
    // Integers of TOML end at 2^63 - 1, seeds do not.
    bool const quoted = option.kind == OptionKind::text ||
                        (option.kind == OptionKind::integer && value.size() > 18);
    print_line(option.key,
               quoted          ? toml_string(value)
               : value.empty() ? "N"
                               : value,
               option.meaning, value.empty() ? "not chosen" : origin, !value.empty());
  }
}

void print_settings(std::string const& title, SolveRequest const& request, Settings const& settings,
                    std::vector<std::string> const& keys, Settings const& bare) {
  if (!keys.empty()) fmt::print("\n# {}\n", title);
  for (auto const& key : keys) {
    auto const& entry = settings.known().at(key);
    auto const usual = bare.known().find(key);
    bool const preferred = usual != bare.known().end() && usual->second.fallback != entry.fallback;
    auto const fallback = [&](std::string const& value) {
      return value.empty() ? std::string("empty") : value;
    };
    std::string origin;
    if (!entry.given) {
      origin = preferred ? fmt::format("what {} prefers; the default of {} is {}", request.problem,
                                       request.method, fallback(usual->second.fallback))
                         : "the default";
    } else {
      auto const place = request.from_file.find("set " + key);
      origin = fmt::format(
          "{}; {} {}", place == request.from_file.end() ? "the command line" : place->second,
          preferred ? request.problem + " prefers" : "the default is", fallback(entry.fallback));
    }
    print_line(key, toml_value(entry.value), entry.meaning, origin);
  }
}

template <class T>
NamedProblem<T> make(Settings& settings, SolveRequest const& request) {
  auto const& entry = find_problem(request.problem);
  ProblemContext const context{request.seed, request.data};
  if constexpr (std::is_same_v<T, float>)
    return entry.make_float(settings, context);
  else
    return entry.make_double(settings, context);
}

template <class T>
void show(SolveRequest const& request) {
  Settings settings(request.sets), bare;
  auto const named = make<T>(settings, request);
  std::vector<std::string> of_problem, of_method;
  for (auto const& [key, entry] : settings.known()) of_problem.push_back(key);
  auto run = named_run(request);
  ask_settings<T>(run, settings);
  settings.refuse_unknown();
  for (auto const& [key, entry] : settings.known())
    if (std::find(of_problem.begin(), of_problem.end(), key) == of_problem.end())
      of_method.push_back(key);
  // What the method would take of itself, without the problem's preferences.
  auto bare_run = run;
  ask_settings<T>(bare_run, bare);

  fmt::print("# A run of minfold {}: minfold solve --config FILE\n\n", version);
  print_run(request, run);
  fmt::print("\n[set]\n");
  print_settings("the problem " + request.problem, request, settings, of_problem, Settings());
  print_settings("the method " + request.method, request, settings, of_method, bare);
}

}  // namespace

int run_show_config(SolveRequest const& request) {
  request.precision == "float" ? show<float>(request) : show<double>(request);
  return 0;
}

}  // namespace minfold::cli
