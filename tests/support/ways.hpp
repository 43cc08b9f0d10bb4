// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_WAYS_HPP
#define MINFOLD_TESTS_WAYS_HPP

#include <minfold/core/impl/tuning.hpp>
#include <minfold/kernels/kernel_and_pinv.hpp>
#include <minfold/kernels/kernel_basis_options.hpp>
#include <minfold/kernels/range_finder_options.hpp>
#include <minfold/kernels/symmetric_eigen.hpp>
#include <minfold/kernels/tangent_space.hpp>

#include "support/host.hpp"

#include <vector>

/// The ways in which a kernel can be told to work. Each switch names all values and has no default: a new one
/// is a warning here (-Wswitch), an error in CI, until a test runs it.
namespace minfold::test {

inline bool is_value(Path v) {
  switch (v) {
    case Path::automatic:
    case Path::fused:
    case Path::bulk:
    case Path::halves:
    case Path::packed: return true;
  }
  return false;
}
inline bool is_value(FactorMethod v) {
  switch (v) {
    case FactorMethod::automatic:
    case FactorMethod::packed:
    case FactorMethod::blocked:
    case FactorMethod::pivoted:
    case FactorMethod::team:
    case FactorMethod::spectral:
    case FactorMethod::mixed: return true;
  }
  return false;
}
inline bool is_value(KernelMethod v) {
  switch (v) {
    case KernelMethod::automatic:
    case KernelMethod::direct:
    case KernelMethod::randomized: return true;
  }
  return false;
}
inline bool is_value(KernelFilter v) {
  switch (v) {
    case KernelFilter::automatic:
    case KernelFilter::projection:
    case KernelFilter::chebyshev: return true;
  }
  return false;
}
inline bool is_value(RangeMethod v) {
  switch (v) {
    case RangeMethod::automatic:
    case RangeMethod::sketch:
    case RangeMethod::pivoted_cholesky: return true;
  }
  return false;
}
inline bool is_value(EigenMethod v) {
  switch (v) {
    case EigenMethod::automatic:
    case EigenMethod::jacobi:
    case EigenMethod::lapack: return true;
  }
  return false;
}
inline bool is_value(Representation v) {
  switch (v) {
    case Representation::automatic:
    case Representation::spectral:
    case Representation::kernel_basis:
    case Representation::range_basis:
    case Representation::implicit: return true;
  }
  return false;
}

/// Whether the space under test has that way, for matrices of order n.
template <class Way>
bool is_for(Way, int) {
  return true;
}
inline bool is_for(Path v, int) {
  return minfold::impl::runs_on_host<Space> || (v != Path::halves && v != Path::packed);
}
inline bool is_for(FactorMethod v, int n) {
  if (v == FactorMethod::packed && n > minfold::impl::packed_limit) return false;
  return minfold::impl::runs_on_host<Space> || v == FactorMethod::automatic ||
         v == FactorMethod::team || v == FactorMethod::spectral;
}
inline bool is_for(EigenMethod v, int n) {
  // Jacobi of a large matrix takes minutes.
  return v == EigenMethod::lapack ? minfold::impl::runs_on_host<Space>
                                  : v != EigenMethod::jacobi || n <= 80;
}

template <class Way>
std::vector<Way> ways(int n) {
  std::vector<Way> found;
  for (int i = 0; i < 100; ++i)
    if (is_value(Way(i)) && is_for(Way(i), n)) found.push_back(Way(i));
  return found;
}

}  // namespace minfold::test

#endif
