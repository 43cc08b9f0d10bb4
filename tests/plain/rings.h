/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MINFOLD_TESTS_PLAIN_RINGS_H
#define MINFOLD_TESTS_PLAIN_RINGS_H

#include <minfold/plain.h>

/* Problems on circles, by callbacks. For each target, with y in R^2,
 *   g = 1/4 (|y|^2 - R^2)^2, where R is x (rings) or 1 (two wells);
 *   rings:     f = 1/2 |y - c|^2 + 1/2 x^2:  F = 1/2 (|c| - x)^2 + 1/2 x^2 at y = x c / |c|;
 *   two wells: f = -A (2 y_0^2 - 1) - x y_0 + 1/2 (x - 0.3)^2:  F = -A - |x| + 1/2 (x - 0.3)^2 at y = (+-1, 0). */
typedef struct rings {
  double const* centers; /* (targets, 2); NULL: two wells */
  double amplitude;      /* A */
  /* What the tests break: the callback with this number returns `code` from its call `at_call` on. */
  int broken, code;
  long at_call;
  long calls[9];
  int not_a_number; /* 1: f is NaN */
} rings;

enum {
  UPPER_VALUE,
  LOWER_VALUE,
  UPPER_GRADIENT,
  LOWER_GRADIENT,
  LOWER_HESSIAN,
  MIXED_TRANSPOSE,
  UPPER_HESSIAN,
  THIRD_PRODUCT,
  PROJECT_UPPER
};
#define ENTER(number)            \
  rings* const r = (rings*)user; \
  if (r->calls[number]++ >= r->at_call && r->broken == (number) && r->code) return r->code

static inline double x_of(minfold_points const* at, size_t item) {
  return at->x[at->x_rows == 1 ? 0 : at->target[item]];
}
static inline double excess(rings const* r, minfold_points const* at, size_t item) {
  double const *y = at->y + 2 * item, radius = r->centers ? x_of(at, item) : 1;
  return y[0] * y[0] + y[1] * y[1] - radius * radius;
}

static int32_t upper_value(void* user, minfold_points const* at, double* out) {
  size_t item;
  ENTER(UPPER_VALUE);
  for (item = 0; item < at->items; ++item) {
    double const *y = at->y + 2 * item, x = x_of(at, item);
    if (r->centers) {
      double const* c = r->centers + 2 * at->target[item];
      double const u = y[0] - c[0], v = y[1] - c[1];
      out[item] = 0.5 * (u * u + v * v + x * x);
    } else {
      out[item] = -r->amplitude * (2 * y[0] * y[0] - 1) - x * y[0] + 0.5 * (x - 0.3) * (x - 0.3);
    }
    if (r->not_a_number) out[item] = 0 * (1e308 * 10);
  }
  return 0;
}
static int32_t lower_value(void* user, minfold_points const* at, double* out) {
  size_t item;
  ENTER(LOWER_VALUE);
  for (item = 0; item < at->items; ++item) {
    double const s = excess(r, at, item);
    out[item] = 0.25 * s * s;
  }
  return 0;
}
static int32_t upper_gradient(void* user, minfold_points const* at, double* gx, double* gy) {
  size_t item;
  ENTER(UPPER_GRADIENT);
  for (item = 0; item < at->items; ++item) {
    double const *y = at->y + 2 * item, x = x_of(at, item);
    if (r->centers) {
      double const* c = r->centers + 2 * at->target[item];
      gx[item] = x;
      gy[2 * item] = y[0] - c[0];
      gy[2 * item + 1] = y[1] - c[1];
    } else {
      gx[item] = -y[0] + (x - 0.3);
      gy[2 * item] = -4 * r->amplitude * y[0] - x;
      gy[2 * item + 1] = 0;
    }
  }
  return 0;
}
static int32_t lower_gradient(void* user, minfold_points const* at, double* gy) {
  size_t i;
  ENTER(LOWER_GRADIENT);
  for (i = 0; i < 2 * at->items; ++i) gy[i] = excess(r, at, i / 2) * at->y[i];
  return 0;
}
static int32_t lower_hessian(void* user, minfold_points const* at, size_t columns, double const* v,
                             double* out) {
  size_t item, c;
  ENTER(LOWER_HESSIAN);
  for (item = 0; item < at->items; ++item)
    for (c = 0; c < columns; ++c) {
      double const *y = at->y + 2 * item, *w = v + 2 * (item * columns + c);
      double const s = excess(r, at, item), dot = y[0] * w[0] + y[1] * w[1];
      out[2 * (item * columns + c)] = s * w[0] + 2 * dot * y[0];
      out[2 * (item * columns + c) + 1] = s * w[1] + 2 * dot * y[1];
    }
  return 0;
}
static int32_t mixed_transpose(void* user, minfold_points const* at, double const* z, double* out) {
  size_t item;
  ENTER(MIXED_TRANSPOSE);
  for (item = 0; item < at->items; ++item) {
    double const *y = at->y + 2 * item, *w = z + 2 * item;
    out[item] = r->centers ? -2 * x_of(at, item) * (y[0] * w[0] + y[1] * w[1]) : 0;
  }
  return 0;
}
static int32_t upper_hessian(void* user, minfold_points const* at, size_t columns, double const* v,
                             double* out) {
  size_t i;
  ENTER(UPPER_HESSIAN);
  for (i = 0; i < 2 * at->items * columns; ++i)
    out[i] = r->centers ? v[i] : (i % 2 == 0 ? -4 * r->amplitude * v[i] : 0);
  return 0;
}
static int32_t third_product(void* user, minfold_points const* at, double const* lambda,
                             size_t columns, double const* v, double* out) {
  size_t item, c, i;
  ENTER(THIRD_PRODUCT);
  for (item = 0; item < at->items; ++item)
    for (c = 0; c < columns; ++c) {
      double const *y = at->y + 2 * item, *l = lambda + 2 * item;
      double const* w = v + 2 * (item * columns + c);
      double const yw = y[0] * w[0] + y[1] * w[1], yl = y[0] * l[0] + y[1] * l[1];
      double const lw = l[0] * w[0] + l[1] * w[1];
      for (i = 0; i < 2; ++i)
        out[2 * (item * columns + c) + i] = 2 * (yw * l[i] + lw * y[i] + yl * w[i]);
    }
  return 0;
}
/* x <= 2 */
static inline int32_t project_upper(void* user, minfold_context const* context, size_t rows,
                                    double* x) {
  size_t i;
  ENTER(PROJECT_UPPER);
  (void)context;
  for (i = 0; i < rows; ++i) x[i] = x[i] > 2 ? 2 : x[i];
  return 0;
}

static inline minfold_problem problem_of(rings* r, size_t targets, int32_t own_upper) {
  minfold_problem p = {0};
  p.user = r;
  p.targets = targets;
  p.dim_x = 1;
  p.dim_y = 2;
  p.own_upper = own_upper;
  p.upper_value = upper_value;
  p.lower_value = lower_value;
  p.upper_gradient = upper_gradient;
  p.lower_gradient = lower_gradient;
  p.lower_hessian = lower_hessian;
  p.mixed_transpose = mixed_transpose;
  p.upper_hessian = upper_hessian;
  p.third_product = third_product;
  return p;
}

#endif
