// SPDX-License-Identifier: Apache-2.0
#include <minfold/kernels/kernel_basis.hpp>
#include <minfold/kernels/pinv_cg.hpp>
#include <minfold/kernels/range_finder.hpp>

#include "plain_support.hpp"

#include <climits>

namespace minfold::impl::plain {

namespace {

/// A bulk operator whose products are a callback.
struct CallbackOperator {
  using scalar_type = double;

  minfold_operator const* op;
  minfold_context const* context;

  int batch_size() const { return int(op->items); }
  int dim() const { return int(op->n); }
  void apply(Space const& space, Blocks<double const, Space> x, Blocks<double, Space> y) const {
    if (x.size() == 0) return;
    if (!x.span_is_contiguous() || !y.span_is_contiguous())
      throw std::logic_error("minfold: a block that is not contiguous was handed to a callback");
    before_callback(space);
    require_success("apply", op->apply(op->user, context, x.extent(1), x.data(), y.data()));
  }
};

struct Call {
  char const* name;
  Space const& space;
  CallbackOperator a;
  minfold_options options;
  int items, n;

  Call(char const* function, minfold_context const* context, minfold_operator const* op,
       minfold_options const* o)
      : name(function), space(enter(function, context)), a{op, context}, options(given(o)) {
    MINFOLD_REQUIRE(op, name, ": the operator is NULL");
    MINFOLD_REQUIRE(op->apply, name, ": the operator has no callback apply");
    MINFOLD_REQUIRE(op->n > 0 && op->n <= INT_MAX && op->items <= INT_MAX, name,
                    ": the operator has ", op->items, " items of order ", op->n,
                    ", the order must be positive and both at most ", INT_MAX);
    check_options(name, options);
    items = int(op->items);
    n = int(op->n);
  }
  Output<double> basis(minfold_array const* to) const {
    Output<double> const out(space, "basis", to);
    check_extents("basis", *to, items, to->extent[1], n);
    MINFOLD_REQUIRE(to->extent[1] > 0, name, ": the basis has no room for a vector");
    return out;
  }
  void require(char const* what, void const* pointer) const {
    MINFOLD_REQUIRE(pointer || items == 0, name, ": ", what, " is NULL");
  }
};

/// A basis that the caller has, with the number of its vectors from its records.
Basis<double, Space> known_kernel(Call const& call, minfold_array const* vectors,
                                  minfold_kernel_record const* records) {
  MINFOLD_REQUIRE((vectors == nullptr) == (records == nullptr), call.name,
                  ": the kernel needs both its basis and its records, or neither");
  if (!vectors) return {};
  auto const view = input<double>(call.space, "kernel", vectors);
  check_extents("kernel", *vectors, call.items, vectors->extent[1], call.n);
  auto const dimension = make_scalars<int>(call.space, "minfold::plain::dimension", call.items);
  auto const host = Kokkos::create_mirror(
      Kokkos::view_alloc(Kokkos::HostSpace{}, Kokkos::WithoutInitializing), dimension);
  for (int i = 0; i < call.items; ++i) {
    host(i) = records[i].vectors;
    MINFOLD_REQUIRE(host(i) >= 0 && std::size_t(host(i)) <= vectors->extent[1], call.name,
                    ": record ", i, " of the kernel says ", host(i), " vectors, there is room for ",
                    vectors->extent[1]);
  }
  Kokkos::deep_copy(call.space, dimension, host);
  call.space.fence("minfold::plain::dimension");
  return {view, dimension};
}

}  // namespace

}  // namespace minfold::impl::plain

using namespace minfold;
using namespace minfold::impl::plain;

minfold_status minfold_kernel_basis_operator(minfold_context const* context,
                                             minfold_operator const* a, minfold_array const* basis,
                                             minfold_kernel_record* records,
                                             minfold_options const* options) {
  return guarded([&] {
    Call const call("minfold_kernel_basis_operator", context, a, options);
    auto const out = call.basis(basis);
    call.require("records", records);
    if (call.items == 0) return minfold_status(MINFOLD_OK);
    KernelBasisOptions<double> o;
    set(o.kernel_tolerance, call.options.kernel_tolerance);
    set(o.minimum_gap, call.options.minimum_gap);
    if (call.options.seed) o.seed = call.options.seed;
    auto const found =
        make_scalars<KernelRecord<double>>(call.space, "minfold::plain::kernels", call.items);
    auto const dimension = make_scalars<int>(call.space, "minfold::plain::dimension", call.items);
    kernel_basis(call.space, call.a, Basis<double, Space>{out.view, dimension}, found, o);
    out.deliver(call.space);
    Verdicts verdicts(call.name);
    give(call.space, found, int(basis->extent[1]), records, verdicts);
    return verdicts.status();
  });
}

minfold_status minfold_pinv_operator(minfold_context const* context, minfold_operator const* a,
                                     minfold_array const* b, minfold_array const* z,
                                     minfold_array const* kernel,
                                     minfold_kernel_record const* kernel_records,
                                     minfold_solve_record* solves, minfold_options const* options) {
  return guarded([&] {
    Call const call("minfold_pinv_operator", context, a, options);
    check_sides(call.name, b);
    auto const rhs = input<double>(call.space, "b", b);
    Output<double> const out(call.space, "z", z);
    int const columns = int(b->extent[1]);
    check_extents("b", *b, call.items, b->extent[1], call.n);
    check_extents("z", *z, call.items, b->extent[1], call.n);
    refuse_overlap("z", *z, "b", *b);
    if (kernel) refuse_overlap("z", *z, "kernel", *kernel);
    MINFOLD_REQUIRE(columns > 0, call.name, ": b has no right-hand side");
    call.require("solves", solves);
    if (call.items == 0) return minfold_status(MINFOLD_OK);
    auto const known = known_kernel(call, kernel, kernel_records);
    PinvCgOptions<double> o;
    set(o.relative_tolerance, call.options.relative_tolerance);
    set(o.max_iterations, call.options.max_iterations);
    auto const solved = make_scalars<SolveRecord<double>>(call.space, "minfold::plain::solves",
                                                          call.items * columns);
    pinv_cg(call.space, call.a, rhs, out.view, solved, o, known);
    out.deliver(call.space);
    Verdicts verdicts(call.name);
    give(call.space, solved, solves, verdicts);
    return verdicts.status();
  });
}

minfold_status minfold_range_finder_operator(minfold_context const* context,
                                             minfold_operator const* a, minfold_array const* basis,
                                             minfold_array const* values,
                                             minfold_range_record* records,
                                             minfold_options const* options) {
  return guarded([&] {
    Call const call("minfold_range_finder_operator", context, a, options);
    auto const out = call.basis(basis);
    Output<double> const spectrum(call.space, "values", values);
    check_extents("values", *values, call.items, 1, basis->extent[1]);
    refuse_overlap("values", *values, "basis", *basis);
    call.require("records", records);
    MINFOLD_REQUIRE(call.options.semidefinite == 0, call.name,
                    ": the option semidefinite is for explicit matrices");
    if (call.items == 0) return minfold_status(MINFOLD_OK);
    RangeFinderOptions<double> o;
    set(o.tolerance, call.options.range_tolerance);
    set(o.minimum_gap, call.options.minimum_gap);
    o.rank = call.options.rank;
    if (call.options.seed) o.seed = call.options.seed;
    auto const found =
        make_scalars<RangeRecord<double>>(call.space, "minfold::plain::ranges", call.items);
    auto const dimension = make_scalars<int>(call.space, "minfold::plain::dimension", call.items);
    Vectors<double, Space> const flat(spectrum.view.data(), call.items, values->extent[2]);
    range_finder(call.space, call.a, Basis<double, Space>{out.view, dimension}, flat, found, o);
    out.deliver(call.space);
    spectrum.deliver(call.space);
    Verdicts verdicts(call.name);
    give(call.space, found, records, verdicts);
    return verdicts.status();
  });
}
