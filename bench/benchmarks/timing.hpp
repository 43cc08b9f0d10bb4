// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_BENCH_TIMING_HPP
#define MINFOLD_BENCH_TIMING_HPP

#include <minfold/core/status.hpp>

#include "support/planted.hpp"
#include <benchmark/benchmark.h>

#include <sstream>
#include <string>
#include <vector>

namespace minfold::bench {

/// Bytes that a run must read at least, and floating-point operations that it must do.
struct Declared {
  double bytes = 0, flops = 0;
};

/// Bandwidth with which all threads read memory, GB/s; measured once.
double read_bandwidth();

/// Few and small arguments: the run shall only show that the benchmark still works.
bool smoke();

/// The matrices of this shape; those of the last shape are kept, because Google Benchmark calls a
/// benchmark several times.
Planted planted_once(Shape const& shape);

/// Device copy in precision T.
template <class T>
Blocks<T, Space> in_precision(HostBlocks const& from) {
  Blocks<T, Space> const to("bench::copy", from.extent(0), from.extent(1), from.extent(2));
  auto const host = Kokkos::create_mirror_view(to);
  for (std::size_t i = 0; i < from.size(); ++i) host.data()[i] = T(from.data()[i]);
  Kokkos::deep_copy(to, host);
  return to;
}

/// Whether every record says `converged`; if not the benchmark ends with what they say.
template <class Records>
bool certified(benchmark::State& state, Space const& space, Records const& records) {
  auto const summary = summarize(space, records);
  if (summary.all(Outcome::converged)) return true;
  std::ostringstream text;
  text << "not certified: " << summary;
  state.SkipWithError(text.str().c_str());
  return false;
}

/// The one timing loop: work() between two fences, with a Workspace that keeps its arrays.
void time_loop(benchmark::State& state, Space const& space, int items, Declared const& declared,
               void (*work)(void const*), void const* context);

template <class Work>
void time_loop(benchmark::State& state, Space const& space, int items, Declared const& declared,
               Work const& work) {
  time_loop(
      state, space, items, declared, [](void const* w) { (*static_cast<Work const*>(w))(); },
      &work);
}

using Arguments = std::vector<std::int64_t>;
/// Registers `function` with named arguments, once for each row; in a smoke test for the first one.
void add(std::string const& name, void (*function)(benchmark::State&),
         std::vector<std::string> const& names, std::vector<Arguments> const& rows);

}  // namespace minfold::bench

#endif
