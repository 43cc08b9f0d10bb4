// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_DECAYING_HPP
#define MINFOLD_TESTS_DECAYING_HPP

#include "support/operators.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace minfold::test {

/// Eigenvalues of kernel dimension k, then i^-power down to 1 / condition.
inline Vec decaying(int n, int k, double power, double condition) {
  Vec values(n);
  for (int j = k; j < n; ++j) values[j] = std::max(std::pow(j - k + 1, -power), 1 / condition);
  return values;
}

template <class T>
InBulk<T> bulk(std::vector<Vec> const& matrices, int n) {
  return {to_matrices<T>(matrices, n)};
}

}  // namespace minfold::test

#endif
