// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_USUAL_HPP
#define MINFOLD_KERNELS_IMPL_USUAL_HPP

#include <minfold/core/batch.hpp>
#include <minfold/core/dense_operator.hpp>

/// The instantiations that the library holds, for explicit matrices on the default space. With
/// MINFOLD_EXTERN_TEMPLATES each public header ends with their declarations, and its users do not
/// make them again.
namespace minfold::impl::usual {

using Space = Kokkos::DefaultExecutionSpace;
template <class T>
using Matrices = DenseOperator<Blocks<T, Space>>;
template <template <class> class Record, class T>
using Records = Scalars<Record<T>, Space>;

}  // namespace minfold::impl::usual

/// DECLARE(EXTERN, T) is `EXTERN template ...;` for one kernel and precision.
#define MINFOLD_IMPL_USUAL(DECLARE, EXTERN) DECLARE(EXTERN, double) DECLARE(EXTERN, float)

#define MINFOLD_IMPL_USUAL_PINV_CG_OF(EXTERN, T, V)                                              \
  EXTERN template void pinv_cg(impl::usual::Space const&, impl::usual::Matrices<T> const&,       \
                               V<T, impl::usual::Space> const&, V<T, impl::usual::Space> const&, \
                               impl::usual::Records<SolveRecord, T> const&,                      \
                               PinvCgOptions<T> const&, Basis<T, impl::usual::Space> const&);
#define MINFOLD_IMPL_USUAL_PINV_CG(EXTERN, T)       \
  MINFOLD_IMPL_USUAL_PINV_CG_OF(EXTERN, T, Vectors) \
  MINFOLD_IMPL_USUAL_PINV_CG_OF(EXTERN, T, Blocks)

#define MINFOLD_IMPL_USUAL_PINV_CGLS_OF(EXTERN, T, V)                                              \
  EXTERN template void pinv_cgls(                                                                  \
      impl::usual::Space const&, impl::usual::Matrices<T> const&, V<T, impl::usual::Space> const&, \
      V<T, impl::usual::Space> const&, V<T, impl::usual::Space> const&,                            \
      impl::usual::Records<SolveRecord, T> const&, PinvCglsOptions<T> const&);
#define MINFOLD_IMPL_USUAL_PINV_CGLS(EXTERN, T)       \
  MINFOLD_IMPL_USUAL_PINV_CGLS_OF(EXTERN, T, Vectors) \
  MINFOLD_IMPL_USUAL_PINV_CGLS_OF(EXTERN, T, Blocks)

#define MINFOLD_IMPL_USUAL_PINV_DIRECT_OF(EXTERN, T, V)                                            \
  EXTERN template void pinv_direct(                                                                \
      impl::usual::Space const&, impl::usual::Matrices<T> const&, V<T, impl::usual::Space> const&, \
      V<T, impl::usual::Space> const&, impl::usual::Records<SolveRecord, T> const&,                \
      impl::usual::Records<KernelRecord, T> const&, PinvDirectOptions<T> const&);
#define MINFOLD_IMPL_USUAL_PINV_DIRECT(EXTERN, T)       \
  MINFOLD_IMPL_USUAL_PINV_DIRECT_OF(EXTERN, T, Vectors) \
  MINFOLD_IMPL_USUAL_PINV_DIRECT_OF(EXTERN, T, Blocks)

#define MINFOLD_IMPL_USUAL_KERNEL_AND_PINV_OF(EXTERN, T, V)                                        \
  EXTERN template void kernel_and_pinv(                                                            \
      impl::usual::Space const&, impl::usual::Matrices<T> const&, V<T, impl::usual::Space> const&, \
      V<T, impl::usual::Space> const&, Basis<T, impl::usual::Space> const&,                        \
      impl::usual::Records<SolveRecord, T> const&, impl::usual::Records<KernelRecord, T> const&,   \
      KernelAndPinvOptions<T> const&);
#define MINFOLD_IMPL_USUAL_KERNEL_AND_PINV(EXTERN, T)       \
  MINFOLD_IMPL_USUAL_KERNEL_AND_PINV_OF(EXTERN, T, Vectors) \
  MINFOLD_IMPL_USUAL_KERNEL_AND_PINV_OF(EXTERN, T, Blocks)

#define MINFOLD_IMPL_USUAL_KERNEL_BASIS(EXTERN, T)                                              \
  EXTERN template void kernel_basis(impl::usual::Space const&, impl::usual::Matrices<T> const&, \
                                    Basis<T, impl::usual::Space> const&,                        \
                                    impl::usual::Records<KernelRecord, T> const&,               \
                                    KernelBasisOptions<T> const&);

#define MINFOLD_IMPL_USUAL_RANGE_FINDER(EXTERN, T)                                \
  EXTERN template void range_finder(                                              \
      impl::usual::Space const&, impl::usual::Matrices<T> const&,                 \
      Basis<T, impl::usual::Space> const&, Vectors<T, impl::usual::Space> const&, \
      impl::usual::Records<RangeRecord, T> const&, RangeFinderOptions<T> const&);

#define MINFOLD_IMPL_USUAL_TANGENT_SPACE(EXTERN, T)                                               \
  EXTERN template TangentSpace<T, impl::usual::Space> tangent_space(                              \
      impl::usual::Space const&, impl::usual::Matrices<T> const&, TangentSpaceOptions<T> const&); \
  EXTERN template void tangent_solve(                                                             \
      impl::usual::Space const&, impl::usual::Matrices<T> const&,                                 \
      TangentSpace<T, impl::usual::Space> const&, Blocks<T const, impl::usual::Space> const&,     \
      Blocks<T, impl::usual::Space> const&, Blocks<T, impl::usual::Space> const&,                 \
      impl::usual::Records<SolveRecord, T> const&, T);

#define MINFOLD_IMPL_USUAL_ORTHONORMALIZE(EXTERN, T)                   \
  EXTERN template void orthonormalize(                                 \
      impl::usual::Space const&, Blocks<T, impl::usual::Space> const&, \
      impl::usual::Records<OrthonormalizeRecord, T> const&, OrthonormalizeOptions<T> const&);

#define MINFOLD_IMPL_USUAL_SYMMETRIC_EIGEN(EXTERN, T)                                     \
  EXTERN template void symmetric_eigen(                                                   \
      impl::usual::Space const&, Blocks<T, impl::usual::Space> const&,                    \
      Vectors<T, impl::usual::Space> const&, impl::usual::Records<EigenRecord, T> const&, \
      SymmetricEigenOptions<T> const&);

#define MINFOLD_IMPL_USUAL_NYSTROM(EXTERN, T)             \
  EXTERN template Nystrom<T, impl::usual::Space> nystrom( \
      impl::usual::Space const&, impl::usual::Matrices<T> const&, NystromOptions<T> const&);

#define MINFOLD_IMPL_USUAL_PINV_PCG_OF(EXTERN, T, V)                                              \
  EXTERN template void pinv_pcg(impl::usual::Space const&, impl::usual::Matrices<T> const&,       \
                                Nystrom<T, impl::usual::Space> const&,                            \
                                V<T, impl::usual::Space> const&, V<T, impl::usual::Space> const&, \
                                impl::usual::Records<SolveRecord, T> const&,                      \
                                PinvPcgOptions<T> const&, Basis<T, impl::usual::Space> const&);
#define MINFOLD_IMPL_USUAL_PINV_PCG(EXTERN, T)       \
  MINFOLD_IMPL_USUAL_PINV_PCG_OF(EXTERN, T, Vectors) \
  MINFOLD_IMPL_USUAL_PINV_PCG_OF(EXTERN, T, Blocks)

#endif
