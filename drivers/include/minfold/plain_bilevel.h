/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MINFOLD_PLAIN_BILEVEL_H
#define MINFOLD_PLAIN_BILEVEL_H

#include <minfold/plain.h>

/* HG-MS of a problem that is given by callbacks:
 *     min_x F(x),  F(x) = sum over targets of min { f(x, y) : y minimizes g(x, .) },
 * where the minimizers of g may form a manifold. minfold/drivers/hgms.hpp has the method. */

#ifdef __cplusplus
extern "C" {
#endif

/** Points that a callback is asked about. All arrays are contiguous, in memory of the backend. */
typedef struct minfold_points {
  minfold_context const* context; /**< queue the work on its stream */
  size_t items;                   /**< number of points, any multiple of targets or a selection */
  size_t dim_x, dim_y;
  size_t x_rows;   /**< 1 for a shared x, else targets */
  double const* x; /**< (x_rows, dim_x); the row of an item is target[item], 0 for a shared x */
  double const* y; /**< (items, dim_y) */
  int32_t const* target; /**< (items): the target that a point belongs to */
} minfold_points;

/* Callbacks return 0, or a number that ends the run with MINFOLD_CALLBACK_FAILED. `user` is that of the
 * problem. NaN in a result is no failure of the callback: the point is given up. */

/** out(item) := f or g */
typedef int32_t (*minfold_value)(void* user, minfold_points const* at, double* out);
/** gx(item, j) := df/dx_j, gy(item, i) := df/dy_i */
typedef int32_t (*minfold_upper_gradient)(void* user, minfold_points const* at, double* gx,
                                          double* gy);
/** gy(item, i) := dg/dy_i */
typedef int32_t (*minfold_lower_gradient)(void* user, minfold_points const* at, double* gy);
/** out(item, c, :) := H v(item, c, :), v and out (items, columns, dim_y); H = d2g/dy2, or d2f/dy2 */
typedef int32_t (*minfold_hessian)(void* user, minfold_points const* at, size_t columns,
                                   double const* v, double* out);
/** out(item, j) := (G^T z(item, :))_j, z (items, dim_y), out (items, dim_x); G = d(grad_y g)/dx */
typedef int32_t (*minfold_mixed_transpose)(void* user, minfold_points const* at, double const* z,
                                           double* out);
/** out(item, c, :) := (d3g/dy3)[lambda(item, :), v(item, c, :)] */
typedef int32_t (*minfold_third_product)(void* user, minfold_points const* at, double const* lambda,
                                         size_t columns, double const* v, double* out);
/** Projects each row of x, (rows, dim_x), onto the feasible set, in place. */
typedef int32_t (*minfold_project)(void* user, minfold_context const* context, size_t rows,
                                   double* x);

typedef struct minfold_problem {
  void* user; /**< first argument of every callback; not looked at */
  size_t targets, dim_x, dim_y;
  int32_t own_upper;   /**< 0: one x for all targets; 1: one each, independent problems at once */
  double length_scale; /**< typical distance in y: steps and "different point" refer to it; 0: 1 */
  minfold_value upper_value, lower_value;
  minfold_upper_gradient upper_gradient;
  minfold_lower_gradient lower_gradient;
  minfold_hessian lower_hessian;
  minfold_mixed_transpose mixed_transpose;
  /** Both or none, NULL: for Newton steps along the manifold. Without them the curvature of f along the
   * manifold is unknown and no point can be certified as non-degenerate. */
  minfold_hessian upper_hessian;
  minfold_third_product third_product;
  minfold_project project_upper; /**< NULL: x is free */
} minfold_problem;

typedef int32_t minfold_verdict;
enum { MINFOLD_CERTIFIED = 0, MINFOLD_UNCERTAIN = 1, MINFOLD_REFUSED = 2 };
/** "certified", "uncertain", "refused" */
char const* minfold_verdict_name(minfold_verdict verdict);

/** What a hypergradient rests on, at the selected point of one target; NaN is unknown. */
typedef struct minfold_certificate {
  minfold_verdict verdict;
  int32_t kernel_dimension;   /**< k = dim S(x) */
  int32_t candidates;         /**< that reached S(x) and a critical point of f along it */
  int32_t rival;              /**< 1: one of them is a different point */
  double lower_residual;      /**< ||grad_y g|| / (||H|| length) */
  double distance_bound;      /**< ||grad_y g|| / mu, mu the smallest nonzero eigenvalue of H */
  double gap;                 /**< kept / dropped |eigenvalue| of H */
  double tangential_residual; /**< ||P_ker grad_y f|| / scale of the gradient */
  double nondegeneracy;       /**< smallest curvature of f on S / largest one met */
  double smallest_curvature;  /**< the same, absolute */
  double
      uniqueness_margin; /**< f(next critical point) - f(selected), relative; infinite: no rival */
  double solve_residual; /**< ||H v - P grad_y f||, relative, recomputed */
  double leakage;        /**< ||(I - P) b|| / ||b|| of that solve */
} minfold_certificate;

typedef int32_t minfold_solve_outcome;
enum {
  MINFOLD_SOLVE_CONVERGED = 0, /**< the hypergradient is below the tolerance */
  MINFOLD_SOLVE_ITERATION_LIMIT = 1,
  MINFOLD_SOLVE_STALLED = 2, /**< no step decreases F: at a kink, or at the accuracy of F */
  MINFOLD_SOLVE_STOPPED = 3, /**< the observer asked for it */
  MINFOLD_SOLVE_FAILED = 4   /**< no candidate reached S(x), or NaN */
};
char const* minfold_solve_outcome_name(minfold_solve_outcome outcome);

/** One iteration, or the last one of a solve. */
typedef struct minfold_iteration {
  int32_t iteration;
  minfold_verdict verdict;               /**< the worst over all targets */
  int32_t certified, uncertain, refused; /**< targets */
  int32_t tied;                          /**< targets with a rival that competes */
  double upper;                          /**< F(x) */
  double hypergradient_norm;             /**< of the projected hypergradient */
  double tolerance;                      /**< the norm at which the solve ends */
  double step;                           /**< that led here; 0 at the start */
  /** Work since the start, in vectors, all targets and candidates together. */
  int64_t values, gradients, hessian_products, mixed_products, second_products;
  double seconds;
} minfold_iteration;

typedef struct minfold_solve_result {
  minfold_solve_outcome outcome;
  minfold_iteration last;
} minfold_solve_result;

/** Called after each iteration; nonzero stops the solve with MINFOLD_SOLVE_STOPPED. */
typedef int32_t (*minfold_observer)(void* user, minfold_iteration const* iteration);

/** The state of a run between two iterations, from which it can go on. minfold/plain_checkpoint.h of
 * minfold::plain_files writes it to a file and reads it. */
typedef struct minfold_snapshot minfold_snapshot;

/** Outer iterations that were completed; -1 for NULL. */
int32_t minfold_snapshot_iteration(minfold_snapshot const* snapshot);
/** Of one that minfold_checkpoint_read gave; NULL is fine. */
void minfold_snapshot_destroy(minfold_snapshot* snapshot);

/** Takes the state of a run, which is there during the call. Nonzero ends the run with
 * MINFOLD_CALLBACK_FAILED, and minfold_last_error() as it was left, if it was, is a part of the sentence. */
typedef int32_t (*minfold_snapshot_sink)(void* user, minfold_snapshot const* snapshot);

/** 0 is the default of each member, NULL for a pointer to it is all defaults. */
typedef struct minfold_hgms_options {
  int32_t max_iterations; /**< 200; -1: none, the hypergradient at x alone */
  int32_t warm;           /**< 1: y holds points to track from */
  double tolerance;       /**< 1e-8, relative: minfold/drivers/hgms.hpp says to what */
  uint64_t seed;          /**< 1 */
  /** Everything else as "key=value key=value", the keys of `minfold solve PROBLEM --set`: candidates,
   * step, refine-iterations, ... An unknown key is refused with the nearest known one. */
  char const* settings;
  minfold_observer observer;
  void* observer_user;
  /** Called with the state of the last completed iteration when it is due, and at the end of the run whatever
   * ends it: a callback that fails and NaN as well. NULL: never, and the run keeps no copies of its state. */
  minfold_snapshot_sink snapshot_sink;
  void* snapshot_user;
  double snapshot_seconds; /**< due so long after the last one; 0: not by time */
  int32_t snapshot_every;  /**< due after so many iterations, from 0 on; 0: not by their number */
  /** Goes on from here to the bit as if there had been no end; x and y are not read. The problem must be
   * the same, and the options but for max_iterations and tolerance: what can be told apart is refused.
   * NULL: from x. */
  minfold_snapshot const* resume_from;
} minfold_hgms_options;

/** Minimizes F from x.
 *
 * Requires  x: (rows, 1, dim_x), rows = 1 or, with own_upper, targets: the start, then the result; double.
 *           y: (targets, 1, dim_y): the selected points; read when warm. hypergradient: as x, at the
 *           end, or NULL. certificates: one a target, at the end, or NULL. result: not NULL.
 * Gives     MINFOLD_OK: converged and all targets certified. MINFOLD_NOT_CERTIFIED: the best that was
 *           found, with the reasons in minfold_last_error().
 * Errors    MINFOLD_CALLBACK_FAILED: x, y and the others are as they were before. What the run had reached
 *           is in the last snapshot that snapshot_sink got.
 * Costs     minfold_iteration counts it; two or more host waits an iteration. */
minfold_status minfold_hgms(minfold_context const* context, minfold_problem const* problem,
                            minfold_array const* x, minfold_array const* y,
                            minfold_array const* hypergradient, minfold_certificate* certificates,
                            minfold_solve_result* result, minfold_hgms_options const* options);

#ifdef __cplusplus
}
#endif

#endif
