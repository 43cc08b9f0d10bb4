// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/version.hpp>

#include <Kokkos_Core.hpp>

#include "build_facts.hpp"
#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <hdf5.h>
#include <spdlog/version.h>
#include <toml++/toml.hpp>
#include <zlib.h>

#include <sstream>

/// OpenBLAS knows what it is; another BLAS does not have it.
extern "C" char* openblas_get_config() __attribute__((weak));

namespace minfold::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string dotted(int major, int minor, int patch) {
  return fmt::format("{}.{}.{}", major, minor, patch);
}

/// The lines "  key: value" of Kokkos::print_configuration.
Json kokkos_configuration() {
  std::stringstream text;
  Kokkos::print_configuration(text, true);
  Json configuration = Json::object();
  for (std::string line; std::getline(text, line);) {
    auto const colon = line.find(": ");
    auto const begin = line.find_first_not_of(' ');
    if (colon == std::string::npos || begin >= colon) continue;
    configuration[line.substr(begin, colon - begin)] = line.substr(colon + 2);
  }
  return configuration;
}

Json backends() {
  Json list = Json::array();
#if defined(KOKKOS_ENABLE_CUDA)
  list.push_back("Cuda");
#endif
#if defined(KOKKOS_ENABLE_HIP)
  list.push_back("HIP");
#endif
#if defined(KOKKOS_ENABLE_SYCL)
  list.push_back("SYCL");
#endif
#if defined(KOKKOS_ENABLE_OPENMP)
  list.push_back("OpenMP");
#endif
#if defined(KOKKOS_ENABLE_THREADS)
  list.push_back("Threads");
#endif
#if defined(KOKKOS_ENABLE_SERIAL)
  list.push_back("Serial");
#endif
  return list;
}

Json libraries() {
  Json json = Json::object();
  json["blas"] = openblas_get_config ? openblas_get_config() : "not OpenBLAS";
  unsigned major = 0, minor = 0, patch = 0;
  H5get_libversion(&major, &minor, &patch);
  json["hdf5"] = dotted(int(major), int(minor), int(patch));
  json["zlib"] = zlibVersion();
  json["fmt"] = dotted(FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100);
  json["spdlog"] = dotted(SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH);
  json["nlohmann_json"] =
      dotted(NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH);
  json["toml++"] = dotted(TOML_LIB_MAJOR, TOML_LIB_MINOR, TOML_LIB_PATCH);
  json["cli11"] = CLI11_VERSION;
  return json;
}

}  // namespace

nlohmann::ordered_json build_json() {
  Json json;
  json["version"] = version;
  json["commit"] = build_commit;
  json["build_type"] = build_type;
#if defined(__clang__)
  json["compiler"] = __VERSION__;
#elif defined(__GNUC__)
  json["compiler"] = fmt::format("GNU {}", __VERSION__);
#else
  json["compiler"] = "unknown";
#endif
  json["flags"] = build_flags;
  json["libraries"] = libraries();
  json["kokkos"] = {
      {"version", dotted(KOKKOS_VERSION / 10000, KOKKOS_VERSION / 100 % 100, KOKKOS_VERSION % 100)},
      {"backends", backends()},
      {"default", Kokkos::DefaultExecutionSpace::name()},
      {"configuration", kokkos_configuration()}};
  return json;
}

}  // namespace minfold::cli
