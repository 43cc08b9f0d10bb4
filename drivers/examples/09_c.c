/* SPDX-License-Identifier: Apache-2.0 */
/* From C: the kernel and the pseudoinverse of a singular matrix, and a bilevel problem by callbacks. */
#include <minfold/plain.h>

#include <math.h>
#include <stdio.h>

/* The problem of the first page: S(x) is the circle of radius x. One target, y in R^2,
 *   g = 1/4 (|y|^2 - x^2)^2,  f = 1/2 |y - (3, 4)|^2 + 1/2 x^2;  the optimum is x = 5/2, F = 25/4. */
static double excess(minfold_points const* at, double const* y) {
  return y[0] * y[0] + y[1] * y[1] - at->x[0] * at->x[0];
}
static int32_t f(void* user, minfold_points const* at, double* out) {
  (void)user;
  for (size_t item = 0; item < at->items; ++item) {
    double const *y = at->y + 2 * item, a = y[0] - 3, b = y[1] - 4;
    out[item] = 0.5 * (a * a + b * b) + 0.5 * at->x[0] * at->x[0];
  }
  return 0;
}
static int32_t g(void* user, minfold_points const* at, double* out) {
  (void)user;
  for (size_t item = 0; item < at->items; ++item) {
    double const s = excess(at, at->y + 2 * item);
    out[item] = 0.25 * s * s;
  }
  return 0;
}
static int32_t f_gradient(void* user, minfold_points const* at, double* gx, double* gy) {
  (void)user;
  for (size_t item = 0; item < at->items; ++item) {
    gx[item] = at->x[0];
    gy[2 * item] = at->y[2 * item] - 3;
    gy[2 * item + 1] = at->y[2 * item + 1] - 4;
  }
  return 0;
}
static int32_t g_gradient(void* user, minfold_points const* at, double* gy) {
  (void)user;
  for (size_t i = 0; i < 2 * at->items; ++i) gy[i] = excess(at, at->y + i / 2 * 2) * at->y[i];
  return 0;
}
/* H v = s v + 2 (y^T v) y,  s = |y|^2 - x^2 */
static int32_t g_hessian(void* user, minfold_points const* at, size_t columns, double const* v,
                         double* out) {
  (void)user;
  for (size_t k = 0; k < at->items * columns; ++k) {
    double const *y = at->y + 2 * (k / columns), *w = v + 2 * k;
    double const s = excess(at, y), dot = y[0] * w[0] + y[1] * w[1];
    out[2 * k] = s * w[0] + 2 * dot * y[0];
    out[2 * k + 1] = s * w[1] + 2 * dot * y[1];
  }
  return 0;
}
/* G^T z = -2 x (y^T z) */
static int32_t g_mixed(void* user, minfold_points const* at, double const* z, double* out) {
  (void)user;
  for (size_t item = 0; item < at->items; ++item) {
    double const *y = at->y + 2 * item, *w = z + 2 * item;
    out[item] = -2 * at->x[0] * (y[0] * w[0] + y[1] * w[1]);
  }
  return 0;
}
static int32_t f_hessian(void* user, minfold_points const* at, size_t columns, double const* v,
                         double* out) {
  (void)user;
  for (size_t i = 0; i < 2 * at->items * columns; ++i) out[i] = v[i];
  return 0;
}
/* 2 (y^T v) l + 2 (l^T v) y + 2 (y^T l) v */
static int32_t g_third(void* user, minfold_points const* at, double const* lambda, size_t columns,
                       double const* v, double* out) {
  (void)user;
  for (size_t k = 0; k < at->items * columns; ++k) {
    double const *y = at->y + 2 * (k / columns), *l = lambda + 2 * (k / columns), *w = v + 2 * k;
    double const yw = y[0] * w[0] + y[1] * w[1], lw = l[0] * w[0] + l[1] * w[1];
    double const yl = y[0] * l[0] + y[1] * l[1];
    for (int i = 0; i < 2; ++i) out[2 * k + i] = 2 * (yw * l[i] + lw * y[i] + yl * w[i]);
  }
  return 0;
}

static int fail(char const* what) {
  fprintf(stderr, "%s: %s\n", what, minfold_last_error());
  return 1;
}

int main(void) {
  minfold_context* context = NULL;
  if (minfold_initialize(0, -1)) return fail("initialize");
  if (minfold_context_create(NULL, &context)) return fail("context");

  /* The Laplacian of a path of three nodes; its kernel is the constant vector. */
  double const a[9] = {1, -1, 0, -1, 2, -1, 0, -1, 1}, b[3] = {1, 0, -1};
  double z[3], q[3];
  minfold_array const matrix = minfold_contiguous(MINFOLD_DOUBLE, a, 1, 3, 3);
  minfold_array const side = minfold_contiguous(MINFOLD_DOUBLE, b, 1, 1, 3);
  minfold_array const solution = minfold_contiguous(MINFOLD_DOUBLE, z, 1, 1, 3);
  minfold_array const basis = minfold_contiguous(MINFOLD_DOUBLE, q, 1, 1, 3);
  minfold_solve_record solve;
  minfold_kernel_record kernel;
  if (minfold_kernel_and_pinv(context, &matrix, &side, &solution, &basis, &solve, &kernel, NULL))
    return fail("kernel_and_pinv");
  printf("dim ker A = %d, A^+ b = (%g, %g, %g), residual %.0e\n", (int)kernel.dimension, fabs(z[0]),
         fabs(z[1]) < 1e-14 ? 0 : z[1], z[2], solve.residual);

  minfold_problem problem = {0};
  problem.targets = problem.dim_x = 1;
  problem.dim_y = 2;
  problem.upper_value = f;
  problem.lower_value = g;
  problem.upper_gradient = f_gradient;
  problem.lower_gradient = g_gradient;
  problem.lower_hessian = g_hessian;
  problem.mixed_transpose = g_mixed;
  problem.upper_hessian = f_hessian;
  problem.third_product = g_third;
  double x = 1, y[2];
  minfold_array const upper = minfold_contiguous(MINFOLD_DOUBLE, &x, 1, 1, 1);
  minfold_array const lower = minfold_contiguous(MINFOLD_DOUBLE, y, 1, 1, 2);
  minfold_solve_result result;
  if (minfold_hgms(context, &problem, &upper, &lower, NULL, NULL, &result, NULL))
    return fail("hgms");
  printf("x = %.6f, y = (%.6f, %.6f), F = %.6f: %s, %s\n", x, y[0], y[1], result.last.upper,
         minfold_solve_outcome_name(result.outcome), minfold_verdict_name(result.last.verdict));

  minfold_context_destroy(context);
  if (minfold_finalize()) return fail("finalize");
  return fabs(x - 2.5) < 1e-6 && fabs(z[0] - 1) < 1e-12 && kernel.dimension == 1 ? 0 : 1;
}
