// SPDX-License-Identifier: Apache-2.0
#include "every_kernel_impl.hpp"

namespace minfold::test {

void run_every_kernel(Space const& space, WorkOf<double> const& work, Fingerprint& print) {
  run_every(space, work, print);
}
void run_large_kernels(Space const& space, WorkOf<double> const& work, Fingerprint& print) {
  run_large(space, work, print);
}

}  // namespace minfold::test
