/* SPDX-License-Identifier: Apache-2.0 */
/* Before the start and after the end there are statuses and sentences; starts are counted. */
#include "check.h"

int main(void) {
  double a = 0, q = 1;
  minfold_array const matrix = minfold_contiguous(MINFOLD_DOUBLE, &a, 1, 1, 1);
  minfold_array const basis = minfold_contiguous(MINFOLD_DOUBLE, &q, 1, 1, 1);
  minfold_kernel_record record;
  minfold_context* context = NULL;

  CHECK(minfold_version() >= 100);
  CHECK(!strcmp(minfold_status_name(MINFOLD_NO_MEMORY), "no memory"));
  CHECK(!strcmp(minfold_status_name(-3), "unknown status"));
  CHECK(!strcmp(minfold_outcome_name(MINFOLD_OUTCOME_AMBIGUOUS_RANK), "ambiguous rank"));
  CHECK(!strcmp(minfold_outcome_name(99), "unknown outcome"));
  CHECK(!strcmp(minfold_verdict_name(MINFOLD_REFUSED), "refused"));
  CHECK(!strcmp(minfold_solve_outcome_name(MINFOLD_SOLVE_STALLED), "stalled"));
  CHECK(!strncmp(minfold_verdict_name(256), "unknown", 7));
  CHECK(!strncmp(minfold_solve_outcome_name(256), "unknown", 7));

  CHECK_REFUSED(minfold_context_create(NULL, &context), MINFOLD_NOT_INITIALIZED,
                "minfold_initialize has not been called");
  CHECK_REFUSED(minfold_kernel_basis(NULL, &matrix, &basis, &record, NULL), MINFOLD_NOT_INITIALIZED,
                "minfold_kernel_basis: minfold_initialize has not been called");
  CHECK_REFUSED(minfold_finalize(), MINFOLD_NOT_INITIALIZED, "there was no minfold_initialize");
  CHECK_REFUSED(minfold_initialize(-1, -1), MINFOLD_INVALID_ARGUMENT, "threads is -1");
  CHECK_REFUSED(minfold_initialize(0, -2), MINFOLD_INVALID_ARGUMENT, "device is -2");

  CHECK(minfold_initialize(1, -1) == MINFOLD_OK);
  CHECK(minfold_initialize(0, -1) == MINFOLD_OK);
  CHECK(minfold_last_error()[0] == '\0');
  CHECK(minfold_context_create(NULL, &context) == MINFOLD_OK);
  CHECK(minfold_context_stream(context) == NULL);
  CHECK(minfold_finalize() == MINFOLD_OK);
  CHECK(minfold_context_wait(context) == MINFOLD_OK); /* the first start still counts */
  CHECK_REFUSED(minfold_finalize(), MINFOLD_INVALID_ARGUMENT, "1 contexts are alive");
  CHECK(minfold_context_wait(context) == MINFOLD_OK);
  minfold_context_destroy(context);
  minfold_context_destroy(NULL);
  CHECK(minfold_finalize() == MINFOLD_OK);

  CHECK_REFUSED(minfold_context_create(NULL, &context), MINFOLD_NOT_INITIALIZED,
                "minfold_finalize has");
  CHECK(context == NULL);
  CHECK_REFUSED(minfold_kernel_basis(NULL, &matrix, &basis, &record, NULL), MINFOLD_NOT_INITIALIZED,
                "minfold_finalize has");
  CHECK_REFUSED(minfold_initialize(0, -1), MINFOLD_NOT_INITIALIZED, "cannot start again");
  CHECK_REFUSED(minfold_finalize(), MINFOLD_NOT_INITIALIZED, "there was no minfold_initialize");
  if (failures) printf("%d checks failed\n", failures);
  return failures != 0;
}
