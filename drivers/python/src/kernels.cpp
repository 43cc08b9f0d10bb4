// SPDX-License-Identifier: Apache-2.0
#include "../../src/plain_support.hpp"
#include "arrays.hpp"
#include "matrix_cg.hpp"
#include "runtime.hpp"
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstring>
#include <exception>
#include <optional>

namespace minfold::python {

namespace {

/// An operator whose products are a Python callable: Y = f(X), both (items, columns, n). Where the host
/// does not reach the memory of kernels the Python side refuses such operators.
struct CallableOperator {
  nb::object function;
  minfold_operator plain;
  std::exception_ptr error;  ///< what the callable has thrown

  CallableOperator(nb::object f, std::size_t items, std::size_t n)
      : function(std::move(f)), plain{apply, this, items, n} {}

  static int32_t apply(void* user, minfold_context const*, std::size_t columns, double const* x,
                       double* y) {
    auto& self = *static_cast<CallableOperator*>(user);
    Interlude const interlude;
    try {
      std::size_t const size = self.plain.items * columns * self.plain.n;
      auto const argument = new_array<double>(x, {self.plain.items, columns, self.plain.n});
      auto const product =
          in_python([&] { return nb::cast<Numbers<double>>(self.function(argument)); });
      if (product.size() != size)
        throw std::length_error("minfold: a product has the wrong size");  // checked in Python
      std::memcpy(y, product.data(), size * sizeof(double));
      return 0;
    } catch (...) {
      self.error = std::current_exception();
      return 1;
    }
  }

  std::string finish(char const* name, minfold_status status) const {
    if (status == MINFOLD_CALLBACK_FAILED && error) std::rethrow_exception(error);
    return python::finish(name, status);
  }
};

minfold_options options_of(Bytes const& options) {
  return *records<minfold_options>(options, 1);
}

std::string pinv(Input const& a, Input const& b, Output const& z, Bytes const& solves,
                 Bytes const& kernels, Bytes const& options) {
  auto* const c = context("pinv_solve");
  auto const o = options_of(options);
  auto const pa = plain(a), pb = plain(b), pz = plain(z);
  auto* const s = records<minfold_solve_record>(solves, pb.extent[0] * pb.extent[1]);
  auto* const k = records<minfold_kernel_record>(kernels, pa.extent[0]);
  Turn const turn;
  return finish("pinv_solve", minfold_pinv(c, &pa, &pb, &pz, s, k, &o));
}

std::string kernel_and_pinv(char const* function, Input const& a, Input const& b, Output const& z,
                            Output const& basis, Bytes const& solves, Bytes const& kernels,
                            Bytes const& options) {
  auto* const c = context(function);
  auto const o = options_of(options);
  auto const pa = plain(a), pb = plain(b), pz = plain(z), pq = plain(basis);
  auto* const s = records<minfold_solve_record>(solves, pb.extent[0] * pb.extent[1]);
  auto* const k = records<minfold_kernel_record>(kernels, pa.extent[0]);
  Turn const turn;
  return finish(function, minfold_kernel_and_pinv(c, &pa, &pb, &pz, &pq, s, k, &o));
}

/// The arguments of a known kernel, both or none.
struct Known {
  std::optional<minfold_array> basis;
  minfold_kernel_record const* found = nullptr;

  Known(std::optional<Input> const& vectors, std::optional<Bytes> const& kernels) {
    if (!vectors || !kernels) return;
    basis = plain(*vectors);
    found = records<minfold_kernel_record>(*kernels, basis->extent[0]);
  }
  minfold_array const* array() const { return basis ? &*basis : nullptr; }
};

std::string pinv_cg(Input const& a, Input const& b, Output const& z, Bytes const& solves,
                    Bytes const& options, std::optional<Input> const& kernel,
                    std::optional<Bytes> const& kernels) {
  auto* const c = context("pinv_solve");
  auto const o = options_of(options);
  auto const pa = plain(a), pb = plain(b), pz = plain(z);
  auto* const s = records<minfold_solve_record>(solves, pb.extent[0] * pb.extent[1]);
  Known const known(kernel, kernels);
  Turn const turn;
  return finish("pinv_solve", matrix_cg(c, &pa, &pb, &pz, known.array(), known.found, s, o));
}

std::string pinv_operator(nb::object apply, Input const& b, Output const& z, Bytes const& solves,
                          Bytes const& options, std::optional<Input> const& kernel,
                          std::optional<Bytes> const& kernels) {
  auto* const c = context("pinv_solve");
  auto const o = options_of(options);
  auto const pb = plain(b), pz = plain(z);
  CallableOperator a(std::move(apply), pb.extent[0], pb.extent[2]);
  auto* const s = records<minfold_solve_record>(solves, pb.extent[0] * pb.extent[1]);
  Known const known(kernel, kernels);
  auto const status = [&] {
    Turn const turn;
    return minfold_pinv_operator(c, &a.plain, &pb, &pz, known.array(), known.found, s, &o);
  }();
  return a.finish("pinv_solve", status);
}

std::string kernel_basis(Input const& a, Output const& basis, Bytes const& kernels,
                         Bytes const& options) {
  auto* const c = context("kernel_basis");
  auto const o = options_of(options);
  auto const pa = plain(a), pq = plain(basis);
  auto* const k = records<minfold_kernel_record>(kernels, pa.extent[0]);
  Turn const turn;
  return finish("kernel_basis", minfold_kernel_basis(c, &pa, &pq, k, &o));
}

std::string kernel_basis_operator(nb::object apply, Output const& basis, Bytes const& kernels,
                                  Bytes const& options) {
  auto* const c = context("kernel_basis");
  auto const o = options_of(options);
  auto const pq = plain(basis);
  CallableOperator a(std::move(apply), pq.extent[0], pq.extent[2]);
  auto* const k = records<minfold_kernel_record>(kernels, pq.extent[0]);
  auto const status = [&] {
    Turn const turn;
    return minfold_kernel_basis_operator(c, &a.plain, &pq, k, &o);
  }();
  return a.finish("kernel_basis", status);
}

std::string range_finder(Input const& a, Output const& basis, Output const& values,
                         Bytes const& ranges, Bytes const& options) {
  auto* const c = context("range_finder");
  auto const o = options_of(options);
  auto const pa = plain(a), pq = plain(basis), pv = plain(values);
  auto* const r = records<minfold_range_record>(ranges, pa.extent[0]);
  Turn const turn;
  return finish("range_finder", minfold_range_finder(c, &pa, &pq, &pv, r, &o));
}

std::string range_finder_operator(nb::object apply, Output const& basis, Output const& values,
                                  Bytes const& ranges, Bytes const& options) {
  auto* const c = context("range_finder");
  auto const o = options_of(options);
  auto const pq = plain(basis), pv = plain(values);
  CallableOperator a(std::move(apply), pq.extent[0], pq.extent[2]);
  auto* const r = records<minfold_range_record>(ranges, pq.extent[0]);
  auto const status = [&] {
    Turn const turn;
    return minfold_range_finder_operator(c, &a.plain, &pq, &pv, r, &o);
  }();
  return a.finish("range_finder", status);
}

/// Throws unless every entry of an array that is written to has a place of its own.
void check_output(std::string const& what, Input const& array) {
  auto const p = plain(array);
  impl::plain::check_array(what.c_str(), &p, p.precision, true);
}

/// The head of a DLManagedTensorVersioned, of DLPack 1.0.
struct VersionedTensor {
  std::uint32_t major, minor;
  void *context, *deleter;
  std::uint64_t flags;  ///< bit 0: read-only
};

/// A NumPy array over the memory of another array of the host that may be written to; None where that says
/// that it may not. np.from_dlpack gives arrays that are read-only whatever they are made from. Before its
/// version 1 DLPack has no word for read-only, and those who must not be written to are not to export.
nb::object writable(nb::handle producer) {
  nb::object capsule;
  try {
    capsule = producer.attr("__dlpack__")(nb::arg("max_version") = nb::make_tuple(1, 0));
  } catch (nb::python_error const& error) {
    if (!error.matches(PyExc_TypeError)) throw;
  }
  if (capsule.is_valid() && PyCapsule_IsValid(capsule.ptr(), "dltensor_versioned")) {
    auto const* const tensor = static_cast<VersionedTensor const*>(
        PyCapsule_GetPointer(capsule.ptr(), "dltensor_versioned"));
    if (tensor->flags & 1) return nb::none();
  }
  using Host = nb::ndarray<nb::device::cpu>;
  auto const source = nb::cast<Host>(producer);
  nb::capsule const owner(new Host(source), [](void* p) noexcept { delete static_cast<Host*>(p); });
  std::vector<std::size_t> shape(source.ndim());
  std::vector<std::int64_t> strides(source.ndim());
  for (std::size_t d = 0; d < source.ndim(); ++d) {
    shape[d] = source.shape(d);
    strides[d] = source.stride(d);
  }
  return nb::cast(nb::ndarray<nb::numpy>(source.data(), shape.size(), shape.data(), owner,
                                         strides.data(), source.dtype()));
}

void refuse_overlap(std::string const& what, Input const& one, std::string const& other_what,
                    Input const& other) {
  impl::plain::refuse_overlap(what.c_str(), plain(one), other_what.c_str(), plain(other));
}

/// New memory where the kernels work, for an array of a library that takes DLPack.
nb::object empty(std::vector<std::size_t> const& shape, bool single) {
  context("empty");
  std::size_t size = single ? sizeof(float) : sizeof(double);
  for (auto const extent : shape) size *= extent;
  void* const data = Kokkos::kokkos_malloc<Space::memory_space>("minfold::python::array",
                                                                std::max<std::size_t>(size, 1));
  nb::capsule const owner(data, [](void* p) noexcept {
    // Whoever ended Kokkos took its allocations along.
    if (Kokkos::is_initialized()) Kokkos::kokkos_free<Space::memory_space>(p);
  });
  return nb::cast(nb::ndarray<>(data, shape.size(), shape.data(), owner, nullptr,
                                single ? nb::dtype<float>() : nb::dtype<double>(), Device::value,
                                std::max(Kokkos::device_id(), 0)));
}

}  // namespace

void bind_kernels(nb::module_& module) {
  module.attr("solve_layout") = LayoutOf<minfold_solve_record>()
                                    .add("outcome", &minfold_solve_record::outcome)
                                    .add("iterations", &minfold_solve_record::iterations)
                                    .add("products", &minfold_solve_record::products)
                                    .add("rhs_norm", &minfold_solve_record::rhs_norm)
                                    .add("residual", &minfold_solve_record::residual)
                                    .add("leakage", &minfold_solve_record::leakage)
                                    .add("operator_norm", &minfold_solve_record::operator_norm)
                                    .description();
  module.attr("kernel_layout") =
      LayoutOf<minfold_kernel_record>()
          .add("outcome", &minfold_kernel_record::outcome)
          .add("dimension", &minfold_kernel_record::dimension)
          .add("vectors", &minfold_kernel_record::vectors)
          .add("products", &minfold_kernel_record::products)
          .add("norm_estimate", &minfold_kernel_record::norm_estimate)
          .add("kernel_residual", &minfold_kernel_record::kernel_residual)
          .add("orthogonality", &minfold_kernel_record::orthogonality)
          .add("gap", &minfold_kernel_record::gap)
          .add("smallest_kept", &minfold_kernel_record::smallest_kept)
          .add("most_negative", &minfold_kernel_record::most_negative)
          .description();
  module.attr("range_layout") = LayoutOf<minfold_range_record>()
                                    .add("outcome", &minfold_range_record::outcome)
                                    .add("rank", &minfold_range_record::rank)
                                    .add("products", &minfold_range_record::products)
                                    .add("norm_estimate", &minfold_range_record::norm_estimate)
                                    .add("range_residual", &minfold_range_record::range_residual)
                                    .add("orthogonality", &minfold_range_record::orthogonality)
                                    .add("gap", &minfold_range_record::gap)
                                    .description();
  module.attr("options_layout") =
      LayoutOf<minfold_options>()
          .add("kernel_tolerance", &minfold_options::kernel_tolerance)
          .add("minimum_gap", &minfold_options::minimum_gap)
          .add("relative_tolerance", &minfold_options::relative_tolerance)
          .add("range_tolerance", &minfold_options::range_tolerance)
          .add("rank", &minfold_options::rank)
          .add("semidefinite", &minfold_options::semidefinite)
          .add("max_iterations", &minfold_options::max_iterations)
          .add("seed", &minfold_options::seed)
          .description();
  nb::list outcomes;
  for (int i = 0; i <= MINFOLD_OUTCOME_NOT_FINITE; ++i) outcomes.append(minfold_outcome_name(i));
  module.attr("outcome_names") = outcomes;

  module.attr("device_type") = int(Device::value);
  module.def("device_number", [] {
    context("device_number");
    return std::max(Kokkos::device_id(), 0);
  });
  module.def("empty", &empty, nb::arg("shape"), nb::arg("single"));
  module.def("check_output", &check_output, nb::arg("what"), nb::arg("array"));
  module.def("writable", &writable, nb::arg("producer"));
  module.def("refuse_overlap", &refuse_overlap, nb::arg("what"), nb::arg("one"),
             nb::arg("other_what"), nb::arg("other"));

  module.def("pinv", &pinv, nb::arg("a"), nb::arg("b"), nb::arg("z"), nb::arg("solves"),
             nb::arg("kernels"), nb::arg("options"));
  module.def("pinv_cg", &pinv_cg, nb::arg("a"), nb::arg("b"), nb::arg("z"), nb::arg("solves"),
             nb::arg("options"), nb::arg("kernel").none(), nb::arg("kernels").none());
  module.def("pinv_operator", &pinv_operator, nb::arg("apply"), nb::arg("b"), nb::arg("z"),
             nb::arg("solves"), nb::arg("options"), nb::arg("kernel").none(),
             nb::arg("kernels").none());
  module.def("kernel_and_pinv", &kernel_and_pinv, nb::arg("function"), nb::arg("a"), nb::arg("b"),
             nb::arg("z"), nb::arg("basis"), nb::arg("solves"), nb::arg("kernels"),
             nb::arg("options"));
  module.def("kernel_basis", &kernel_basis, nb::arg("a"), nb::arg("basis"), nb::arg("kernels"),
             nb::arg("options"));
  module.def("kernel_basis_operator", &kernel_basis_operator, nb::arg("apply"), nb::arg("basis"),
             nb::arg("kernels"), nb::arg("options"));
  module.def("range_finder", &range_finder, nb::arg("a"), nb::arg("basis"), nb::arg("values"),
             nb::arg("ranges"), nb::arg("options"));
  module.def("range_finder_operator", &range_finder_operator, nb::arg("apply"), nb::arg("basis"),
             nb::arg("values"), nb::arg("ranges"), nb::arg("options"));
}

}  // namespace minfold::python
