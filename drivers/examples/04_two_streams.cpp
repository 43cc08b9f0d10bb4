// SPDX-License-Identifier: Apache-2.0
// Two streams: two batches at once, each on an execution space instance of its own. Nothing waits for
// the other one: minfold launches on the instance that it is given and waits for that one only.
//
// Each batch are projectors I - u u^T with u constant: A^+ b = b - mean(b).
#include <minfold/kernels/kernel_and_pinv.hpp>

#include <cmath>
#include <cstdio>
#include <thread>
#include <vector>

using Space = Kokkos::DefaultExecutionSpace;

struct Batch {
  minfold::Blocks<double, Space> matrices;
  minfold::Vectors<double, Space> b, z;
  minfold::Basis<double, Space> kernel;
  minfold::Scalars<minfold::SolveRecord<double>, Space> solves;
  minfold::Scalars<minfold::KernelRecord<double>, Space> kernels;
  double error = HUGE_VAL;

  // All work of this batch is on `space`, the allocations too.
  Batch(Space const& space, int items, int n)
      : matrices(minfold::make_blocks<double>(space, "matrices", items, n, n)),
        b(minfold::make_vectors<double>(space, "b", items, n)),
        z(minfold::make_vectors<double>(space, "z", items, n)),
        kernel{minfold::make_blocks<double>(space, "kernel", items, 2, n),
               minfold::make_scalars<int>(space, "dimension", items)},
        solves(minfold::make_scalars<minfold::SolveRecord<double>>(space, "solves", items)),
        kernels(minfold::make_scalars<minfold::KernelRecord<double>>(space, "kernels", items)) {
    fill(space);
  }
  void fill(Space const& space) {
    int const items = int(b.extent(0)), n = int(b.extent(1));
    auto const a = matrices;
    auto const rhs = b;
    Kokkos::parallel_for(
        "my matrices", Kokkos::RangePolicy<Space>(space, 0, items * n), KOKKOS_LAMBDA(int t) {
          int const item = t / n, i = t % n;
          for (int j = 0; j < n; ++j) a(item, i, j) = (i == j) - 1.0 / n;
          rhs(item, i) = i + item;
        });
  }

  void solve(Space const& space) {
    minfold::kernel_and_pinv(space, minfold::DenseOperator(matrices), b, z, kernel, solves,
                             kernels);
    auto const x = minfold::to_host(space, z);  // waits for `space`
    int const items = int(x.extent(0)), n = int(x.extent(1));
    error = minfold::summarize(space, solves).all(minfold::Outcome::converged) ? 0 : HUGE_VAL;
    for (int item = 0; item < items; ++item)
      for (int i = 0; i < n; ++i)
        error = std::max(error, std::abs(x(item, i) - (i - 0.5 * (n - 1))));
  }
};

void run(std::vector<Space> const& spaces, bool& right) {
  std::vector<Batch> batches;
  for (auto const& space : spaces) batches.emplace_back(space, 100, 40);
  // A host thread each: on a GPU so that the waits of one do not hold up the launches of the other, on
  // a host because it works in the thread that calls.
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < spaces.size(); ++i)
    threads.emplace_back([&batch = batches[i], &space = spaces[i]] { batch.solve(space); });
  for (auto& thread : threads) thread.join();
  for (auto const& batch : batches) {
    std::printf("error %.1e\n", batch.error);
    right = right && batch.error <= 1e-12 * 40;
  }
}

int main(int argc, char** argv) {
  Kokkos::ScopeGuard const kokkos(argc, argv);
  bool right = true;
#if defined(KOKKOS_ENABLE_CUDA)
  // Streams of mine. They outlive the instances that are made of them, and all Views.
  cudaStream_t streams[2];
  for (auto& stream : streams)
    if (cudaStreamCreate(&stream) != cudaSuccess) return 1;
  run({Kokkos::Cuda(streams[0]), Kokkos::Cuda(streams[1])}, right);
  for (auto& stream : streams) cudaStreamDestroy(stream);
#elif defined(KOKKOS_ENABLE_OPENMP)
  // Instances with the threads that I give them.
  int const half = std::max(1, Space().concurrency() / 2);
  run({Kokkos::OpenMP(half), Kokkos::OpenMP(half)}, right);
#else
  // What every backend knows; HIP and SYCL make streams.
  run(Kokkos::Experimental::partition_space(Space(), std::vector<int>{1, 1}), right);
#endif
  return right ? 0 : 1;
}
