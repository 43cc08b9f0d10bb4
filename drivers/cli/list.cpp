// SPDX-License-Identifier: Apache-2.0
#include <minfold/drivers/method_catalog.hpp>
#include <minfold/problems/catalog.hpp>

#include "commands.hpp"
#include "solve.hpp"
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace minfold::cli {
namespace {

void print_keys(std::string const& title, Settings const& settings,
                std::vector<std::string> const& keys) {
  if (keys.empty()) return;
  std::size_t width = 0;
  for (auto const& key : keys)
    width = std::max(width, key.size() + 1 + settings.known().at(key).value.size());
  width = std::min<std::size_t>(width, 32);
  fmt::print("\n{}\n", title);
  for (auto const& key : keys) {
    auto const& entry = settings.known().at(key);
    fmt::print("  {:<{}}  {}\n", key + "=" + entry.value, width, entry.meaning);
  }
}

/// One line an entry: its name and its summary.
template <class Entries>
void print_entries(Entries const& entries) {
  std::size_t width = 0;
  for (auto const& entry : entries) width = std::max(width, entry.name.size());
  for (auto const& entry : entries) fmt::print("{:<{}}  {}\n", entry.name, width, entry.summary);
}

}  // namespace

int list_problems() {
  print_entries(catalog());
  fmt::print(
      "\nminfold list PROBLEM shows what --set can change, minfold list --methods how to solve.\n");
  return 0;
}

int list_methods() {
  print_entries(methods());
  fmt::print("\nminfold list PROBLEM --method METHOD shows what --set can change.\n");
  return 0;
}

int list_keys(SolveRequest const& request) {
  auto const& entry = find_problem(request.problem);
  Settings settings(request.sets);
  auto const named = entry.make_double(settings, {request.seed, request.data});
  std::vector<std::string> of_problem, of_method;
  for (auto const& [key, value] : settings.known()) of_problem.push_back(key);
  auto run = named_run(request);
  ask_settings<double>(run, settings);
  settings.refuse_unknown();
  for (auto const& [key, value] : settings.known())
    if (std::find(of_problem.begin(), of_problem.end(), key) == of_problem.end())
      of_method.push_back(key);

  fmt::print("{}: {}\n", entry.name, entry.summary);
  auto const& problem = *named.problem;
  fmt::print("{} target{}, upper variable of {}, lower variable of {}; closed form {}\n",
             problem.batch_size(), problem.batch_size() == 1 ? "" : "s",
             problem.upper_rows() * problem.dim_x(), problem.dim_y(),
             named.truth ? "known" : "unknown");
  print_keys("the problem (--set key=value):", settings, of_problem);
  print_keys("the method " + request.method + " (--set key=value):", settings, of_method);
  return 0;
}

}  // namespace minfold::cli
