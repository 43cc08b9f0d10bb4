// SPDX-License-Identifier: Apache-2.0
#include <minfold/kernels/tangent_space.hpp>

#include "support/solve.hpp"
#include <catch2/catch_test_macros.hpp>

#include <stdexcept>
#include <string>

using namespace minfold;
using namespace minfold::test;

namespace {

/// The sentence of the refusal, empty if the call was accepted.
template <class Call>
std::string refusal(Call const& call) {
  try {
    call();
  } catch (std::invalid_argument const& e) {
    return e.what();
  }
  return "";
}
/// A sentence that names the function, in more than a word.
bool says(std::string const& sentence, std::string const& function) {
  return sentence.find("minfold: " + function) == 0 && sentence.size() > function.size() + 20;
}

struct Batch {
  static constexpr int items = 4, n = 10;
  std::vector<Planted> planted_items;
  std::vector<Vec> b;
  Batch() {
    for (int i = 0; i < items; ++i) {
      planted_items.push_back(planted(std::uint64_t(70 + i), n, i, 20));
      b.push_back(planted_items.back().range_part(normals(41, i, n)));
    }
  }
  auto dense_operator() const { return dense(planted_items); }
};

}  // namespace

TEST_CASE("right-hand sides and solutions of any layout and stride give the same bits") {
  Batch const batch;
  int const items = Batch::items, n = Batch::n;
  auto const a = batch.dense_operator();
  auto const expected = run_cg(a, batch.b);
  auto const expected_ls = run_cgls(a, batch.b);
  auto const rhs = to_vectors(batch.b);
  Scalars<SolveRecord<double>, Space> const records("test::records", items);
  auto const check = [&](auto const& b, auto const& z, auto const& part) {
    Kokkos::deep_copy(b, rhs);
    pinv_cg(Space(), a, b, z, records);
    Kokkos::View<double**, Kokkos::LayoutRight, Space> const copy("test::copy", items, n);
    Kokkos::deep_copy(copy, z);
    CHECK(test::impl::rows(copy) == expected.z);
    pinv_cgls(Space(), a, b, z, part, records);
    Kokkos::deep_copy(copy, z);
    CHECK(test::impl::rows(copy) == expected_ls.z);
    Kokkos::deep_copy(copy, part);
    CHECK(test::impl::rows(copy) == expected_ls.kernel_part);
  };
  using Left = Kokkos::View<double**, Kokkos::LayoutLeft, Space>;
  check(Left("test::b", items, n), Left("test::z", items, n), Left("test::part", items, n));
  Kokkos::View<double***, Kokkos::LayoutRight, Space> const wide("test::wide", items, n, 3);
  check(Kokkos::subview(wide, Kokkos::ALL, Kokkos::ALL, 0),
        Kokkos::subview(wide, Kokkos::ALL, Kokkos::ALL, 1),
        Kokkos::subview(wide, Kokkos::ALL, Kokkos::ALL, 2));
  Vectors<double, Space> const memory("test::memory", 3 * items, n);
  auto const plain = [&](int part) {
    return batch_vector(Space(), memory.data() + part * items * n, items, n);
  };
  check(plain(0), plain(1), plain(2));
  check(to_vectors(batch.b), Left("test::z", items, n), plain(2));
}

TEST_CASE("matrices of the other layout give the same answer to rounding") {
  Batch const batch;
  auto const a = batch.dense_operator();
  Kokkos::View<double***, Kokkos::LayoutLeft, Space> const left("test::left", Batch::items,
                                                                Batch::n, Batch::n);
  Kokkos::deep_copy(left, a.matrix);
  DenseOperator const other(left);
  auto const x = run_cg(a, batch.b), y = run_cg(other, batch.b);
  auto const u = run_direct(a, batch.b), v = run_direct(other, batch.b);
  for (int i = 0; i < Batch::items; ++i) {
    double const tolerance = 1e-11 * norm(x.z[i]);  // default residual 1e-12 times the condition
    CHECK(norm(minus(x.z[i], y.z[i])) <= tolerance);
    CHECK(norm(minus(u.z[i], v.z[i])) <= tolerance);
    CHECK(v.records[i].outcome == Outcome::converged);
  }
}

TEST_CASE("one launch a solve and one launch a step agree to rounding") {
  Batch const batch;
  auto const a = batch.dense_operator();
  auto const basis = planted_basis<double>(batch.planted_items);
  for (bool const with_basis : {false, true}) {
    auto const kernel = with_basis ? basis : Basis<double, Space>{};
    auto const fused = run_cg(a, batch.b, {.path = Path::fused}, kernel);
    auto const bulk = run_cg(a, batch.b, {.path = Path::bulk}, kernel);
    auto const fused_ls = run_cgls(a, batch.b, {.path = Path::fused});
    auto const bulk_ls = run_cgls(a, batch.b, {.path = Path::bulk});
    for (int i = 0; i < Batch::items; ++i) {
      double const tolerance = 2e-11 * norm(fused.z[i]);  // two residuals of 1e-12, condition 20
      CHECK(norm(minus(fused.z[i], bulk.z[i])) <= tolerance);
      CHECK(norm(minus(fused_ls.z[i], bulk_ls.z[i])) <= 20 * tolerance);
      CHECK(fused.records[i].outcome == bulk.records[i].outcome);
      CHECK(std::abs(fused.records[i].iterations - bulk.records[i].iterations) <= 2);
    }
  }
  // A team operator without products of blocks can be worked both ways, to the same bits.
  ByTeam<double> const team{a.matrix};
  CHECK(run_cg(team, batch.b, {.path = Path::fused}).z ==
        run_cg(team, batch.b, {.path = Path::bulk}).z);
}

TEST_CASE("several right-hand sides at once are the single ones") {
  Batch const batch;
  int const items = Batch::items, n = Batch::n, columns = 3;
  ByTeam<double> const a{batch.dense_operator().matrix};
  Blocks<double, Space> const b("test::b", items, columns, n), z("test::z", items, columns, n),
      part("test::part", items, columns, n), zd("test::z", items, columns, n);
  auto const hb = Kokkos::create_mirror_view(b);
  std::vector<std::vector<Vec>> single(columns);
  for (int c = 0; c < columns; ++c)
    for (int i = 0; i < items; ++i) {
      single[c].push_back(batch.planted_items[i].range_part(normals(42, 10 * i + c, n)));
      for (int l = 0; l < n; ++l) hb(i, c, l) = single[c][i][l];
    }
  Kokkos::deep_copy(b, hb);
  Scalars<SolveRecord<double>, Space> const records("test::records", items * columns);
  Scalars<KernelRecord<double>, Space> const kernels("test::kernels", items);
  pinv_cgls(Space(), a, b, z, part, records);
  auto const hls = on_host(z);
  Blocks<double, Space> const zc("test::z", items, columns, n);
  pinv_cg(Space(), a, b, zc, records);
  auto const hr = on_host(records);
  auto const hc = on_host(zc);
  pinv_direct(Space(), a, b, zd, records, kernels);
  auto const hd = on_host(zd);
  for (int c = 0; c < columns; ++c) {
    auto const ls = run_cgls(a, single[c]), cg = run_cg(a, single[c]);
    auto const direct = run_direct(a, single[c]);
    for (int i = 0; i < items; ++i) {
      CHECK(row(hls, i, c) == ls.z[i]);
      CHECK(row(hc, i, c) == cg.z[i]);
      CHECK(hr(i * columns + c).iterations == cg.records[i].iterations);
      CHECK(norm(minus(row(hd, i, c), direct.z[i])) <= 1e-13 * norm(direct.z[i]));
    }
  }
}

TEST_CASE("wrong shapes and aliasing are refused with a sentence that names the function") {
  Batch const batch;
  int const items = Batch::items, n = Batch::n;
  auto const a = batch.dense_operator();
  Vectors<double, Space> const b("b", items, n), z("z", items, n), part("part", items, n),
      short_b("b", items, n - 1), few_b("b", items - 1, n);
  Scalars<SolveRecord<double>, Space> const records("r", items), few_records("r", items - 1);
  Scalars<KernelRecord<double>, Space> const kernels("k", items), few_kernels("k", items + 1);
  auto const s = Space();
  CHECK(refusal([&] { pinv_cg(s, a, b, z, records); }).empty());
  CHECK(says(refusal([&] { pinv_cg(s, a, short_b, z, records); }), "pinv_cg"));
  CHECK(says(refusal([&] { pinv_cg(s, a, few_b, z, records); }), "pinv_cg"));
  CHECK(says(refusal([&] { pinv_cg(s, a, b, short_b, records); }), "pinv_cg"));
  CHECK(says(refusal([&] { pinv_cg(s, a, b, z, few_records); }), "pinv_cg"));
  CHECK(says(refusal([&] { pinv_cg(s, a, b, b, records); }), "pinv_cg"));
  CHECK(says(
      refusal([&] { pinv_cg(s, InBulk<double>{a.matrix}, b, z, records, {.path = Path::fused}); }),
      "Path::fused"));
  // A basis of another batch would be read beyond its end.
  CHECK(says(refusal([&] { pinv_cg(s, a, b, z, records, {}, new_basis<double>(items - 1, 2, n)); }),
             "pinv_cg"));
  CHECK(says(refusal([&] { pinv_cg(s, a, b, z, records, {}, new_basis<double>(items, 2, n - 2)); }),
             "pinv_cg"));
  CHECK(refusal([&] { pinv_cgls(s, a, b, z, part, records); }).empty());
  CHECK(says(refusal([&] { pinv_cgls(s, a, short_b, z, part, records); }), "pinv_cgls"));
  CHECK(says(refusal([&] { pinv_cgls(s, a, b, short_b, part, records); }), "pinv_cgls"));
  CHECK(says(refusal([&] { pinv_cgls(s, a, b, z, few_b, records); }), "pinv_cgls"));
  CHECK(says(refusal([&] { pinv_cgls(s, a, b, z, z, records); }), "pinv_cgls"));
  CHECK(says(refusal([&] { pinv_cgls(s, a, b, b, part, records); }), "pinv_cgls"));
  CHECK(says(refusal([&] { pinv_cgls(s, a, b, z, part, few_records); }), "pinv_cgls"));
  CHECK(refusal([&] { pinv_direct(s, a, b, z, records, kernels); }).empty());
  CHECK(says(refusal([&] { pinv_direct(s, a, few_b, z, records, kernels); }), "pinv_direct"));
  CHECK(says(refusal([&] { pinv_direct(s, a, b, short_b, records, kernels); }), "pinv_direct"));
  CHECK(says(refusal([&] { pinv_direct(s, a, b, b, records, kernels); }), "pinv_direct"));
  CHECK(says(refusal([&] { pinv_direct(s, a, b, z, records, few_kernels); }), "pinv_direct"));
  CHECK(says(refusal([&] { kernel_basis(s, a, new_basis<double>(items, 3, n + 1), kernels); }),
             "kernel_basis"));
  CHECK(says(refusal([&] { kernel_basis(s, a, new_basis<double>(items, 3, n), few_kernels); }),
             "kernel_basis"));
  CHECK(says(refusal([&] {
               KernelBasisOptions<double> options;
               options.item_ids = Kokkos::View<int*, Space>("ids", 1);
               kernel_basis(s, a, new_basis<double>(items, 3, n), kernels, options);
             }),
             "kernel_basis"));
  Scalars<RangeRecord<double>, Space> const ranges("r", items);
  Vectors<double, Space> const values("v", items, 3), few_values("v", items, 2);
  CHECK(
      says(refusal([&] { range_finder(s, a, new_basis<double>(items, 3, n), few_values, ranges); }),
           "range_finder"));
  CHECK(says(refusal([&] {
               range_finder(s, a, new_basis<double>(items, 3, n), values, ranges, {.rank = 4});
             }),
             "range_finder"));
  CHECK(says(refusal([&] {
               range_finder(s, a, new_basis<double>(items, 3, n), values, ranges, {.block = 0});
             }),
             "range_finder"));
  CHECK(says(refusal([&] {
               RangeFinderOptions<double> options;
               options.item_ids = Kokkos::View<int*, Space>("ids", items + 1);
               range_finder(s, a, new_basis<double>(items, 3, n), values, ranges, options);
             }),
             "range_finder"));
  CHECK(says(refusal([&] {
               range_finder(s, a, new_basis<double>(items, 3, n), values, ranges,
                            {.power_iterations = -1});
             }),
             "range_finder"));
  CHECK(says(refusal([&] { tangent_space(s, a, {.block = 0}); }), "tangent_space"));
  CHECK(says(refusal([&] {
               TangentSpaceOptions<double> options;
               options.item_ids = Kokkos::View<int*, Space>("ids", items + 1);
               tangent_space(s, a, options);
             }),
             "tangent_space"));
  auto const t = tangent_space(s, a);
  auto const block = [](Vectors<double, Space> const& v) {
    return Blocks<double, Space>(as_block(v));
  };
  auto const solve = [&](auto const& from, auto const& to, auto const& rest, auto const& written) {
    return refusal([&] {
      tangent_solve(s, a, t, Blocks<double const, Space>(block(from)), block(to), block(rest),
                    written);
    });
  };
  CHECK(solve(b, z, part, records).empty());
  CHECK(says(solve(short_b, z, part, records), "tangent_solve"));
  CHECK(says(solve(few_b, z, part, records), "tangent_solve"));
  CHECK(says(solve(b, short_b, part, records), "tangent_solve"));
  CHECK(says(solve(b, z, few_b, records), "tangent_solve"));
  CHECK(says(solve(b, z, part, few_records), "tangent_solve"));
  CHECK(says(solve(b, b, part, records), "tangent_solve"));
  CHECK(says(solve(b, z, z, records), "tangent_solve"));
  Scalars<EigenRecord<double>, Space> const eigen("e", items);
  Vectors<double, Space> const w("w", items, n);
  CHECK(says(
      refusal([&] { symmetric_eigen(s, Blocks<double, Space>("a", items, n, n + 1), w, eigen); }),
      "symmetric_eigen"));
  CHECK(says(refusal([&] { symmetric_eigen(s, a.matrix, values, eigen); }), "symmetric_eigen"));
  Scalars<OrthonormalizeRecord<double>, Space> const few("o", items - 1);
  CHECK(says(refusal([&] { orthonormalize(s, a.matrix, few); }), "orthonormalize"));
}
