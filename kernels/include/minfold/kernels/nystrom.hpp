// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_NYSTROM_HPP
#define MINFOLD_KERNELS_NYSTROM_HPP

#include <minfold/core/lifted_operator.hpp>
#include <minfold/core/status.hpp>
#include <minfold/kernels/basis.hpp>
#include <minfold/kernels/item_ids.hpp>

namespace minfold {

template <std::floating_point T>
struct NystromOptions {
  /// > 0: width of the sketch. 0: chosen by the cost rule, item by item, and 0 where it cannot pay.
  int rank = 0;
  int max_rank = 512;  ///< automatic: widest sketch tried, n / 2 at most
  int columns = 1;     ///< automatic: right-hand sides that will share the preconditioner
  /// Automatic: smallest nonzero eigenvalue, as KernelRecord::smallest_kept; 0: not known.
  T smallest = 0;
  T tolerance = default_tolerance<T>;  ///< automatic: of the solves to come
  std::uint64_t seed = 1;
  ItemIds item_ids = {};
};

template <std::floating_point T>
struct NystromRecord {
  Outcome outcome = Outcome::not_run;
  int rank = 0;         ///< vectors kept; 0: the preconditioner is the identity
  int products = 0;     ///< of the sketch
  T norm_estimate = 0;  ///< lower bound of ||A||, by the sketch: ||A||_F / sqrt(n) or so
  T largest = 0;        ///< largest and smallest kept eigenvalue of the approximation
  T smallest = 0;
  T predicted_plain =
      0;            ///< iterations of CG without and with the preconditioner, as the cost rule
  T predicted = 0;  ///< predicts them; 0 with a given rank
};

/// U diag(values) U^T: vectors(item, j, :) = u_j, values(item, j) descending, j < rank, zeros beyond.
template <std::floating_point T, ExecutionSpace E>
struct Nystrom {
  Basis<T, E> basis;
  Vectors<T, E> values;
  Scalars<NystromRecord<T>, E> records;
};

/// Randomized Nystrom approximation A Omega (Omega^T A Omega)^+ Omega^T A of each item, A symmetric
/// positive semidefinite, for pinv_pcg.
///
/// Gives     at most `rank` orthonormal vectors in range A and their values, 0 <= approximation <= A up
///           to rounding. `indefinite_operator`: the sketch saw a clearly negative eigenvalue;
///           `not_finite`: rank 0. A given rank above that of A leaves the rank of A.
/// Costs     one block of `rank` products, 10 n rank^2 flops, and 3 n rank^2 more for each of up to two
///           further rounds where right angles need them; three words a component and vector.
///           Automatic: 16, 32, 64, ... until the rule stops; products and Gram matrices of a step are
///           kept, 3 n width^2 flops of it are not, and vectors are made of the last one only. Waits for
///           the records.
/// Rule      With v_l the smallest value of a sketch of width l, CG with it as preconditioner has the
///           condition v_l / mu, so about (1/2) sqrt(v_l / mu) log(2 / tolerance) iterations, if what
///           the sketch missed is of the size of v_l: so where the spectrum decays. Where mu =
///           `smallest` is known, the width doubles while that divides v by 2 at least and, by that
///           formula, saves more iterations on `columns` right-hand sides than it takes products;
///           the sketch is kept if v_l <= v_1 / 10 and it saves as many iterations as it took products.
///           Where mu is not known, it is taken as low as it may be, at the kernel tolerance, a
///           doubling must divide v by 3, and v_l <= v_1 / 100. A product of a block counts as
///           `nystrom_block_cost` of a single one. (With log-uniform eigenvalues in [0.01, 1], n =
///           2048, the formula promises 70 iterations instead of 118 at l = 64, and 118 it takes.)
/// Method    Frangella, Tropp, Udell, SIAM J. Matrix Anal. Appl. 44 (2023), algorithm 2.1: with C C^T =
///           Omega^T A Omega the approximation is F^T F, F = C^-1 Omega^T A, and the eigenproblem of F F^T
///           gives U. Their shift nu is replaced: Omega^T A Omega has a Cholesky factor where it is well
///           conditioned, and else its eigenvalues at the rounding level are cut off (Tropp, Yurtsever,
///           Udell, Cevher 2017, algorithm 3). The shift leaves nu Omega in the vectors, which has a part
///           in ker A, and z would get it, divided by v_l.
/// Numbers   Omega is uniform in (-sqrt 3, sqrt 3) where the source has normal numbers. Bounds for these
///           constants: NOT FOUND. DERIVED: every statement above rests on v_l as it was measured and on
///           none about Omega, but that a sketch as wide as the rank finds it all: a determinant that
///           is not identically zero vanishes with probability zero under any density (of numbers with 32
///           random bits, almost). Random signs have no density, and fail there: of two coordinates, two
///           columns of signs see one only, half of the time.
template <ExecutionSpace E, Operator<E> A>
Nystrom<typename A::scalar_type, E> nystrom(
    E const& space, A const& a, NystromOptions<typename A::scalar_type> const& options = {});

/// Bytes that nystrom allocates on `space` at its peak, its result included: with a sketch that ends at
/// width `reached`, NystromRecord::products of any item, or at the widest that the options allow.
/// See pinv_cg_bytes.
template <ExecutionSpace E, Operator<E> A>
std::size_t nystrom_bytes(E const& space, A const& a,
                          NystromOptions<typename A::scalar_type> const& options = {},
                          int reached = 0);

}  // namespace minfold

#include <minfold/kernels/impl/nystrom_impl.hpp>

#if defined(MINFOLD_EXTERN_TEMPLATES)
#include <minfold/kernels/impl/usual.hpp>

namespace minfold {
MINFOLD_IMPL_USUAL(MINFOLD_IMPL_USUAL_NYSTROM, extern)
}
#endif

#endif
