/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels on explicit matrices against closed forms: Laplacians of paths, and blocks of ones. */
#include "check.h"
#include "laplacian.h"

enum { n = 12, split = 5 };

/* Item 0 is one path, item 1 two of them. */
static size_t split_of(size_t item) {
  return item == 0 ? n : split;
}

/* ||q^T q - 1||, and what of the indicators of the paths is outside the span of the k vectors. */
static void check_kernel(double const* q, size_t k, size_t item) {
  size_t const first[2] = {0, split_of(item)}, last[2] = {split_of(item), n};
  size_t path, i, j, l;
  CHECK(k == (item == 0 ? 1u : 2u));
  for (j = 0; j < k; ++j)
    for (l = 0; l <= j; ++l) {
      double dot = 0;
      for (i = 0; i < n; ++i) dot += q[j * n + i] * q[l * n + i];
      CHECK_NEAR(dot, j == l ? 1 : 0, 1e-13);
    }
  for (path = 0; path < k; ++path) {
    double rest[n];
    for (i = 0; i < n; ++i) rest[i] = i >= first[path] && i < last[path] ? 1 : 0;
    for (j = 0; j < k; ++j) {
      double dot = 0;
      for (i = first[path]; i < last[path]; ++i) dot += q[j * n + i];
      for (i = 0; i < n; ++i) rest[i] -= dot * q[j * n + i];
    }
    for (i = 0; i < n; ++i) CHECK_NEAR(rest[i], 0, 1e-12);
  }
}

/* b = e_first - e_last of the first path, plus `shift` everywhere, which is in the kernel. */
static void right_side(double shift, size_t item, double* b) {
  size_t i;
  for (i = 0; i < n; ++i) b[i] = shift;
  b[0] += 1;
  b[split_of(item) - 1] -= 1;
}
static void check_solution(double const* z, ptrdiff_t stride, size_t item) {
  size_t const m = split_of(item);
  size_t i;
  for (i = 0; i < n; ++i)
    CHECK_NEAR(z[(ptrdiff_t)i * stride], i < m ? 0.5 * (double)(m - 1) - (double)i : 0, 1e-11);
}
static void check_leakage(minfold_solve_record const* r, double shift) {
  double const norm = sqrt(2 + shift * shift * n);
  CHECK(r->outcome == MINFOLD_OUTCOME_CONVERGED);
  CHECK_NEAR(r->leakage, fabs(shift) * sqrt((double)n) / norm, 1e-12);
  CHECK_NEAR(r->rhs_norm, norm, 1e-12);
}

static void dense(minfold_context* context) {
  double a[2 * n * n], b[2 * 2 * n], z[2 * 2 * n], q[2 * 3 * n];
  minfold_array const matrices = minfold_contiguous(MINFOLD_DOUBLE, a, 2, n, n);
  minfold_array const sides = minfold_contiguous(MINFOLD_DOUBLE, b, 2, 2, n);
  minfold_array const solutions = minfold_contiguous(MINFOLD_DOUBLE, z, 2, 2, n);
  minfold_array const basis = minfold_contiguous(MINFOLD_DOUBLE, q, 2, 3, n);
  minfold_kernel_record kernels[2];
  minfold_solve_record solves[4];
  size_t item, c, i;
  int both;
  for (item = 0; item < 2; ++item) {
    laplacian_matrix(n, split_of(item), n, 1, a + item * n * n);
    for (c = 0; c < 2; ++c) right_side(0.25 * (double)c, item, b + (2 * item + c) * n);
  }
  CHECK(minfold_kernel_basis(context, &matrices, &basis, kernels, NULL) == MINFOLD_OK);
  CHECK(minfold_last_error()[0] == '\0');
  for (item = 0; item < 2; ++item) {
    double const smallest = 2 - 2 * cos(3.14159265358979323846 / (item == 0 ? n : n - split));
    CHECK(kernels[item].vectors == kernels[item].dimension);
    CHECK_NEAR(kernels[item].smallest_kept, smallest, 1e-12);
    CHECK(kernels[item].gap > 1e6);
    check_kernel(q + item * 3 * n, (size_t)kernels[item].dimension, item);
    for (i = (size_t)kernels[item].vectors * n; i < 3 * n; ++i) CHECK(q[item * 3 * n + i] == 0);
  }
  for (both = 0; both < 2; ++both) {
    memset(z, 0xff, sizeof z);
    memset(q, 0xff, sizeof q);
    memset(kernels, 0xff, sizeof kernels);
    CHECK((both ? minfold_kernel_and_pinv(context, &matrices, &sides, &solutions, &basis, solves,
                                          kernels, NULL)
                : minfold_pinv(context, &matrices, &sides, &solutions, solves, kernels, NULL)) ==
          MINFOLD_OK);
    for (item = 0; item < 2; ++item) {
      CHECK(kernels[item].dimension == (item == 0 ? 1 : 2));
      CHECK(kernels[item].vectors == (both ? kernels[item].dimension : 0));
      if (both) check_kernel(q + item * 3 * n, (size_t)kernels[item].dimension, item);
      for (c = 0; c < 2; ++c) {
        check_solution(z + (2 * item + c) * n, 1, item);
        check_leakage(&solves[2 * item + c], 0.25 * (double)c);
      }
    }
  }
}

/* What does not converge is said, and the numbers are there all the same. */
static void not_certified(minfold_context* context) {
  double a[2 * n * n], q[2 * n];
  minfold_array const matrices = minfold_contiguous(MINFOLD_DOUBLE, a, 2, n, n);
  minfold_array const basis = minfold_contiguous(MINFOLD_DOUBLE, q, 2, 1, n);
  minfold_kernel_record kernels[2];
  laplacian_matrix(n, n, n, 1, a);
  laplacian_matrix(n, split, n, 1, a + n * n);
  CHECK_REFUSED(minfold_kernel_basis(context, &matrices, &basis, kernels, NULL),
                MINFOLD_NOT_CERTIFIED, "1 of 2 records");
  CHECK(strstr(minfold_last_error(), "kernel record 1 says rank limit"));
  CHECK(kernels[0].outcome == MINFOLD_OUTCOME_CONVERGED);
  CHECK(kernels[1].outcome == MINFOLD_OUTCOME_RANK_LIMIT);
  CHECK(kernels[1].dimension == 2 && kernels[1].vectors == 1);
  check_kernel(q, 1, 0);
  a[0] = NAN;
  CHECK(minfold_kernel_basis(context, &matrices, &basis, kernels, NULL) == MINFOLD_NOT_CERTIFIED);
  CHECK(kernels[0].outcome == MINFOLD_OUTCOME_NOT_FINITE);
}

/* Blocks of 3 and 5 ones, the second one times 2: eigenvalues 3 and 10, the rest 0. */
static void range(minfold_context* context) {
  enum { order = 8, room = 4 };
  double a[order * order], q[room * order], values[room];
  minfold_array const matrices = minfold_contiguous(MINFOLD_DOUBLE, a, 1, order, order);
  minfold_array const basis = minfold_contiguous(MINFOLD_DOUBLE, q, 1, room, order);
  minfold_array const spectrum = minfold_contiguous(MINFOLD_DOUBLE, values, 1, 1, room);
  minfold_range_record record;
  minfold_options options = {0};
  int i, j;
  for (i = 0; i < order; ++i)
    for (j = 0; j < order; ++j) a[i * order + j] = i < 3 && j < 3 ? 1 : (i >= 3 && j >= 3 ? 2 : 0);
  for (i = 0; i < 2; ++i) {
    options.semidefinite = i;
    memset(q, 0, sizeof q);
    CHECK(minfold_range_finder(context, &matrices, &basis, &spectrum, &record, &options) ==
          MINFOLD_OK);
    CHECK(record.rank == 2);
    CHECK_NEAR(values[0], 10, 1e-11);
    CHECK_NEAR(values[1], 3, 1e-11);
    for (j = 0; j < order; ++j) {
      CHECK_NEAR(fabs(q[j]), j < 3 ? 0 : 1 / sqrt(5.0), 1e-11);
      CHECK_NEAR(fabs(q[order + j]), j < 3 ? 1 / sqrt(3.0) : 0, 1e-11);
    }
  }
}

/* Strides: padded rows, rows and columns exchanged, one matrix for all items, reversed order, and
 * right-hand sides and solutions between one another. */
static void strided(minfold_context* context) {
  enum { lead = n + 3, items = 3 };
  double padded[n * lead], exchanged[items * n * n], between[items * n * 2];
  double const untouched = 1e300;
  minfold_array a = minfold_contiguous(MINFOLD_DOUBLE, padded, items, n, n);
  minfold_array b = minfold_contiguous(MINFOLD_DOUBLE, between, items, 1, n);
  minfold_array z = b;
  minfold_solve_record solves[items];
  minfold_kernel_record kernels[items];
  size_t item, i;
  int variant;
  for (i = 0; i < n * lead; ++i) padded[i] = NAN; /* the padding must not be read */
  laplacian_matrix(n, n, lead, 1, padded);
  for (item = 0; item < items; ++item) laplacian_matrix(n, n, 1, n, exchanged + item * n * n);
  b.stride[0] = z.stride[0] = 2 * n;
  b.stride[2] = z.stride[2] = 2;
  z.data = between + 1;
  for (variant = 0; variant < 3; ++variant) {
    a.data = padded;
    a.stride[0] = 0;
    a.stride[1] = lead;
    a.stride[2] = 1;
    if (variant == 1) { /* last entry first: the Laplacian of a path is the same from both ends */
      a.data = padded + (n - 1) * (lead + 1);
      a.stride[1] = -lead;
      a.stride[2] = -1;
    }
    if (variant == 2) {
      a.data = exchanged;
      a.stride[0] = n * n;
      a.stride[1] = 1;
      a.stride[2] = n;
    }
    for (i = 0; i < items * n * 2; ++i) between[i] = untouched;
    for (item = 0; item < items; ++item) {
      double side[n];
      right_side(0, 0, side);
      for (i = 0; i < n; ++i) between[item * 2 * n + 2 * i] = side[i];
    }
    CHECK(minfold_pinv(context, &a, &b, &z, solves, kernels, NULL) == MINFOLD_OK);
    for (item = 0; item < items; ++item) {
      double side[n];
      right_side(0, 0, side);
      check_solution(between + item * 2 * n + 1, 2, 0);
      for (i = 0; i < n; ++i) CHECK(between[item * 2 * n + 2 * i] == side[i]);
    }
  }
}

static void single_precision(minfold_context* context) {
  float a[n * n], q[2 * n];
  double wide[n * n];
  minfold_array const matrices = minfold_contiguous(MINFOLD_FLOAT, a, 1, n, n);
  minfold_array const basis = minfold_contiguous(MINFOLD_FLOAT, q, 1, 2, n);
  minfold_kernel_record record;
  int i;
  laplacian_matrix(n, n, n, 1, wide);
  for (i = 0; i < n * n; ++i) a[i] = (float)wide[i];
  CHECK(minfold_kernel_basis(context, &matrices, &basis, &record, NULL) == MINFOLD_OK);
  CHECK(record.dimension == 1);
  for (i = 0; i < n; ++i) CHECK_NEAR(fabs((double)q[i]), 1 / sqrt((double)n), 1e-6);
}

int main(void) {
  minfold_context* const context = start();
  dense(context);
  not_certified(context);
  range(context);
  strided(context);
  single_precision(context);
  return finish(context);
}
