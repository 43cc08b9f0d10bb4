// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/impl/tuning.hpp>

#include "compare/matrix_free.hpp"
#include "compare/problem.hpp"

namespace minfold::bench {
namespace {

std::string named(int items, int n, char letter, int number) {
  return std::to_string(items) + "x" + std::to_string(n) + letter + std::to_string(number);
}

Case explicit_case(Job job, int items, int n, int k) {
  bool const range = job == Job::range_basis;
  Shape s{.items = items, .n = n, .kernel = range ? n - k : k, .condition = 1e2};
  s.consistent = job != Job::kernel_and_pinv;
  return {job, named(items, n, range ? 'r' : 'k', k), s, 0};
}

Case cg_case(Job job, int items, int n, int digits, int columns) {
  double condition = 1;
  for (int d = 0; d < digits; ++d) condition *= 10;
  Shape const s{.items = items, .n = n, .kernel = 4, .condition = condition, .columns = columns};
  return {job, named(items, n, 'c', 1) + "e" + std::to_string(digits), s, 0};
}

}  // namespace

char const* to_string(Job job) {
  switch (job) {
    case Job::kernel_and_pinv: return "kernel_and_pinv";
    case Job::range_basis: return "range_basis";
    case Job::cg: return "cg";
    case Job::cg_block: return "cg_block";
    case Job::matrix_free_kernel: return "matrix_free_kernel";
    case Job::nystrom: return "nystrom";
  }
  return "unknown";
}

std::vector<Case> all_cases() {
  struct Size {
    int items, n;
  };
  std::vector<Case> cases;
  for (auto const& [items, n] : {Size{1000, 32}, Size{200, 128}, Size{32, 512}, Size{4, 2048}})
    for (int const k : {4, n / 4})
      cases.push_back(explicit_case(Job::kernel_and_pinv, items, n, k));
  for (auto const& [items, n] : {Size{1000, 32}, Size{200, 128}, Size{32, 512}, Size{4, 2048}})
    cases.push_back(explicit_case(Job::range_basis, items, n, 16));
  for (auto const& [items, n] : {Size{1000, 32}, Size{200, 128}})
    for (int const digits : {2, 4}) cases.push_back(cg_case(Job::cg, items, n, digits, 1));
  for (auto const& [items, n] : {Size{32, 512}, Size{4, 2048}})
    cases.push_back(cg_case(Job::cg, items, n, 2, 1));
  if constexpr (!minfold::impl::runs_on_host<Space>) {
    // Batches that fill a device; 100,000 x 128 takes 13 GB there and twice that on the host.
    for (int const n : {32, 128})
      for (int const items : {1'000, 10'000, 100'000}) {
        if (items > 1'000 || n > 32) {
          cases.push_back(explicit_case(Job::kernel_and_pinv, items, n, 4));
          cases.push_back(cg_case(Job::cg, items, n, 2, 1));
        }
        if (items > 1'000) cases.push_back(explicit_case(Job::kernel_and_pinv, items, n, n / 4));
      }
    cases.push_back(explicit_case(Job::kernel_and_pinv, 64, 2048, 4));
    cases.push_back(cg_case(Job::cg, 64, 2048, 2, 1));
  }
  cases.push_back(cg_case(Job::cg_block, 4, 2048, 2, 8));
  cases.push_back(reflected_case(100'000, 4, 1e2));
  cases.push_back(gauss_newton_case(100'000, 2'000, 4, 10));
  Shape const decaying{.items = 16, .n = 512, .kernel = 4, .condition = 1e6, .decay = 0.9};
  cases.push_back({Job::nystrom, "16x512d0.9", decaying, 0});
  return cases;
}

Problem make_problem(Case const& c) {
  if (c.job == Job::matrix_free_kernel) return make_matrix_free(c);
  Problem p;
  p.what = c;
  p.planted = planted(c.shape);
  p.matrix = on_device(p.planted.matrix);
  p.rhs = on_device(p.planted.rhs);
  return p;
}

std::shared_ptr<Output> make_output(Case const& c, bool with_basis, bool with_z) {
  auto output = std::make_shared<Output>();
  Shape const& s = c.shape;
  int const width = c.job == Job::range_basis          ? s.n - s.kernel
                    : c.job == Job::matrix_free_kernel ? s.columns
                                                       : s.kernel;
  if (with_basis) {
    output->basis = HostBlocks("bench::basis", s.items, width, s.n);
    output->dimension.assign(s.items, 0);
  }
  if (with_z) output->z = HostBlocks("bench::z", s.items, s.columns, s.n);
  output->info.assign(s.items, 0);
  output->products.assign(s.items, 0);
  return output;
}

Answer answer_of(Output const& output) {
  Answer a{output.basis, output.dimension, output.z, {}, 0, 0};
  for (int const info : output.info)
    if (info != 0) a.complaint = "info = " + std::to_string(info);
  for (long const products : output.products) a.products += products;
  return a;
}

std::vector<std::string> absent_peers() {
  std::vector<std::string> names;
#if !defined(MINFOLD_BENCH_EIGEN)
  names.push_back("eigen_cg");
#endif
#if !defined(MINFOLD_BENCH_SPECTRA)
  names.push_back("spectra");
#endif
#if !defined(MINFOLD_BENCH_KOKKOS_KERNELS)
  names.push_back("kokkos_kernels_cg");
#endif
#if !defined(KOKKOS_ENABLE_CUDA)
  names.push_back("cusolver_*, cublas_cg");
#endif
  return names;
}

}  // namespace minfold::bench
