// SPDX-License-Identifier: Apache-2.0
#include "config_use.hpp"

#include <minfold/drivers/method_catalog.hpp>
#include <minfold/problems/catalog.hpp>

#include "config.hpp"
#include "run_options.hpp"
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <string_view>

namespace minfold::cli {
namespace {

bool is_given(CLI::App const& command, std::string const& key) {
  auto const* const option = command.get_option_no_throw(key == "problem" ? "PROBLEM" : "--" + key);
  return option && option->count() > 0;
}

bool is_set(SolveRequest const& request, std::string const& key) {
  return std::any_of(request.sets.begin(), request.sets.end(),
                     [&](std::string const& text) { return text.rfind(key + "=", 0) == 0; });
}

/// Names that the reader of the file cannot know.
void require_known(ConfigEntry const& entry, std::string const& place) {
  try {
    if (entry.key == "problem") find_problem(entry.value);
    if (entry.key == "method") find_method(entry.value);
  } catch (std::invalid_argument const& error) {
    std::string_view sentence = error.what();
    if (sentence.rfind("minfold: ", 0) == 0) sentence.remove_prefix(9);
    throw std::invalid_argument(fmt::format("{}: {}", place, sentence));
  }
}

}  // namespace

void add_config(CLI::App& command, SolveRequest& request) {
  command
      .add_option(
          "--config", request.config,
          "a TOML file with the options of the run, which the command line outranks:\n"
          "problem = \"...\" for PROBLEM, the long options without their dashes, and a table\n"
          "[set] with the keys of --set; names of files in it count from the current folder.\n"
          "minfold show-config prints such a file")
      ->type_name("FILE");
}

void use_config(CLI::App const& command, SolveRequest& request) {
  for (auto const& option : run_options())
    if (is_given(command, option.key)) request.from_line.insert(option.key);
  if (!command.get_option_no_throw("--config") || command.count("--config") == 0) return;

  auto const config = read_config_file(request.config);
  auto const place = [&](ConfigEntry const& entry) {
    return fmt::format("{}:{}:{}", config.name, entry.line, entry.column);
  };
  for (auto const& entry : config.run) {
    require_known(entry, place(entry));
    if (request.from_line.count(entry.key)) continue;
    find_run_option(entry.key)->assign(request, entry.value);
    request.from_file[entry.key] = place(entry);
  }
  for (auto const& entry : config.set) {
    if (is_set(request, entry.key)) continue;
    request.sets.push_back(entry.key + "=" + entry.value);
    request.from_file["set " + entry.key] = place(entry);
  }
}

std::string in_terms_of_the_file(SolveRequest const& request, std::string sentence) {
  std::string_view const name = "minfold: ";
  if (sentence.rfind(name, 0) == 0) sentence.erase(0, name.size());
  for (auto const& [key, place] : request.from_file) {
    auto const option = "--" + key;
    if (sentence.rfind(option, 0) != 0 || sentence.size() == option.size()) continue;
    // The whole key, not only its beginning.
    if (std::string_view("=: ").find(sentence[option.size()]) == std::string_view::npos) continue;
    auto const bare = key.rfind("set ", 0) == 0 ? key.substr(4) : key;
    return place + ": " + bare + sentence.substr(option.size());
  }
  return sentence;
}

}  // namespace minfold::cli
