// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_PROPERTY_HPP
#define MINFOLD_TESTS_PROPERTY_HPP

#include "support/certificates.hpp"

/// A batch of random problems for one kernel each: what is not as its records say goes to the findings.
/// `which`: the method or path.
namespace minfold::test {

template <class T>
void try_kernel_basis(std::uint64_t seed, int which, Findings& found);
template <class T>
void try_kernel_and_pinv(std::uint64_t seed, int which, Findings& found);
template <class T>
void try_large_mixed(std::uint64_t seed, int which, Findings& found);
template <class T>
void try_pinv_cg(std::uint64_t seed, int which, Findings& found);
template <class T>
void try_pinv_pcg(std::uint64_t seed, int which, Findings& found);
template <class T>
void try_pinv_direct(std::uint64_t seed, int which, Findings& found);
template <class T>
void try_pinv_cgls(std::uint64_t seed, int which, Findings& found);
template <class T>
void try_tangent_space(std::uint64_t seed, int which, Findings& found);
template <class T>
void try_range_finder(std::uint64_t seed, int which, Findings& found);
template <class T>
void try_symmetric_eigen(std::uint64_t seed, int which, Findings& found);
template <class T>
void try_orthonormalize(std::uint64_t seed, int which, Findings& found);

}  // namespace minfold::test

#endif
