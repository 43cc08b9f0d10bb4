// SPDX-License-Identifier: Apache-2.0
// A Workspace: no allocation after the first call, the same bits, and nobody's array lent twice.
#include <minfold/core/workspace.hpp>

#include "all_work.hpp"
#include "instances.hpp"
#include "support/watch.hpp"
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <optional>
#include <thread>

using namespace minfold;
using namespace minfold::test;

namespace {

/// Labels of minfold's arrays that were allocated. An array of no extent is not pooled, and takes no memory but
/// the header that Kokkos keeps of it, whose size it reports then.
class Allocations {
 public:
  Allocations() {
    labels.clear();
    Kokkos::Tools::Experimental::set_allocate_data_callback(
        [](Kokkos::Tools::SpaceHandle, char const* label, void const*, std::uint64_t size) {
          if (size != sizeof(Kokkos::Impl::SharedAllocationHeader) &&
              std::string(label).find("minfold::") == 0)
            labels.insert(label);
        });
  }
  inline static std::set<std::string> labels;

 private:
  Watch watch_;  // restores the callbacks
};

}  // namespace

TEST_CASE("with a Workspace kernels that are called again and again allocate nothing") {
  AllWork const work;
  auto const all = [&](Fingerprint& print) { work.run(Space(), print); };
  Fingerprint expected;
  all(expected);

  Workspace<Space> workspace;
  auto const in_use = workspace.use();
  Fingerprint ignored(Fingerprint::Look::no);
  {
    Allocations const watch;
    all(ignored);
    CHECK(Allocations::labels.size() > 20);
  }
  // Arrays that were replaced by larger ones on the way may be missed once more.
  all(ignored);
  {
    Allocations const watch;
    all(ignored);
    CHECK(Allocations::labels == std::set<std::string>());
  }
  Fingerprint again;
  all(again);
  CHECK(again.hashes() == expected.hashes());

  CHECK(workspace.bytes() > 0);
  workspace.release();
  CHECK(workspace.bytes() == 0);
  all(ignored);
  CHECK(workspace.bytes() > 0);
}

TEST_CASE("an array of a Workspace is lent to one at a time") {
  Space const space;
  Workspace<Space> workspace(space);
  std::optional<Vectors<double, Space>> kept;
  double const* first = nullptr;
  {
    auto const in_use = workspace.use();
    auto const a = make_vectors<double>(space, "test::a", 5, 3);
    CHECK(make_vectors<double>(space, "test::b", 5, 3).data() != a.data());
    CHECK(make_vectors<float>(space, "test::b", 5, 3).extent(0) == 5);
    first = a.data();
    kept = a;
  }
  {
    auto const in_use = workspace.use();
    // Held from outside, beyond the use that it was made in.
    CHECK(make_vectors<double>(space, "test::c", 5, 3).data() != first);
    kept.reset();
    auto const fewer = make_vectors<double>(space, "test::d", 2, 3);
    CHECK(fewer.extent(0) == 2);
    CHECK(fewer.extent(1) == 3);
    CHECK(fewer.span_is_contiguous());
    CHECK(make_vectors<double>(space, "test::e", 2, 4).extent(1) == 4);
    // A part of it is enough to hold it.
    auto const part = Kokkos::subview(fewer, 1, Kokkos::ALL);
    auto const data = fewer.data();
    std::vector<Vectors<double, Space>> others;
    for (int k = 0; k < 5; ++k) {
      others.push_back(make_vectors<double>(space, "test::f", 2, 3));
      CHECK(others.back().data() != data);
      for (int l = 0; l < k; ++l) CHECK(others[l].data() != others[k].data());
    }
  }
  // Not in use: every array is new, and gone at its end.
  auto const bytes = workspace.bytes();
  {
    auto const a = make_vectors<double>(space, "test::g", 100, 100);
    CHECK(workspace.bytes() == bytes);
  }
}

TEST_CASE("a Workspace grows to the largest batch and not with the number of sizes") {
  Space const space;
  Workspace<Space> workspace(space);
  auto const in_use = workspace.use();
  for (int items = 1; items <= 50; ++items) make_vectors<double>(space, "test::v", items, 10);
  for (int items = 50; items >= 1; --items) make_vectors<double>(space, "test::v", items, 10);
  CHECK(workspace.bytes() == 50 * 10 * sizeof(double));
}

TEST_CASE("a Workspace serves its instance and its thread alone") {
  auto const space = Space(), other = another_instance();
  Workspace<Space> workspace(space);
  auto const in_use = workspace.use();
  make_vectors<double>(other, "test::v", 5, 3);
  CHECK(workspace.bytes() == 0);
  std::string refusal;
  std::thread([&] {
    try {
      auto const also = workspace.use();
    } catch (std::invalid_argument const& error) {
      refusal = error.what();
    }
  }).join();
  CHECK_THAT(refusal, Catch::Matchers::ContainsSubstring("in use by another thread"));
  auto const nested = workspace.use();
  make_vectors<double>(space, "test::v", 5, 3);
  CHECK(workspace.bytes() == 5 * 3 * sizeof(double));
  {
    // The inner one of two is asked.
    Workspace<Space> inner(space);
    auto const inner_use = inner.use();
    make_vectors<double>(space, "test::v", 7, 3);
    CHECK(inner.bytes() == 7 * 3 * sizeof(double));
  }
  CHECK(workspace.bytes() == 5 * 3 * sizeof(double));
}
