// SPDX-License-Identifier: Apache-2.0
// One solve H^+ b by CG, over n, batch, condition, right-hand sides, precision.
#include <minfold/kernels/pinv_cg.hpp>

#include "benchmarks/timing.hpp"

#include <cmath>

namespace minfold::bench {
namespace {

template <class T>
void solve(benchmark::State& state, T relative_tolerance) {
  Space const space;
  int const items = int(state.range(0)), n = int(state.range(1)), columns = int(state.range(3));
  Planted const p = planted_once({.items = items,
                                  .n = n,
                                  .kernel = 4,
                                  .condition = std::pow(10.0, double(state.range(2))),
                                  .columns = columns});
  DenseOperator<Blocks<T, Space>> const h{in_precision<T>(p.matrix)};
  auto const b = in_precision<T>(p.rhs);
  Blocks<T, Space> const z("bench::z", items, columns, n);
  Vectors<T, Space> const one_b(b.data(), items, n), one_z(z.data(), items, n);
  Scalars<SolveRecord<T>, Space> const records("bench::records", items * columns);
  PinvCgOptions<T> const options{.relative_tolerance = relative_tolerance};
  auto const work = [&] {
    if (columns == 1)
      minfold::pinv_cg(space, h, one_b, one_z, records, options);
    else
      minfold::pinv_cg(space, h, b, z, records, options);
  };
  work();
  if (!certified(state, space, records)) return;
  auto const summary = summarize(space, records);
  double const products = double(summary.products), half = double(n) * (n + 1) / 2 * sizeof(T);
  time_loop(state, space, items, {products / columns * half, products * 2 * n * n}, work);
  state.counters["iterations"] = summary.iterations;
}

void pinv_cg(benchmark::State& state) {
  solve<double>(state, 1e-10);
}
/// What both precisions can reach.
template <class T>
void pinv_cg_to_float(benchmark::State& state) {
  solve<T>(state, T(default_tolerance<float>));
}

}  // namespace

void register_benchmarks() {
  std::vector<std::string> const names = {"items", "n", "digits", "columns"};
  add("pinv_cg/n", pinv_cg, names,
      {{1000, 32, 2, 1},
       {1000, 8, 2, 1},
       {1000, 16, 2, 1},
       {400, 64, 2, 1},
       {200, 128, 2, 1},
       {64, 256, 2, 1},
       {32, 512, 2, 1},
       {8, 1024, 2, 1},
       {4, 2048, 2, 1}});
  add("pinv_cg/batch", pinv_cg, names,
      {{16, 32, 2, 1},
       {1, 32, 2, 1},
       {4, 32, 2, 1},
       {64, 32, 2, 1},
       {256, 32, 2, 1},
       {1024, 32, 2, 1},
       {4096, 32, 2, 1},
       {16384, 32, 2, 1}});
  add("pinv_cg/condition", pinv_cg, names,
      {{200, 32, 1, 1}, {200, 128, 1, 1}, {200, 128, 2, 1}, {200, 128, 3, 1}, {200, 128, 4, 1}});
  add("pinv_cg/columns", pinv_cg, names,
      {{16, 64, 2, 2},
       {32, 512, 2, 1},
       {32, 512, 2, 2},
       {32, 512, 2, 4},
       {32, 512, 2, 8},
       {32, 512, 2, 16}});
  std::vector<Arguments> const by_precision = {{1000, 32, 1, 1}, {200, 128, 1, 1}, {32, 512, 1, 1}};
  add("pinv_cg/precision/double", pinv_cg_to_float<double>, names, by_precision);
  add("pinv_cg/precision/float", pinv_cg_to_float<float>, names, by_precision);
}

}  // namespace minfold::bench
