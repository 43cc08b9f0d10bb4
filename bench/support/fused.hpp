// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_BENCH_FUSED_HPP
#define MINFOLD_BENCH_FUSED_HPP

#include <minfold/kernels/kernel_basis.hpp>
#include <minfold/kernels/pinv_direct.hpp>
#if __has_include(<minfold/kernels/kernel_and_pinv.hpp>)
#include <minfold/kernels/kernel_and_pinv.hpp>
#endif

namespace minfold::bench {

/// Basis of ker H and H^+ b. One call where the library has it, two otherwise.
template <class E, class A, class B, class Z, class T, class S, class K>
void kernel_basis_and_pinv(E const& space, A const& h, B const& b, Z const& z,
                           Basis<T, E> const& basis, S const& records, K const& kernels) {
#if __has_include(<minfold/kernels/kernel_and_pinv.hpp>)
  minfold::kernel_and_pinv(space, h, b, z, basis, records, kernels);
#else
  minfold::kernel_basis(space, h, basis, kernels);
  minfold::pinv_direct(space, h, b, z, records, kernels);
#endif
}

template <class Options>
void say_semidefinite(Options& options) {
  if constexpr (requires { options.semidefinite; }) options.semidefinite = true;
}

}  // namespace minfold::bench

#endif
