// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/blas.hpp>

#include "support/ceilings.hpp"
#include "support/planted.hpp"

#include <algorithm>
#include <chrono>

namespace minfold::bench {
namespace {

/// Best rate of five runs.
template <class Work>
double best_rate(Space const& space, double amount, Work const& work) {
  double best = 0;
  for (int round = 0; round < 6; ++round) {
    space.fence("bench::ceilings::before");
    auto const start = std::chrono::steady_clock::now();
    work();
    space.fence("bench::ceilings::after");
    std::chrono::duration<double> const time = std::chrono::steady_clock::now() - start;
    if (round > 0) best = std::max(best, amount / time.count() / 1e9);
  }
  return best;
}

void sum(Space const& space, Scalars<double, Space> const& data) {
  double total = 0;
  Kokkos::parallel_reduce(
      "bench::ceilings::read", Kokkos::RangePolicy<Space>(space, 0, int(data.extent(0))),
      KOKKOS_LAMBDA(int i, double& part) { part += data(i); }, total);
}

/// `rounds` dependent multiply-adds in each of four chains of each entry.
void multiply_add(Space const& space, Scalars<double, Space> const& data, int rounds) {
  Kokkos::parallel_for(
      "bench::ceilings::fma", Kokkos::RangePolicy<Space>(space, 0, int(data.extent(0))),
      KOKKOS_LAMBDA(int i) {
        double a = data(i), b = a + 1, c = a + 2, d = a + 3;
        for (int r = 0; r < rounds; ++r) {
          a = Kokkos::fma(a, 0.999, 0.5);
          b = Kokkos::fma(b, 0.999, 0.5);
          c = Kokkos::fma(c, 0.999, 0.5);
          d = Kokkos::fma(d, 0.999, 0.5);
        }
        data(i) = a + b + c + d;
      });
}

}  // namespace

Ceilings measure_device_ceilings() {
  Ceilings c;
  if constexpr (!minfold::impl::runs_on_host<Space>) {
    Space const space;
    int const words = 1 << 27, rounds = 4096, n = 4096;
    {
      Scalars<double, Space> const data("bench::ceilings::data", words);
      c.read_memory = best_rate(space, 8.0 * words, [&] { sum(space, data); });
    }
    Scalars<double, Space> const data("bench::ceilings::data", 1 << 20);
    c.fma = best_rate(space, 8.0 * rounds * double(data.extent(0)),
                      [&] { multiply_add(space, data, rounds); });
    Vectors<double, Space> const a("bench::ceilings::a", n, n), b("bench::ceilings::b", n, n),
        product("bench::ceilings::c", n, n);
    c.dgemm = best_rate(space, 2.0 * n * n * n, [&] {
      gemm(space, Transpose::no, Transpose::no, 1.0, a, b, 0.0, product);
    });
  }
  return c;
}

}  // namespace minfold::bench
