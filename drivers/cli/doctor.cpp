// SPDX-License-Identifier: Apache-2.0
#include <Kokkos_Core.hpp>

#include "build_facts.hpp"
#include "commands.hpp"
#include "machine_facts.hpp"
#include "terminal.hpp"
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#if defined(_OPENMP)
#include <omp.h>
#endif

/// OpenBLAS tells how it runs: 0 alone, 1 with threads of its own, 2 with those of OpenMP.
extern "C" int openblas_get_parallel() __attribute__((weak));
extern "C" int openblas_get_num_threads() __attribute__((weak));

namespace minfold::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr char const* variables[] = {
    "OMP_NUM_THREADS", "OMP_PROC_BIND",      "OMP_PLACES",           "OMP_WAIT_POLICY",
    "OMP_DYNAMIC",     "GOMP_CPU_AFFINITY",  "GOMP_SPINCOUNT",       "KMP_AFFINITY",
    "KMP_BLOCKTIME",   "KOKKOS_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
    "KOKKOS_DEVICE_ID"};

bool is_set(char const* variable) {
  char const* const value = std::getenv(variable);
  return value && *value;
}

/// What was found, what to mend, and what is only worth knowing.
struct Findings {
  Json facts;
  std::vector<std::string> warnings, notes;
};

std::string gib(std::optional<std::uint64_t> bytes) {
  return bytes ? fmt::format("{:.1f} GiB", double(*bytes) / double(1 << 30)) : "unknown";
}

Json number_or_null(std::optional<double> value) {
  return value ? Json(*value) : Json(nullptr);
}

void look_at_threads(Findings& f) {
  auto const p = processors();
  int const threads = Kokkos::DefaultHostExecutionSpace().concurrency();
  auto const masks = thread_processors();
  auto const widest = masks.empty() ? 0 : *std::max_element(masks.begin(), masks.end());
  bool bound = false;
#if defined(_OPENMP)
  bound = omp_get_proc_bind() != omp_proc_bind_false;
#endif
  f.facts["processors"] = {{"model", p.model},
                           {"online", p.online},
                           {"allowed", p.allowed},
                           {"quota", number_or_null(p.quota)},
                           {"usable", p.usable()}};
  f.facts["threads"] = {{"kokkos", threads}, {"bound", bound}, {"processors_of_a_thread", widest}};
  Json environment = Json::object();
  for (char const* const name : variables)
    if (is_set(name)) environment[name] = std::getenv(name);
  f.facts["environment"] = environment;

  if (threads > p.usable())
    f.warnings.push_back(
        fmt::format("{} threads share {} usable processor{}: threads that wait take the time of "
                    "those that work; "
                    "--kokkos-num-threads={} or OMP_NUM_THREADS={} mends it",
                    threads, p.usable(), p.usable() == 1 ? "" : "s", p.usable(), p.usable()));
  if (threads < p.usable())
    f.notes.push_back(fmt::format("{} of {} usable processors are used", threads, p.usable()));
#if defined(KOKKOS_ENABLE_OPENMP)
  if (threads > 1 && !bound) {
    std::string const text = "threads are not bound to processors and may move between them";
    if (is_set("OMP_PROC_BIND"))
      f.notes.push_back(text + ", as OMP_PROC_BIND=" + std::getenv("OMP_PROC_BIND") + " asks");
    else
      f.warnings.push_back(text +
                           "; Kokkos advises OMP_PROC_BIND=spread OMP_PLACES=threads where nothing "
                           "else runs, and OMP_PROC_BIND=false says that it is meant");
  }
  if (threads > 1 && bound && widest > 0 && p.allowed < threads)
    f.warnings.push_back("bound threads share processors");
#endif
}

void look_at_blas(Findings& f) {
  int const threads = Kokkos::DefaultHostExecutionSpace().concurrency();
  int const usable = f.facts.at("processors").at("usable").get<int>();
  if (!openblas_get_parallel || !openblas_get_num_threads) {
    f.facts["blas"] = {{"vendor", "not OpenBLAS"}};
    f.notes.push_back("the BLAS is not OpenBLAS: its threads are not known here");
    return;
  }
  int const kind = openblas_get_parallel(), own = openblas_get_num_threads();
  char const* const kinds[] = {"none", "pthreads", "OpenMP"};
  f.facts["blas"] = {{"vendor", "OpenBLAS"},
                     {"threading", kind >= 0 && kind <= 2 ? kinds[kind] : "unknown"},
                     {"threads", own}};
  if (kind != 1) return;
#if defined(KOKKOS_ENABLE_OPENMP)
  f.warnings.push_back(
      "OpenBLAS has threads of its own (pthreads) beside those of OpenMP; install its OpenMP "
      "variant, or set OPENBLAS_NUM_THREADS=1");
#endif
  if (own > 1 && own * threads > usable)
    f.warnings.push_back(
        fmt::format("{} threads of OpenBLAS times {} of Kokkos are more than {} usable processors",
                    own, threads, usable));
}

void look_at_memory(Findings& f) {
  auto const m = memory();
  auto const json = [](std::optional<std::uint64_t> bytes) {
    return bytes ? Json(*bytes) : Json(nullptr);
  };
  f.facts["memory"] = {{"total", json(m.total)},
                       {"available", json(m.available)},
                       {"left_of_limit", json(m.limit)},
                       {"usable", json(m.usable())}};
  // Our choice: what a user of a small machine should hear before a large problem.
  if (auto const usable = m.usable(); usable && *usable < (std::uint64_t(1) << 30))
    f.warnings.push_back(fmt::format("only {} of memory can be had", gib(usable)));
}

void look_at_devices(Findings& f) {
  Json gpu = nullptr;
#if defined(KOKKOS_ENABLE_CUDA)
  auto const& device = Kokkos::Cuda().cuda_device_prop();
  gpu = {{"name", device.name}, {"memory", device.totalGlobalMem}};
#elif defined(KOKKOS_ENABLE_HIP)
  auto const& device = Kokkos::HIP().hip_device_prop();
  gpu = {{"name", device.name}, {"memory", device.totalGlobalMem}};
#else
  for (auto const& driver : gpu_drivers())
    f.notes.push_back(
        "there is a GPU (" + driver +
        "), but this build computes on the host; presets cuda and hip build for GPUs");
#endif
  f.facts["gpu"] = gpu;
}

void look_at_build(Findings& f) {
#if !defined(NDEBUG)
  f.warnings.push_back("this is a debug build: assertions cost time");
#endif
  std::string const flags = build_flags;
  if (flags.find("-O2") == std::string::npos && flags.find("-O3") == std::string::npos)
    f.warnings.push_back("this build is not optimized: its flags are \"" + flags + "\"");
  if (flags.find("-march=") == std::string::npos && flags.find("-mcpu=") == std::string::npos)
    f.notes.push_back(
        "built for any processor of this kind; -march=native, as ./run builds, is faster here");
  if (flags.find("-fsanitize=") != std::string::npos)
    f.warnings.push_back("this build has sanitizers, which cost time and memory");
}

void row(std::string const& what, std::string const& value) {
  fmt::print("  {:<14}{}\n", what, value);
}

void print_facts(Findings const& f) {
  auto const& build = f.facts.at("build");
  auto const text = [](Json const& json) {
    return json.is_string() ? json.get<std::string>() : json.dump();
  };
  fmt::print("{}\n", painted(fmt::format("minfold {} ({})", text(build.at("version")),
                                         text(build.at("commit"))),
                             Tone::strong));
  row("build", fmt::format("{}, {}, {}", text(build.at("build_type")), text(build.at("compiler")),
                           text(build.at("flags"))));
  auto const& kokkos = build.at("kokkos");
  std::string backends;
  for (auto const& name : kokkos.at("backends"))
    backends += (backends.empty() ? "" : ", ") + text(name);
  row("Kokkos", fmt::format("{}, backends {}, computes with {}", text(kokkos.at("version")),
                            backends, text(kokkos.at("default"))));
  auto const& p = f.facts.at("processors");
  row("processors",
      fmt::format("{}; {} online, {} allowed, quota {}, {} usable", text(p.at("model")),
                  text(p.at("online")), text(p.at("allowed")),
                  p.at("quota").is_null() ? "none" : text(p.at("quota")), text(p.at("usable"))));
  auto const& t = f.facts.at("threads");
  row("threads", fmt::format("{}, {}; each may run on {} processor(s)", text(t.at("kokkos")),
                             t.at("bound").get<bool>() ? "bound" : "not bound",
                             text(t.at("processors_of_a_thread"))));
  for (auto const& [name, value] : f.facts.at("environment").items())
    row("", fmt::format("{}={}", name, text(value)));
  auto const& blas = f.facts.at("blas");
  row("BLAS", text(build.at("libraries").at("blas")) +
                  (blas.contains("threads")
                       ? fmt::format("; threading {}, {} thread(s)", text(blas.at("threading")),
                                     text(blas.at("threads")))
                       : ""));
  auto const m = memory();
  row("memory", fmt::format("{} in all, {} available, {}", gib(m.total), gib(m.available),
                            m.limit ? gib(m.limit) + " left of the limit" : "no limit"));
  auto const& gpu = f.facts.at("gpu");
  row("GPU", gpu.is_null() ? "none in use"
                           : fmt::format("{}, {}", text(gpu.at("name")),
                                         gib(gpu.at("memory").get<std::uint64_t>())));
  std::string libraries;
  for (auto const& [name, value] : build.at("libraries").items())
    if (name != "blas") libraries += (libraries.empty() ? "" : ", ") + name + " " + text(value);
  row("libraries", libraries);
}

}  // namespace

int run_doctor(bool as_json) {
  Findings f;
  f.facts["schema"] = "minfold-doctor-1";
  f.facts["build"] = build_json();
  look_at_threads(f);
  look_at_blas(f);
  look_at_memory(f);
  look_at_devices(f);
  look_at_build(f);
  f.facts["warnings"] = f.warnings;
  f.facts["notes"] = f.notes;
  if (as_json) {
    fmt::print("{}\n", f.facts.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    print_facts(f);
    for (auto const& note : f.notes) fmt::print("  note: {}\n", note);
    for (auto const& warning : f.warnings)
      fmt::print("  {} {}\n", painted("warning:", Tone::doubtful), warning);
    if (f.warnings.empty()) fmt::print("  {}\n", painted("nothing to mend", Tone::good));
  }
  return f.warnings.empty() ? 0 : 1;
}

}  // namespace minfold::cli
