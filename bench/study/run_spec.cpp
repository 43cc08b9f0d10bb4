// SPDX-License-Identifier: Apache-2.0
#include "study/run_spec.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace minfold::study {

Json as_json(RunSpec const& spec) {
  auto sets = spec.sets;
  std::sort(sets.begin(), sets.end());
  Json json = {{"study", spec.study}, {"problem", spec.problem},           {"method", spec.method},
               {"sets", sets},        {"problem_seed", spec.problem_seed}, {"seed", spec.seed}};
  json["max_iterations"] = spec.max_iterations ? Json(*spec.max_iterations) : Json(nullptr);
  json["tolerance"] = spec.tolerance ? Json(*spec.tolerance) : Json(nullptr);
  json["gradient_equivalents"] = spec.gradient_equivalents;
  json["seconds"] = spec.seconds;
  json["record_every"] = spec.record_every;
  json["assess"] = spec.assess;
  json["directions"] = spec.directions;
  json["start"] = nullptr;
  if (spec.start) json["start"] = {{"seed", spec.start->seed}, {"scale", spec.start->scale}};
  json["sweep"] = spec.sweep;
  return json;
}

std::string hash_of(Json const& identity) {
  std::uint64_t hash = 14695981039346656037ull;
  for (unsigned char const byte : identity.dump()) hash = (hash ^ byte) * 1099511628211ull;
  return fmt::format("{:016x}", hash);
}

}  // namespace minfold::study
