// SPDX-License-Identifier: Apache-2.0
#include "every_kernel.hpp"
#include <catch2/catch_test_macros.hpp>

#include <set>

#if defined(KOKKOS_ENABLE_OPENMP)
#include <omp.h>
#endif

using namespace minfold;
using namespace minfold::test;

namespace {

/// What Kokkos reported between start() and stop().
struct Seen {
  std::set<std::string> kernels, allocations, fences;
} seen;

void on_kernel(char const* name, std::uint32_t, std::uint64_t* id) {
  seen.kernels.insert(name);
  *id = 0;
}
void on_allocation(Kokkos::Tools::SpaceHandle, char const* label, void const*, std::uint64_t) {
  seen.allocations.insert(label);
}
void on_fence(char const* name, std::uint32_t, std::uint64_t* id) {
  seen.fences.insert(name);
  *id = 0;
}

class Watch {
 public:
  Watch() : before_(Kokkos::Tools::Experimental::get_callbacks()) {
    using namespace Kokkos::Tools::Experimental;
    seen = {};
    set_begin_parallel_for_callback(on_kernel);
    set_begin_parallel_reduce_callback(on_kernel);
    set_begin_parallel_scan_callback(on_kernel);
    set_allocate_data_callback(on_allocation);
    set_begin_fence_callback(on_fence);
  }
  ~Watch() { Kokkos::Tools::Experimental::set_callbacks(before_); }

 private:
  Kokkos::Tools::Experimental::EventSet before_;
};

bool starts_with(std::string const& text, std::string const& start) {
  return text.compare(0, start.size(), start) == 0;
}

}  // namespace

TEST_CASE("kernels and allocations are labelled minfold::") {
  Work const small(3, 8), large(2, 30);
  Fingerprint print;
  {
    Watch const watch;
    run_every_kernel(Space(), small, print);
    run_every_kernel(Space(), large, print);
  }
  CHECK(seen.kernels.size() > 20);
  CHECK(seen.allocations.size() > 20);
  for (auto const& name : seen.kernels) {
    CAPTURE(name);
    // deep_copy of Kokkos works with kernels of its own; test:: is the initialisation of our views.
    bool const by_kokkos =
        starts_with(name, "Kokkos::View") || name.find("[test::") != std::string::npos;
    CHECK((starts_with(name, "minfold::") || by_kokkos));
  }
  for (auto const& label : seen.allocations) {
    CAPTURE(label);
    // Kokkos:: is scratch memory that a backend grows for itself.
    CHECK((starts_with(label, "minfold::") || starts_with(label, "test::") ||
           starts_with(label, "Kokkos::")));
  }
  for (auto const& name : seen.fences) {
    CAPTURE(name);
    // No wait for all instances: kernels wait for none, records for the one they were given.
    CHECK(name.find("Unnamed Global") == std::string::npos);
  }
}

TEST_CASE("memory of the kernels is not initialised behind the caller's back") {
  Work const work(2, 30);
  Fingerprint print;
  {
    Watch const watch;
    run_every_kernel(Space(), work, print);
  }
  for (auto const& name : seen.kernels) {
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
