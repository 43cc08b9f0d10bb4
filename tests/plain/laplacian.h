/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MINFOLD_TESTS_PLAIN_LAPLACIAN_H
#define MINFOLD_TESTS_PLAIN_LAPLACIAN_H

#include <stddef.h>

/* y := A x for the Laplacian A of two paths, nodes 0 ... split-1 and split ... n-1 (one path where split is n).
 * ker A: the indicators of the paths. With b = e_first - e_last of a path of m nodes, A^+ b is
 * (m - 1) / 2 - i at its node i = 0, 1, ... */
static inline void laplacian(size_t n, size_t split, double const* x, double* y) {
  size_t i;
  for (i = 0; i < n; ++i) y[i] = 0;
  for (i = 0; i + 1 < n; ++i) {
    if (i + 1 == split) continue;
    y[i] += x[i] - x[i + 1];
    y[i + 1] += x[i + 1] - x[i];
  }
}

/* The same as a matrix: entry (i, j) at a[i row + j column]. */
static inline void laplacian_matrix(size_t n, size_t split, ptrdiff_t row, ptrdiff_t column,
                                    double* a) {
  size_t i, j;
  for (i = 0; i < n; ++i)
    for (j = 0; j < n; ++j) a[(ptrdiff_t)i * row + (ptrdiff_t)j * column] = 0;
  for (i = 0; i + 1 < n; ++i) {
    ptrdiff_t const p = (ptrdiff_t)i, q = p + 1;
    if (i + 1 == split) continue;
    a[p * row + p * column] += 1;
    a[q * row + q * column] += 1;
    a[p * row + q * column] -= 1;
    a[q * row + p * column] -= 1;
  }
}

#endif
