/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of the C API that are saved, end by a callback that fails, and go on from a file to the bit. */
#include <minfold/plain_checkpoint.h>

#include "check.h"
#include "rings.h"

static char path[] = "minfold_plain_checkpoint.ckpt";

typedef struct end {
  double x, y[2];
  minfold_solve_result result;
} end;

/* The rings with their own start; some ten iterations of a fixed step. */
static minfold_hgms_options slow(void) {
  minfold_hgms_options options = {0};
  options.settings = "step-rule=fixed step=0.2 candidates=2";
  options.tolerance = 1e-6;
  return options;
}

static minfold_status solve(minfold_context const* context, rings* r, end* e,
                            minfold_hgms_options const* options) {
  minfold_problem const p = problem_of(r, 1, 0);
  minfold_array const upper = minfold_contiguous(MINFOLD_DOUBLE, &e->x, 1, 1, 1);
  minfold_array const lower = minfold_contiguous(MINFOLD_DOUBLE, e->y, 1, 1, 2);
  memset(r->calls, 0, sizeof r->calls);
  return minfold_hgms(context, &p, &upper, &lower, NULL, NULL, &e->result, options);
}

static int same_bits(end const* a, end const* b) {
  return !memcmp(&a->x, &b->x, sizeof a->x) && !memcmp(a->y, b->y, sizeof a->y) &&
         !memcmp(&a->result.last.upper, &b->result.last.upper, sizeof(double)) &&
         a->result.outcome == b->result.outcome &&
         a->result.last.iteration == b->result.last.iteration &&
         a->result.last.hessian_products == b->result.last.hessian_products;
}

/* Every callback, broken in the middle of a run: the file has the last completed iteration. */
static void failures_are_saved(minfold_context* context) {
  double const center[2] = {3, 4};
  rings r = {0};
  minfold_hgms_options options = slow();
  end whole = {1, {0, 0}, {0}};
  long calls[9];
  int number;
  r.centers = center;
  CHECK(solve(context, &r, &whole, &options) == MINFOLD_OK);
  CHECK(whole.result.last.iteration > 5);
  CHECK_NEAR(whole.x, 2.5, 1e-5);
  memcpy(calls, r.calls, sizeof calls);
  for (number = 0; number < PROJECT_UPPER; ++number) {
    end broken = {1, {7, 8}, {0}}, resumed = {NAN, {0, 0}, {0}};
    minfold_snapshot* snapshot = NULL;
    remove(path);
    options.resume_from = NULL;
    /* [to a file] */
    options.snapshot_sink = minfold_checkpoint_sink;
    options.snapshot_user = path; /* "run.ckpt" */
    options.snapshot_seconds = 30;
    /* [end] */
    r.broken = number;
    r.code = 3;
    r.at_call = calls[number] / 2;
    CHECK(r.at_call > 1);
    CHECK_REFUSED(solve(context, &r, &broken, &options), MINFOLD_CALLBACK_FAILED, "returned 3");
    CHECK(broken.x == 1 && broken.y[0] == 7 && broken.y[1] == 8);
    r.code = 0;
    CHECK(minfold_checkpoint_read(path, &snapshot) == MINFOLD_OK);
    CHECK(minfold_snapshot_iteration(snapshot) > 0);
    CHECK(minfold_snapshot_iteration(snapshot) < whole.result.last.iteration);
    options.snapshot_sink = NULL;
    options.resume_from = snapshot;
    CHECK(solve(context, &r, &resumed, &options) == MINFOLD_OK);
    CHECK(same_bits(&whole, &resumed));
    minfold_snapshot_destroy(snapshot);
  }
  remove(path);
}

typedef struct watch {
  int called, last, returned;
} watch;
static int32_t see(void* user, minfold_snapshot const* snapshot) {
  watch* const w = (watch*)user;
  ++w->called;
  w->last = minfold_snapshot_iteration(snapshot);
  return w->returned;
}

static void when_it_is_due(minfold_context* context) {
  double const center[2] = {3, 4};
  rings r = {0};
  minfold_hgms_options options = slow();
  watch w = {0};
  end e = {1, {0, 0}, {0}};
  r.centers = center;
  options.snapshot_sink = see;
  options.snapshot_user = &w;
  CHECK(solve(context, &r, &e, &options) == MINFOLD_OK);
  CHECK(w.called == 1 && w.last == e.result.last.iteration);
  options.snapshot_every = 1;
  e.x = 1;
  w.called = 0;
  CHECK(solve(context, &r, &e, &options) == MINFOLD_OK);
  CHECK(w.called == e.result.last.iteration + 1);
  CHECK(!strcmp(minfold_last_error(), ""));
  /* f is NaN: the run fails before its first iteration is complete */
  e.x = 1;
  w.called = 0;
  r.not_a_number = 1;
  CHECK(solve(context, &r, &e, &options) == MINFOLD_NOT_CERTIFIED);
  CHECK(e.result.outcome == MINFOLD_SOLVE_FAILED && w.called == 0);
  r.not_a_number = 0;
}

static void refusals(minfold_context* context) {
  double const center[2] = {3, 4};
  static char nowhere[] = "no/such/folder/run.ckpt";
  rings r = {0};
  minfold_hgms_options options = slow();
  minfold_snapshot* snapshot = NULL;
  watch w = {0};
  end e = {1, {5, 6}, {0}};
  FILE* file;
  r.centers = center;
  options.snapshot_sink = see;
  options.snapshot_user = &w;
  w.returned = 4;
  CHECK_REFUSED(solve(context, &r, &e, &options), MINFOLD_CALLBACK_FAILED,
                "the callback snapshot_sink returned 4");
  CHECK(w.called == 1 && e.x == 1 && e.y[0] == 5);
  options.snapshot_sink = minfold_checkpoint_sink;
  options.snapshot_user = nowhere;
  CHECK_REFUSED(solve(context, &r, &e, &options), MINFOLD_CALLBACK_FAILED,
                "cannot write no/such/folder/run.ckpt: No such file or directory");
  options.snapshot_user = NULL;
  CHECK_REFUSED(solve(context, &r, &e, &options), MINFOLD_CALLBACK_FAILED, "path is NULL");
  options.snapshot_user = path;
  options.snapshot_every = -1;
  CHECK_REFUSED(solve(context, &r, &e, &options), MINFOLD_INVALID_ARGUMENT, "snapshot_every is -1");
  options.snapshot_every = 0;
  options.snapshot_seconds = NAN;
  CHECK_REFUSED(solve(context, &r, &e, &options), MINFOLD_INVALID_ARGUMENT, "snapshot_seconds");

  /* a run that was another one */
  options.snapshot_seconds = 0;
  CHECK(solve(context, &r, &e, &options) == MINFOLD_OK);
  CHECK(minfold_checkpoint_read(path, &snapshot) == MINFOLD_OK);
  options.snapshot_sink = NULL;
  options.resume_from = snapshot;
  options.seed = 2;
  CHECK_REFUSED(solve(context, &r, &e, &options), MINFOLD_INVALID_ARGUMENT,
                "the seed of the checkpoint is 1, that of this run is 2");
  options.seed = 0;
  options.settings = "candidates=3";
  CHECK_REFUSED(solve(context, &r, &e, &options), MINFOLD_INVALID_ARGUMENT,
                "the settings of the checkpoint is step-rule=fixed step=0.2 candidates=2");
  minfold_snapshot_destroy(snapshot);

  /* files that are none */
  CHECK_REFUSED(minfold_checkpoint_read(nowhere, &snapshot), MINFOLD_INVALID_ARGUMENT, nowhere);
  CHECK(snapshot == NULL);
  file = fopen(path, "r+b");
  if (file) {
    fseek(file, 2000, SEEK_SET);
    fputs("damaged", file);
    fclose(file);
  }
  CHECK_REFUSED(minfold_checkpoint_read(path, &snapshot), MINFOLD_INVALID_ARGUMENT, "damaged");
  CHECK_REFUSED(minfold_checkpoint_read(NULL, &snapshot), MINFOLD_INVALID_ARGUMENT, "path is NULL");
  CHECK_REFUSED(minfold_checkpoint_read(path, NULL), MINFOLD_INVALID_ARGUMENT, "no place");
  CHECK_REFUSED(minfold_checkpoint_write(path, NULL), MINFOLD_INVALID_ARGUMENT, "snapshot is NULL");
  CHECK(minfold_snapshot_iteration(NULL) == -1);
  minfold_snapshot_destroy(NULL);
  remove(path);
}

int main(void) {
  minfold_context* const context = start();
  failures_are_saved(context);
  when_it_is_due(context);
  refusals(context);
  return finish(context);
}
