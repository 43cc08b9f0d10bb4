// SPDX-License-Identifier: Apache-2.0
#include "run_record.hpp"

#include <minfold/core/require.hpp>
#include <minfold/drivers/counters.hpp>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <limits>
#include <memory>

namespace minfold::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string read_text(std::string const& path) {
  constexpr std::size_t most = std::size_t(1) << 28;
  std::error_code ignored;
  MINFOLD_REQUIRE(!std::filesystem::is_directory(path, ignored), "cannot read ", path,
                  ": it is a directory");
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> const file(std::fopen(path.c_str(), "rb"),
                                                             std::fclose);
  MINFOLD_REQUIRE(file, "cannot read ", path, ": ", std::strerror(errno));
  std::string text;
  char block[1 << 16];
  for (std::size_t n; (n = std::fread(block, 1, sizeof block, file.get())) > 0;) {
    text.append(block, n);
    MINFOLD_REQUIRE(text.size() <= most, path, ": a report has at most 256 MiB");
  }
  MINFOLD_REQUIRE(!std::ferror(file.get()), "cannot read ", path, ": ", std::strerror(errno));
  return text;
}

/// The members of one object of the file, with sentences about those that are missing or wrong.
class Members {
 public:
  Members(std::string const& path, std::string where, Json const& json)
      : path_(path), where_(std::move(where)), json_(json) {
    MINFOLD_REQUIRE(json.is_object(), path_, ": not a report of minfold solve: ", where_,
                    " is not an object");
  }

  Json const& at(char const* key) const {
    auto const found = json_.find(key);
    MINFOLD_REQUIRE(found != json_.end(), path_, ": not a report of minfold solve: ", where_,
                    " has no ", key);
    return *found;
  }
  bool has(char const* key) const { return json_.contains(key); }

  std::string text(char const* key) const {
    auto const& value = at(key);
    require(value.is_string(), key, "a string");
    return value.get<std::string>();
  }
  /// null is NaN.
  double number(char const* key) const {
    auto const& value = at(key);
    require(value.is_number() || value.is_null(), key, "a number");
    return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
  }
  /// What older reports do not have.
  double number(char const* key, double otherwise) const {
    return has(key) ? number(key) : otherwise;
  }
  std::vector<std::string> texts(char const* key) const {
    auto const& value = at(key);
    require(value.is_array(), key, "an array of strings");
    std::vector<std::string> list;
    for (auto const& element : value) {
      require(element.is_string(), key, "an array of strings");
      list.push_back(element.get<std::string>());
    }
    return list;
  }
  Json const& array(char const* key) const {
    require(at(key).is_array(), key, "an array");
    return at(key);
  }

 private:
  void require(bool good, char const* key, char const* expected) const {
    MINFOLD_REQUIRE(good, path_, ": not a report of minfold solve: ", where_, ".", key, " is not ",
                    expected);
  }

  std::string const& path_;
  std::string where_;
  Json const& json_;
};

constexpr char const* count_keys[] = {"values", "gradients", "hessian_products", "mixed_products",
                                      "second_products"};

std::array<double, 5> counts_of(Members const& m) {
  std::array<double, 5> counts;
  for (int i = 0; i < 5; ++i) counts[i] = m.number(count_keys[i], 0);
  return counts;
}

std::string value_text(Json const& value) {
  return value.is_string() ? value.get<std::string>()
                           : value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::vector<std::pair<std::string, std::string>> pairs(Json const& json) {
  std::vector<std::pair<std::string, std::string>> list;
  if (json.is_object())
    for (auto const& [key, value] : json.items()) list.emplace_back(key, value_text(value));
  return list;
}

RecordedIteration iteration_of(Members const& m) {
  constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  RecordedIteration it;
  it.iteration = m.number("iteration");
  it.seconds = m.number("seconds");
  it.equivalents = equivalents(counts_of(m));
  it.upper = m.number("upper");
  it.hypergradient = m.number("hypergradient_norm");
  it.target = m.number("target", unknown);
  // HG-MS solves the lower level and has a residual; methods that move y have |grad_y g| itself.
  double const own = m.number("lower_gradient_norm", unknown);
  it.lower_residual = std::isnan(own) ? m.number("lower_residual") : own;
  bool const assessed =
      m.number("certified", 0) + m.number("uncertain", 0) + m.number("refused", 0) > 0;
  if (assessed) {
    it.dimension = m.number("kernel_dimension");
    it.dimension_min = m.number("kernel_dimension_min", it.dimension);
    it.gap = m.number("gap");
    it.verdict = m.text("verdict");
  } else {
    it.dimension = it.dimension_min = it.gap = unknown;
  }
  if (m.has("reasons")) it.reasons = m.texts("reasons");
  return it;
}

}  // namespace

double equivalents(std::array<double, 5> const& c) {
  // Larger ones, and none at all, are no counts.
  for (double const count : c)
    if (!(count >= 0 && count < 0x1p53)) return std::numeric_limits<double>::quiet_NaN();
  Counters counters;
  counters.values = std::int64_t(c[0]);
  counters.gradients = std::int64_t(c[1]);
  counters.hessian_products = std::int64_t(c[2]);
  counters.mixed_products = std::int64_t(c[3]);
  counters.second_products = std::int64_t(c[4]);
  return gradient_equivalents(counters);
}

RunRecord read_run_record(std::string const& path) {
  Json json;
  // What prints a value calls itself once a level.
  constexpr int deepest = 100;
  bool shallow = true;
  try {
    json = Json::parse(read_text(path), [&](int depth, Json::parse_event_t, Json&) {
      shallow = shallow && depth <= deepest;
      return depth <= deepest;
    });
  } catch (nlohmann::json::parse_error const& error) {
    MINFOLD_REQUIRE(false, path, ": not JSON, or only a part of it: it breaks off at byte ",
                    error.byte);
  } catch (nlohmann::json::out_of_range const&) {
    MINFOLD_REQUIRE(false, path,
                    ": not a report of minfold solve: it has a number that is too large");
  }
  MINFOLD_REQUIRE(shallow, path, ": not a report of minfold solve: it is nested more than ",
                  deepest, " levels deep");
  Members const top(path, "the file", json);
  MINFOLD_REQUIRE(top.has("schema") && top.at("schema") == "minfold-solve-1", path,
                  ": not a report of minfold solve: its schema is not minfold-solve-1");
  RunRecord run;
  run.path = path;
  run.problem = top.text("problem");
  run.method = top.text("method");
  run.precision = top.text("precision");
  run.backend = top.text("backend");
  run.threads = value_text(top.at("threads"));
  run.seed = value_text(top.at("seed"));
  run.options = pairs(top.at("options"));
  if (top.has("build")) {
    Members const build(path, "build", top.at("build"));
    run.version = build.text("version");
    run.commit = build.text("commit");
  }
  Members const result(path, "result", top.at("result"));
  run.outcome = result.text("outcome");
  run.verdict = result.text("verdict");
  run.reasons = result.texts("reasons");
  run.upper = result.number("upper");
  MINFOLD_REQUIRE(result.at("solved").is_boolean(), path,
                  ": not a report of minfold solve: result.solved is not true or false");
  run.solved = result.at("solved").get<bool>();
  if (result.has("metrics")) run.metrics = pairs(result.at("metrics"));
  run.optimum = std::numeric_limits<double>::quiet_NaN();
  if (top.has("truth")) {
    run.optimum = Members(path, "truth", top.at("truth")).number("optimum", run.optimum);
    run.truth = pairs(top.at("truth"));
  }
  for (auto const& it : top.array("iterations"))
    run.iterations.push_back(iteration_of(Members(path, "an iteration", it)));
  auto const& stages = top.at("stages");
  MINFOLD_REQUIRE(stages.is_object(), path,
                  ": not a report of minfold solve: stages is not an object");
  for (auto const& [name, stage] : stages.items()) {
    Members const m(path, "a stage", stage);
    run.stages.push_back({name, counts_of(m), m.number("seconds", 0)});
  }
  return run;
}

}  // namespace minfold::cli
