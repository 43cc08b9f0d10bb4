// SPDX-License-Identifier: Apache-2.0
// A host that does not know Kokkos: the first Runtime starts it, the last one ends it, and before and
// after there are sentences.
#include <minfold/kernels/kernel_basis.hpp>

#include "check.hpp"

#include <optional>

using minfold::Runtime;
using Space = Kokkos::DefaultExecutionSpace;

int main() {
  CHECK(has(refusal([] { minfold::require_kokkos("solve"); }),
            "minfold: solve: Kokkos has not started"));
  CHECK(!Kokkos::is_initialized() && !Runtime::owns_kokkos());
  // Never deleted: Kokkos itself aborts where a space is destructed after its end.
  static Space* kept = nullptr;
  {
    std::optional<Runtime> first;
    first.emplace(Kokkos::InitializationSettings().set_num_threads(1).set_disable_warnings(true));
    CHECK(Kokkos::is_initialized() && Runtime::owns_kokkos());
    CHECK(Space().concurrency() == 1 ||
          !Kokkos::SpaceAccessibility<Space, Kokkos::HostSpace>::accessible);
    {
      Runtime const second;  // a library of its own, within
      first.reset();         // which goes last
      CHECK(Kokkos::is_initialized() && Runtime::owns_kokkos());
      kept = new Space();
      CHECK(minfold::make_scalars<double>(*kept, "v", 3).extent(0) == 3);
    }
    CHECK(!Kokkos::is_initialized() && Kokkos::is_finalized() && !Runtime::owns_kokkos());
  }
  CHECK(has(refusal([] { Runtime const again; }),
            "minfold: Runtime: Kokkos has ended and cannot start"));
  CHECK(has(refusal([&] { minfold::make_scalars<double>(*kept, "minfold::v", 3); }),
            "minfold: minfold::v: Kokkos has ended"));
  CHECK(
      has(refusal([&] { minfold::make_vectors<double>(*kept, "minfold::v", 3, 3); }), "has ended"));
  CHECK(has(refusal([&] { minfold::make_blocks<double>(*kept, "minfold::v", 3, 3, 3); }),
            "has ended"));
  // A kernel whose space outlived Kokkos refuses before it touches memory.
  double numbers[8] = {};
  Kokkos::View<double***, Kokkos::LayoutRight, Space> const matrices(numbers, 1, 2, 2);
  Kokkos::View<double**, Kokkos::LayoutRight, Space> const b(numbers + 4, 1, 2),
      z(numbers + 6, 1, 2);
  minfold::SolveRecord<double> record;
  Kokkos::View<minfold::SolveRecord<double>*, Space> const records(&record, 1);
  CHECK(has(
      refusal([&] { minfold::pinv_cg(*kept, minfold::DenseOperator(matrices), b, z, records); }),
      "minfold: minfold::pinv_cg::state: Kokkos has ended"));
  return failures != 0;
}
