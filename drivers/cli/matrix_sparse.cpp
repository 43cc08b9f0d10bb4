// SPDX-License-Identifier: Apache-2.0
#include <minfold/kernels/kernel_basis.hpp>
#include <minfold/kernels/pinv_cg.hpp>

#include "machine_facts.hpp"
#include "matrix_kernels.hpp"
#include "matrix_transfer.hpp"
#include "sparse_operator.hpp"

#include <cmath>

namespace minfold::cli {
namespace {

using E = MatrixSpace;

template <class T>
SparseOperator<T, E> make_operator(E const& space, SparseMatrix const& m) {
  std::vector<std::int64_t> start(std::size_t(m.rows) + 1, 0);
  for (int const row : m.row) ++start[std::size_t(row) + 1];
  for (std::size_t i = 1; i < start.size(); ++i) start[i] += start[i - 1];
  auto const entries = m.values.size();
  SparseOperator<T, E> a;
  auto const made = [&](auto& view, char const* label, std::size_t size) {
    using V = std::remove_reference_t<decltype(view)>;
    view = V(Kokkos::view_alloc(space, Kokkos::WithoutInitializing, std::string(label)), size);
  };
  made(a.row_start, "minfold::cli::row_start", start.size());
  made(a.column, "minfold::cli::column", entries);
  made(a.values, "minfold::cli::values", entries);
  from_host(space, start, a.row_start);
  from_host(space, m.column, a.column);
  from_host(space, m.values, a.values);
  return a;
}

/// A system lends memory that it does not have, and ends the process once it is used. A line of a file may
/// ask for all of it.
template <class T>
void require_memory(MatrixRequest const& request, int n) {
  // Basis, sketch, image and residual of kernel_basis, as wide as the first attempt has them, and two indices.
  double const least = n * (4. * std::min(16, n) * sizeof(T) + 16);
  auto const usable = memory().usable();
  double const gib = 1 << 30;
  MINFOLD_REQUIRE(!usable || least <= double(*usable), request.file, ": a matrix of order ", n,
                  " takes ", std::ceil(least / gib), " GiB of memory or more, ",
                  usable ? double(*usable) / gib : 0, " GiB can be had");
}

}  // namespace

template <class T>
Found run_sparse(MatrixRequest const& request, Matrices const& matrices, RightSides const* b) {
  require_memory<T>(request, matrices.n);
  E const space;
  auto const a = make_operator<T>(space, std::get<SparseMatrix>(matrices.values));
  int const n = matrices.n, columns = b ? b->columns : 0;
  KernelBasisOptions<T> options;
  options.method = KernelMethod::randomized;
  if (request.tolerance) options.kernel_tolerance = T(*request.tolerance);
  options.seed = request.seed;

  Found found;
  found.method = "products";
  auto const records = make_scalars<KernelRecord<T>>(space, "minfold::cli::kernel_records", 1);
  auto const right = make_blocks<T>(space, "minfold::cli::right_sides", 1, columns, n);
  auto const z = make_blocks<T>(space, "minfold::cli::solution", 1, columns, n);
  auto const solves = make_scalars<SolveRecord<T>>(space, "minfold::cli::records", columns);
  if (b) from_host(space, b->values, right);
  space.fence("minfold::cli: before the clock starts");
  Kokkos::Timer const timer;
  int const largest = std::min(n, request.max_dimension);
  Basis<T, E> basis;
  basis.dimension = make_scalars<int>(space, "minfold::cli::dimension", 1);
  int products = 0;
  // Room for a kernel of any size would be n^2 numbers.
  for (int capacity = std::min(16, largest);; capacity = std::min(4 * capacity, largest)) {
    basis.vectors = make_blocks<T>(space, "minfold::cli::basis", 1, capacity, n);
    kernel_basis(space, a, basis, records, options);
    found.kernels = records_of(space, records);
    products += found.kernels[0].products;
    if (found.kernels[0].outcome != Outcome::rank_limit || capacity == largest) break;
  }
  found.kernels[0].products = products;
  if (b) {
    pinv_cg(space, a, right, z, solves, {}, basis);
    found.solves = records_of(space, solves);
  }
  found.seconds = timer.seconds();
  keep_basis(space, basis, found);
  found.solution = numbers_of(space, z);
  return found;
}

template Found run_sparse<float>(MatrixRequest const&, Matrices const&, RightSides const*);
template Found run_sparse<double>(MatrixRequest const&, Matrices const&, RightSides const*);

}  // namespace minfold::cli
