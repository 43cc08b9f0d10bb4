// SPDX-License-Identifier: Apache-2.0
// Arrays of plain numbers in: kernels and pseudoinverses of a batch of singular matrices.
//
// Item i is the Laplacian of a ring of n points, L y(j) = 2 y(j) - y(j - 1) - y(j + 1). Its kernel are the
// constants, and cos(w j) with w = 2 pi m / n belongs to the eigenvalue 2 - 2 cos w: so L^+ of it is known.
#include <minfold/kernels/kernel_and_pinv.hpp>

#include <cmath>
#include <cstdio>
#include <vector>

namespace {

constexpr int items = 200, n = 48;

double frequency(int item) {
  return 2 * std::acos(-1.0) * (1 + item % (n / 2)) / n;
}

int run() {
  // What a code has that knows nothing of Kokkos. The rows of an item follow one another.
  std::vector<double> laplacians(std::size_t(items) * n * n, 0.0), b(items * n), z(items * n);
  for (int item = 0; item < items; ++item)
    for (int j = 0; j < n; ++j) {
      double* const row = &laplacians[(std::size_t(item) * n + j) * n];
      row[j] += 2;
      row[(j + 1) % n] -= 1;
      row[(j + n - 1) % n] -= 1;
      b[item * n + j] = std::cos(frequency(item) * j) + 3;  // the 3 is in the kernel
    }

  using Space = Kokkos::DefaultExecutionSpace;
  Space const space;
  // Views of these arrays; on a GPU copies there, on a host nothing is copied.
  Kokkos::View<double***, Kokkos::LayoutRight, Kokkos::HostSpace> const host_matrices(
      laplacians.data(), items, n, n);
  auto const host_b =
      minfold::batch_vector(Kokkos::DefaultHostExecutionSpace(), b.data(), items, n);
  auto const host_z =
      minfold::batch_vector(Kokkos::DefaultHostExecutionSpace(), z.data(), items, n);
  using Memory = Space::memory_space;
  auto const matrices = Kokkos::create_mirror_view_and_copy(Memory(), host_matrices);
  auto const rhs = Kokkos::create_mirror_view_and_copy(Memory(), host_b);
  auto const solution = Kokkos::create_mirror_view(Memory(), host_z);

  minfold::Basis<double, Space> const basis{
      minfold::make_blocks<double>(space, "basis", items, 1, n),
      minfold::make_scalars<int>(space, "dimension", items)};
  auto const solves = minfold::make_scalars<minfold::SolveRecord<double>>(space, "solves", items);
  auto const kernels =
      minfold::make_scalars<minfold::KernelRecord<double>>(space, "kernels", items);
  minfold::kernel_and_pinv(space, minfold::DenseOperator(matrices), rhs, solution, basis, solves,
                           kernels);
  Kokkos::deep_copy(space, host_z, solution);
  space.fence("z is used on the host");

  double error = 0, kernel_error = 0;
  auto const q = minfold::to_host(space, basis.vectors);
  for (int item = 0; item < items; ++item)
    for (int j = 0; j < n; ++j) {
      double const w = frequency(item);
      error = std::max(error, std::abs(z[item * n + j] - std::cos(w * j) / (2 - 2 * std::cos(w))));
      kernel_error = std::max(kernel_error, std::abs(std::abs(q(item, 0, j)) - 1 / std::sqrt(n)));
    }
  auto const summary = minfold::summarize(space, solves);
  auto const found = minfold::summarize(space, kernels);
  std::printf("%d of %d kernels and %d solves are certain\n", found[minfold::Outcome::converged],
              items, summary[minfold::Outcome::converged]);
  std::printf("error of L^+ b %.1e, of the kernel %.1e\n", error, kernel_error);
  bool const certain =
      found.all(minfold::Outcome::converged) && summary.all(minfold::Outcome::converged);
  return certain && error <= 1e-11 && kernel_error <= 1e-13 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Kokkos::ScopeGuard const kokkos(argc, argv);
  return run();
}
