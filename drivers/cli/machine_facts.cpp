// SPDX-License-Identifier: Apache-2.0
#include "machine_facts.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#if defined(_OPENMP)
#include <omp.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif

namespace minfold::cli {
namespace {

char const* const groups = "/sys/fs/cgroup";

/// The value of the first line that begins with `key`.
std::string field(char const* file, std::string const& key) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);)
    if (line.rfind(key, 0) == 0) {
      auto const begin = line.find_first_not_of(" \t:", key.size());
      return begin == std::string::npos ? "" : line.substr(begin);
    }
  return "";
}

/// The group of version 2 that this process is in; empty without one.
std::string own_group() {
  return field("/proc/self/cgroup", "0:");
}

std::optional<double> number_in(std::string const& file) {
  std::ifstream stream(file);
  double value = 0;
  if (stream >> value) return value;
  return std::nullopt;
}

std::optional<std::uint64_t> kib_field(std::string const& key) {
  std::istringstream text(field("/proc/meminfo", key));
  std::uint64_t kib = 0;
  if (text >> kib) return kib << 10;
  return std::nullopt;
}

int processors_allowed() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  return std::max(1, int(sysconf(_SC_NPROCESSORS_ONLN)));
}

}  // namespace

std::optional<double> cgroup_limit(std::string const& root, std::string path,
                                   std::string const& file) {
  std::optional<double> smallest;
  for (;;) {
    std::ifstream stream(root + path + "/" + file);
    double value = 0, period = 1;
    // "max" is no number: no limit here.
    if (stream >> value) {
      if (!(stream >> period) || period <= 0) period = 1;
      smallest = std::min(smallest.value_or(std::numeric_limits<double>::max()), value / period);
    }
    auto const slash = path.rfind('/');
    if (path.empty() || slash == std::string::npos) return smallest;
    path.erase(slash);
  }
}

int Processors::usable() const {
  int const most = quota ? std::max(1, int(std::ceil(*quota - 1e-9))) : allowed;
  return std::min(allowed, most);
}

Processors processors() {
  Processors p;
  p.model = field("/proc/cpuinfo", "model name");
  p.online = std::max(1, int(sysconf(_SC_NPROCESSORS_ONLN)));
#if defined(_OPENMP)
  // Bound threads have a smaller mask of their own; OpenMP remembers that of the process.
  p.allowed = std::max(omp_get_num_procs(), processors_allowed());
#else
  p.allowed = processors_allowed();
#endif
  p.quota = cgroup_limit(groups, own_group(), "cpu.max");
  if (!p.quota) {  // version 1
    auto const quota = number_in(std::string(groups) + "/cpu/cpu.cfs_quota_us");
    auto const period = number_in(std::string(groups) + "/cpu/cpu.cfs_period_us");
    if (quota && period && *quota > 0 && *period > 0) p.quota = *quota / *period;
  }
  return p;
}

std::optional<std::uint64_t> Memory::usable() const {
  if (!limit) return available;
  return available ? std::min(*available, *limit) : limit;
}

Memory memory() {
  Memory m;
  m.total = kib_field("MemTotal:");
  m.available = kib_field("MemAvailable:");
  auto const group = own_group();
  if (auto const limit = cgroup_limit(groups, group, "memory.max")) {
    auto const used = number_in(groups + group + "/memory.current").value_or(0);
    m.limit = std::uint64_t(std::max(0.0, *limit - used));
  }
  return m;
}

std::vector<int> thread_processors() {
  std::vector<int> counts;
#if defined(_OPENMP) && defined(__linux__)
  counts.resize(std::size_t(omp_get_max_threads()));
  auto* const out = counts.data();
  int const threads = int(counts.size());
#pragma omp parallel num_threads(threads)
  out[omp_get_thread_num()] = processors_allowed();
#endif
  return counts;
}

std::vector<std::string> gpu_drivers() {
  std::vector<std::string> found;
  std::error_code ignored;
  for (char const* const file : {"/dev/nvidiactl", "/dev/kfd"})
    if (std::filesystem::exists(file, ignored)) found.push_back(file);
  return found;
}

}  // namespace minfold::cli
