// SPDX-License-Identifier: Apache-2.0
#include "runtime.hpp"

#include <minfold/core/batch.hpp>
#include <minfold/core/version.hpp>

#include <nanobind/stl/string.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <new>
#include <regex>
#include <thread>

namespace minfold::python {

namespace {

/// The whole of it is never destroyed: at the end of the process other threads may be inside.
struct Process {
  std::mutex turn;
  std::atomic<bool> ended = false;
  std::atomic<int> parked = 0;
  // All else is guarded by the GIL.
  minfold_context* context = nullptr;
  int calls = 0;  ///< under way, paused and parked ones included
  bool started = false, forked = false, owner = false;
};
Process& process() {
  static auto& instance = *new Process;
  return instance;
}

using Space = Kokkos::DefaultExecutionSpace;
int threads_in_use() {
  return Space().concurrency();
}

/// Throws unless the library can be used, or started, in this process.
void require_usable(char const* function) {
  auto const& p = process();
  std::string const name = std::string("minfold: ") + function;
  if (p.forked)
    throw NotInitialized(name +
                         ": this process was forked from one in which minfold had started its "
                         "threads, which a fork does not copy; start it with spawn or forkserver");
  if (p.ended) throw NotInitialized(name + ": the interpreter is ending, and minfold has ended");
}

void start(char const* function, int threads) {
  auto& p = process();
  require_usable(function);
  bool const ran = Kokkos::is_initialized();
  if (!p.started) {
    finish(function, minfold_initialize(threads, -1));
    p.started = true;
    p.owner = !ran;
  }
  if (threads > 0 && threads != threads_in_use())
    throw std::invalid_argument(
        std::string("minfold: ") + function + ": threads is " + std::to_string(threads) +
        ", but Kokkos runs with " + std::to_string(threads_in_use()) +
        " already; the number is chosen before the first use and cannot be changed");
}

/// Before a thread comes back to Python.
void gate() noexcept {
  if (process().ended) park();
}

/// At the end of the interpreter. Threads that are inside, all of them daemons, are waited for until they
/// are parked, or else for two seconds. Kokkos is finalized if it was started here and nobody is inside.
void shut_down() {
  auto& p = process();
  p.ended = true;
  for (int i = 0; i < 2000 && p.calls > p.parked; ++i) {
    nb::gil_scoped_release const released;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (p.calls > 0 || p.forked || !p.started) return;
  minfold_context_destroy(p.context);
  p.context = nullptr;
  minfold_finalize();
}

/// In the child of a fork. A single thread has been copied, more have not.
void after_fork() {
  auto& p = process();
  new (&p.turn) std::mutex;  // whoever held it is not here
  p.forked = p.started && Kokkos::is_initialized() && threads_in_use() > 1;
  p.calls = 0;
}

nb::dict config() {
  auto const& p = process();
  bool const running = Kokkos::is_initialized();
  nb::dict d;
  d["version"] = minfold::version;
  d["kokkos"] = std::to_string(KOKKOS_VERSION / 10000) + "." +
                std::to_string(KOKKOS_VERSION / 100 % 100) + "." +
                std::to_string(KOKKOS_VERSION % 100);
  d["backend"] = Space::name();
  d["compiler"] = __VERSION__;
  d["initialized"] = running && p.started && !p.ended;
  d["threads"] = running ? nb::object(nb::int_(threads_in_use())) : nb::object(nb::none());
  d["owns_kokkos"] = p.owner;
  return d;
}

}  // namespace

void park() noexcept {
  ++process().parked;
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

Turn::Call::Call() {
  ++process().calls;
}
Turn::Call::~Call() {
  --process().calls;
}
Turn::Turn() {
  process().turn.lock();
}
Turn::~Turn() {
  process().turn.unlock();
  gate();
}
Interlude::Pause::Pause() {
  process().turn.unlock();
  gate();
}
Interlude::Pause::~Pause() {
  process().turn.lock();
}
Interlude::Interlude() = default;
Interlude::~Interlude() = default;

minfold_context* context(char const* function) {
  auto& p = process();
  require_usable(function);
  if (!p.started) start(function, 0);
  if (!Kokkos::is_initialized())
    throw NotInitialized(std::string("minfold: ") + function +
                         ": Kokkos was finalized by the one who ran it");
  if (!p.context) finish(function, minfold_context_create(nullptr, &p.context));
  return p.context;
}

std::string finish(char const* function, minfold_status status) {
  if (status == MINFOLD_OK) return "";
  std::string const sentence =
      std::regex_replace(std::string(minfold_last_error()), std::regex("minfold_[a-z_]+:"),
                         std::string(function) + ":", std::regex_constants::format_first_only);
  switch (status) {
    case MINFOLD_NOT_CERTIFIED: return sentence;
    case MINFOLD_INVALID_ARGUMENT: throw std::invalid_argument(sentence);
    case MINFOLD_NOT_INITIALIZED: throw NotInitialized(sentence);
    case MINFOLD_NO_MEMORY: throw std::bad_alloc();
    default: throw Internal(sentence);
  }
}

void bind_runtime(nb::module_& module) {
  auto const error = nb::exception<Error>(module, "Error", PyExc_RuntimeError);
  error.doc() = "Base of the errors of minfold that are not ValueError, TypeError or MemoryError.";
  auto const ended = nb::exception<NotInitialized>(module, "NotInitializedError", error.ptr());
  ended.doc() = "minfold cannot run here: Kokkos has ended, or this is the child of a fork.";
  auto const internal = nb::exception<Internal>(module, "InternalError", error.ptr());
  internal.doc() = "An error inside minfold or Kokkos that no input should cause.";

  module.def("initialize", [](int threads) { start("initialize", threads); }, nb::arg("threads"));
  module.def("shut_down", &shut_down);
  module.def("after_fork", &after_fork);
  module.def("config", &config);
  module.attr("version") = minfold::version;
}

}  // namespace minfold::python
