/* SPDX-License-Identifier: Apache-2.0 */
/* HG-MS on problems of callbacks, against closed forms; what callbacks may do wrong. */
#include "check.h"
#include "rings.h"

/* One target: x in, x out. */
static minfold_status solve(minfold_context const* context, minfold_problem const* p, double* x,
                            double* y, minfold_solve_result* result,
                            minfold_hgms_options const* options) {
  minfold_array const upper = minfold_contiguous(MINFOLD_DOUBLE, x, 1, 1, 1);
  minfold_array const lower = minfold_contiguous(MINFOLD_DOUBLE, y, 1, 1, 2);
  return minfold_hgms(context, p, &upper, &lower, NULL, NULL, result, options);
}

static void two_wells(minfold_context* context) {
  static double const start[2] = {-0.1, 0.5}, end[2] = {-0.7, 1.3}, optimum[2] = {-0.7, -1.3};
  rings r = {0};
  minfold_problem const p = problem_of(&r, 1, 0);
  int i;
  r.amplitude = 0.5;
  for (i = 0; i < 2; ++i) {
    double x = start[i], y[2] = {0}, h = NAN;
    minfold_array const upper = minfold_contiguous(MINFOLD_DOUBLE, &x, 1, 1, 1);
    minfold_array const lower = minfold_contiguous(MINFOLD_DOUBLE, y, 1, 1, 2);
    minfold_array const gradient = minfold_contiguous(MINFOLD_DOUBLE, &h, 1, 1, 1);
    minfold_certificate c;
    minfold_solve_result result;
    CHECK(minfold_hgms(context, &p, &upper, &lower, &gradient, &c, &result, NULL) == MINFOLD_OK);
    CHECK(result.outcome == MINFOLD_SOLVE_CONVERGED);
    CHECK_NEAR(x, end[i], 1e-7);
    CHECK_NEAR(y[0], end[i] < 0 ? -1 : 1, 1e-8);
    CHECK_NEAR(y[1], 0, 1e-7);
    CHECK_NEAR(h, 0, 1e-7);
    CHECK_NEAR(result.last.upper, optimum[i], 1e-12);
    CHECK(result.last.verdict == MINFOLD_CERTIFIED && result.last.certified == 1);
    CHECK(c.verdict == MINFOLD_CERTIFIED && c.kernel_dimension == 1 && c.rival == 1);
    /* The curvature of f along the circle at y = (+-1, 0) is 4 A + |x|, and H = 2 y y^T. */
    CHECK_NEAR(c.smallest_curvature, 4 * r.amplitude + fabs(x), 1e-6);
    CHECK(result.last.hessian_products > 0 && result.last.second_products > 0);
  }
}

/* The hypergradient at one x, without a step: dF/dx = 2 x - |c|. */
static void one_hypergradient(minfold_context* context) {
  double const center[2] = {3, 4};
  rings r = {0};
  minfold_problem const p = problem_of(&r, 1, 0);
  double x = 1, y[2], h;
  minfold_array const upper = minfold_contiguous(MINFOLD_DOUBLE, &x, 1, 1, 1);
  minfold_array const lower = minfold_contiguous(MINFOLD_DOUBLE, y, 1, 1, 2);
  minfold_array const gradient = minfold_contiguous(MINFOLD_DOUBLE, &h, 1, 1, 1);
  minfold_hgms_options options = {0};
  minfold_solve_result result;
  r.centers = center;
  options.max_iterations = -1;
  CHECK_REFUSED(minfold_hgms(context, &p, &upper, &lower, &gradient, NULL, &result, &options),
                MINFOLD_NOT_CERTIFIED, "iteration limit, certified");
  CHECK(result.outcome == MINFOLD_SOLVE_ITERATION_LIMIT);
  CHECK(result.last.verdict == MINFOLD_CERTIFIED);
  CHECK(x == 1);
  CHECK_NEAR(h, -3, 1e-9);
  CHECK_NEAR(y[0], 0.6, 1e-9);
  CHECK_NEAR(y[1], 0.8, 1e-9);
}

/* 24 targets with an x each, or with one for all; x and y are every other entry of larger arrays. */
static void many_targets(minfold_context* context) {
  enum { targets = 24 };
  double centers[2 * targets], mean = 0;
  int own, t;
  for (t = 0; t < targets; ++t) {
    double const radius = 1 + 0.1 * t, angle = 0.7 * t;
    centers[2 * t] = radius * cos(angle);
    centers[2 * t + 1] = radius * sin(angle);
    mean += radius / targets;
  }
  for (own = 0; own < 2; ++own) {
    rings r = {0};
    minfold_problem const p = problem_of(&r, targets, own);
    double x[2 * targets], y[4 * targets];
    minfold_array upper = minfold_contiguous(MINFOLD_DOUBLE, x, own ? targets : 1, 1, 1);
    minfold_array lower = minfold_contiguous(MINFOLD_DOUBLE, y, targets, 1, 2);
    minfold_certificate certificates[targets];
    minfold_solve_result result;
    r.centers = centers;
    upper.stride[0] = 2;
    lower.stride[0] = 4;
    lower.stride[2] = 2;
    for (t = 0; t < 2 * targets; ++t) x[t] = t % 2 ? 1e300 : 0.8;
    for (t = 0; t < 4 * targets; ++t) y[t] = 1e300;
    CHECK(minfold_hgms(context, &p, &upper, &lower, NULL, certificates, &result, NULL) ==
          MINFOLD_OK);
    CHECK(result.last.certified == targets);
    for (t = 0; t < targets; ++t) {
      double const radius = 1 + 0.1 * t, expected = 0.5 * (own ? radius : mean);
      CHECK_NEAR(x[own ? 2 * t : 0], expected, 1e-7);
      CHECK_NEAR(y[4 * t], expected * centers[2 * t] / radius, 1e-7);
      CHECK_NEAR(y[4 * t + 2], expected * centers[2 * t + 1] / radius, 1e-7);
      CHECK(x[2 * t + 1] == 1e300 && y[4 * t + 1] == 1e300 && y[4 * t + 3] == 1e300);
      CHECK(certificates[t].verdict == MINFOLD_CERTIFIED);
    }
  }
}

static int32_t stop_at(void* user, minfold_iteration const* line) {
  int* const last = (int*)user;
  CHECK(line->iteration == *last + 1);
  *last = line->iteration;
  return line->iteration == 1;
}

static void options_and_bounds(minfold_context* context) {
  double const center[2] = {3, 4};
  rings r = {0};
  minfold_problem p = problem_of(&r, 1, 0);
  minfold_hgms_options options = {0};
  minfold_solve_result result;
  double x = 1, y[2] = {0};
  int last = -1;
  r.centers = center;
  options.observer = stop_at;
  options.observer_user = &last;
  CHECK_REFUSED(solve(context, &p, &x, y, &result, &options), MINFOLD_NOT_CERTIFIED, "stopped");
  CHECK(last == 1 && result.outcome == MINFOLD_SOLVE_STOPPED);

  memset(&options, 0, sizeof options);
  options.warm = 1;
  options.settings = "candidates=4 step-rule=fixed\n step=0.5";
  CHECK(solve(context, &p, &x, y, &result, &options) == MINFOLD_OK);
  CHECK_NEAR(x, 2.5, 1e-6);
  options.settings = "candidtes=4";
  CHECK_REFUSED(solve(context, &p, &x, y, &result, &options), MINFOLD_INVALID_ARGUMENT,
                "candidates");

  x = 1; /* the bound x <= 2 is below the optimum 2.5: F = 1/2 (5 - 2)^2 + 1/2 2^2 */
  p.project_upper = project_upper;
  CHECK(solve(context, &p, &x, y, &result, NULL) == MINFOLD_OK);
  CHECK_NEAR(x, 2, 1e-12);
  CHECK_NEAR(result.last.upper, 6.5, 1e-10);

  x = 1; /* without second-order products the point is found, and what is unknown is said */
  p = problem_of(&r, 1, 0);
  p.upper_hessian = NULL;
  p.third_product = NULL;
  CHECK(solve(context, &p, &x, y, &result, NULL) == MINFOLD_NOT_CERTIFIED);
  CHECK(result.last.verdict == MINFOLD_UNCERTAIN && result.last.second_products == 0);
  CHECK_NEAR(x, 2.5, 1e-6);
}

static void failures_of_callbacks(minfold_context* context) {
  static char const* const names[] = {"upper_value",    "lower_value",   "upper_gradient",
                                      "lower_gradient", "lower_hessian", "mixed_transpose",
                                      "upper_hessian",  "third_product", "project_upper"};
  double const center[2] = {3, 4};
  rings r = {0};
  minfold_problem p = problem_of(&r, 1, 0);
  minfold_solve_result result;
  double x = 1, y[2] = {5, 6};
  int number;
  long call;
  r.centers = center;
  p.project_upper = project_upper;
  for (number = 0; number < 9; ++number)
    for (call = 0; call < 2; ++call) {
      char expected[64];
      sprintf(expected, "the callback %s returned -7", names[number]);
      memset(r.calls, 0, sizeof r.calls);
      r.broken = number;
      r.code = -7;
      r.at_call = call;
      CHECK_REFUSED(solve(context, &p, &x, y, &result, NULL), MINFOLD_CALLBACK_FAILED, expected);
      CHECK(r.calls[number] == call + 1); /* not called again */
      CHECK(x == 1 && y[0] == 5 && y[1] == 6);
    }
  r.code = 0;
  r.not_a_number = 1;
  CHECK_REFUSED(solve(context, &p, &x, y, &result, NULL), MINFOLD_NOT_CERTIFIED, "failed, refused");
  CHECK(result.outcome == MINFOLD_SOLVE_FAILED);
  r.not_a_number = 0;
  x = 1;
  CHECK(solve(context, &p, &x, y, &result, NULL) == MINFOLD_OK);
}

static void wrong_arguments(minfold_context* context) {
  double const center[2] = {3, 4};
  rings r = {0};
  minfold_problem p = problem_of(&r, 1, 0);
  minfold_hgms_options options = {0};
  minfold_solve_result result;
  double x = 1, y[2] = {0};
  r.centers = center;
#define REFUSES(call, piece) CHECK_REFUSED(call, MINFOLD_INVALID_ARGUMENT, piece)
  REFUSES(solve(NULL, &p, &x, y, &result, NULL), "context is NULL");
  REFUSES(solve(context, NULL, &x, y, &result, NULL), "problem is NULL");
  REFUSES(solve(context, &p, NULL, y, &result, NULL), "x has no memory");
  REFUSES(solve(context, &p, y, y, &result, NULL), "x overlaps y");
  REFUSES(solve(context, &p, &x, y, NULL, NULL), "result is NULL");
  p.third_product = NULL;
  REFUSES(solve(context, &p, &x, y, &result, NULL), "both upper_hessian and third_product");
  p = problem_of(&r, 1, 0);
  p.lower_hessian = NULL;
  REFUSES(solve(context, &p, &x, y, &result, NULL), "no callback lower_hessian");
  p = problem_of(&r, 1, 0);
  p.dim_y = 3;
  REFUSES(solve(context, &p, &x, y, &result, NULL), "y is 1 x 1 x 2, expected 1 x 1 x 3");
  p.dim_y = 0;
  REFUSES(solve(context, &p, &x, y, &result, NULL), "dim_y is 0");
  p = problem_of(&r, 1, 2);
  REFUSES(solve(context, &p, &x, y, &result, NULL), "own_upper is 2");
  p = problem_of(&r, 1, 0);
  options.max_iterations = -2;
  REFUSES(solve(context, &p, &x, y, &result, &options), "max_iterations is -2");
  options.max_iterations = 0;
  options.tolerance = NAN;
  REFUSES(solve(context, &p, &x, y, &result, &options), "tolerance is nan");
  x = INFINITY;
  REFUSES(solve(context, &p, &x, y, &result, NULL), "x(0, 0) is not finite");
}

int main(void) {
  minfold_context* const context = start();
  two_wells(context);
  one_hypergradient(context);
  many_targets(context);
  options_and_bounds(context);
  failures_of_callbacks(context);
  wrong_arguments(context);
  return finish(context);
}
