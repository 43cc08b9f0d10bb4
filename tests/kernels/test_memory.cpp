// SPDX-License-Identifier: Apache-2.0
#include <minfold/kernels/memory.hpp>

#include "support/solve.hpp"
#include "support/watch.hpp"
#include <catch2/catch_test_macros.hpp>

using namespace minfold;
using namespace minfold::test;

namespace {

/// Peak of the second of two calls: what a backend keeps for itself is made in the first.
template <class Call>
double peak_of(Call const& call) {
  call();
  Watch const watch;
  call();
  CHECK(Watch::seen.bytes == 0);
  return double(Watch::seen.peak);
}

template <class T>
void check_memory(int items, int n, int columns) {
  CAPTURE(items, n, columns);
  std::vector<Planted> planted_items;
  for (int i = 0; i < items; ++i) planted_items.push_back(planted(std::uint64_t(i), n, n / 4, 100));
  auto const matrices = to_matrices<T>(matrices_of(planted_items), n);
  DenseOperator const a(matrices);
  InBulk<T> const bulk{matrices};
  Blocks<T, Space> const b("test::b", items, columns, n), z("test::z", items, columns, n),
      copy("test::copy", items, n, n);
  Kokkos::deep_copy(b, T(1));
  Vectors<T, Space> const w("test::w", items, n);
  Scalars<EigenRecord<T>, Space> const eigen("test::eigen", items);
  Scalars<SolveRecord<T>, Space> const solves("test::solves", items * columns);
  Scalars<KernelRecord<T>, Space> const kernels("test::kernels", items);
  Scalars<OrthonormalizeRecord<T>, Space> const orthonormal("test::orthonormal", items);
  auto const basis = new_basis<T>(items, n, n);

  for (auto const method : {EigenMethod::jacobi, EigenMethod::automatic})
    for (bool const verify : {false, true}) {
      SymmetricEigenOptions<T> const options{.method = method, .verify = verify};
      double const measured = peak_of([&] {
        Kokkos::deep_copy(Space(), copy, matrices);
        symmetric_eigen(Space(), copy, w, eigen, options);
      });
      CHECK(measured == double(symmetric_eigen_bytes<T>(items, n, options)));
    }
  CHECK(peak_of([&] { orthonormalize(Space(), copy, orthonormal); }) ==
        double(orthonormalize_bytes<T>(items, n, n)));
  KernelBasisOptions<T> const direct{.method = KernelMethod::direct};
  CHECK(peak_of([&] { kernel_basis(Space(), a, basis, kernels, direct); }) ==
        double(kernel_basis_direct_bytes<T>(items, n)));
  CHECK(peak_of([&] { kernel_basis(Space(), bulk, basis, kernels, direct); }) ==
        double(kernel_basis_direct_bytes<T>(items, n, false)));
  for (bool const dense : {true, false}) {
    double const measured = peak_of([&] {
      if (dense)
        pinv_direct(Space(), a, b, z, solves, kernels);
      else
        pinv_direct(Space(), bulk, b, z, solves, kernels);
    });
    double const predicted = double(pinv_direct_bytes<T>(items, columns, n, dense));
    CHECK(measured <= predicted);
    // A solve that needs no refinement does without half of its blocks.
    if (columns <= n / 4) CHECK(measured == predicted);
  }
}

}  // namespace

TEST_CASE("peak memory is what is predicted") {
  for (int n : {5, 30, 150}) {
    check_memory<double>(3, n, 1);
    check_memory<float>(3, n, 1);
  }
  check_memory<double>(2, 20, 40);
}
