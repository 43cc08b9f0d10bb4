// SPDX-License-Identifier: Apache-2.0
// Basis of ker H and H^+ b of explicit matrices, over n, batch, kernel dimension, condition, precision.
#include <minfold/kernels/kernel_and_pinv.hpp>

#include "benchmarks/timing.hpp"

namespace minfold::bench {
namespace {

template <class T>
void kernel_and_pinv(benchmark::State& state) {
  Space const space;
  int const items = int(state.range(0)), n = int(state.range(1)), k = int(state.range(2));
  Planted const p = planted_once({.items = items,
                                  .n = n,
                                  .kernel = k,
                                  .condition = std::pow(10.0, double(state.range(3))),
                                  .consistent = false});
  DenseOperator<Blocks<T, Space>> const h{in_precision<T>(p.matrix)};
  auto const rhs = in_precision<T>(p.rhs);
  Vectors<T, Space> const b(rhs.data(), items, n), z("bench::z", items, n);
  Basis<T, Space> const basis{Blocks<T, Space>("bench::basis", items, k, n),
                              Scalars<int, Space>("bench::dimension", items)};
  Scalars<SolveRecord<T>, Space> const records("bench::records", items);
  Scalars<KernelRecord<T>, Space> const kernels("bench::kernels", items);
  auto const work = [&] { minfold::kernel_and_pinv(space, h, b, z, basis, records, kernels); };
  work();
  if (!certified(state, space, kernels) || !certified(state, space, records)) return;
  double const r = n - k, flops = r * r * n - 2 * r * r * r / 3 + r * r * k;
  time_loop(state, space, items, {double(sizeof(T)) * items * n * (n + 1) / 2, items * flops},
            work);
}

}  // namespace

void register_benchmarks() {
  std::vector<std::string> const names = {"items", "n", "k", "digits"};
  std::vector<Arguments> const
      by_n = {{1000, 32, 4, 2}, {1000, 8, 1, 2}, {1000, 16, 4, 2}, {400, 64, 4, 2},
              {200, 128, 4, 2}, {64, 256, 4, 2}, {32, 512, 4, 2},  {8, 1024, 4, 2}},
      by_batch = {{16, 32, 4, 2},  {1, 32, 4, 2},    {4, 32, 4, 2},    {64, 32, 4, 2},
                  {256, 32, 4, 2}, {1024, 32, 4, 2}, {4096, 32, 4, 2}, {16384, 32, 4, 2}},
      by_k = {{200, 32, 2, 2},  {200, 128, 1, 2},  {200, 128, 2, 2},  {200, 128, 4, 2},
              {200, 128, 8, 2}, {200, 128, 16, 2}, {200, 128, 32, 2}, {200, 128, 64, 2}},
      by_condition = {
          {200, 32, 4, 1}, {200, 128, 4, 1}, {200, 128, 4, 2}, {200, 128, 4, 3}, {200, 128, 4, 4}};
  add("kernel_and_pinv/n", kernel_and_pinv<double>, names, by_n);
  add("kernel_and_pinv/batch", kernel_and_pinv<double>, names, by_batch);
  add("kernel_and_pinv/k", kernel_and_pinv<double>, names, by_k);
  add("kernel_and_pinv/condition", kernel_and_pinv<double>, names, by_condition);
  add("kernel_and_pinv/float/n", kernel_and_pinv<float>, names,
      {{1000, 32, 4, 1}, {200, 128, 4, 1}, {32, 512, 4, 1}});
}

}  // namespace minfold::bench
