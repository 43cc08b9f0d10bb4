// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_ALL_WORK_HPP
#define MINFOLD_TESTS_ALL_WORK_HPP

#include "every_kernel.hpp"

namespace minfold::test {

/// Problems on which every kernel takes every path, in both precisions: orders of a lane and of a block, on
/// both sides of the change from Jacobi to LAPACK, and one that is large enough for a factor in float.
struct AllWork {
  WorkOf<double> small{5, 8}, middle{7, 40}, wide{1, 150}, large{1, 352, 3};
  WorkOf<float> small_float{5, 8}, middle_float{2, 70}, large_float{1, 352, 3};

  void run(Space const& space, Fingerprint& print) const {
    for (auto const* work : {&small, &middle, &wide}) run_every_kernel(space, *work, print);
    for (auto const* work : {&small_float, &middle_float}) run_every_kernel(space, *work, print);
    run_large_kernels(space, large, print);
    run_large_kernels(space, large_float, print);
  }
};

}  // namespace minfold::test

#endif
