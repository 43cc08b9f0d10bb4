// SPDX-License-Identifier: Apache-2.0
#include <minfold/kernels/kernel_and_pinv.hpp>
#include <minfold/kernels/kernel_basis.hpp>
#include <minfold/kernels/pinv_cg.hpp>

#include "matrix_kernels.hpp"
#include "matrix_transfer.hpp"

namespace minfold::cli {
namespace {

using E = MatrixSpace;

template <class T>
struct Work {
  DenseOperator<Blocks<T, E>> a;
  Basis<T, E> basis;
  Scalars<KernelRecord<T>, E> kernels;
  Blocks<T, E> b, z;  ///< no columns for tangent
  Scalars<SolveRecord<T>, E> solves;
};

template <class T>
Work<T> make_work(E const& space, Matrices const& matrices, RightSides const* b, int capacity) {
  int const items = matrices.items, n = matrices.n, columns = b ? b->columns : 0;
  auto const h = make_blocks<T>(space, "minfold::cli::matrices", items, n, n);
  from_host(space, std::get<std::vector<double>>(matrices.values), h);
  Work<T> w{DenseOperator<Blocks<T, E>>(h),
            {make_blocks<T>(space, "minfold::cli::basis", items, capacity, n),
             make_scalars<int>(space, "minfold::cli::dimension", items)},
            make_scalars<KernelRecord<T>>(space, "minfold::cli::kernel_records", items),
            make_blocks<T>(space, "minfold::cli::right_sides", items, columns, n),
            make_blocks<T>(space, "minfold::cli::solution", items, columns, n),
            make_scalars<SolveRecord<T>>(space, "minfold::cli::records", items * columns)};
  if (b) from_host(space, b->values, w.b);
  return w;
}

/// Both by the kernel that finds basis and solution at once.
template <class T>
void factor(E const& space, MatrixRequest const& request, Work<T> const& w, FactorMethod method) {
  KernelAndPinvOptions<T> options;
  options.method = method;
  if (request.tolerance) options.kernel_tolerance = T(*request.tolerance);
  options.seed = request.seed;
  kernel_and_pinv(space, w.a, w.b, w.z, w.basis, w.solves, w.kernels, options);
}

template <class T>
void products(E const& space, MatrixRequest const& request, Work<T> const& w, bool solve) {
  KernelBasisOptions<T> options;
  options.method = KernelMethod::randomized;
  if (request.tolerance) options.kernel_tolerance = T(*request.tolerance);
  options.seed = request.seed;
  kernel_basis(space, w.a, w.basis, w.kernels, options);
  if (solve) pinv_cg(space, w.a, w.b, w.z, w.solves, {}, w.basis);
}

template <class T>
Found run_dense(MatrixRequest const& request, Matrices const& matrices, RightSides const* b) {
  E const space;
  Found found;
  found.method = request.method == "automatic" ? "factor" : request.method;
  bool const multiplied = found.method == "products";
  int const capacity = multiplied ? std::min(matrices.n, request.max_dimension) : matrices.n;
  auto const w = make_work<T>(space, matrices, b, capacity);
  space.fence("minfold::cli: before the clock starts");
  Kokkos::Timer const timer;
  if (multiplied)
    products(space, request, w, b != nullptr);
  else
    factor(space, request, w,
           found.method == "factor" ? FactorMethod::automatic : FactorMethod::spectral);
  found.kernels = records_of(space, w.kernels);
  found.seconds = timer.seconds();
  found.solves = records_of(space, w.solves);
  keep_basis(space, w.basis, found);
  found.solution = numbers_of(space, w.z);
  return found;
}

}  // namespace

Found run_kernels(MatrixRequest const& request, Matrices const& matrices, RightSides const* b) {
  if (matrices.sparse())
    return matrices.single ? run_sparse<float>(request, matrices, b)
                           : run_sparse<double>(request, matrices, b);
  return matrices.single ? run_dense<float>(request, matrices, b)
                         : run_dense<double>(request, matrices, b);
}

}  // namespace minfold::cli
