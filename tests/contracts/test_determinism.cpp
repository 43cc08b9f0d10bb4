// SPDX-License-Identifier: Apache-2.0
#include <minfold/kernels/tangent_space.hpp>

#include "all_work.hpp"
#include "support/operators.hpp"
#include <catch2/catch_test_macros.hpp>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <sstream>

using namespace minfold;
using namespace minfold::test;

namespace {

/// More items than threads; one item that a thread could be tempted to share.
Fingerprint fingerprint(Space const& space) {
  Fingerprint print;
  AllWork().run(space, print);
  return print;
}

/// Standard output of this program, run for `tag` in an environment with `settings`.
std::string run_again(std::string const& tag, std::string const& settings) {
  char path[4096] = {};
  auto const length = readlink("/proc/self/exe", path, sizeof(path) - 1);
  if (length <= 0) return "";
  std::string const line = "env -u OMP_NUM_THREADS " + settings + " '" + path + "' '" + tag + "'";
  FILE* const pipe = popen((line + " 2>/dev/null").c_str(), "r");
  if (!pipe) return "";
  std::string out;
  char buffer[256];
  while (fgets(buffer, sizeof(buffer), pipe)) out += buffer;
  return pclose(pipe) == 0 ? out : "failed: " + out;
}
std::string only_hashes(std::string const& text) {
  std::istringstream in(text);
  std::string line, out;
  while (std::getline(in, line))
    if (line.find("fingerprint: ") == 0) out += line + "\n";
  return out;
}

}  // namespace

TEST_CASE("print the fingerprint of every kernel", "[.fingerprint]") {
  auto const print = fingerprint(Space());
  for (auto const& [kernel, hash] : print.hashes())
    std::cout << "fingerprint: " << kernel << ' ' << hash << '\n';
}

TEST_CASE("every kernel gives the same bits in a process with one thread and in one with two") {
  auto const one = only_hashes(run_again("[.fingerprint]", "KOKKOS_NUM_THREADS=1"));
  REQUIRE(one.find("pinv_direct") != std::string::npos);
  CHECK(one == only_hashes(run_again("[.fingerprint]", "KOKKOS_NUM_THREADS=2")));
  // Libraries that thread by OpenMP follow this one.
  CHECK(one == only_hashes(run_again("[.fingerprint]", "OMP_NUM_THREADS=1")));
  CHECK(one == only_hashes(run_again("[.fingerprint]", "OMP_NUM_THREADS=2")));
}

TEST_CASE("every kernel gives the same bits when it is called again") {
  auto const hashes = fingerprint(Space()).hashes();
  CHECK(hashes == fingerprint(Space()).hashes());
  if (!minfold::impl::runs_on_host<Space>) return;
  // That a path was taken shows in its bits: with a factor in float they are others.
  auto const of = [&](FactorMethod method) {
    return hashes.at("large kernel_and_pinv " + std::to_string(int(method)));
  };
  CHECK(of(FactorMethod::mixed) != of(FactorMethod::blocked));
  CHECK(of(FactorMethod::automatic) == of(FactorMethod::blocked));
  CHECK(of(FactorMethod::pivoted) != of(FactorMethod::blocked));
}

#if defined(KOKKOS_ENABLE_OPENMP)

TEST_CASE("every kernel gives the same bits on an instance with fewer threads") {
  auto const whole = fingerprint(Space()).hashes();
  auto const one = fingerprint(Kokkos::OpenMP(1)).hashes();
  for (auto const& [kernel, hash] : whole) {
    CAPTURE(kernel);
    CHECK(one.at(kernel) == hash);
  }
}

#endif

TEST_CASE("permuting the items permutes the results, bit for bit") {
  int const items = 6, n = 30;
  Work const work(items, n);
  int const order[items] = {4, 0, 5, 2, 1, 3};
  Work permuted = work;
  permuted.matrices = Blocks<double, Space>("test::matrices", items, n, n);
  permuted.b = Vectors<double, Space>("test::b", items, n);
  for (int i = 0; i < items; ++i) {
    Kokkos::deep_copy(Kokkos::subview(permuted.matrices, i, Kokkos::ALL, Kokkos::ALL),
                      Kokkos::subview(work.matrices, order[i], Kokkos::ALL, Kokkos::ALL));
    Kokkos::deep_copy(Kokkos::subview(permuted.b, i, Kokkos::ALL),
                      Kokkos::subview(work.b, order[i], Kokkos::ALL));
  }
  for (Path const path : {Path::fused, Path::bulk})
    for (int solver = 0; solver < 3; ++solver) {
      auto const run = [&](Work const& w) {
        DenseOperator const a(w.matrices);
        auto const b = test::impl::rows(w.b);
        return solver == 0   ? run_cg(a, b, {.path = path})
               : solver == 1 ? run_cgls(a, b, {.path = path})
                             : run_direct(a, b);
      };
      auto const x = run(work), y = run(permuted);
      CAPTURE(int(path), solver);
      for (int i = 0; i < items; ++i) {
        CHECK(y.z[i] == x.z[order[i]]);
        CHECK(members(y.records[i]) == members(x.records[order[i]]));
      }
    }
}

TEST_CASE("with identities, permuting the items permutes bases and tangent spaces too") {
  int const items = 6, n = 30;
  Work const work(items, n);
  int const order[items] = {4, 0, 5, 2, 1, 3};
  struct Found {
    std::vector<std::vector<Vec>> vectors;  // [kernel][item]
    std::vector<std::vector<std::string>> records;
  };
  auto const run = [&](int const* place) {
    Blocks<double, Space> const m("test::matrices", items, n, n), b("test::b", items, 1, n),
        z("test::z", items, 1, n), part("test::part", items, 1, n);
    Kokkos::View<int*, Space> const ids("test::ids", items);
    auto const host_ids = Kokkos::create_mirror_view(ids);
    for (int i = 0; i < items; ++i) {
      Kokkos::deep_copy(Kokkos::subview(m, i, Kokkos::ALL, Kokkos::ALL),
                        Kokkos::subview(work.matrices, place[i], Kokkos::ALL, Kokkos::ALL));
      Kokkos::deep_copy(Kokkos::subview(b, i, 0, Kokkos::ALL),
                        Kokkos::subview(work.b, place[i], Kokkos::ALL));
      host_ids(i) = place[i];
    }
    Kokkos::deep_copy(ids, host_ids);
    InBulk<double> const a{m};
    Found f;
    auto const keep = [&](auto const& view, auto const& records) {
      auto const host = on_host(view);
      f.vectors.emplace_back();
      f.records.emplace_back();
      int const length = int(host.size()) / items;
      auto const entries = test::impl::entries(records);
      for (int i = 0; i < items; ++i) {
        f.vectors.back().emplace_back(host.data() + i * length, host.data() + (i + 1) * length);
        Fingerprint print;
        Kokkos::View<std::remove_cvref_t<decltype(entries[0])>*, Kokkos::HostSpace> const one(
            "test::one", 1);
        one(0) = entries[i];
        print.add("record", one);
        f.records.back().push_back(std::to_string(print.hashes().at("record")));
      }
    };
    auto const basis = new_basis<double>(items, n, n);
    Vectors<double, Space> const values("test::values", items, n);
    Scalars<RangeRecord<double>, Space> const ranges("test::ranges", items);
    for (int const rank : {0, 5}) {
      RangeFinderOptions<double> options{.rank = rank};
      options.item_ids = ids;
      range_finder(Space(), a, basis, values, ranges, options);
      keep(basis.vectors, ranges);
    }
    for (auto const representation :
         {Representation::automatic, Representation::spectral, Representation::kernel_basis,
          Representation::range_basis, Representation::implicit}) {
      TangentSpaceOptions<double> options{.representation = representation};
      options.item_ids = ids;
      auto const t = tangent_space(Space(), a, options);
      Scalars<SolveRecord<double>, Space> const solves("test::solves", items);
      tangent_solve(Space(), a, t, Blocks<double const, Space>(b), z, part, solves);
      keep(z, solves);
      keep(part, t.records);
    }
    Blocks<double, Space> const copy("test::copy", items, n, n);
    Scalars<EigenRecord<double>, Space> const eigen("test::eigen", items);
    for (auto const method : {EigenMethod::jacobi, EigenMethod::lapack}) {
      Kokkos::deep_copy(copy, m);
      symmetric_eigen(Space(), copy, values, eigen, {.method = method});
      keep(copy, eigen);
    }
    Kokkos::deep_copy(copy, m);
    Scalars<OrthonormalizeRecord<double>, Space> const orthonormal("test::orthonormal", items);
    orthonormalize(Space(), copy, orthonormal);
    keep(copy, orthonormal);
    return f;
  };
  int const straight[items] = {0, 1, 2, 3, 4, 5};
  auto const x = run(straight), y = run(order);
  for (std::size_t kernel = 0; kernel < x.vectors.size(); ++kernel)
    for (int i = 0; i < items; ++i) {
      CAPTURE(kernel, i);
      CHECK(y.vectors[kernel][i] == x.vectors[kernel][order[i]]);
      CHECK(y.records[kernel][i] == x.records[kernel][order[i]]);
    }
}

TEST_CASE("an item alone gives the bits that it gives in a batch") {
  int const items = 5, n = 35;
  Work const work(items, n);
  auto const b = test::impl::rows(work.b);
  for (Path const path : {Path::fused, Path::bulk})
    for (int solver = 0; solver < 3; ++solver)
      for (int item : {0, 2, 4}) {
        Blocks<double, Space> const alone("test::alone", 1, n, n);
        Kokkos::deep_copy(Kokkos::subview(alone, 0, Kokkos::ALL, Kokkos::ALL),
                          Kokkos::subview(work.matrices, item, Kokkos::ALL, Kokkos::ALL));
        auto const run = [&](auto const& matrices, std::vector<Vec> const& rhs) {
          DenseOperator const a(matrices);
          return solver == 0   ? run_cg(a, rhs, {.path = path})
                 : solver == 1 ? run_cgls(a, rhs, {.path = path})
                               : run_direct(a, rhs);
        };
        CAPTURE(int(path), solver, item);
        CHECK(run(alone, {b[item]}).z[0] == run(work.matrices, b).z[item]);
      }
}
