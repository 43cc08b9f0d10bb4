// SPDX-License-Identifier: Apache-2.0
#include <minfold/kernels/kernel_and_pinv.hpp>
#include <minfold/kernels/kernel_basis.hpp>
#include <minfold/kernels/pinv_direct.hpp>
#include <minfold/kernels/range_finder.hpp>

#include "plain_support.hpp"

namespace minfold::impl::plain {

namespace {

template <class T>
using Matrices = DenseOperator<Blocks<T, Space>>;

/// One call: its name, its space, its matrices and what is said of them.
struct Call {
  char const* name;
  Space const& space;
  minfold_array const* a;
  minfold_options options;
  int items, n;

  Call(char const* function, minfold_context const* context, minfold_array const* matrices,
       minfold_options const* o)
      : name(function), space(enter(function, context)), a(matrices), options(given(o)) {
    MINFOLD_REQUIRE(a, name, ": a is NULL");
    check_array("a", a, a->precision, false);
    MINFOLD_REQUIRE(a->extent[1] == a->extent[2], name, ": a has matrices of ", a->extent[1], " x ",
                    a->extent[2], ", must be square");
    MINFOLD_REQUIRE(a->extent[1] > 0, name, ": a has matrices of order 0");
    check_options(name, options);
    items = int(a->extent[0]);
    n = int(a->extent[1]);
  }
  bool single() const { return a->precision == MINFOLD_FLOAT; }

  template <class T>
  Matrices<T> matrices() const {
    return Matrices<T>(input<T>(space, "a", a, true));
  }
  template <class T>
  Output<T> basis(minfold_array const* to) const {
    Output<T> const out(space, "basis", to);
    check_extents("basis", *to, items, to->extent[1], n);
    MINFOLD_REQUIRE(to->extent[1] > 0, name, ": the basis has no room for a vector");
    refuse_overlap("basis", *to, "a", *a);
    return out;
  }
  void require(char const* what, void const* pointer) const {
    MINFOLD_REQUIRE(pointer || items == 0, name, ": ", what, " is NULL");
  }
};

/// Right-hand sides and solutions.
template <class T>
struct Sides {
  int columns;
  Blocks<T, Space> b;
  Output<T> z;

  Sides(Call const& call, minfold_array const* from, minfold_array const* to)
      : b((check_sides(call.name, from), input<T>(call.space, "b", from))), z(call.space, "z", to) {
    columns = int(from->extent[1]);
    check_extents("b", *from, call.items, from->extent[1], call.n);
    check_extents("z", *to, call.items, from->extent[1], call.n);
    refuse_overlap("z", *to, "b", *from);
    refuse_overlap("z", *to, "a", *call.a);
  }
};

template <class T>
minfold_status kernel_basis_of(Call const& call, minfold_array const* to,
                               minfold_kernel_record* records) {
  auto const basis = call.basis<T>(to);
  call.require("records", records);
  if (call.items == 0) return MINFOLD_OK;
  KernelBasisOptions<T> o;
  set(o.kernel_tolerance, call.options.kernel_tolerance);
  set(o.minimum_gap, call.options.minimum_gap);
  if (call.options.seed) o.seed = call.options.seed;
  auto const found =
      make_scalars<KernelRecord<T>>(call.space, "minfold::plain::kernels", call.items);
  auto const dimension = make_scalars<int>(call.space, "minfold::plain::dimension", call.items);
  kernel_basis(call.space, call.matrices<T>(), Basis<T, Space>{basis.view, dimension}, found, o);
  basis.deliver(call.space);
  Verdicts verdicts(call.name);
  give(call.space, found, int(to->extent[1]), records, verdicts);
  return verdicts.status();
}

template <class T>
minfold_status pinv_of(Call const& call, minfold_array const* from, minfold_array const* to,
                       minfold_solve_record* solves, minfold_kernel_record* kernels) {
  Sides<T> const sides(call, from, to);
  call.require("solves", solves);
  call.require("kernels", kernels);
  MINFOLD_REQUIRE(sides.columns > 0, call.name, ": b has no right-hand side");
  if (call.items == 0) return MINFOLD_OK;
  PinvDirectOptions<T> o;
  set(o.kernel_tolerance, call.options.kernel_tolerance);
  set(o.minimum_gap, call.options.minimum_gap);
  set(o.relative_tolerance, call.options.relative_tolerance);
  auto const solved = make_scalars<SolveRecord<T>>(call.space, "minfold::plain::solves",
                                                   call.items * sides.columns);
  auto const found =
      make_scalars<KernelRecord<T>>(call.space, "minfold::plain::kernels", call.items);
  pinv_direct(call.space, call.matrices<T>(), sides.b, sides.z.view, solved, found, o);
  sides.z.deliver(call.space);
  Verdicts verdicts(call.name);
  give(call.space, solved, solves, verdicts);
  give(call.space, found, call.n, kernels, verdicts);
  // There is no basis in which vectors could be.
  for (int i = 0; i < call.items; ++i) kernels[i].vectors = 0;
  return verdicts.status();
}

template <class T>
minfold_status kernel_and_pinv_of(Call const& call, minfold_array const* from,
                                  minfold_array const* to, minfold_array const* vectors,
                                  minfold_solve_record* solves, minfold_kernel_record* kernels) {
  Sides<T> const sides(call, from, to);
  auto const basis = call.basis<T>(vectors);
  refuse_overlap("basis", *vectors, "b", *from);
  refuse_overlap("basis", *vectors, "z", *to);
  if (sides.columns > 0) call.require("solves", solves);
  call.require("kernels", kernels);
  if (call.items == 0) return MINFOLD_OK;
  KernelAndPinvOptions<T> o;
  set(o.kernel_tolerance, call.options.kernel_tolerance);
  set(o.minimum_gap, call.options.minimum_gap);
  set(o.relative_tolerance, call.options.relative_tolerance);
  if (call.options.seed) o.seed = call.options.seed;
  auto const solved = make_scalars<SolveRecord<T>>(call.space, "minfold::plain::solves",
                                                   call.items * sides.columns);
  auto const found =
      make_scalars<KernelRecord<T>>(call.space, "minfold::plain::kernels", call.items);
  auto const dimension = make_scalars<int>(call.space, "minfold::plain::dimension", call.items);
  kernel_and_pinv(call.space, call.matrices<T>(), sides.b, sides.z.view,
                  Basis<T, Space>{basis.view, dimension}, solved, found, o);
  sides.z.deliver(call.space);
  basis.deliver(call.space);
  Verdicts verdicts(call.name);
  give(call.space, solved, solves, verdicts);
  give(call.space, found, int(vectors->extent[1]), kernels, verdicts);
  return verdicts.status();
}

template <class T>
minfold_status range_finder_of(Call const& call, minfold_array const* vectors,
                               minfold_array const* to, minfold_range_record* records) {
  auto const basis = call.basis<T>(vectors);
  Output<T> const values(call.space, "values", to);
  check_extents("values", *to, call.items, 1, vectors->extent[1]);
  refuse_overlap("values", *to, "a", *call.a);
  refuse_overlap("values", *to, "basis", *vectors);
  call.require("records", records);
  if (call.items == 0) return MINFOLD_OK;
  RangeFinderOptions<T> o;
  set(o.tolerance, call.options.range_tolerance);
  set(o.minimum_gap, call.options.minimum_gap);
  o.rank = call.options.rank;
  o.semidefinite = call.options.semidefinite != 0;
  if (call.options.seed) o.seed = call.options.seed;
  auto const found = make_scalars<RangeRecord<T>>(call.space, "minfold::plain::ranges", call.items);
  auto const dimension = make_scalars<int>(call.space, "minfold::plain::dimension", call.items);
  Vectors<T, Space> const spectrum(values.view.data(), call.items, to->extent[2]);
  range_finder(call.space, call.matrices<T>(), Basis<T, Space>{basis.view, dimension}, spectrum,
               found, o);
  basis.deliver(call.space);
  values.deliver(call.space);
  Verdicts verdicts(call.name);
  give(call.space, found, records, verdicts);
  return verdicts.status();
}

}  // namespace

}  // namespace minfold::impl::plain

using namespace minfold::impl::plain;

minfold_status minfold_kernel_basis(minfold_context const* context, minfold_array const* a,
                                    minfold_array const* basis, minfold_kernel_record* records,
                                    minfold_options const* options) {
  return guarded([&] {
    Call const call("minfold_kernel_basis", context, a, options);
    return call.single() ? kernel_basis_of<float>(call, basis, records)
                         : kernel_basis_of<double>(call, basis, records);
  });
}

minfold_status minfold_pinv(minfold_context const* context, minfold_array const* a,
                            minfold_array const* b, minfold_array const* z,
                            minfold_solve_record* solves, minfold_kernel_record* kernels,
                            minfold_options const* options) {
  return guarded([&] {
    Call const call("minfold_pinv", context, a, options);
    return call.single() ? pinv_of<float>(call, b, z, solves, kernels)
                         : pinv_of<double>(call, b, z, solves, kernels);
  });
}

minfold_status minfold_kernel_and_pinv(minfold_context const* context, minfold_array const* a,
                                       minfold_array const* b, minfold_array const* z,
                                       minfold_array const* basis, minfold_solve_record* solves,
                                       minfold_kernel_record* kernels,
                                       minfold_options const* options) {
  return guarded([&] {
    Call const call("minfold_kernel_and_pinv", context, a, options);
    return call.single() ? kernel_and_pinv_of<float>(call, b, z, basis, solves, kernels)
                         : kernel_and_pinv_of<double>(call, b, z, basis, solves, kernels);
  });
}

minfold_status minfold_range_finder(minfold_context const* context, minfold_array const* a,
                                    minfold_array const* basis, minfold_array const* values,
                                    minfold_range_record* records, minfold_options const* options) {
  return guarded([&] {
    Call const call("minfold_range_finder", context, a, options);
    return call.single() ? range_finder_of<float>(call, basis, values, records)
                         : range_finder_of<double>(call, basis, values, records);
  });
}
