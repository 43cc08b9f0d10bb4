// SPDX-License-Identifier: Apache-2.0
#include "matrix_cg.hpp"

#include <minfold/core/dense_operator.hpp>
#include <minfold/kernels/pinv_cg.hpp>

#include "../../src/plain_support.hpp"

namespace minfold::python {

namespace {

using namespace minfold::impl::plain;

template <class T>
minfold_status cg_of(Space const& space, minfold_array const* a, minfold_array const* b,
                     minfold_array const* z, minfold_array const* kernel,
                     minfold_kernel_record const* kernel_records, minfold_solve_record* solves,
                     minfold_options const& given) {
  int const items = int(a->extent[0]), n = int(a->extent[1]), columns = int(b->extent[1]);
  DenseOperator<Blocks<T, Space>> const matrices(input<T>(space, "a", a, true));
  auto const rhs = input<T>(space, "b", b);
  Output<T> const out(space, "z", z);
  check_extents("b", *b, items, columns, n);
  check_extents("z", *z, items, columns, n);
  refuse_overlap("z", *z, "b", *b);
  refuse_overlap("z", *z, "a", *a);
  if (kernel) refuse_overlap("z", *z, "kernel", *kernel);
  MINFOLD_REQUIRE(columns > 0, "pinv_solve: b has no right-hand side");
  if (items == 0) return MINFOLD_OK;

  Basis<T, Space> known;
  if (kernel) {
    known.vectors = input<T>(space, "kernel", kernel);
    check_extents("kernel", *kernel, items, kernel->extent[1], n);
    known.dimension = make_scalars<int>(space, "minfold::python::dimension", items);
    auto const host = Kokkos::create_mirror_view(known.dimension);
    for (int i = 0; i < items; ++i) host(i) = kernel_records[i].vectors;
    Kokkos::deep_copy(space, known.dimension, host);
    space.fence("minfold::python::dimension");
  }
  PinvCgOptions<T> o;
  set(o.relative_tolerance, given.relative_tolerance);
  set(o.max_iterations, given.max_iterations);
  auto const solved =
      make_scalars<SolveRecord<T>>(space, "minfold::python::solves", items * columns);
  pinv_cg(space, matrices, rhs, out.view, solved, o, known);
  out.deliver(space);
  Verdicts verdicts("pinv_solve");
  give(space, solved, solves, verdicts);
  return verdicts.status();
}

}  // namespace

minfold_status matrix_cg(minfold_context const* context, minfold_array const* a,
                         minfold_array const* b, minfold_array const* z,
                         minfold_array const* kernel, minfold_kernel_record const* kernel_records,
                         minfold_solve_record* solves, minfold_options const& options) {
  return guarded([&] {
    auto const& space = enter("pinv_solve", context);
    check_options("pinv_solve", options);
    return a->precision == MINFOLD_FLOAT
               ? cg_of<float>(space, a, b, z, kernel, kernel_records, solves, options)
               : cg_of<double>(space, a, b, z, kernel, kernel_records, solves, options);
  });
}

}  // namespace minfold::python
