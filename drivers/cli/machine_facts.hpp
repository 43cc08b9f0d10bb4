// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_MACHINE_FACTS_HPP
#define MINFOLD_CLI_MACHINE_FACTS_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What a process may use of the machine. Linux; what another system does not tell is empty.
namespace minfold::cli {

struct Processors {
  std::string model;
  int online = 1;               ///< of the machine
  int allowed = 1;              ///< that this process may run on, as it was started
  std::optional<double> quota;  ///< of its control group and those around it, in processors
  /// Threads that can run at once: allowed, and no more than the quota rounded up.
  int usable() const;
};
Processors processors();

struct Memory {
  std::optional<std::uint64_t> total, available;  ///< of the machine, bytes
  std::optional<std::uint64_t> limit;             ///< of the control group
  std::optional<std::uint64_t> usable() const;    ///< what can still be had under both
};
Memory memory();

/// The processors that each OpenMP thread may run on; empty without OpenMP.
std::vector<int> thread_processors();

/// Names of device files of GPUs whose drivers are loaded.
std::vector<std::string> gpu_drivers();

/// The smallest limit that the control group of this process and those around it set in `file`: of
/// "cpu.max", quota / period; of "memory.max", bytes. `root` is where control groups are mounted, `path` the
/// group, as /proc/self/cgroup has it. Version 2 of control groups.
std::optional<double> cgroup_limit(std::string const& root, std::string path,
                                   std::string const& file);

}  // namespace minfold::cli

#endif
