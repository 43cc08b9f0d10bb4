// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PYTHON_RUNTIME_HPP
#define MINFOLD_PYTHON_RUNTIME_HPP

#include <minfold/plain.h>

#include <cxxabi.h>
#include <nanobind/nanobind.h>

#include <stdexcept>
#include <string>

/// What the bindings share: the state of the library in this process, turns, errors.
namespace minfold::python {

namespace nb = nanobind;

// Python sees these as minfold.Error and classes derived from it.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct NotInitialized : Error {
  using Error::Error;
};
struct Internal : Error {
  using Error::Error;
};

/// The context of this process, made at the first use. Requires the GIL.
minfold_context* context(char const* function);

/// Stops this thread for good. When the interpreter ends, threads that are inside the library must not
/// come back to it: Python would end them by unwinding frames that do not let that pass.
[[noreturn]] void park() noexcept;

/// body(), which runs Python code. Should the interpreter end in it all the same, the thread ends here.
template <class Body>
auto in_python(Body const& body) {
  try {
    return body();
  } catch (abi::__forced_unwind const&) {
    park();
  }
}

/// While this lives the GIL is released, and no other thread is inside the library: a context is used by
/// one thread at a time.
class Turn {
 public:
  Turn();
  ~Turn();
  Turn(Turn const&) = delete;
  Turn& operator=(Turn const&) = delete;

 private:
  struct Call {
    Call();
    ~Call();
  } call_;
  nb::gil_scoped_release released_;
};

/// Inside a turn: back to Python, and another thread may have its turn meanwhile. A callback that waits
/// for a thread that calls minfold therefore ends.
class Interlude {
 public:
  Interlude();
  ~Interlude();
  Interlude(Interlude const&) = delete;
  Interlude& operator=(Interlude const&) = delete;

 private:
  struct Pause {
    Pause();
    ~Pause();
  } pause_;
  nb::gil_scoped_acquire acquired_;
};

/// The sentence of a call that has done its work, "" where all is well. Throws what other statuses mean;
/// `function` takes the place of the name of the C function in the sentence.
std::string finish(char const* function, minfold_status status);

void bind_runtime(nb::module_& module);
void bind_kernels(nb::module_& module);
void bind_solve(nb::module_& module);

}  // namespace minfold::python

#endif
