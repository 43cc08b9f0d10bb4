// SPDX-License-Identifier: Apache-2.0
#include "all_work.hpp"
#include "support/watch.hpp"
#include <catch2/catch_test_macros.hpp>

#if defined(KOKKOS_ENABLE_OPENMP)
#include <omp.h>
#endif

using namespace minfold;
using namespace minfold::test;

namespace {

bool starts_with(std::string const& text, std::string const& start) {
  return text.compare(0, start.size(), start) == 0;
}

}  // namespace

TEST_CASE("kernels and allocations are labelled minfold::") {
  AllWork const work;
  Fingerprint print;
  {
    Watch const watch;
    work.run(Space(), print);
  }
  CHECK(Watch::seen.kernels.size() > 20);
  CHECK(Watch::seen.allocations.size() > 20);
  for (auto const& name : Watch::seen.kernels) {
    CAPTURE(name);
    // deep_copy of Kokkos works with kernels of its own; test:: is the initialisation of our views.
    bool const by_kokkos = starts_with(name, "Kokkos::View") ||
                           starts_with(name, "Kokkos::Impl::host_space_deepcopy") ||
                           name.find("[test::") != std::string::npos;
    CHECK((starts_with(name, "minfold::") || by_kokkos));
  }
  for (auto const& label : Watch::seen.allocations) {
    CAPTURE(label);
    // Kokkos:: is scratch memory that a backend grows for itself.
    CHECK((starts_with(label, "minfold::") || starts_with(label, "test::") ||
           starts_with(label, "Kokkos::")));
  }
}

TEST_CASE("no kernel waits for all instances, and each wait says why") {
  AllWork const work;
  Fingerprint ignored(Fingerprint::Look::no);
  {
    Watch const watch;
    work.run(Space(), ignored);
  }
  CHECK(Watch::seen.waits() > 0);
  for (auto const& fence : Watch::seen.fences) {
    CAPTURE(fence.name, fence.id);
    CHECK((!fence.device_wide() || fence.before_free()));
    // A number that the host asks for; and views that the test makes are initialised.
    CHECK((fence.before_free() || starts_with(fence.name, "minfold::") ||
           starts_with(fence.name, "Kokkos::parallel_reduce: fence") ||
           starts_with(fence.name, "Kokkos::parallel_scan: fence") ||
           starts_with(fence.name, "Kokkos::View::initialization")));
  }
  {
    Watch const watch;
    Kokkos::fence("test::all");
    Space().fence("test::one");
  }
  REQUIRE(Watch::seen.fences.size() >= 2);
  CHECK(Watch::seen.fences.front().device_wide());
  CHECK_FALSE(Watch::seen.fences.back().device_wide());
}

TEST_CASE("a fused solve makes no host wait") {
  Work const work(3, 30);
  DenseOperator const a(work.matrices);
  Vectors<double, Space> const z("test::z", work.items, work.n),
      part("test::part", work.items, work.n);
  Scalars<SolveRecord<double>, Space> const records("test::records", work.items);
  auto const basis = new_basis<double>(work.items, 4, work.n);
  for (Path const path : {Path::fused, Path::bulk}) {
    int plain = 0, with_basis = 0, cgls = 0;
    {
      Watch const watch;
      pinv_cg(Space(), a, work.b, z, records, {.path = path});
      plain = Watch::seen.waits();
    }
    {
      Watch const watch;
      pinv_cg(Space(), a, work.b, z, records, {.path = path}, basis);
      with_basis = Watch::seen.waits();
    }
    {
      Watch const watch;
      pinv_cgls(Space(), a, work.b, z, part, records, {.path = path});
      cgls = Watch::seen.waits();
    }
    CAPTURE(plain, with_basis, cgls);
    // One launch a step has to ask now and then whether another is needed: so waits are seen.
    bool const none = path == Path::fused;
    CHECK((plain == 0) == none);
    CHECK((with_basis == 0) == none);
    CHECK((cgls == 0) == none);
  }
}

TEST_CASE("memory of the kernels is not initialised behind the caller's back") {
  Work const work(2, 30);
  Fingerprint print;
  {
    Watch const watch;
    run_every_kernel(Space(), work, print);
  }
  for (auto const& name : Watch::seen.kernels) {
    CAPTURE(name);
    // Mirrors are made by this test's own copies to the host.
    CHECK((name.find("initialization") == std::string::npos ||
           name.find("[minfold::") == std::string::npos ||
           name.find("_mirror]") != std::string::npos));
  }
}

#if defined(KOKKOS_ENABLE_OPENMP)

namespace {

/// The identity, and the largest number of threads that multiplied with it.
struct Witness {
  using scalar_type = double;
  int items, n;
  Kokkos::View<int, Kokkos::HostSpace> threads;

  int batch_size() const { return items; }
  int dim() const { return n; }
  template <class Team, class X, class Y>
  void apply(Team const& team, int, X const& x, Y const& y) const {
    Kokkos::atomic_max(&threads(), omp_get_num_threads());
    team_for(team, n, [&](int i) { y(i) = x(i); });
  }
};

}  // namespace

TEST_CASE("work runs on the instance that is passed") {
  if (Space().concurrency() < 2) SKIP("one thread: there is no smaller instance");
  int const items = 16, n = 6;
  std::vector<Vec> rhs;
  for (int i = 0; i < items; ++i) rhs.push_back(normals(61, i, n));
  auto const b = to_vectors(rhs);
  Vectors<double, Space> const z("test::z", items, n);
  Scalars<SolveRecord<double>, Space> const records("test::records", items);
  Witness const a{items, n, Kokkos::View<int, Kokkos::HostSpace>("test::threads")};
  for (Path const path : {Path::fused, Path::bulk}) {
    a.threads() = 0;
    pinv_cg(Kokkos::OpenMP(1), a, b, z, records, {.path = path});
    CHECK(a.threads() == 1);
    a.threads() = 0;
    pinv_cg(Space(), a, b, z, records, {.path = path});
    CHECK(a.threads() == Space().concurrency());
  }
}

#endif
