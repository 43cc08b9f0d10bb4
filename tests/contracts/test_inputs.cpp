// SPDX-License-Identifier: Apache-2.0
// Inputs as hosts have them: const, unmanaged, of the other layout, parts of wider arrays, an mdspan.
#include <minfold/core/mdspan.hpp>
#include <minfold/kernels/kernel_and_pinv.hpp>
#include <minfold/kernels/pinv_pcg.hpp>
#include <minfold/kernels/range_finder.hpp>

#include "support/solve.hpp"
#include <catch2/catch_test_macros.hpp>

#include <array>
#include <map>
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

using Found = std::map<std::string, std::vector<Vec>>;

/// What the kernels give for these matrices and right-hand sides, written to `z`.
template <class Matrices, class B, class Z>
Found answers(Matrices const& matrices, B const& b, Z const& z) {
  int const items = Batch::items, n = Batch::n;
  DenseOperator const a(matrices);
  Vectors<double, Space> const part("test::part", items, n), copy("test::copy", items, n);
  Scalars<SolveRecord<double>, Space> const solves("test::solves", items);
  Scalars<KernelRecord<double>, Space> const kernels("test::kernels", items);
  Found found;
  auto const keep = [&](std::string const& name, auto const& view) {
    Kokkos::deep_copy(copy, view);
    found[name] = test::impl::rows(copy);
    auto const records = on_host(solves);
    for (int item = 0; item < items; ++item) CHECK(records(item).outcome == Outcome::converged);
    Kokkos::deep_copy(view, 77.0);
  };
  auto const keep_basis = [&](std::string const& name, Basis<double, Space> const& basis) {
    auto const host = on_host(basis.vectors);
    auto& rows = found[name];
    for (int item = 0; item < items; ++item)
      rows.emplace_back(&host(item, 0, 0), &host(item, 0, 0) + n * n);
    Kokkos::deep_copy(basis.vectors, 77.0);
  };
  pinv_cg(Space(), a, b, z, solves);
  keep("pinv_cg", z);
  pinv_cgls(Space(), a, b, z, part, solves);
  keep("pinv_cgls", z);
  keep("pinv_cgls kernel part", part);
  auto const basis = new_basis<double>(items, n, n);
  kernel_basis(Space(), a, basis, kernels, {.method = KernelMethod::randomized});
  pinv_pcg(Space(), a, nystrom(Space(), a, NystromOptions<double>{.rank = 4}), b, z, solves, {},
           basis);
  keep("pinv_pcg", z);
  pinv_direct(Space(), a, b, z, solves, kernels);
  keep("pinv_direct", z);
  kernel_basis(Space(), a, basis, kernels);
  keep_basis("kernel_basis", basis);
  std::vector<FactorMethod> methods{FactorMethod::automatic, FactorMethod::team,
                                    FactorMethod::spectral};
  if (minfold::impl::runs_on_host<Space>)
    methods.insert(methods.end(),
                   {FactorMethod::packed, FactorMethod::blocked, FactorMethod::pivoted});
  for (auto const method : methods) {
    std::string const name = "kernel_and_pinv " + std::to_string(int(method));
    kernel_and_pinv(Space(), a, b, z, basis, solves, kernels, {.method = method});
    keep(name, z);
    keep_basis(name + " basis", basis);
  }
  Vectors<double, Space> const values("test::values", items, n);
  Scalars<RangeRecord<double>, Space> const ranges("test::ranges", items);
  for (bool const semidefinite : {false, true}) {
    std::string const name = semidefinite ? "range_finder by pivots" : "range_finder";
    range_finder(Space(), a, basis, values, ranges, {.semidefinite = semidefinite});
    keep(name, values);
  }
  return found;
}
template <class Matrices, class B>
Found answers(Matrices const& matrices, B const& b) {
  return answers(matrices, b, Vectors<double, Space>("test::z", Batch::items, Batch::n));
}

/// Those kernels work on copies in the house layout.
bool to_the_bit(std::string const& kernel) {
  return kernel.find("kernel_and_pinv") == 0 || kernel == "pinv_direct" || kernel == "kernel_basis";
}

}  // namespace

TEST_CASE("inputs of any kind give the same answers") {
  Batch const batch;
  int const items = Batch::items, n = Batch::n;
  auto const expected = answers(batch.matrices, batch.b);
  // Others to rounding: for some of them the compiler makes other instructions of the same source.
  auto const check = [&](char const* kind, Found const& found) {
    CAPTURE(kind);
    for (auto const& [kernel, right] : expected) {
      CAPTURE(kernel);
      auto const& rows = found.at(kernel);
      if (to_the_bit(kernel))
        CHECK(rows == right);
      else
        for (int item = 0; item < items; ++item)
          CHECK(norm(minus(rows[item], right[item])) <= 1e-10 * (1 + norm(right[item])));
    }
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
  Kokkos::View<double**, Kokkos::LayoutLeft, Space> const b_left("test::b_left", items, n),
      z_left("test::z_left", items, n);
  Kokkos::deep_copy(left, batch.matrices);
  Kokkos::deep_copy(b_left, batch.b);
  check("LayoutLeft",
        answers(Kokkos::View<double const***, Kokkos::LayoutLeft, Space>(left), b_left, z_left));

  using Strided = Kokkos::View<double***, Kokkos::LayoutStride, Space>;
  using Columns = Kokkos::View<double**, Kokkos::LayoutStride, Space>;
  Kokkos::View<double****, Kokkos::LayoutRight, Space> const wide("test::wide", items, n, n, 2);
  Blocks<double, Space> const pair("test::pair", items, n, 2),
      padded("test::padded", items, n, n + 3);
  Strided const part = Kokkos::subview(wide, Kokkos::ALL, Kokkos::ALL, Kokkos::ALL, 1);
  Columns const b_part = Kokkos::subview(pair, Kokkos::ALL, Kokkos::ALL, 0),
                z_part = Kokkos::subview(pair, Kokkos::ALL, Kokkos::ALL, 1);
  Kokkos::deep_copy(part, batch.matrices);
  Kokkos::deep_copy(b_part, batch.b);
  check("LayoutStride", answers(part, b_part, z_part));
  Strided const inner = Kokkos::subview(padded, Kokkos::ALL, Kokkos::ALL, std::pair(0, n));
  Kokkos::deep_copy(inner, batch.matrices);
  check("rows with gaps", answers(inner, Columns(b_left), Columns(z_left)));
}

TEST_CASE("several right-hand sides of any layout give the bits of contiguous ones") {
  Batch const batch;
  int const items = Batch::items, n = Batch::n, columns = 3;
  DenseOperator const a(batch.matrices);
  Blocks<double, Space> const b("test::b", items, columns, n), z("test::z", items, columns, n),
      copy("test::copy", items, columns, n);
  auto const host = Kokkos::create_mirror_view(b);
  auto const rhs = on_host(batch.b);
  for (int item = 0; item < items; ++item)
    for (int c = 0; c < columns; ++c)
      for (int i = 0; i < n; ++i) host(item, c, i) = (c + 1) * rhs(item, (i + c) % n);
  Kokkos::deep_copy(b, host);
  Scalars<SolveRecord<double>, Space> const solves("test::solves", items * columns);
  Scalars<KernelRecord<double>, Space> const kernels("test::kernels", items);
  auto const basis = new_basis<double>(items, n, n);
  auto const all = [&](auto const& from, auto const& to) {
    std::vector<std::vector<double>> found;
    auto const keep = [&] {
      Kokkos::deep_copy(copy, to);
      auto const values = on_host(copy);
      found.emplace_back(values.data(), values.data() + values.size());
      Kokkos::deep_copy(to, 77.0);
    };
    pinv_direct(Space(), a, from, to, solves, kernels);
    keep();
    kernel_and_pinv(Space(), a, from, to, basis, solves, kernels);
    keep();
    return found;
  };
  auto const expected = all(b, z);
  Kokkos::View<double***, Kokkos::LayoutLeft, Space> const left("test::left", items, columns, n),
      z_left("test::z_left", items, columns, n);
  Kokkos::deep_copy(left, b);
  CHECK(all(left, z_left) == expected);
  CHECK(all(left, z) == expected);
  Kokkos::View<double****, Kokkos::LayoutRight, Space> const wide("test::wide", items, columns, n,
                                                                  2);
  auto const b_part = Kokkos::subview(wide, Kokkos::ALL, Kokkos::ALL, Kokkos::ALL, 0),
             z_part = Kokkos::subview(wide, Kokkos::ALL, Kokkos::ALL, Kokkos::ALL, 1);
  Kokkos::deep_copy(b_part, b);
  CHECK(all(b_part, z_part) == expected);
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
