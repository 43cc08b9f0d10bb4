// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/runtime.hpp>
#include <minfold/core/version.hpp>

#include "plain_support.hpp"

#include <atomic>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>

namespace minfold::impl::plain {

static_assert(outcome_count == 8 && int(Outcome::not_run) == MINFOLD_OUTCOME_NOT_RUN &&
              int(Outcome::converged) == MINFOLD_OUTCOME_CONVERGED &&
              int(Outcome::iteration_limit) == MINFOLD_OUTCOME_ITERATION_LIMIT &&
              int(Outcome::inconsistent_rhs) == MINFOLD_OUTCOME_INCONSISTENT_RHS &&
              int(Outcome::indefinite_operator) == MINFOLD_OUTCOME_INDEFINITE_OPERATOR &&
              int(Outcome::ambiguous_rank) == MINFOLD_OUTCOME_AMBIGUOUS_RANK &&
              int(Outcome::rank_limit) == MINFOLD_OUTCOME_RANK_LIMIT &&
              int(Outcome::not_finite) == MINFOLD_OUTCOME_NOT_FINITE);

namespace {

struct Shared {
  std::mutex mutex;
  std::atomic<int> users = 0;  ///< minfold_initialize minus minfold_finalize
  /// While there are users. Who forgets minfold_finalize has no Kokkos ended by a static destructor.
  minfold::Runtime* kokkos = nullptr;
  std::atomic<int> contexts = 0;
};
Shared& runtime() {
  static Shared instance;
  return instance;
}

// Not a std::string: it must not fail where memory has run out.
thread_local char last_error[2048] = "";

template <class E>
E on_stream(void* stream) {
#if defined(KOKKOS_ENABLE_CUDA)
  if constexpr (std::is_same_v<E, Kokkos::Cuda>) {
    return E(static_cast<cudaStream_t>(stream));
  } else
#endif
#if defined(KOKKOS_ENABLE_HIP)
      if constexpr (std::is_same_v<E, Kokkos::HIP>) {
    return E(static_cast<hipStream_t>(stream));
  } else
#endif
  {
    refuse_with("minfold_context_create: the backend ", E::name(),
                " has no streams, stream must be NULL, not ", stream);
  }
}

}  // namespace

void set_error(char const* sentence) noexcept {
  std::strncpy(last_error, sentence, sizeof(last_error) - 1);
}

void require_running(char const* function) {
  std::string const name = function;
  if (runtime().users == 0)
    throw Failure(MINFOLD_NOT_INITIALIZED,
                  name + ": minfold_initialize has not been called, or minfold_finalize has");
  if (!Kokkos::is_initialized())
    throw Failure(MINFOLD_NOT_INITIALIZED, name + ": Kokkos was finalized by the one who ran it");
}

Space const& enter(char const* function, minfold_context const* context) {
  require_running(function);
  MINFOLD_REQUIRE(context, function, ": the context is NULL");
  return context->space;
}

void require_success(char const* callback, std::int32_t returned) {
  if (returned != 0)
    throw Failure(MINFOLD_CALLBACK_FAILED, std::string("the callback ") + callback + " returned " +
                                               std::to_string(returned));
}

}  // namespace minfold::impl::plain

using namespace minfold::impl::plain;

char const* minfold_last_error(void) {
  return last_error;
}

char const* minfold_status_name(minfold_status status) {
  switch (status) {
    case MINFOLD_OK: return "ok";
    case MINFOLD_NOT_CERTIFIED: return "not certified";
    case MINFOLD_INVALID_ARGUMENT: return "invalid argument";
    case MINFOLD_NOT_INITIALIZED: return "not initialized";
    case MINFOLD_NO_MEMORY: return "no memory";
    case MINFOLD_CALLBACK_FAILED: return "callback failed";
    case MINFOLD_INTERNAL: return "internal error";
    default: return "unknown status";
  }
}

char const* minfold_outcome_name(minfold_outcome outcome) {
  if (outcome < 0 || outcome >= minfold::outcome_count) return "unknown outcome";
  return minfold::to_string(minfold::Outcome(outcome));
}

std::int32_t minfold_version(void) {
  return MINFOLD_VERSION;
}

minfold_status minfold_initialize(std::int32_t threads, std::int32_t device) {
  return guarded([&] {
    MINFOLD_REQUIRE(threads >= 0, "minfold_initialize: threads is ", threads,
                    ", must be positive, or 0 for the default");
    MINFOLD_REQUIRE(device >= -1, "minfold_initialize: device is ", device,
                    ", must be the number of a GPU, or -1 for the default");
    auto& r = runtime();
    std::lock_guard const lock(r.mutex);
    if (!Kokkos::is_initialized() && Kokkos::is_finalized())
      throw Failure(MINFOLD_NOT_INITIALIZED,
                    "minfold_initialize: Kokkos has ended and cannot start again in this process");
    if (!r.kokkos) {
      // Its warnings are about binding of threads, which is the business of the process, not ours.
      auto settings = Kokkos::InitializationSettings().set_disable_warnings(true);
      if (threads > 0) settings.set_num_threads(threads);
      if (device >= 0) settings.set_device_id(device);
      r.kokkos = new minfold::Runtime(settings);
    }
    ++r.users;
    return MINFOLD_OK;
  });
}

minfold_status minfold_finalize(void) {
  return guarded([&] {
    auto& r = runtime();
    std::lock_guard const lock(r.mutex);
    if (r.users == 0)
      throw Failure(MINFOLD_NOT_INITIALIZED, "minfold_finalize: there was no minfold_initialize");
    MINFOLD_REQUIRE(r.users > 1 || r.contexts == 0, "minfold_finalize: ", r.contexts.load(),
                    " contexts are alive; destroy them first");
    if (--r.users == 0) delete std::exchange(r.kokkos, nullptr);
    return MINFOLD_OK;
  });
}

minfold_status minfold_context_create(void* stream, minfold_context** context) {
  return guarded([&] {
    MINFOLD_REQUIRE(context, "minfold_context_create: the place for the context is NULL");
    *context = nullptr;
    require_running("minfold_context_create");
    *context = new minfold_context{stream ? on_stream<Space>(stream) : Space(), stream};
    ++runtime().contexts;
    return MINFOLD_OK;
  });
}

void minfold_context_destroy(minfold_context* context) {
  if (!context) return;
  --runtime().contexts;
  // The instance of an execution space may refer to what Kokkos has torn down.
  if (Kokkos::is_initialized()) delete context;
}

void* minfold_context_stream(minfold_context const* context) {
  return context ? context->stream : nullptr;
}

char const* minfold_context_backend(minfold_context const*) {
  return Space::name();
}

minfold_status minfold_context_wait(minfold_context const* context) {
  return guarded([&] {
    enter("minfold_context_wait", context).fence("minfold::plain::wait");
    return MINFOLD_OK;
  });
}
