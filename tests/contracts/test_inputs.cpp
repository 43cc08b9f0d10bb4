// SPDX-License-Identifier: Apache-2.0
// Inputs as hosts have them: const, unmanaged, of the other layout, parts of wider arrays, an mdspan.
#include <minfold/core/mdspan.hpp>
#include <minfold/kernels/kernel_and_pinv.hpp>
#include <minfold/kernels/range_finder.hpp>

#include "support/solve.hpp"
#include <catch2/catch_test_macros.hpp>

#include <array>
#include <numeric>
#include <stdexcept>
#include <string>

using namespace minfold;
using namespace minfold::test;

namespace {

struct Batch {
  static constexpr int items = 4, n = 12;
  Blocks<double, Space> matrices;
  Vectors<double, Space> b;
  Batch() {
    std::vector<Planted> planted_items;
    std::vector<Vec> rhs;
    for (int i = 0; i < items; ++i) {
      planted_items.push_back(planted(std::uint64_t(170 + i), n, i, 20));
      rhs.push_back(planted_items.back().range_part(normals(43, i, n)));
    }
    matrices = to_matrices(matrices_of(planted_items), n);
    b = to_vectors(rhs);
  }
};

/// What the kernels give for these matrices and right-hand sides.
template <class Matrices, class B>
std::vector<std::vector<Vec>> answers(Matrices const& matrices, B const& b) {
  int const items = Batch::items, n = Batch::n;
  DenseOperator const a(matrices);
  Vectors<double, Space> const z("test::z", items, n), part("test::part", items, n);
  Scalars<SolveRecord<double>, Space> const solves("test::solves", items);
  Scalars<KernelRecord<double>, Space> const kernels("test::kernels", items);
  std::vector<std::vector<Vec>> found;
  auto const keep = [&](auto const& view) { found.push_back(test::impl::rows(view)); };
  pinv_cg(Space(), a, b, z, solves);
  keep(z);
  pinv_cgls(Space(), a, b, z, part, solves);
  keep(z);
  keep(part);
  if constexpr (std::is_same_v<typename Matrices::array_layout, Kokkos::LayoutRight>) {
    auto const basis = new_basis<double>(items, n, n);
    kernel_and_pinv(Space(), a, b, z, basis, solves, kernels);
    keep(z);
    pinv_direct(Space(), a, b, z, solves, kernels);
    keep(z);
    Vectors<double, Space> const values("test::values", items, n);
    Scalars<RangeRecord<double>, Space> const ranges("test::ranges", items);
    range_finder(Space(), a, basis, values, ranges, {.semidefinite = true});
    keep(values);
  }
  return found;
}

}  // namespace

TEST_CASE("inputs of any kind give the same answers") {
  Batch const batch;
  int const items = Batch::items, n = Batch::n;
  auto const expected = answers(batch.matrices, batch.b);
  // To rounding: for some of them the compiler makes other instructions of the same source.
  auto const check = [&](char const* kind, auto const& found) {
    CAPTURE(kind);
    for (std::size_t kernel = 0; kernel < found.size(); ++kernel)
      for (int item = 0; item < items; ++item)
        CHECK(norm(minus(found[kernel][item], expected[kernel][item])) <=
              1e-10 * (1 + norm(expected[kernel][item])));
  };
  check("const", answers(Blocks<double const, Space>(batch.matrices),
                         Vectors<double const, Space>(batch.b)));
  using Memory = Space::memory_space;
  using Unmanaged = Kokkos::MemoryTraits<Kokkos::Unmanaged>;
  Kokkos::View<double const***, Kokkos::LayoutRight, Memory, Unmanaged> const matrices(
      batch.matrices.data(), items, n, n);
  Kokkos::View<double const**, Kokkos::LayoutRight, Memory, Unmanaged> const b(batch.b.data(),
                                                                               items, n);
  check("unmanaged", answers(matrices, b));
  Kokkos::View<double***, Kokkos::LayoutLeft, Space> const left("test::left", items, n, n);
  Kokkos::deep_copy(left, batch.matrices);
  check("LayoutLeft", answers(left, batch.b));
  Kokkos::View<double****, Kokkos::LayoutRight, Space> const wide("test::wide", items, n, n, 2);
  auto const part = Kokkos::subview(wide, Kokkos::ALL, Kokkos::ALL, Kokkos::ALL, 1);
  Kokkos::deep_copy(part, batch.matrices);
  check("LayoutStride", answers(part, batch.b));
}

namespace {

std::string refusal(auto const& call) {
  try {
    call();
  } catch (std::invalid_argument const& e) {
    return e.what();
  }
  return "";
}
bool says(std::string const& sentence, std::string const& function) {
  return sentence.find("minfold: " + function) == 0 && sentence.find("alias") != std::string::npos;
}

}  // namespace

TEST_CASE("arrays that meet are refused, arrays that interleave are not") {
  int const items = 3, n = 6;
  Vectors<double, Space> const memory("test::memory", 3 * items, n);
  Blocks<double, Space> const matrices("test::matrices", items, n, n);
  auto const at = [&](int offset) {
    return batch_vector(Space(), memory.data() + offset, items, n);
  };
  auto const in_matrices = batch_vector(Space(), matrices.data() + n, items, n);
  Scalars<SolveRecord<double>, Space> const solves("test::solves", items);
  Scalars<KernelRecord<double>, Space> const kernels("test::kernels", items);
  DenseOperator const a(matrices);
  auto const basis = new_basis<double>(items, n, n);
  Basis<double, Space> const on_matrices{matrices, basis.dimension};
  auto const s = Space();
  int const whole = items * n;
  auto const cg = [&](auto const& b, auto const& z) {
    return refusal([&] { pinv_cg(s, a, b, z, solves); });
  };
  CHECK(cg(at(0), at(whole)).empty());
  CHECK(says(cg(at(0), at(0)), "pinv_cg"));
  CHECK(says(cg(at(0), at(1)), "pinv_cg"));
  CHECK(says(cg(at(1), at(0)), "pinv_cg"));
  CHECK(says(cg(at(0), at(whole - 1)), "pinv_cg"));
  CHECK(says(cg(at(0), in_matrices), "pinv_cg"));
  Blocks<double, Space> const wide("test::wide", items, n, 2);
  auto const column = [&](int c) { return Kokkos::subview(wide, Kokkos::ALL, Kokkos::ALL, c); };
  CHECK(cg(column(0), column(1)).empty());
  CHECK(says(cg(column(1), column(1)), "pinv_cg"));
  CHECK(says(cg(column(1), batch_vector(s, wide.data(), items, n)), "pinv_cg"));

  auto const cgls = [&](auto const& b, auto const& z, auto const& part) {
    return refusal([&] { pinv_cgls(s, a, b, z, part, solves); });
  };
  CHECK(cgls(at(0), at(whole), column(0)).empty());
  CHECK(says(cgls(at(0), at(whole), at(whole + n)), "pinv_cgls"));
  CHECK(says(cgls(at(0), at(whole), at(n)), "pinv_cgls"));
  CHECK(says(cgls(at(0), in_matrices, at(whole)), "pinv_cgls"));
  CHECK(says(refusal([&] { pinv_direct(s, a, at(0), at(n), solves, kernels); }), "pinv_direct"));
  CHECK(says(refusal([&] { pinv_direct(s, a, at(0), in_matrices, solves, kernels); }),
             "pinv_direct"));
  CHECK(says(refusal([&] { kernel_and_pinv(s, a, at(0), at(n), basis, solves, kernels); }),
             "kernel_and_pinv"));
  CHECK(says(refusal([&] { kernel_and_pinv(s, a, at(0), in_matrices, basis, solves, kernels); }),
             "kernel_and_pinv"));
  CHECK(
      says(refusal([&] { kernel_and_pinv(s, a, at(0), at(whole), on_matrices, solves, kernels); }),
           "kernel_and_pinv"));
  CHECK(says(refusal([&] { kernel_basis(s, a, on_matrices, kernels); }), "kernel_basis"));
  Vectors<double, Space> const values("test::values", items, n);
  Scalars<RangeRecord<double>, Space> const ranges("test::ranges", items);
  CHECK(says(refusal([&] { range_finder(s, a, on_matrices, values, ranges); }), "range_finder"));
}

#if defined(__cpp_lib_mdspan) || defined(KOKKOS_ENABLE_IMPL_MDSPAN)

#if defined(__cpp_lib_mdspan)
namespace spans = std;
#else
namespace spans = Kokkos;
#endif

TEST_CASE("an mdspan becomes a View of the same memory") {
  Kokkos::DefaultHostExecutionSpace const host;
  std::vector<double> memory(24);
  std::iota(memory.begin(), memory.end(), 0.0);
  spans::mdspan<double, spans::dextents<int, 3>> const block(memory.data(), 2, 3, 4);
  auto const view = as_view(host, block);
  static_assert(std::is_same_v<decltype(view)::array_layout, Kokkos::LayoutRight>);
  static_assert(BatchBlock<std::remove_const_t<decltype(view)>, Kokkos::DefaultHostExecutionSpace>);
  CHECK(view.data() == memory.data());
  CHECK(view(1, 2, 3) == 23);
  view(0, 1, 0) = -5;
  CHECK(memory[4] == -5);

  // Extents that the type knows, of const elements.
  spans::mdspan<double const, spans::extents<int, 4, 6>> const fixed(memory.data());
  auto const rows = as_view(host, fixed);
  static_assert(std::is_same_v<decltype(rows)::value_type, double const>);
  CHECK((rows.extent(0) == 4 && rows.extent(1) == 6 && rows(3, 5) == 23));

  spans::mdspan<double, spans::dextents<int, 2>, spans::layout_left> const left(memory.data(), 4,
                                                                                6);
  auto const columns = as_view(host, left);
  CHECK((columns(1, 0) == 1 && columns(0, 1) == -5 && columns(3, 5) == 23));

  using Mapping = spans::layout_stride::mapping<spans::dextents<int, 2>>;
  spans::mdspan<double, spans::dextents<int, 2>, spans::layout_stride> const strided(
      memory.data() + 2, Mapping(spans::dextents<int, 2>(2, 5), std::array<int, 2>{12, 2}));
  auto const part = as_view(host, strided);
  CHECK((part.extent(0) == 2 && part.extent(1) == 5 && part.stride(0) == 12));
  CHECK((part(0, 0) == 2 && part(0, 4) == 10 && part(1, 0) == 14));

  spans::mdspan<double, spans::dextents<int, 2>> const nowhere(nullptr, 2, 2);
  CHECK(refusal([&] { as_view(host, nowhere); }) == "minfold: as_view: null pointer");
  spans::mdspan<double, spans::dextents<long, 1>> const huge(memory.data(), 1L << 40);
  CHECK(refusal([&] { as_view(host, huge); }).find("more than an int holds") != std::string::npos);
}

#endif
