// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_HOST_LAPACK_HPP
#define MINFOLD_KERNELS_IMPL_HOST_LAPACK_HPP

#include <minfold/core/blas.hpp>

#include <lapacke.h>

/// BLAS and LAPACK on one item of a host, both precisions under one name; column-major. A row-major
/// symmetric matrix whose lower triangle counts is a column-major one whose upper triangle counts.
namespace minfold::impl::host {

/// a := U with A = U^T U, upper triangles; not 0 where A is not positive definite.
inline int potrf(int n, double* a, int lda) {
  return LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', n, a, lda);
}
inline int potrf(int n, float* a, int lda) {
  return LAPACKE_spotrf_work(LAPACK_COL_MAJOR, 'U', n, a, lda);
}

/// u := U^-1, upper triangles; not 0 where a diagonal entry is 0.
inline int trtri(int n, double* u, int ldu) {
  return LAPACKE_dtrtri_work(LAPACK_COL_MAJOR, 'U', 'N', n, u, ldu);
}
inline int trtri(int n, float* u, int ldu) {
  return LAPACKE_strtri_work(LAPACK_COL_MAJOR, 'U', 'N', n, u, ldu);
}

/// a := eigenvectors, w := eigenvalues, ascending, of the symmetric matrix with upper triangle a; work: 4 n.
inline int syev(int n, double* a, int lda, double* w, double* work) {
  return LAPACKE_dsyev_work(LAPACK_COL_MAJOR, 'V', 'U', n, a, lda, w, work, 4 * n);
}

/// x := U^-1 x, or U^-T x where transposed; x is n x columns.
inline void trsm_left(bool transposed, int n, int columns, double const* u, int ldu, double* x,
                      int ldx) {
  cblas_dtrsm(CblasColMajor, CblasLeft, CblasUpper, transposed ? CblasTrans : CblasNoTrans,
              CblasNonUnit, n, columns, 1, u, ldu, x, ldx);
}
inline void trsm_left(bool transposed, int n, int columns, float const* u, int ldu, float* x,
                      int ldx) {
  cblas_strsm(CblasColMajor, CblasLeft, CblasUpper, transposed ? CblasTrans : CblasNoTrans,
              CblasNonUnit, n, columns, 1, u, ldu, x, ldx);
}
/// x := x U^-1; x is n x columns, U of order columns.
inline void trsm_right(int n, int columns, double const* u, int ldu, double* x, int ldx) {
  cblas_dtrsm(CblasColMajor, CblasRight, CblasUpper, CblasNoTrans, CblasNonUnit, n, columns, 1, u,
              ldu, x, ldx);
}
inline void trsm_right(int n, int columns, float const* u, int ldu, float* x, int ldx) {
  cblas_strsm(CblasColMajor, CblasRight, CblasUpper, CblasNoTrans, CblasNonUnit, n, columns, 1, u,
              ldu, x, ldx);
}

/// Up to so many columns one symv each is faster than one symm, which packs all of A first: 0.6 ms a
/// symv, 3.7 ms a symm of 4 columns for n = 2048.
inline constexpr int symv_columns = 6;

/// y := alpha A x, A symmetric by its upper triangle; x, y are n x columns.
inline void symm(int n, int columns, double alpha, double const* a, int lda, double const* x,
                 int ldx, double* y, int ldy) {
  if (columns <= symv_columns)
    for (int c = 0; c < columns; ++c)
      cblas_dsymv(CblasColMajor, CblasUpper, n, alpha, a, lda, x + long(c) * ldx, 1, 0,
                  y + long(c) * ldy, 1);
  else
    cblas_dsymm(CblasColMajor, CblasLeft, CblasUpper, n, columns, alpha, a, lda, x, ldx, 0, y, ldy);
}
inline void symm(int n, int columns, float alpha, float const* a, int lda, float const* x, int ldx,
                 float* y, int ldy) {
  if (columns <= symv_columns)
    for (int c = 0; c < columns; ++c)
      cblas_ssymv(CblasColMajor, CblasUpper, n, alpha, a, lda, x + long(c) * ldx, 1, 0,
                  y + long(c) * ldy, 1);
  else
    cblas_ssymm(CblasColMajor, CblasLeft, CblasUpper, n, columns, alpha, a, lda, x, ldx, 0, y, ldy);
}

/// g := X^T X, upper triangle; X is n x columns.
inline void syrk(int n, int columns, double const* x, int ldx, double* g, int ldg) {
  cblas_dsyrk(CblasColMajor, CblasUpper, CblasTrans, columns, n, 1, x, ldx, 0, g, ldg);
}
inline void syrk(int n, int columns, float const* x, int ldx, float* g, int ldg) {
  cblas_ssyrk(CblasColMajor, CblasUpper, CblasTrans, columns, n, 1, x, ldx, 0, g, ldg);
}

/// c := alpha op(a) b + beta c; c is m x n, the inner dimension k.
inline void gemm(bool transposed, int m, int n, int k, double alpha, double const* a, int lda,
                 double const* b, int ldb, double beta, double* c, int ldc) {
  cblas_dgemm(CblasColMajor, transposed ? CblasTrans : CblasNoTrans, CblasNoTrans, m, n, k, alpha,
              a, lda, b, ldb, beta, c, ldc);
}
inline void gemm(bool transposed, int m, int n, int k, float alpha, float const* a, int lda,
                 float const* b, int ldb, float beta, float* c, int ldc) {
  cblas_sgemm(CblasColMajor, transposed ? CblasTrans : CblasNoTrans, CblasNoTrans, m, n, k, alpha,
              a, lda, b, ldb, beta, c, ldc);
}

}  // namespace minfold::impl::host

#endif
