/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels on an operator that is a callback: Laplacians of paths, never formed. */
#include "check.h"
#include "laplacian.h"

enum { n = 60, split = 25, items = 2 };

struct user {
  minfold_context const* expected;
  long columns;
  int calls_until_failure; /* -1: never */
};

static int32_t apply(void* data, minfold_context const* context, size_t columns, double const* x,
                     double* y) {
  struct user* const user = (struct user*)data;
  size_t item, c;
  CHECK(context == user->expected);
  if (user->calls_until_failure == 0) return 42;
  if (user->calls_until_failure > 0) --user->calls_until_failure;
  user->columns += (long)(items * columns);
  for (item = 0; item < items; ++item)
    for (c = 0; c < columns; ++c) {
      size_t const at = (item * columns + c) * n;
      laplacian(n, item == 0 ? n : split, x + at, y + at);
    }
  return 0;
}

int main(void) {
  minfold_context* const context = start();
  struct user user = {NULL, 0, -1};
  minfold_operator const a = {apply, &user, items, n};
  static double q[items * 4 * n], b[items * n], z[items * n], r[items * n * n], values[items * n];
  minfold_array const basis = minfold_contiguous(MINFOLD_DOUBLE, q, items, 4, n);
  minfold_array const sides = minfold_contiguous(MINFOLD_DOUBLE, b, items, 1, n);
  minfold_array const solutions = minfold_contiguous(MINFOLD_DOUBLE, z, items, 1, n);
  minfold_array const range = minfold_contiguous(MINFOLD_DOUBLE, r, items, n, n);
  minfold_array const spectrum = minfold_contiguous(MINFOLD_DOUBLE, values, items, 1, n);
  minfold_kernel_record kernels[items];
  minfold_solve_record solves[items];
  minfold_range_record ranges[items];
  minfold_options options = {0};
  size_t item, i, j;
  user.expected = context;

  CHECK(minfold_kernel_basis_operator(context, &a, &basis, kernels, NULL) == MINFOLD_OK);
  CHECK(kernels[0].dimension == 1 && kernels[1].dimension == 2);
  CHECK(user.columns > 0);
  for (item = 0; item < items; ++item)
    for (j = 0; j < (size_t)kernels[item].vectors; ++j)
      for (i = 0; i < n; ++i) { /* constant on each path */
        double const* const v = q + (item * 4 + j) * n;
        CHECK_NEAR(v[i], v[item == 0 || i < split ? 0 : split], 1e-11);
      }

  for (item = 0; item < items; ++item)
    for (i = 0; i < n; ++i) {
      size_t const m = item == 0 ? n : split;
      b[item * n + i] = 0.5 + (i == 0 ? 1 : i == m - 1 ? -1 : 0);
    }
  CHECK(minfold_pinv_operator(context, &a, &sides, &solutions, &basis, kernels, solves, NULL) ==
        MINFOLD_OK);
  for (item = 0; item < items; ++item) {
    size_t const m = item == 0 ? n : split;
    CHECK(solves[item].residual <= 1e-11);
    for (i = 0; i < n; ++i)
      CHECK_NEAR(z[item * n + i], i < m ? 0.5 * (double)(m - 1) - (double)i : 0, 1e-8);
  }
  /* Without the kernel the same right-hand side is inconsistent, and that is said. */
  CHECK_REFUSED(minfold_pinv_operator(context, &a, &sides, &solutions, NULL, NULL, solves, NULL),
                MINFOLD_NOT_CERTIFIED, "2 of 2 records");

  options.rank = 3; /* Ritz values: from below, and not by much for the largest */
  minfold_range_finder_operator(context, &a, &range, &spectrum, ranges, &options);
  CHECK(ranges[0].rank == 3 && ranges[1].rank == 3);
  CHECK(values[0] > 3.5 && values[0] < 4 && values[2] > 3 && values[2] <= values[0]);
  options.rank = 0; /* all of the range: the largest eigenvalue is known */
  CHECK(minfold_range_finder_operator(context, &a, &range, &spectrum, ranges, &options) ==
        MINFOLD_OK);
  CHECK(ranges[0].rank == n - 1 && ranges[1].rank == n - 2);
  CHECK_NEAR(values[0], 2 - 2 * cos(3.14159265358979323846 * (n - 1) / n), 1e-11);

  CHECK_REFUSED(minfold_pinv_operator(context, &a, &sides, &solutions, &basis, NULL, solves, NULL),
                MINFOLD_INVALID_ARGUMENT, "both its basis and its records");
  options.semidefinite = 1;
  CHECK_REFUSED(minfold_range_finder_operator(context, &a, &range, &spectrum, ranges, &options),
                MINFOLD_INVALID_ARGUMENT, "semidefinite");
  options.semidefinite = 0;
  options.max_iterations = 2;
  CHECK(minfold_pinv_operator(context, &a, &sides, &solutions, &basis, kernels, solves, &options) ==
        MINFOLD_NOT_CERTIFIED);
  CHECK(solves[0].outcome == MINFOLD_OUTCOME_ITERATION_LIMIT);

  for (j = 0; j < 3; ++j) {
    user.calls_until_failure = (int)j;
    CHECK_REFUSED(minfold_kernel_basis_operator(context, &a, &basis, kernels, NULL),
                  MINFOLD_CALLBACK_FAILED, "the callback apply returned 42");
    user.calls_until_failure = (int)j;
    CHECK_REFUSED(minfold_pinv_operator(context, &a, &sides, &solutions, NULL, NULL, solves, NULL),
                  MINFOLD_CALLBACK_FAILED, "the callback apply returned 42");
  }
  user.calls_until_failure = -1; /* and a failure leaves nothing behind */
  CHECK(minfold_kernel_basis_operator(context, &a, &basis, kernels, NULL) == MINFOLD_OK);
  return finish(context);
}
