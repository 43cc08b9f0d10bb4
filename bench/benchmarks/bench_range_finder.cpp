// SPDX-License-Identifier: Apache-2.0
// Basis of range H for H of low rank, over n and the rank.
#include <minfold/kernels/range_finder.hpp>

#include "benchmarks/timing.hpp"

namespace minfold::bench {
namespace {

void range_finder(benchmark::State& state) {
  Space const space;
  int const items = int(state.range(0)), n = int(state.range(1)), rank = int(state.range(2));
  Planted const p = planted_once({.items = items, .n = n, .kernel = n - rank, .condition = 1e2});
  DenseOperator<Blocks<double, Space>> const h{on_device(p.matrix)};
  Basis<double, Space> const basis{Blocks<double, Space>("bench::basis", items, rank + 8, n),
                                   Scalars<int, Space>("bench::dimension", items)};
  Vectors<double, Space> const values("bench::values", items, rank + 8);
  Scalars<RangeRecord<double>, Space> const records("bench::records", items);
  RangeFinderOptions<double> options;
  options.semidefinite = true;
  auto const work = [&] { minfold::range_finder(space, h, basis, values, records, options); };
  work();
  if (!certified(state, space, records)) return;
  double const entries = double(items) * n * rank;
  time_loop(state, space, items, {sizeof(double) * entries, 3 * entries * rank}, work);
}

}  // namespace

void register_benchmarks() {
  std::vector<std::string> const names = {"items", "n", "rank"};
  add("range_finder/n", range_finder, names,
      {{200, 32, 8},
       {400, 64, 16},
       {200, 128, 16},
       {64, 256, 16},
       {32, 512, 16},
       {8, 1024, 16},
       {4, 2048, 16}});
  add("range_finder/rank", range_finder, names,
      {{32, 128, 4}, {32, 512, 4}, {32, 512, 8}, {32, 512, 16}, {32, 512, 32}, {32, 512, 64}});
}

}  // namespace minfold::bench
