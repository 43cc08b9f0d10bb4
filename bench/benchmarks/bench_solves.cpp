// SPDX-License-Identifier: Apache-2.0
// The other solves of H^+ b: CGLS, and CG with a Nystrom preconditioner, over n and condition.
#include <minfold/kernels/pinv_cgls.hpp>
#include <minfold/kernels/pinv_pcg.hpp>

#include "benchmarks/timing.hpp"

#include <cmath>

namespace minfold::bench {
namespace {

void pinv_cgls(benchmark::State& state) {
  Space const space;
  int const items = int(state.range(0)), n = int(state.range(1));
  Planted const p = planted_once({.items = items,
                                  .n = n,
                                  .kernel = 4,
                                  .condition = std::pow(10.0, double(state.range(2))),
                                  .consistent = false});
  DenseOperator<Blocks<double, Space>> const h{on_device(p.matrix)};
  auto const b = on_device(p.rhs);
  Blocks<double, Space> const z("bench::z", items, 1, n), part("bench::part", items, 1, n);
  Scalars<SolveRecord<double>, Space> const records("bench::records", items);
  // Its condition is that of H^T H, squared: at 1e3 not all are done in the usual 10 n + 100 iterations.
  PinvCglsOptions<double> const options{.max_iterations = 100 * n};
  auto const work = [&] { minfold::pinv_cgls(space, h, b, z, part, records, options); };
  work();
  if (!certified(state, space, records)) return;
  auto const summary = summarize(space, records);
  double const half = double(n) * (n + 1) / 2 * sizeof(double);
  time_loop(state, space, items,
            {double(summary.products) * half, double(summary.products) * 2 * n * n}, work);
  state.counters["iterations"] = summary.iterations;
}

/// Sketch and solve together; eigenvalues max(0.9^j, 10^-digits).
void nystrom_pcg(benchmark::State& state) {
  Space const space;
  int const items = int(state.range(0)), n = int(state.range(1)), digits = int(state.range(2));
  Planted const p =
      planted_once({.items = items, .n = n, .condition = std::pow(10.0, digits), .decay = 0.9});
  DenseOperator<Blocks<double, Space>> const h{on_device(p.matrix)};
  auto const b = on_device(p.rhs);
  Blocks<double, Space> const z("bench::z", items, 1, n);
  Scalars<SolveRecord<double>, Space> const records("bench::records", items);
  Scalars<NystromRecord<double>, Space> sketch;
  auto const work = [&] {
    auto const u = nystrom(space, h, {.smallest = std::pow(10.0, -digits), .tolerance = 1e-10});
    pinv_pcg(space, h, u, b, z, records, {.relative_tolerance = 1e-10});
    sketch = u.records;
  };
  work();
  if (!certified(state, space, records)) return;
  auto const summary = summarize(space, records);
  time_loop(state, space, items, {}, work);
  state.counters["iterations"] = summary.iterations;
  state.counters["sketch"] = to_host(space, sketch)(0).products;
}

}  // namespace

void register_benchmarks() {
  std::vector<std::string> const names = {"items", "n", "digits"};
  add("pinv_cgls/n", pinv_cgls, names,
      {{200, 32, 1}, {100, 64, 1}, {50, 128, 1}, {16, 256, 1}, {8, 512, 1}, {2, 1024, 1}});
  add("pinv_cgls/condition", pinv_cgls, names,
      {{50, 32, 1}, {50, 128, 1}, {50, 128, 2}, {50, 128, 3}});
  add("nystrom_pcg/n", nystrom_pcg, names, {{32, 128, 4}, {16, 256, 4}, {8, 512, 4}, {2, 1024, 4}});
  add("nystrom_pcg/condition", nystrom_pcg, names,
      {{8, 128, 4}, {8, 512, 2}, {8, 512, 3}, {8, 512, 4}, {8, 512, 5}, {8, 512, 6}});
}

}  // namespace minfold::bench
