/* SPDX-License-Identifier: Apache-2.0 */
/* Every wrong argument is a status and a sentence that names it; nothing is written. */
#include "check.h"

#include <stdlib.h>

enum { n = 4, items = 2 };

/* Of the address sanitizer, which otherwise ends a program that asks for more memory than there is. */
char const* __asan_default_options(void);
char const* __asan_default_options(void) { return "allocator_may_return_null=1"; }

static int32_t never(void* user, minfold_context const* context, size_t columns, double const* x,
                     double* y) {
  (void)user, (void)context, (void)columns, (void)x, (void)y;
  CHECK(!"called");
  return 1;
}

int main(void) {
  minfold_context* const context = start();
  minfold_context* none = NULL;
  double a[items * n * n] = {0}, q[items * n * n] = {0}, b[items * n] = {0}, z[items * n] = {0};
  minfold_array const good = minfold_contiguous(MINFOLD_DOUBLE, a, items, n, n);
  minfold_array const basis = minfold_contiguous(MINFOLD_DOUBLE, q, items, n, n);
  minfold_array const side = minfold_contiguous(MINFOLD_DOUBLE, b, items, 1, n);
  minfold_array const solution = minfold_contiguous(MINFOLD_DOUBLE, z, items, 1, n);
  minfold_array bad;
  minfold_kernel_record kernels[items];
  minfold_solve_record solves[items];
  minfold_range_record ranges[items];
  minfold_options options = {0};
  minfold_operator op = {never, NULL, items, n};

#define KERNEL(matrices, vectors, opts) \
  minfold_kernel_basis(context, matrices, vectors, kernels, opts)
#define REFUSES(call, piece) CHECK_REFUSED(call, MINFOLD_INVALID_ARGUMENT, piece)
  REFUSES(minfold_kernel_basis(NULL, &good, &basis, kernels, NULL), "context is NULL");
  REFUSES(KERNEL(NULL, &basis, NULL), "a is NULL");
  REFUSES(KERNEL(&good, NULL, NULL), "basis is NULL");
  REFUSES(minfold_kernel_basis(context, &good, &basis, NULL, NULL), "records is NULL");
  bad = good;
  bad.data = NULL;
  REFUSES(KERNEL(&bad, &basis, NULL), "a has no memory");
  bad = good;
  bad.precision = 5;
  REFUSES(KERNEL(&bad, &basis, NULL), "unknown precision 5");
  bad = good;
  bad.extent[1] = n - 1;
  REFUSES(KERNEL(&bad, &basis, NULL), "3 x 4, must be square");
  bad = good;
  bad.extent[0] = (size_t)1 << 40;
  REFUSES(KERNEL(&bad, &basis, NULL), "an extent of 1099511627776");
  bad = good;
  bad.data = (char*)a + 3;
  REFUSES(KERNEL(&bad, &basis, NULL), "aligned");
  bad = basis;
  bad.precision = MINFOLD_FLOAT;
  REFUSES(KERNEL(&good, &bad, NULL), "basis is float, expected double");
  bad = minfold_contiguous(MINFOLD_DOUBLE, q, items, n - 1, n + 1);
  REFUSES(KERNEL(&good, &bad, NULL), "basis is 2 x 3 x 5, expected 2 x 3 x 4");
  bad = basis;
  bad.stride[0] = 0;
  REFUSES(KERNEL(&good, &bad, NULL), "give two entries one place");
  bad = basis;
  bad.stride[1] = 2;
  REFUSES(KERNEL(&good, &bad, NULL), "give two entries one place");
  REFUSES(KERNEL(&good, &good, NULL), "basis overlaps a");
  bad = minfold_contiguous(MINFOLD_DOUBLE, q, items, 0, n);
  REFUSES(KERNEL(&good, &bad, NULL), "no room");
  options.minimum_gap = -1;
  REFUSES(KERNEL(&good, &basis, &options), "minimum_gap is -1");
  options.minimum_gap = NAN;
  REFUSES(KERNEL(&good, &basis, &options), "minimum_gap is nan");
  memset(&options, 0x7f, sizeof options);
  options.kernel_tolerance = options.minimum_gap = options.relative_tolerance = 0;
  options.range_tolerance = 0;
  REFUSES(KERNEL(&good, &basis, &options), "must be 0");
  memset(&options, 0, sizeof options);

  REFUSES(minfold_pinv(context, &good, &side, &side, solves, kernels, NULL), "z overlaps b");
  bad = solution;
  bad.data = b + 1;
  REFUSES(minfold_pinv(context, &good, &side, &bad, solves, kernels, NULL), "z overlaps b");
  bad = solution;
  bad.extent[0] = 1;
  REFUSES(minfold_pinv(context, &good, &side, &bad, solves, kernels, NULL),
          "z is 1 x 1 x 4, expected 2 x 1 x 4");
  REFUSES(minfold_pinv(context, &good, &side, &solution, NULL, kernels, NULL), "solves is NULL");
  REFUSES(
      minfold_kernel_and_pinv(context, &good, &side, &solution, &solution, solves, kernels, NULL),
      "basis overlaps z");

  options.rank = n + 1;
  bad = minfold_contiguous(MINFOLD_DOUBLE, z, items, 1, n);
  REFUSES(minfold_range_finder(context, &good, &basis, &bad, ranges, &options), "rank");
  REFUSES(minfold_range_finder(context, &good, &basis, &basis, ranges, NULL), "values");
  options.rank = 0;

  op.apply = NULL;
  REFUSES(minfold_kernel_basis_operator(context, &op, &basis, kernels, NULL), "no callback apply");
  op.apply = never;
  op.n = 0;
  REFUSES(minfold_kernel_basis_operator(context, &op, &basis, kernels, NULL), "order 0");
  op.n = (size_t)1 << 40;
  REFUSES(minfold_kernel_basis_operator(context, &op, &basis, kernels, NULL), "1099511627776");

  REFUSES(minfold_context_create(NULL, NULL), "place for the context");
  REFUSES(minfold_context_create(&options, &none), "has no streams");
  CHECK(none == NULL);

  /* More right-hand sides than an int counts, before anything of them is looked at. */
  {
    size_t const many = 1 << 16;
    minfold_array const b_claimed = minfold_contiguous(MINFOLD_DOUBLE, b, items, many * many / items, n);
    minfold_array const z_claimed = minfold_contiguous(MINFOLD_DOUBLE, z, items, many * many / items, n);
    REFUSES(minfold_pinv(context, &good, &b_claimed, &z_claimed, solves, kernels, NULL),
            "right-hand sides");
    op.n = n;
    REFUSES(minfold_pinv_operator(context, &op, &b_claimed, &z_claimed, NULL, NULL, solves, NULL),
            "right-hand sides");
  }

  /* More than any memory holds. */
  bad = minfold_contiguous(MINFOLD_DOUBLE, a, 1, 1 << 23, 1 << 23);
  bad.stride[0] = bad.stride[1] = bad.stride[2] = 0;
  {
    /* An array as long as that, so that it lies beside the others and not across them. */
    double* const long_basis = malloc(sizeof(double) << 23);
    minfold_array const wide = minfold_contiguous(MINFOLD_DOUBLE, long_basis, 1, 1, 1 << 23);
    CHECK(long_basis != NULL);
    CHECK_REFUSED(KERNEL(&bad, &wide, NULL), MINFOLD_NO_MEMORY, "allocat");
    free(long_basis);
  }

  /* An empty batch is no error. */
  bad = minfold_contiguous(MINFOLD_DOUBLE, NULL, 0, n, n);
  CHECK(minfold_kernel_basis(context, &bad, &bad, NULL, NULL) == MINFOLD_OK);
  return finish(context);
}
