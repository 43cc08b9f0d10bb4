/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MINFOLD_TESTS_PLAIN_CHECK_H
#define MINFOLD_TESTS_PLAIN_CHECK_H

#include <minfold/plain.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Failed checks are printed and counted; main ends with `return failures != 0`. */
static int failures = 0;

#define CHECK(condition)                                                  \
  do {                                                                    \
    if (!(condition)) {                                                   \
      ++failures;                                                         \
      printf("%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);      \
      printf("  minfold_last_error() is \"%s\"\n", minfold_last_error()); \
    }                                                                     \
  } while (0)

#define CHECK_NEAR(value, expected, allowed)                                                     \
  do {                                                                                           \
    double const value_ = (value), expected_ = (expected);                                       \
    if (!(fabs(value_ - expected_) <= (allowed))) {                                              \
      ++failures;                                                                                \
      printf("%s:%d: failed: %s is %.17g, expected %.17g\n", __FILE__, __LINE__, #value, value_, \
             expected_);                                                                         \
    }                                                                                            \
  } while (0)

/* The status, and a piece of the sentence that goes with it. */
#define CHECK_REFUSED(call, expected_status, piece)                                              \
  do {                                                                                           \
    minfold_status const status_ = (call);                                                       \
    if (status_ != (expected_status) || !strstr(minfold_last_error(), piece)) {                  \
      ++failures;                                                                                \
      printf("%s:%d: failed: %s gave \"%s\" with \"%s\", expected \"%s\"\n", __FILE__, __LINE__, \
             #call, minfold_status_name(status_), minfold_last_error(), piece);                  \
    }                                                                                            \
  } while (0)

/* Exit status of a test that cannot run here. */
enum { SKIPPED = 77 };

/* A context on the default stream. The tests hand over host memory, so they end here on a GPU. */
static inline minfold_context* start(void) {
  minfold_context* context = NULL;
  if (minfold_initialize(0, -1) != MINFOLD_OK ||
      minfold_context_create(NULL, &context) != MINFOLD_OK) {
    printf("cannot start: %s\n", minfold_last_error());
    exit(1);
  }
  if (!strcmp(minfold_context_backend(context), "Cuda") ||
      !strcmp(minfold_context_backend(context), "HIP")) {
    printf("skipped: the arrays of this test are in host memory\n");
    exit(SKIPPED);
  }
  return context;
}

static inline int finish(minfold_context* context) {
  minfold_context_destroy(context);
  CHECK(minfold_finalize() == MINFOLD_OK);
  if (failures) printf("%d checks failed\n", failures);
  return failures != 0;
}

#endif
