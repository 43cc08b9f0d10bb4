// SPDX-License-Identifier: Apache-2.0
// The programs of the pages about the kernels: each call on matrices with a known answer.
#include <minfold/core/workspace.hpp>
#include <minfold/kernels/kernel_and_pinv.hpp>
#include <minfold/kernels/memory.hpp>
#include <minfold/kernels/nystrom.hpp>
#include <minfold/kernels/pinv_cg.hpp>
#include <minfold/kernels/pinv_cgls.hpp>
#include <minfold/kernels/pinv_direct.hpp>
#include <minfold/kernels/pinv_pcg.hpp>
#include <minfold/kernels/range_finder.hpp>
#include <minfold/kernels/symmetric_eigen.hpp>
#include <minfold/kernels/tangent_space.hpp>

#include <cmath>
#include <cstdio>
#include <iostream>

namespace {

using Space = Kokkos::DefaultExecutionSpace;
int failures = 0;

void expect(bool right, char const* what) {
  if (right) return;
  ++failures;
  std::fprintf(stderr, "wrong: %s\n", what);
}

// [operator]
// The Laplacian of a path of n nodes, multiplied with and never stored. Its kernel is the constant vector.
struct PathLaplacian {
  using scalar_type = double;
  int items, n;

  KOKKOS_FUNCTION int batch_size() const { return items; }
  KOKKOS_FUNCTION int dim() const { return n; }
  template <class Team, class X, class Y>
  KOKKOS_FUNCTION void apply(Team const& team, int /*item*/, X const& x, Y const& y) const {
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, n), [&](int i) {
      double sum = 0;
      if (i > 0) sum += x(i) - x(i - 1);
      if (i < n - 1) sum += x(i) - x(i + 1);
      y(i) = sum;
    });
  }
};
// [operator]

// The same as explicit matrices, made from the rows of the identity.
auto explicit_matrices(Space const& space, PathLaplacian const& a) {
  auto const identity = minfold::make_blocks<double>(space, "identity", a.items, a.n, a.n);
  auto const matrix = minfold::make_blocks<double>(space, "matrix", a.items, a.n, a.n);
  Kokkos::parallel_for(
      "identity",
      Kokkos::MDRangePolicy<Space, Kokkos::Rank<3>>(space, {0, 0, 0}, {a.items, a.n, a.n}),
      KOKKOS_LAMBDA(int item, int i, int j) { identity(item, i, j) = i == j ? 1.0 : 0.0; });
  minfold::apply_block(space, a, identity, matrix);
  return matrix;
}

// b = e_0: A^+ b is known, because A z = e_0 - 1/n has the differences z_i - z_{i+1} = (n - 1 - i) / n.
auto first_unit_vector(Space const& space, int items, int n) {
  auto const b = minfold::make_vectors<double>(space, "b", items, n);
  Kokkos::deep_copy(space, b, 0.0);
  Kokkos::deep_copy(space, Kokkos::subview(b, Kokkos::ALL, 0), 1.0);
  return b;
}
template <class Z>
bool is_solution(Space const& space, Z const& z) {
  auto const host = minfold::to_host(space, z);
  int const n = int(host.extent(1));
  double error = 0, sum = 0;
  for (int item = 0; item < int(host.extent(0)); ++item) {
    for (int i = 0; i + 1 < n; ++i)
      error = std::max(error, std::abs(host(item, i) - host(item, i + 1) - double(n - 1 - i) / n));
    for (int i = 0; i < n; ++i) sum += host(item, i);
    error = std::max(error, std::abs(sum));
  }
  return error < 1e-9;
}

void dense(Space const& space) {
  int const items = 3, n = 6;
  auto const matrix = explicit_matrices(space, {items, n});
  auto const b = first_unit_vector(space, items, n);
  auto const z = minfold::make_vectors<double>(space, "z", items, n);
  {
    // [kernel_and_pinv]
    // matrix: (items, n, n), b and z: (items, n)
    minfold::DenseOperator const a(matrix);
    int const capacity = 2;  // room for so many kernel vectors an item
    minfold::Basis<double, Space> const basis{
        minfold::make_blocks<double>(space, "basis", items, capacity, n),
        minfold::make_scalars<int>(space, "dimension", items)};
    auto const solves = minfold::make_scalars<minfold::SolveRecord<double>>(space, "solves", items);
    auto const kernels =
        minfold::make_scalars<minfold::KernelRecord<double>>(space, "kernels", items);
    minfold::kernel_and_pinv(space, a, b, z, basis, solves, kernels);

    auto const host = minfold::to_host(space, kernels);
    for (int item = 0; item < items; ++item)
      std::cout << "dim ker = " << host(item).dimension << ", gap " << host(item).gap << ": "
                << host(item).outcome << '\n';
    // [kernel_and_pinv]
    expect(minfold::summarize(space, solves).all(minfold::Outcome::converged), "kernel_and_pinv");
    expect(host(0).dimension == 1 && is_solution(space, z), "kernel_and_pinv: answer");
  }
  {
    Kokkos::deep_copy(space, z, 0.0);
    auto const solves = minfold::make_scalars<minfold::SolveRecord<double>>(space, "solves", items);
    auto const kernels =
        minfold::make_scalars<minfold::KernelRecord<double>>(space, "kernels", items);
    // [pinv_direct]
    minfold::pinv_direct(space, minfold::DenseOperator(matrix), b, z, solves, kernels);
    // [pinv_direct]
    expect(minfold::summarize(space, solves).all(minfold::Outcome::converged), "pinv_direct");
    expect(is_solution(space, z), "pinv_direct: answer");
  }
  {
    // [symmetric_eigen]
    auto const vectors = minfold::make_blocks<double>(space, "vectors", items, n, n);
    Kokkos::deep_copy(space, vectors, matrix);  // overwritten: row j becomes eigenvector j
    auto const values = minfold::make_vectors<double>(space, "values", items, n);
    auto const records =
        minfold::make_scalars<minfold::EigenRecord<double>>(space, "records", items);
    minfold::symmetric_eigen(space, vectors, values, records);
    // [symmetric_eigen]
    auto const host = minfold::to_host(space, values);
    double const largest = 2 - 2 * std::cos(3.14159265358979323846 * (n - 1) / n);
    expect(std::abs(host(0, 0)) < 1e-13 && std::abs(host(0, n - 1) - largest) < 1e-13,
           "symmetric_eigen");
  }
  {
    // [orthonormalize]
    // w: (items, columns, n); its vectors become an orthonormal basis of their span
    auto const w = minfold::make_blocks<double>(space, "w", items, n, n);
    Kokkos::deep_copy(space, w, matrix);
    auto const records =
        minfold::make_scalars<minfold::OrthonormalizeRecord<double>>(space, "records", items);
    minfold::orthonormalize(space, w, records);
    // [orthonormalize]
    expect(minfold::to_host(space, records)(0).rank == n - 1, "orthonormalize");
  }
}

void matrix_free(Space const& space) {
  int const items = 2, n = 60, capacity = 4;
  PathLaplacian const a{items, n};
  auto const b = first_unit_vector(space, items, n);
  auto const z = minfold::make_vectors<double>(space, "z", items, n);
  auto const solves = minfold::make_scalars<minfold::SolveRecord<double>>(space, "solves", items);
  // [kernel_basis]
  minfold::Basis<double, Space> const kernel{
      minfold::make_blocks<double>(space, "kernel", items, capacity, n),
      minfold::make_scalars<int>(space, "dimension", items)};
  auto const records =
      minfold::make_scalars<minfold::KernelRecord<double>>(space, "records", items);
  minfold::kernel_basis(space, a, kernel, records);
  std::cout << "kernel_basis: " << minfold::summarize(space, records) << '\n';
  // [kernel_basis]
  expect(minfold::to_host(space, records)(0).dimension == 1, "kernel_basis: dimension");
  expect(minfold::summarize(space, records).all(minfold::Outcome::converged), "kernel_basis");
  {
    // [pinv_cg]
    // b has a part in ker A: the basis takes it out, and leakage says how large it was
    minfold::pinv_cg(space, a, b, z, solves, {.relative_tolerance = 1e-13}, kernel);
    auto const solve = minfold::to_host(space, solves)(0);
    std::cout << "pinv_cg: " << solve.outcome << " after " << solve.iterations
              << " iterations, leakage " << solve.leakage << '\n';
    // [pinv_cg]
    expect(solve.outcome == minfold::Outcome::converged && is_solution(space, z), "pinv_cg");
    expect(std::abs(solve.leakage - 1 / std::sqrt(double(n))) < 1e-9, "pinv_cg: leakage");
  }
  {
    Kokkos::deep_copy(space, z, 0.0);
    // [pinv_cgls]
    // no basis is needed, at the price of two products an iteration
    auto const kernel_part = minfold::make_vectors<double>(space, "kernel_part", items, n);
    minfold::pinv_cgls(space, a, b, z, kernel_part, solves, {.relative_tolerance = 1e-13});
    // [pinv_cgls]
    auto const part = minfold::to_host(space, kernel_part);
    expect(is_solution(space, z) && std::abs(part(0, 5) - 1.0 / n) < 1e-9, "pinv_cgls");
  }
  {
    Kokkos::deep_copy(space, z, 0.0);
    // [pinv_pcg]
    auto const approximation = minfold::nystrom(space, a, {.rank = 20});
    minfold::pinv_pcg(space, a, approximation, b, z, solves, {.relative_tolerance = 1e-13}, kernel);
    // [pinv_pcg]
    expect(minfold::summarize(space, solves).all(minfold::Outcome::converged), "pinv_pcg");
    expect(is_solution(space, z), "pinv_pcg: answer");
  }
  {
    // [tangent_space]
    auto const tangent = minfold::tangent_space(space, a);
    auto const kernel_part = minfold::make_vectors<double>(space, "kernel_part", items, n);
    minfold::tangent_solve(space, a, tangent,
                           minfold::Blocks<double const, Space>(minfold::as_block(b)),
                           minfold::Blocks<double, Space>(minfold::as_block(z)),
                           minfold::Blocks<double, Space>(minfold::as_block(kernel_part)), solves);
    std::cout << "held as " << to_string(tangent.representation) << '\n';
    // [tangent_space]
    expect(minfold::summarize(space, solves).all(minfold::Outcome::converged), "tangent_solve");
    expect(is_solution(space, z), "tangent_solve: answer");
  }
  {
    // [range_finder]
    // the four directions of largest eigenvalue
    minfold::Basis<double, Space> const range{
        minfold::make_blocks<double>(space, "range", items, 4, n),
        minfold::make_scalars<int>(space, "rank", items)};
    auto const values = minfold::make_vectors<double>(space, "values", items, 4);
    auto const found = minfold::make_scalars<minfold::RangeRecord<double>>(space, "records", items);
    minfold::range_finder(space, a, range, values, found, {.rank = 4, .power_iterations = 20});
    // [range_finder]
    double const largest = minfold::to_host(space, values)(0, 0);
    expect(largest > 3.9 && largest < 4, "range_finder");
  }
  {
    // [workspace]
    minfold::Workspace<Space> workspace(space);
    for (int step = 0; step < 3; ++step) {
      auto const in_use =
          workspace.use();  // of this thread's calls on this instance, until it goes
      minfold::pinv_cg(space, a, b, z, solves);
    }
    std::cout << "three solves shared " << workspace.bytes() << " bytes\n";
    // [workspace]
    expect(workspace.bytes() > 0, "workspace");
  }
  {
    // [memory]
    // before anything is allocated: a matrix without memory tells the sizes
    Kokkos::View<double***, Kokkos::LayoutRight, Space> const sizes(nullptr, 1000, 64, 64);
    std::size_t const bytes =
        minfold::kernel_and_pinv_bytes(space, minfold::DenseOperator(sizes), 1, 8);
    std::cout << "1000 systems of order 64 take " << bytes / 1024 << " KiB beside the arrays\n";
    // [memory]
    expect(bytes > 0, "kernel_and_pinv_bytes");
  }
}

}  // namespace

int main(int argc, char** argv) {
  Kokkos::ScopeGuard const kokkos(argc, argv);
  Space const space;
  dense(space);
  matrix_free(space);
  return failures == 0 ? 0 : 1;
}
