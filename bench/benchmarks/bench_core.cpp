// SPDX-License-Identifier: Apache-2.0
// The scale of the other benchmarks: reading memory through Kokkos, and batched products.
#include <minfold/core/dense_operator.hpp>

#include "benchmarks/timing.hpp"

namespace minfold::bench {
namespace {

double sum_of(Space const& space, Scalars<double, Space> const& data) {
  double total = 0;
  Kokkos::parallel_reduce(
      "bench::read", Kokkos::RangePolicy<Space>(space, 0, int(data.extent(0))),
      KOKKOS_LAMBDA(int i, double& part) { part += data(i); }, total);
  return total;
}

void read(benchmark::State& state) {
  Space const space;
  int const words = int(state.range(0)) << 17;
  Scalars<double, Space> const data("bench::data", words);
  Kokkos::deep_copy(data, 0.5);
  if (sum_of(space, data) != 0.5 * words) return state.SkipWithError("the sum is wrong");
  time_loop(state, space, 1, {8.0 * words, 0},
            [&] { benchmark::DoNotOptimize(sum_of(space, data)); });
}

void product(benchmark::State& state) {
  Space const space;
  int const items = int(state.range(0)), n = int(state.range(1)), columns = int(state.range(2));
  Planted const p =
      planted_once({.items = items, .n = n, .kernel = 0, .condition = 10, .columns = columns});
  DenseOperator<Blocks<double, Space>> const h{on_device(p.matrix)};
  auto const x = on_device(p.solution);
  Blocks<double, Space> const y("bench::y", items, columns, n);
  auto const work = [&] { h.apply(space, x, y); };
  work();
  auto const host = to_host(space, y);
  for (std::size_t i = 0; i < host.size(); ++i)
    if (!(std::abs(host.data()[i] - p.rhs.data()[i]) <= 1e-12 * n))
      return state.SkipWithError("H z is not b");
  double const entries = double(items) * n * n;
  time_loop(state, space, items, {8 * entries, 2 * entries * columns}, work);
}

}  // namespace

void register_benchmarks() {
  add("read", read, {"MiB"}, {{4}, {1}, {16}, {64}, {256}, {1024}});
  add("product", product, {"items", "n", "columns"},
      {{16, 32, 4},
       {200, 128, 1},
       {200, 128, 8},
       {200, 128, 24},
       {4, 2048, 1},
       {4, 2048, 8},
       {4, 2048, 24}});
}

}  // namespace minfold::bench
