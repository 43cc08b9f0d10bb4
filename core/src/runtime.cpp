// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/core/runtime.hpp>

#include <mutex>

namespace minfold {

namespace {

struct Users {
  std::mutex mutex;
  int count = 0;
  bool owner = false;  ///< Kokkos was started here
};
Users& users() {
  static Users instance;
  return instance;
}

}  // namespace

Runtime::Runtime() : Runtime(Kokkos::InitializationSettings().set_disable_warnings(true)) {}

Runtime::Runtime(Kokkos::InitializationSettings const& settings) {
  auto& u = users();
  std::lock_guard const lock(u.mutex);
  if (!Kokkos::is_initialized()) {
    MINFOLD_REQUIRE(!Kokkos::is_finalized(),
                    "Runtime: Kokkos has ended and cannot start again in this process");
    Kokkos::initialize(settings);
    u.owner = true;
  }
  ++u.count;
}

Runtime::~Runtime() {
  auto& u = users();
  std::lock_guard const lock(u.mutex);
  if (--u.count > 0 || !u.owner) return;
  u.owner = false;
  if (Kokkos::is_initialized()) Kokkos::finalize();
}

bool Runtime::owns_kokkos() {
  auto& u = users();
  std::lock_guard const lock(u.mutex);
  return u.owner && Kokkos::is_initialized();
}

void require_kokkos(char const* what) {
  if (Kokkos::is_initialized()) return;
  MINFOLD_REQUIRE(!Kokkos::is_finalized(), what,
                  ": Kokkos has ended; what minfold is asked for must come before");
  MINFOLD_REQUIRE(false, what,
                  ": Kokkos has not started; keep a Kokkos::ScopeGuard or a minfold::Runtime");
}

}  // namespace minfold
