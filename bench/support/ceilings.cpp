// SPDX-License-Identifier: Apache-2.0
#include "support/ceilings.hpp"

#include "support/host_loop.hpp"
#include <cblas.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <vector>

namespace minfold::bench {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// The widest vectors of the target; more of them than latency times rate of the adders.
#if defined(__AVX512F__)
constexpr int lanes = 8;
#else
constexpr int lanes = 4;
#endif
constexpr int chains = 12;
typedef double Lanes __attribute__((vector_size(lanes * sizeof(double))));

std::atomic<double> sink{0};

void swallow(Lanes const* sums) {
  double total = 0;
  for (int c = 0; c < chains; ++c)
    for (int l = 0; l < lanes; ++l) total += sums[c][l];
  sink.store(total, std::memory_order_relaxed);
}

/// The first number at or behind p where a vector is aligned. Containers hold numbers, not Lanes: nvcc takes
/// no vector type in them.
double const* aligned(double const* p) {
  std::size_t const off = reinterpret_cast<std::uintptr_t>(p) % sizeof(Lanes);
  return p + (sizeof(Lanes) - off) % sizeof(Lanes) / sizeof(double);
}

/// Sum of `count` aligned vectors: a load and an add for each.
void read_all(double const* data, std::size_t count) {
  Lanes sums[chains] = {};
  for (std::size_t i = 0; i + chains <= count; i += chains)
    for (int c = 0; c < chains; ++c) {
      Lanes v;
      std::memcpy(&v, data + (i + c) * lanes, sizeof v);
      sums[c] += v;
    }
  swallow(sums);
}

void fma_many(int rounds, double factor) {
  Lanes sums[chains], f;
  for (int l = 0; l < lanes; ++l) f[l] = factor;
  for (int c = 0; c < chains; ++c) sums[c] = f + double(c);
  for (int r = 0; r < rounds; ++r)
    for (int c = 0; c < chains; ++c) sums[c] = sums[c] * f + f;
  swallow(sums);
}

/// work(thread) by all threads at once, repeated for `seconds`; the best rate of `amount` a call.
/// The best, because a ceiling is what nothing disturbed.
template <class Work>
double best_rate(int threads, double seconds, double amount, Work const& work) {
  double best = 0, spent = 0;
  for (int round = 0; round < 3 || spent < seconds; ++round) {
    double const start = now();
#if defined(_OPENMP)
#pragma omp parallel for num_threads(threads) schedule(static, 1)
#endif
    for (int thread = 0; thread < threads; ++thread) work(thread);
    double const time = now() - start;
    spent += time;
    if (round > 0) best = std::max(best, amount * threads / time / 1e9);
  }
  return best;
}

/// Every thread sums its own `bytes`, often enough that starting the threads does not count.
double read_rate(int threads, double seconds, std::size_t bytes) {
  std::size_t const count = bytes / sizeof(Lanes) / chains * chains;
  std::vector<std::vector<double>> data(threads, std::vector<double>((count + 1) * lanes));
  int const repeats = std::max(1, int(4e7 / double(bytes)));
  return best_rate(threads, seconds, double(count * sizeof(Lanes)) * repeats, [&](int thread) {
    for (int r = 0; r < repeats; ++r) read_all(aligned(data[thread].data()), count);
  });
}

}  // namespace

double measure_read_memory(int threads, double seconds) {
  return read_rate(threads, seconds, (std::size_t(512) << 20) / threads);
}

Ceilings measure_ceilings(int threads, double seconds) {
  Ceilings c;
  c.threads = threads;
  auto const size = [](int level, std::size_t usual) {
    return cache_bytes(level) ? cache_bytes(level) : usual;
  };
  std::size_t const l1 = size(1, 32 << 10), l2 = size(2, 512 << 10);
  c.read_l1 = read_rate(threads, seconds, l1 / 2);
  c.read_l2 = read_rate(threads, seconds, std::max(l2 / 2, 2 * l1));
  c.read_l3 = read_rate(threads, seconds, 2 * l2);
  c.read_memory = measure_read_memory(threads, seconds);
  int const rounds = 1'000'000;
  c.fma = best_rate(threads, seconds, 2.0 * rounds * chains * lanes,
                    [&](int) { fma_many(rounds, 0.999); });
  int const n = 1024;
  std::vector<double> const a(std::size_t(n) * n, 1), b(std::size_t(n) * n, 1);
  std::vector<std::vector<double>> product(threads, std::vector<double>(std::size_t(n) * n));
  c.dgemm = best_rate(threads, seconds, 2.0 * n * n * n, [&](int thread) {
    minfold::impl::SequentialBlas const sequential;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, a.data(), n, b.data(), n, 0,
                product[thread].data(), n);
  });
  return c;
}

double read_ceiling(Ceilings const& c, double bytes) {
  auto const fits = [&](int level, double usual) {
    double const size = cache_bytes(level) ? double(cache_bytes(level)) : usual;
    return bytes <= size;
  };
  if (fits(1, 32 << 10)) return c.read_l1;
  if (fits(2, 512 << 10)) return c.read_l2;
  return bytes <= 8e6 ? c.read_l3 : c.read_memory;
}

}  // namespace minfold::bench
