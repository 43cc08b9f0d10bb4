// SPDX-License-Identifier: Apache-2.0
#include "study/runner.hpp"

#include <minfold/core/require.hpp>
#include <minfold/core/version.hpp>
#include <minfold/drivers/method_catalog.hpp>
#include <minfold/files/atomic_file.hpp>
#include <minfold/problems/catalog.hpp>

#include "study/execute.hpp"
#include "support/machine.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace minfold::study {
namespace {

char const* const schema = "minfold-study-run-1";

/// What a run's name is the hash of.
Json identity_of(RunSpec const& spec) {
  return {{"spec", as_json(spec)},
          {"version", version},
          {"precision", "double"},
          {"backend", Kokkos::DefaultExecutionSpace::name()},
          {"threads", Kokkos::DefaultHostExecutionSpace().concurrency()}};
}

/// Null where there is no such file, or one that is no run.
Json read(std::string const& path) {
  std::ifstream file(path);
  if (!file) return nullptr;
  auto json = Json::parse(file, nullptr, false);
  bool const whole = json.is_object() && json.value("schema", "") == schema &&
                     json.contains("identity") && json.contains("result");
  return whole ? json : Json(nullptr);
}

RunSpec spec_of(Json const& j) {
  RunSpec s;
  s.study = j.at("study").get<std::string>();
  s.problem = j.at("problem").get<std::string>();
  s.method = j.at("method").get<std::string>();
  s.sets = j.at("sets").get<std::vector<std::string>>();
  s.problem_seed = j.at("problem_seed").get<std::uint64_t>();
  s.seed = j.at("seed").get<std::uint64_t>();
  if (!j.at("max_iterations").is_null()) s.max_iterations = j.at("max_iterations").get<int>();
  if (!j.at("tolerance").is_null()) s.tolerance = j.at("tolerance").get<double>();
  s.gradient_equivalents = j.at("gradient_equivalents").get<double>();
  s.seconds = j.at("seconds").get<double>();
  s.record_every = j.at("record_every").get<int>();
  s.assess = j.at("assess").get<bool>();
  s.directions = j.at("directions").get<bool>();
  if (auto const& start = j.at("start"); !start.is_null())
    s.start = RandomStart{start.at("seed").get<std::uint64_t>(), start.at("scale").get<double>()};
  s.sweep = j.at("sweep").get<std::vector<double>>();
  return s;
}

/// Without what the clock decides.
Json timeless(Json result) {
  result.erase("seconds");
  result.erase("seconds_total");
  return result;
}

std::string describe(RunSpec const& spec) {
  std::string text = spec.study + ": " + spec.method + " on " + spec.problem;
  for (auto const& set : spec.sets) text += " " + set;
  return text + " seed=" + std::to_string(spec.seed);
}

}  // namespace

Runner::Runner(Options options) : options_(std::move(options)) {
  std::filesystem::create_directories(options_.runs_directory);
  for (auto const& [key, value] : bench::machine()) machine_[key] = value;
  commit_ = machine_.at("commit");
}

std::string Runner::path_of(std::string const& key) const {
  return (std::filesystem::path(options_.runs_directory) / (key + ".json")).string();
}

Json Runner::run(RunSpec const& spec) {
  auto const identity = identity_of(spec);
  auto const path = path_of(hash_of(identity));
  if (auto const finished = read(path); !finished.is_null()) {
    MINFOLD_REQUIRE(finished.at("identity") == identity, "study: ", path,
                    " holds another run of the same hash");
    if (options_.reuse || finished.value("commit", "") == commit_) {
      ++reused_;
      return finished.at("result");
    }
  }
  if (!options_.quiet) std::fprintf(stderr, "%s", describe(spec).c_str());
  auto const result = execute(spec);
  if (!options_.quiet)
    std::fprintf(stderr, ", %.1f s%s\n", result.at("seconds_total").get<double>(),
                 result.contains("refused") ? ", refused" : "");
  ++executed_;
  Json const json = {{"schema", schema},
                     {"identity", identity},
                     {"commit", commit_},
                     {"machine", machine_},
                     {"result", result}};
  write_whole_file(path, json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
  return result;
}

Json Runner::run(RunSpec const& spec, Json tags) {
  auto const result = run(spec);
  kept_.push_back({{"tags", std::move(tags)}, {"file", hash_of(identity_of(spec)) + ".json"}});
  if (result.contains("refused"))
    note(spec.method + " on " + spec.problem + ": " + result.at("refused").get<std::string>());
  return result;
}

bool Runner::has_method(std::string const& name) {
  auto const& all = methods();
  bool const found =
      std::any_of(all.begin(), all.end(), [&](MethodEntry const& e) { return e.name == name; });
  if (!found) note("The method " + name + " is not built; its runs are left out.");
  return found;
}

bool Runner::has_problem(std::string const& name) {
  auto const& all = catalog();
  bool const found =
      std::any_of(all.begin(), all.end(), [&](CatalogEntry const& e) { return e.name == name; });
  if (!found) note("The problem " + name + " is not built; its runs are left out.");
  return found;
}

void Runner::note(std::string const& sentence) {
  if (std::find(notes_.begin(), notes_.end(), sentence) != notes_.end()) return;
  notes_.push_back(sentence);
  std::fprintf(stderr, "note: %s\n", sentence.c_str());
}

void Runner::begin() {
  notes_.clear();
  kept_ = Json::array();
}

Json Runner::index(std::string const& study, bool quick) const {
  return {{"schema", "minfold-study-index-1"},
          {"study", study},
          {"quick", quick},
          {"machine", machine_},
          {"notes", notes_},
          {"runs", kept_}};
}

bool replay(std::string const& path) {
  auto const file = read(path);
  MINFOLD_REQUIRE(!file.is_null(), path, " is not the file of a finished run");
  auto const spec = spec_of(file.at("identity").at("spec"));
  auto const here = identity_of(spec);
  MINFOLD_REQUIRE(here == file.at("identity"), path, " was made with ", file.at("identity").dump(),
                  ", this is ", here.dump());
  auto const& before = file.at("result");
  std::optional<int> stop_at;
  if (before.contains("iterations") && before.value("outcome", "") == "stopped")
    stop_at = before.at("iterations").get<int>();
  auto const first = timeless(before), second = timeless(execute(spec, stop_at));
  if (first == second) return true;
  auto const difference = Json::diff(first, second);
  std::fprintf(stderr, "%s: not the same: %s\n", path.c_str(), difference.at(0).dump().c_str());
  return false;
}

}  // namespace minfold::study
