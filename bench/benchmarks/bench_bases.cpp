// SPDX-License-Identifier: Apache-2.0
// Kernel bases, tangent spaces and eigen-decompositions, over n, k and precision.
#include <minfold/kernels/kernel_basis.hpp>
#include <minfold/kernels/symmetric_eigen.hpp>
#include <minfold/kernels/tangent_space.hpp>

#include "benchmarks/timing.hpp"

namespace minfold::bench {
namespace {

constexpr double condition = 1e2;

/// By products alone, as for a matrix that is not at hand: the direct method is an eigen-decomposition.
template <class T>
void kernel_basis(benchmark::State& state) {
  Space const space;
  int const items = int(state.range(0)), n = int(state.range(1)), k = int(state.range(2));
  Planted const p =
      planted_once({.items = items, .n = n, .kernel = k, .condition = condition, .columns = 1});
  DenseOperator<Blocks<T, Space>> const h{in_precision<T>(p.matrix)};
  Basis<T, Space> const basis{Blocks<T, Space>("bench::basis", items, k + 8, n),
                              Scalars<int, Space>("bench::dimension", items)};
  Scalars<KernelRecord<T>, Space> const records("bench::records", items);
  KernelBasisOptions<T> const options{.method = KernelMethod::randomized, .block = k + 2};
  auto const work = [&] { minfold::kernel_basis(space, h, basis, records, options); };
  work();
  if (!certified(state, space, records)) return;
  double const products = double(summarize(space, records).products);
  time_loop(state, space, items, {0, products * 2 * n * n}, work);
  state.counters["products"] = products / items;
}

void tangent_space(benchmark::State& state) {
  Space const space;
  int const items = int(state.range(0)), n = int(state.range(1)), k = int(state.range(2));
  Planted const p =
      planted_once({.items = items, .n = n, .kernel = k, .condition = condition, .columns = 1});
  DenseOperator<Blocks<double, Space>> const h{on_device(p.matrix)};
  std::int64_t products = 0;
  auto const work = [&] { products = minfold::tangent_space(space, h).products; };
  auto const found = minfold::tangent_space(space, h);
  if (!certified(state, space, found.records)) return;
  time_loop(state, space, items, {}, work);
  state.counters["products"] = double(products) / items;
}

template <class T>
void symmetric_eigen(benchmark::State& state) {
  Space const space;
  int const items = int(state.range(0)), n = int(state.range(1));
  Planted const p =
      planted_once({.items = items, .n = n, .kernel = 4, .condition = condition, .columns = 1});
  auto const matrix = in_precision<T>(p.matrix);
  Blocks<T, Space> const a("bench::a", items, n, n);
  Vectors<T, Space> const w("bench::w", items, n);
  Scalars<EigenRecord<T>, Space> const records("bench::records", items);
  auto const work = [&] {
    Kokkos::deep_copy(space, a, matrix);
    minfold::symmetric_eigen(space, a, w, records, {.verify = false});
  };
  work();
  auto const host = to_host(space, records);
  for (int item = 0; item < items; ++item)
    if (host(item).outcome != Outcome::converged)
      return state.SkipWithError("symmetric_eigen: an item did not converge");
  time_loop(state, space, items, {0, 9.0 * items * n * n * n}, work);
}

}  // namespace

void register_benchmarks() {
  std::vector<std::string> const names = {"items", "n", "k"};
  std::vector<Arguments> const orders = {{200, 32, 4}, {100, 64, 4}, {50, 128, 4},
                                         {16, 256, 4}, {8, 512, 4},  {2, 1024, 4}};
  add("kernel_basis/n", kernel_basis<double>, names, orders);
  add("kernel_basis/float/n", kernel_basis<float>, names,
      {{200, 32, 4}, {50, 128, 4}, {8, 512, 4}});
  add("kernel_basis/k", kernel_basis<double>, names,
      {{16, 64, 2},
       {8, 256, 1},
       {8, 256, 2},
       {8, 256, 4},
       {8, 256, 8},
       {8, 256, 16},
       {8, 256, 32}});
  add("tangent_space/n", tangent_space, names, orders);
  std::vector<std::string> const two = {"items", "n"};
  add("symmetric_eigen/n", symmetric_eigen<double>, two,
      {{200, 32}, {1000, 8}, {100, 64}, {50, 128}, {16, 256}, {4, 512}});
  add("symmetric_eigen/float/n", symmetric_eigen<float>, two, {{200, 32}, {50, 128}, {4, 512}});
}

}  // namespace minfold::bench
