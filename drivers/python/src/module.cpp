// SPDX-License-Identifier: Apache-2.0
#include "runtime.hpp"

NB_MODULE(_core, module) {
  module.doc() = "The compiled part of minfold; the package minfold is its public face.";
  minfold::python::bind_runtime(module);
  minfold::python::bind_kernels(module);
  minfold::python::bind_solve(module);
}
