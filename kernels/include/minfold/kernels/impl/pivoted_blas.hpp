// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_PIVOTED_BLAS_HPP
#define MINFOLD_KERNELS_IMPL_PIVOTED_BLAS_HPP

#include <minfold/core/blas.hpp>

#include <lapacke.h>

/// The BLAS and LAPACK calls of the factor-based kernels, row-major, one name for both precisions.
/// Triangles are lower ones. Hosts only.
namespace minfold::impl {

/// X := X L^-1 (or X L^-T), X: rows x order.
inline void trsm_right(Transpose t, int rows, int order, double const* l, int ldl, double* x,
                       int ldx) {
  cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, bool(t) ? CblasTrans : CblasNoTrans,
              CblasNonUnit, rows, order, 1.0, l, ldl, x, ldx);
}
inline void trsm_right(Transpose t, int rows, int order, float const* l, int ldl, float* x,
                       int ldx) {
  cblas_strsm(CblasRowMajor, CblasRight, CblasLower, bool(t) ? CblasTrans : CblasNoTrans,
              CblasNonUnit, rows, order, 1.0f, l, ldl, x, ldx);
}

/// X := X L (or X L^T), X: rows x order.
inline void trmm_right(Transpose t, int rows, int order, double const* l, int ldl, double* x,
                       int ldx) {
  cblas_dtrmm(CblasRowMajor, CblasRight, CblasLower, bool(t) ? CblasTrans : CblasNoTrans,
              CblasNonUnit, rows, order, 1.0, l, ldl, x, ldx);
}
inline void trmm_right(Transpose t, int rows, int order, float const* l, int ldl, float* x,
                       int ldx) {
  cblas_strmm(CblasRowMajor, CblasRight, CblasLower, bool(t) ? CblasTrans : CblasNoTrans,
              CblasNonUnit, rows, order, 1.0f, l, ldl, x, ldx);
}

/// X := L^-1 X (or L^-T X), X: order x columns.
inline void trsm_left(Transpose t, int order, int columns, double const* l, int ldl, double* x,
                      int ldx) {
  cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, bool(t) ? CblasTrans : CblasNoTrans,
              CblasNonUnit, order, columns, 1.0, l, ldl, x, ldx);
}
inline void trsm_left(Transpose t, int order, int columns, float const* l, int ldl, float* x,
                      int ldx) {
  cblas_strsm(CblasRowMajor, CblasLeft, CblasLower, bool(t) ? CblasTrans : CblasNoTrans,
              CblasNonUnit, order, columns, 1.0f, l, ldl, x, ldx);
}

/// x := L^-1 x (or L^-T x).
inline void trsv(Transpose t, int order, double const* l, int ldl, double* x) {
  cblas_dtrsv(CblasRowMajor, CblasLower, bool(t) ? CblasTrans : CblasNoTrans, CblasNonUnit, order,
              l, ldl, x, 1);
}
inline void trsv(Transpose t, int order, float const* l, int ldl, float* x) {
  cblas_strsv(CblasRowMajor, CblasLower, bool(t) ? CblasTrans : CblasNoTrans, CblasNonUnit, order,
              l, ldl, x, 1);
}

/// Lower triangle of C := X X^T + beta C, X: rows x columns.
inline void syrk_rows(int rows, int columns, double const* x, int ldx, double beta, double* c,
                      int ldc) {
  cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, rows, columns, 1.0, x, ldx, beta, c, ldc);
}
inline void syrk_rows(int rows, int columns, float const* x, int ldx, float beta, float* c,
                      int ldc) {
  cblas_ssyrk(CblasRowMajor, CblasLower, CblasNoTrans, rows, columns, 1.0f, x, ldx, beta, c, ldc);
}

/// Lower C := chol(C); false where C is not positive definite. The row-major lower triangle is the
/// column-major upper one: LAPACKE would transpose.
inline bool cholesky(int order, double* c, int ldc) {
  return LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', order, c, ldc) == 0;
}
inline bool cholesky(int order, float* c, int ldc) {
  return LAPACKE_spotrf_work(LAPACK_COL_MAJOR, 'U', order, c, ldc) == 0;
}

/// Lower L := L^-1.
inline bool invert_lower(int order, double* l, int ldl) {
  return LAPACKE_dtrtri_work(LAPACK_COL_MAJOR, 'U', 'N', order, l, ldl) == 0;
}
inline bool invert_lower(int order, float* l, int ldl) {
  return LAPACKE_strtri_work(LAPACK_COL_MAJOR, 'U', 'N', order, l, ldl) == 0;
}

}  // namespace minfold::impl

#endif
