// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/workspace.hpp>

#include "benchmarks/timing.hpp"
#include "support/ceilings.hpp"
#include "support/machine.hpp"

#include <chrono>
#include <cstdlib>
#include <optional>

namespace minfold::bench {

double read_bandwidth() {
  static double const measured = measure_read_memory(HostSpace().concurrency());
  return measured;
}

bool smoke() {
  return std::getenv("MINFOLD_BENCH_SMOKE") != nullptr;
}

Planted planted_once(Shape const& s) {
  static std::optional<Planted> last;
  static bool const hooked = [] {
    Kokkos::push_finalize_hook([] { last.reset(); });
    return true;
  }();
  static_cast<void>(hooked);
  if (!last || last->shape != s) {
    last.reset();
    last = planted(s);
  }
  return *last;
}

void time_loop(benchmark::State& state, Space const& space, int items, Declared const& declared,
               void (*work)(void const*), void const* context) {
  Workspace<Space> workspace(space);
  auto const in_use = workspace.use();
  for (int warm = 0; warm < 2; ++warm) work(context);  // now it allocates no more
  double seconds = 0;
  for (auto _ : state) {
    space.fence("bench::before");
    auto const start = std::chrono::steady_clock::now();
    work(context);
    space.fence("bench::after");
    std::chrono::duration<double> const time = std::chrono::steady_clock::now() - start;
    state.SetIterationTime(time.count());
    seconds += time.count();
  }
  double const rate = double(state.iterations()) / seconds;
  state.counters["items/s"] = items * rate;
  if (declared.bytes > 0) {
    state.counters["GB/s"] = 1e-9 * declared.bytes * rate;
    state.counters["of_bandwidth"] = 1e-9 * declared.bytes * rate / read_bandwidth();
  }
  if (declared.flops > 0) state.counters["GF/s"] = 1e-9 * declared.flops * rate;
}

void add(std::string const& name, void (*function)(benchmark::State&),
         std::vector<std::string> const& names, std::vector<Arguments> const& rows) {
  auto* const registered = benchmark::RegisterBenchmark(name.c_str(), function);
  registered->ArgNames(names)->UseManualTime()->Unit(benchmark::kMillisecond);
  for (auto const& row : rows) {
    registered->Args(row);
    if (smoke()) break;
  }
}

void register_benchmarks();

}  // namespace minfold::bench

int main(int argc, char** argv) {
  setenv("KOKKOS_DISABLE_WARNINGS", "true", 0);
  Kokkos::ScopeGuard const kokkos(argc, argv);
  minfold::bench::register_benchmarks();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  for (auto const& [key, value] : minfold::bench::machine())
    benchmark::AddCustomContext(key, value);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
