// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_BENCH_CEILINGS_HPP
#define MINFOLD_BENCH_CEILINGS_HPP

#include <minfold/core/impl/cache.hpp>

#include <cstddef>

/// What this machine can do at most, measured: the scale of "how fast is fast".
namespace minfold::bench {

/// Of the host, with one number of threads. GB/s and GF/s, double precision.
struct Ceilings {
  int threads = 1;
  double read_l1 = 0, read_l2 = 0, read_l3 = 0, read_memory = 0;
  double fma = 0, dgemm = 0;
};

/// Takes about `seconds` for each of the six numbers.
Ceilings measure_ceilings(int threads, double seconds = 0.1);

/// Of the default execution space where it is a device: memory, FMA and dgemm; all zero on a host.
Ceilings measure_device_ceilings();

/// Read bandwidth of memory alone, GB/s.
double measure_read_memory(int threads, double seconds = 0.1);

using minfold::impl::cache_bytes;

/// Read bandwidth for a working set of `bytes` in each thread.
double read_ceiling(Ceilings const& c, double bytes);

}  // namespace minfold::bench

#endif
