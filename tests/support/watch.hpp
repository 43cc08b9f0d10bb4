// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_WATCH_HPP
#define MINFOLD_TESTS_WATCH_HPP

#include <Kokkos_Core.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

/// What Kokkos does behind a call, as its profiling interface reports it.
namespace minfold::test {

struct Fence {
  std::string name;
  std::uint32_t id = 0;

  /// Waits for all instances of the device: they have no number in the id.
  bool device_wide() const {
    return Kokkos::Tools::Experimental::identifier_from_devid(id).instance_id == 0;
  }
  /// Kokkos waits before it frees memory that work may still use. It names no instance there.
  bool before_free() const {
    return name.find("before free") != std::string::npos ||
           name.find("deallocate") != std::string::npos;
  }
};

struct Seen {
  std::set<std::string> kernels, allocations;
  std::map<std::uint32_t, std::set<std::string>> launches;  ///< by the device id of the instance
  std::string last_kernel;                                  ///< that has begun
  std::vector<Fence> fences;
  long bytes = 0, peak = 0;  ///< allocated since the watch began, less what was freed
  long allocated = 0;        ///< number of allocations

  /// Times that the host waited for the device, other than to free memory.
  int waits() const {
    return int(std::count_if(fences.begin(), fences.end(),
                             [](Fence const& fence) { return !fence.before_free(); }));
  }
};

/// From its making on, until it goes, fills `seen`.
class Watch {
 public:
  inline static Seen seen;

  Watch() : before_(Kokkos::Tools::Experimental::get_callbacks()) {
    using namespace Kokkos::Tools::Experimental;
    seen = {};
    set_begin_parallel_for_callback(on_kernel);
    set_begin_parallel_reduce_callback(on_kernel);
    set_begin_parallel_scan_callback(on_kernel);
    set_allocate_data_callback(on_allocation);
    set_deallocate_data_callback(on_deallocation);
    set_begin_fence_callback(on_fence);
  }
  ~Watch() { Kokkos::Tools::Experimental::set_callbacks(before_); }
  Watch(Watch const&) = delete;
  Watch& operator=(Watch const&) = delete;

 private:
  Kokkos::Tools::Experimental::EventSet before_;

  static void on_kernel(char const* name, std::uint32_t device, std::uint64_t* id) {
    seen.kernels.insert(name);
    seen.launches[device].insert(name);
    seen.last_kernel = name;
    *id = 0;
  }
  static void on_allocation(Kokkos::Tools::SpaceHandle, char const* label, void const*,
                            std::uint64_t size) {
    seen.allocations.insert(label);
    ++seen.allocated;
    seen.bytes += long(size);
    seen.peak = std::max(seen.peak, seen.bytes);
  }
  static void on_deallocation(Kokkos::Tools::SpaceHandle, char const*, void const*,
                              std::uint64_t size) {
    seen.bytes -= long(size);
  }
  static void on_fence(char const* name, std::uint32_t id, std::uint64_t* handle) {
    *handle = 0;
    // Kokkos waits for the sake of the tool that watches, before it calls it.
    if (std::string(name).find("Kokkos Profile Tool Fence") != std::string::npos) return;
    seen.fences.push_back({name, id});
  }
};

}  // namespace minfold::test

#endif
