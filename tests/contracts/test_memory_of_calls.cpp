// SPDX-License-Identifier: Apache-2.0
// What a call allocates: once, as much as the sizes ask for and not as the iterations do, and nothing of
// it stays. How many bytes is tested with the kernels (NAME_bytes).
#include "all_work.hpp"
#include "support/watch.hpp"
#include <catch2/catch_test_macros.hpp>

using namespace minfold;
using namespace minfold::test;

TEST_CASE("a second call allocates no more than the first, and no View stays alive") {
  AllWork const work;
  Fingerprint ignored(Fingerprint::Look::no);
  long first = 0, second = 0, left = 0;
  for (long* const allocated : {&first, &second}) {
    Watch const watch;
    work.run(Space(), ignored);
    *allocated = Watch::seen.allocated;
    left = Watch::seen.bytes;
  }
  CHECK(first > 100);
  CHECK(second <= first);
  CHECK(left == 0);  // so no static View either, which would meet the end of Kokkos
}

namespace {

template <class Call>
long allocations_of(Call const& call) {
  call();  // what a backend keeps for itself is made now
  Watch const watch;
  call();
  return Watch::seen.allocated;
}

}  // namespace

TEST_CASE("once the workspace of a solve exists, its iterations allocate nothing") {
  int const items = 5, n = 60;
  Work const work(items, n);
  DenseOperator const dense(work.matrices);
  ByTeam<double> const team{work.matrices};
  Vectors<double, Space> const z("test::z", items, n), part("test::part", items, n);
  Scalars<SolveRecord<double>, Space> const records("test::records", items);
  auto const basis = new_basis<double>(items, 4, n);
  auto const check = [&](auto const& a, Path path) {
    CAPTURE(int(path));
    long cg[2], cgls[2];
    for (int const many : {0, 1}) {
      int const limit = many ? 80 : 2;
      cg[many] = allocations_of([&] {
        pinv_cg(Space(), a, work.b, z, records,
                {.relative_tolerance = 1e-30, .max_iterations = limit, .path = path}, basis);
      });
      CHECK(summarize(Space(), records).iterations <= limit);
      cgls[many] = allocations_of([&] {
        pinv_cgls(Space(), a, work.b, z, part, records,
                  {.relative_tolerance = 1e-30, .max_iterations = limit, .path = path});
      });
      if (many) CHECK(summarize(Space(), records).iterations > 2);
    }
    CHECK(cg[0] > 0);
    CHECK(cg[1] == cg[0]);
    CHECK(cgls[1] == cgls[0]);
  };
  check(team, Path::fused);
  check(team, Path::bulk);
  check(dense, Path::bulk);
  if (minfold::impl::has_halves<DenseOperator<Blocks<double, Space>>, Space>) {
    check(dense, Path::halves);
    check(dense, Path::packed);
  }
}
