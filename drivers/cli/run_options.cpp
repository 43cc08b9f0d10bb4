// SPDX-License-Identifier: Apache-2.0
#include "run_options.hpp"

#include <minfold/drivers/impl/edit_distance.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <stdexcept>

namespace minfold::cli {
namespace {

template <class Number>
Number parsed(std::string const& text, Number low, Number high, std::string const& expected) {
  Number value{};
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // Written so that a NaN is refused.
  if (error != std::errc() || end != text.data() + text.size() || !(low <= value && value <= high))
    throw std::invalid_argument("expected " + expected + ", got " + text);
  return value;
}

RunOption text_option(std::string key, std::string meaning, std::string SolveRequest::* member) {
  return {std::move(key), OptionKind::text, std::move(meaning),
          [member](SolveRequest& r, std::string const& value) { r.*member = value; },
          [member](SolveRequest const& r) { return r.*member; }};
}

}  // namespace

std::vector<RunOption> const& run_options() {
  static std::vector<RunOption> const options = {
      text_option("problem", "what is solved: PROBLEM of the command line, see minfold list",
                  &SolveRequest::problem),
      text_option("method", "how it is solved, see minfold list --methods", &SolveRequest::method),
      {"seed", OptionKind::integer, "of the problem and of the method",
       [](SolveRequest& r, std::string const& value) {
         r.seed = parsed<std::uint64_t>(value, 0, UINT64_MAX, "an integer from 0 to 2^64 - 1");
       },
       [](SolveRequest const& r) { return std::to_string(r.seed); }},
      {"precision", OptionKind::text, "float or double",
       [](SolveRequest& r, std::string const& value) {
         if (value != "float" && value != "double")
           throw std::invalid_argument("expected float or double, got " + value);
         r.precision = value;
       },
       [](SolveRequest const& r) { return r.precision; }},
      {"max-iterations", OptionKind::integer, "outer iterations",
       [](SolveRequest& r, std::string const& value) {
         r.max_iterations = parsed(value, 0, 1'000'000'000, "an integer from 0 to 1000000000");
       },
       [](SolveRequest const& r) {
         return r.max_iterations ? std::to_string(*r.max_iterations) : std::string();
       }},
      {"tolerance", OptionKind::number,
       "stop at |hypergradient|, or what the method takes for it, <= this times its terms at x_0",
       [](SolveRequest& r, std::string const& value) {
         r.tolerance = parsed(value, std::numeric_limits<double>::denorm_min(),
                              std::numeric_limits<double>::max(), "a positive number");
       },
       [](SolveRequest const& r) {
         return r.tolerance ? fmt::format("{}", *r.tolerance) : std::string();
       }},
      text_option("data", "folder with the data of the problem", &SolveRequest::data),
      {"json", OptionKind::text, "file for everything about the solve",
       [](SolveRequest& r, std::string const& value) { r.json = value; },
       [](SolveRequest const& r) { return r.json.value_or(""); }},
      {"checkpoint", OptionKind::text, "file for the state of the solve, see minfold resume",
       [](SolveRequest& r, std::string const& value) { r.checkpoint = value; },
       [](SolveRequest const& r) { return r.checkpoint.value_or(""); }},
      {"every", OptionKind::integer, "iterations from one checkpoint to the next",
       [](SolveRequest& r, std::string const& value) {
         r.every = parsed(value, 1, 1'000'000'000, "an integer from 1 to 1000000000");
       },
       [](SolveRequest const& r) { return r.every > 0 ? std::to_string(r.every) : std::string(); }},
      {"quiet", OptionKind::flag, "only the result",
       [](SolveRequest& r, std::string const& value) { r.quiet = value == "true"; },
       [](SolveRequest const& r) { return std::string(r.quiet ? "true" : "false"); }},
  };
  return options;
}

RunOption const* find_run_option(std::string const& key) {
  for (auto const& option : run_options())
    if (option.key == key) return &option;
  return nullptr;
}

std::string nearest_key(std::string const& key, std::vector<std::string> const& keys) {
  std::string nearest;
  // Farther ones are no typing errors.
  int distance = 1 + std::min(3, int(key.size()) / 2);
  for (auto const& candidate : keys)
    if (int const d = minfold::impl::edit_distance(key, candidate); d < distance) {
      distance = d;
      nearest = candidate;
    }
  return nearest;
}

}  // namespace minfold::cli
