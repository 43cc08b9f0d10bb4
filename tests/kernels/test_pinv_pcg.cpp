// SPDX-License-Identifier: Apache-2.0
#include <minfold/kernels/pinv_pcg.hpp>

#include "support/decaying.hpp"
#include "support/records.hpp"
#include "support/solve.hpp"
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <limits>
#include <stdexcept>
#include <utility>

using namespace minfold;
using namespace minfold::test;

namespace {

template <class T>
struct Preconditioned {
  Nystrom<T, Space> u;
  Solved<T> solved;
  std::vector<NystromRecord<T>> sketches;
};
template <class A, class T = typename A::scalar_type>
Preconditioned<T> run_pcg(A const& a, std::vector<Vec> const& b,
                          NystromOptions<T> const& sketch = {},
                          PinvPcgOptions<T> const& options = {}, Basis<T, Space> const& basis = {},
                          std::vector<Vec> const& guess = {}) {
  auto const u = nystrom(Space(), a, sketch);
  auto const rhs = to_vectors<T>(b);
  Vectors<T, Space> z("test::z", rhs.extent(0), rhs.extent(1));
  if (!guess.empty()) z = to_vectors<T>(guess);
  Scalars<SolveRecord<T>, Space> const records("test::records", rhs.extent(0));
  pinv_pcg(Space(), a, u, rhs, z, records, options, basis);
  return {u,
          {test::impl::rows(z), {}, test::impl::entries(records), {}},
          test::impl::entries(u.records)};
}

}  // namespace

TEST_CASE("with a fast decay the preconditioner saves four of five products") {
  int const n = 400, k = 5, columns = 4;
  Vec tail(n), slower = decaying(n, k, 2, 1e6);
  for (int j = k; j < n; ++j) tail[j] = std::max(std::pow(0.9, j - k), 1e-6);
  for (bool const flat : {true, false}) {
    Planted const p(302, n, k, flat ? tail : slower);
    // All of the tail at one eigenvalue: one right-hand side pays for the sketch. Else four do.
    std::vector<Vec> b;
    for (int c = 0; c < (flat ? 1 : columns); ++c) b.push_back(p.range_part(normals(302, c, n)));
    auto const a = bulk<double>({p.matrix}, n);
    int plain = 0;
    for (auto const& rhs : b) {
      auto const cg = run_cg(a, {rhs});
      CHECK(cg.records[0].outcome == Outcome::converged);
      plain += cg.records[0].products;
    }
    for (bool const with_basis : {false, true}) {
      auto const basis = with_basis ? planted_basis<double>({p}) : Basis<double, Space>{};
      auto const u = nystrom(Space(), a, {.columns = int(b.size()), .smallest = p.smallest()});
      int products = on_host(u.records)(0).products;
      Vectors<double, Space> const z("test::z", 1, n);
      Scalars<SolveRecord<double>, Space> const records("test::records", 1);
      for (auto const& rhs : b) {
        pinv_pcg(Space(), a, u, to_vectors({rhs}), z, records, {}, basis);
        auto const r = on_host(records)(0);
        Vec const found = row(on_host(z), 0), exact = p.pseudo_inverse(rhs);
        double const residual = norm(minus(p.multiply(found), rhs)) / norm(rhs);
        double const rounding = 8 * 2.2e-16 * (p.norm() * norm(found) / norm(rhs) + 1);
        CAPTURE(flat, with_basis, r.products, r.residual, residual, rounding);
        CHECK(r.outcome == Outcome::converged);
        CHECK(std::abs(r.residual - residual) <= rounding);
        CHECK(r.residual <= 1e-12 + rounding);
        CHECK(norm(minus(found, exact)) <= 10 * p.condition() * 2.2e-16 * norm(exact));
        // kappa eps is what plain CG has in the kernel, too.
        CHECK(norm(p.kernel_part(found)) <= 10 * p.condition() * 2.2e-16 * norm(found));
        if (with_basis) CHECK(norm(p.kernel_part(found)) <= 1e-13 * norm(found));
        products += r.products;
      }
      CAPTURE(flat, with_basis, plain, products, on_host(u.records)(0).rank);
      CHECK(5 * products <= plain);
    }
  }
}

TEMPLATE_TEST_CASE("preconditioned CG is within ten kappa eps of the exact solution", "", double,
                   float) {
  using T = TestType;
  double const eps = double(epsilon<T>);
  for (int const n : {2, 8, 60})
    for (double const condition : {1e1, 1e3}) {
      std::vector<Planted> items;
      std::vector<Vec> b;
      for (int const k : {0, 1, n / 2, n - 1}) {
        items.push_back(planted(std::uint64_t(100 * n + k), n, k, condition));
        b.push_back(items.back().range_part(normals(303, k, n)));
      }
      auto const a = bulk<T>(matrices_of(items), n);
      for (int const rank : {0, 1, 7, n})
        for (bool const with_basis : {false, true}) {
          auto const s = run_pcg(a, b, NystromOptions<T>{.rank = rank},
                                 PinvPcgOptions<T>{.relative_tolerance = T(eps)},
                                 with_basis ? planted_basis<T>(items) : Basis<T, Space>{});
          for (std::size_t i = 0; i < items.size(); ++i) {
            Vec const exact = items[i].pseudo_inverse(b[i]);
            CAPTURE(n, condition, rank, with_basis, i, s.solved.records[i].outcome,
                    s.solved.records[i].residual);
            CHECK(s.solved.records[i].outcome == Outcome::converged);
            CHECK(norm(minus(s.solved.z[i], exact)) <=
                  10 * eps * items[i].condition() * norm(exact));
          }
        }
    }
}

TEST_CASE("without a basis, preconditioned CG ends before rounding takes it along the kernel") {
  // A z has rounding of which half may lie in ker A, where M is 1 and on most of the range 1e-6.
  int const n = 35, count = 100;
  std::vector<Planted> items;
  std::vector<Vec> b;
  for (int i = 0; i < count; ++i) {
    int const k = 1 + i % 3;
    auto const u = [i](int j) {
      return uniform({303, Stream::test, std::uint32_t(i), std::uint32_t(j), 0});
    };
    Vec values(n);
    for (int j = k; j < n; ++j) values[j] = std::pow(1e-7, u(j));
    values[k] = 1e-7;
    values[n - 1] = 1;
    items.emplace_back(std::uint64_t(i), n, k, values);
    b.push_back(items.back().range_part(normals(304, i, n)));
  }
  auto const check = [&](auto const& a, int rank) {
    auto const s = run_pcg(a, b, NystromOptions<double>{.rank = rank}).solved;
    int certified = 0;
    for (int i = 0; i < count; ++i) {
      auto const& r = s.records[i];
      double const along = norm(items[i].kernel_part(s.z[i])) / norm(s.z[i]);
      CAPTURE(rank, i, r.outcome, r.iterations, r.residual, along);
      CHECK(along <= 100 * 1e7 * epsilon<double>);
      certified += r.outcome == Outcome::converged;
    }
    CAPTURE(rank, certified);
    CHECK(certified >= count - 5);
  };
  for (int const rank : {12, 25, 32}) {
    check(bulk<double>(matrices_of(items), n), rank);
    check(dense(items), rank);
  }
}

TEMPLATE_TEST_CASE("without a basis, a part of b in the kernel is not taken for rounding", "",
                   double, float) {
  using T = TestType;
  struct Case {
    int n;
    double condition, leak, tolerance;
  };
  // What is left of b is a few times the rounding of A z, or far above it.
  auto const cases = sizeof(T) == 4
                         ? std::vector<Case>{{200, 10, 3e-4, 1e-4}, {24, 100, 1e-3, 1e-4}}
                         : std::vector<Case>{{40, 1e5, 1e-8, 1e-10}, {40, 1e6, 1e-8, 1e-10}};
  int const count = 60;
  for (auto const& [n, condition, leak, tolerance] : cases) {
    std::vector<Planted> items;
    std::vector<Vec> b;
    for (int i = 0; i < count; ++i) {
      int const k = 1 + i % 3;
      items.push_back(planted(std::uint64_t(306 + i), n, k, condition));
      auto const v = normals(306, i, n);
      auto const inside = items.back().range_part(v), outside = items.back().kernel_part(v);
      b.push_back(minus(inside, times(-leak * norm(inside) / norm(outside), outside)));
    }
    for (int const rank : {n / 2, n - 5}) {
      auto const check = [&](auto const& a) {
        auto const s = run_pcg(a, b, NystromOptions<T>{.rank = rank},
                               PinvPcgOptions<T>{.relative_tolerance = T(tolerance)})
                           .solved;
        int refused = 0;
        for (int i = 0; i < count; ++i) {
          auto const& r = s.records[i];
          CAPTURE(n, condition, rank, i, r.outcome, r.iterations, r.residual, r.leakage);
          refused += r.outcome == Outcome::inconsistent_rhs;
          // What is left at the end is an upper bound.
          CHECK(double(r.leakage) >= (r.outcome == Outcome::inconsistent_rhs ? 0.99 * leak : 0));
        }
        CAPTURE(n, condition, rank, refused);
        CHECK(refused == count);
      };
      check(bulk<T>(matrices_of(items), n));
      check(DenseOperator<Blocks<T, Space>>(to_matrices<T>(matrices_of(items), n)));
    }
  }
}

TEMPLATE_TEST_CASE("preconditioned CG on the adversarial list", "", double, float) {
  using T = TestType;
  int const n = 24, k = 6;
  double const large = std::is_same_v<T, double> ? 1e150 : 1e30, eps = double(epsilon<T>);
  auto const p = planted(305, n, k, 20);
  Vec const b = p.range_part(normals(305, 0, n)), exact = p.pseudo_inverse(b);
  Vec const none(n), zero(std::size_t(n) * n), outside = p.kernel_part(normals(305, 1, n));
  Vec leaking = b;
  for (int i = 0; i < n; ++i) leaking[i] += 0.5 * outside[i];
  Vec broken = p.matrix;
  broken[3 * n + 5] = broken[5 * n + 3] = std::nan("");
  Vec values = spectrum(306, n, k, 10);
  values[9] = -0.5;
  Planted const indefinite(306, n, k, values);
  // In bulk, and a whole solve in one launch.
  for (auto const& [rank, whole] :
       {std::pair(0, false), {5, false}, {n, false}, {0, true}, {5, true}, {n, true}}) {
    auto const run = [&](std::vector<Vec> const& matrices, std::vector<Vec> const& right,
                         Basis<T, Space> const& basis = {}) {
      NystromOptions<T> const sketch{.rank = rank};
      if (whole)
        return run_pcg(DenseOperator<Blocks<T, Space>>(to_matrices<T>(matrices, n)), right, sketch,
                       {}, basis);
      return run_pcg(bulk<T>(matrices, n), right, sketch, {}, basis);
    };
    auto const s = run({zero, p.matrix, p.matrix, broken, p.matrix, times(large, p.matrix),
                        times(1 / large, p.matrix), indefinite.matrix, p.matrix},
                       {b, none, leaking, b, b, times(large, b), times(1 / large, b),
                        indefinite.range_part(b), outside});
    auto const& r = s.solved.records;
    CAPTURE(rank, whole);
    CHECK(r[0].outcome == Outcome::inconsistent_rhs);
    CHECK(norm(s.solved.z[0]) == 0);
    CHECK(r[1].outcome == Outcome::converged);
    CHECK(norm(s.solved.z[1]) == 0);
    CHECK(r[2].outcome == Outcome::inconsistent_rhs);
    CHECK(r[2].leakage > 0.5 * norm(p.kernel_part(leaking)) / norm(leaking));
    CHECK(r[3].outcome == Outcome::not_finite);
    CHECK(s.sketches[3].outcome == Outcome::not_finite);
    CHECK(norm(s.solved.z[3]) == 0);
    for (int const item : {4, 5, 6}) {
      CAPTURE(item, r[item].outcome, r[item].residual);
      CHECK(r[item].outcome == Outcome::converged);
      CHECK(norm(minus(s.solved.z[item], exact)) <=
            10 * double(default_tolerance<T>) * p.condition() * norm(exact));
    }
    CHECK(r[7].outcome == Outcome::indefinite_operator);
    // Whether five columns see one negative eigenvalue among 18 depends on the draw.
    if (rank != 5) CHECK(s.sketches[7].outcome == Outcome::indefinite_operator);
    CHECK(r[8].outcome != Outcome::converged);
    // The kernel known: what lies in it is not asked for.
    auto const known = run({p.matrix, p.matrix}, {leaking, outside}, planted_basis<T>({p, p}));
    CHECK(known.solved.records[0].outcome == Outcome::converged);
    CHECK(norm(minus(known.solved.z[0], exact)) <=
          10 * double(default_tolerance<T>) * p.condition() * norm(exact));
    CHECK(known.solved.records[1].outcome == Outcome::converged);
    CHECK(norm(known.solved.z[1]) <= 100 * n * eps * norm(outside) / p.smallest());
    // An answer beyond the range of the numbers.
    double const most = std::is_same_v<T, double> ? 1e200 : 1e30;
    auto const beyond = run({times(1 / most, p.matrix)}, {times(most, b)});
    CHECK(beyond.solved.records[0].outcome == Outcome::not_finite);
  }
  InBulk<T> const no_item{Blocks<T, Space>("test::none", 0, n, n)};
  auto const nothing = nystrom(Space(), no_item);
  Vectors<T, Space> const nowhere("test::z", 0, n), no_b("test::b", 0, n);
  Scalars<SolveRecord<T>, Space> const no_record("test::records", 0);
  pinv_pcg(Space(), no_item, nothing, no_b, nowhere, no_record);
  CHECK(nothing.records.extent(0) == 0);
}

TEST_CASE("several right-hand sides of explicit matrices, one launch a solve and one a step") {
  // Orders on both sides of what one launch works, ranks and orders that no register divides.
  for (auto const& [n, columns] : {std::pair(61, 1), {61, 3}, {61, 5}, {530, 2}, {530, 17}}) {
    int const k = 4, items = 2;
    std::vector<Planted> const p{Planted(330, n, k, decaying(n, k, 2, 1e3)),
                                 Planted(331, n, k, decaying(n, k, 2, 1e3))};
    auto const basis = planted_basis<double>(p);
    Blocks<double, Space> const b("test::b", items, columns, n), z("test::z", items, columns, n);
    auto const host = Kokkos::create_mirror_view(b);
    std::vector<Vec> exact;
    for (int i = 0; i < items; ++i)
      for (int c = 0; c < columns; ++c) {
        Vec const any = normals(332, 32 * i + c, n);
        exact.push_back(p[i].pseudo_inverse(any));
        for (int l = 0; l < n; ++l) host(i, c, l) = any[l];
      }
    Kokkos::deep_copy(b, host);
    auto const a = dense(p);
    auto const u = nystrom(Space(), a, {.rank = 13});
    Scalars<SolveRecord<double>, Space> const records("test::records", items * columns);
    pinv_pcg(Space(), a, u, b, z, records, {}, basis);
    auto const result = test::on_host(z);
    auto const record = test::on_host(records);
    for (int i = 0; i < items; ++i)
      for (int c = 0; c < columns; ++c) {
        int const system = i * columns + c;
        CAPTURE(n, columns, i, c, record(system).outcome, record(system).products);
        CHECK(record(system).outcome == Outcome::converged);
        Vec got(n);
        for (int l = 0; l < n; ++l) got[l] = result(i, c, l);
        CHECK(norm(minus(got, exact[system])) <=
              10 * default_tolerance<double> * p[i].condition() * norm(exact[system]));
        // Both the sketch and the preconditioner work: far fewer products than without.
        CHECK(record(system).products < 60);
      }
  }
}

TEST_CASE("limits of preconditioned CG are said, with the residual that it has") {
  int const n = 60;
  auto const p = planted(307, n, 5, 1e4);
  Vec const b = p.range_part(normals(307, 0, n));
  auto const s = run_pcg(dense({p}), {b}, {.rank = 4}, {.max_iterations = 3});
  CHECK(s.solved.records[0].outcome == Outcome::iteration_limit);
  CHECK(s.solved.records[0].iterations == 3);
  CHECK(std::abs(s.solved.records[0].residual -
                 norm(minus(p.multiply(s.solved.z[0]), b)) / norm(b)) <= 1e-12);
}

TEST_CASE("an approximation of another operator costs iterations, not the answer") {
  int const n = 60, k = 5;
  auto const p = planted(308, n, k, 100), other = planted(309, n, k, 100);
  Vec const b = normals(308, 0, n), exact = p.pseudo_inverse(b);
  auto const u = nystrom(Space(), dense({other}), {.rank = 20});
  auto const rhs = to_vectors({b});
  Vectors<double, Space> const z("test::z", 1, n);
  Scalars<SolveRecord<double>, Space> const records("test::records", 1);
  pinv_pcg(Space(), dense({p}), u, rhs, z, records, {}, planted_basis<double>({p}));
  Vec const found = row(on_host(z), 0);
  CHECK(on_host(records)(0).outcome == Outcome::converged);
  CHECK(norm(minus(found, exact)) <= 1e-10 * norm(exact));
  CHECK(norm(p.kernel_part(found)) <= 1e-12 * norm(found));
}

TEST_CASE(
    "a first guess is used where it is good, dropped where it is not, and freed of the kernel") {
  int const n = 60, k = 5;
  auto const p = planted(310, n, k, 1e3);
  Vec const b = normals(310, 0, n), exact = p.pseudo_inverse(b), kernel = p.vector(2);
  auto const basis = planted_basis<double>({p});
  Vec near = exact, shifted = exact, wild = normals(310, 1, n), broken = exact;
  for (int i = 0; i < n; ++i) {
    near[i] *= 1 + 1e-6 * (i % 3);
    shifted[i] += 3 * norm(exact) * kernel[i];
    wild[i] *= 1e30;
  }
  broken[4] = std::nan("");
  auto const cold = run_pcg(dense({p}), {b}, {.rank = 10}, {}, basis);
  for (auto const& guess : {exact, near, shifted, wild, broken, Vec(n)}) {
    auto const s = run_pcg(dense({p}), {b}, {.rank = 10}, {.warm_start = true}, basis, {guess});
    auto const& r = s.solved.records[0];
    CAPTURE(guess[0], r.products, cold.solved.records[0].products, r.outcome);
    CHECK(r.outcome == Outcome::converged);
    CHECK(norm(minus(s.solved.z[0], exact)) <= 1e-9 * norm(exact));
    CHECK(norm(p.kernel_part(s.solved.z[0])) <= 1e-12 * norm(exact));
    CHECK(std::abs(r.residual - norm(minus(p.multiply(s.solved.z[0]), p.range_part(b))) /
                                    norm(p.range_part(b))) <= 1e-13);
    CHECK(r.products <= cold.solved.records[0].products + 1);
    if (guess == near) CHECK(r.products < cold.solved.records[0].products);
  }
  CHECK_THROWS_AS(run_pcg(dense({p}), {b}, {}, {.warm_start = true}, {}, {exact}),
                  std::invalid_argument);
}

TEST_CASE("preconditioned CG does not depend on the place of an item or on its neighbours") {
  int const n = 50;
  std::vector<Planted> items;
  std::vector<Vec> b;
  for (int i = 0; i < 4; ++i) {
    items.emplace_back(320 + i, n, 2 * i, decaying(n, 2 * i, 1 + i, 1e4));
    b.push_back(items[i].range_part(normals(320, i, n)));
  }
  auto const run = [&](std::vector<int> const& order) {
    std::vector<Planted> batch;
    std::vector<Vec> rhs;
    for (int i : order) {
      batch.push_back(items[i]);
      rhs.push_back(b[i]);
    }
    NystromOptions<double> options{.smallest = 1e-4};
    auto const ids = ids_of(order);
    options.item_ids = ids;
    return run_pcg(dense(batch), rhs, options);
  };
  std::vector<int> const order = {2, 0, 3, 1};
  auto const straight = run({0, 1, 2, 3}), again = run({0, 1, 2, 3}), shuffled = run(order);
  for (int i = 0; i < 4; ++i) {
    CHECK(again.solved.z[i] == straight.solved.z[i]);
    CHECK(shuffled.solved.z[i] == straight.solved.z[order[i]]);
    CHECK(members(shuffled.solved.records[i]) == members(straight.solved.records[order[i]]));
    CHECK(shuffled.sketches[i].rank == straight.sketches[order[i]].rank);
    // Alone it is given no wider sketch than it asks for, to the same end.
    auto const alone = run({i});
    CHECK(alone.sketches[0].rank == straight.sketches[i].rank);
    CHECK(alone.solved.records[0].outcome == Outcome::converged);
    CHECK(norm(minus(alone.solved.z[0], straight.solved.z[i])) <=
          1e-11 * items[i].condition() * norm(straight.solved.z[i]));
  }
}
