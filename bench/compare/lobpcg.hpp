// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_BENCH_COMPARE_LOBPCG_HPP
#define MINFOLD_BENCH_COMPARE_LOBPCG_HPP

#include "compare/problem.hpp"

namespace minfold::bench {

/// As many eigenvectors of smallest eigenvalue of H as there are start vectors, by LOBPCG (Knyazev, SIAM
/// J. Sci. Comput. 23 (2001)) without a preconditioner, for the matrix-free job. Stops when
/// ||H q_j|| <= cg_tolerance ||H|| for all of them.
Contender lobpcg(Problem const& problem);

}  // namespace minfold::bench

#endif
