// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/status.hpp>
#include <minfold/core/version.hpp>

#include <cstring>

int main() {
  static_assert(MINFOLD_VERSION >= 100);
  return std::strcmp(minfold::to_string(minfold::Outcome::converged), "converged");
}
