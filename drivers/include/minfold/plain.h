/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MINFOLD_PLAIN_H
#define MINFOLD_PLAIN_H

#include <stddef.h>
#include <stdint.h>

/* The C API of minfold, for C99, C++ and, through iso_c_binding, Fortran. Link minfold::plain.
 *
 * Status    Every function that can fail returns a minfold_status; minfold_last_error() has the sentence.
 *           No exception and no abort of minfold crosses this boundary. What a number is worth is in the
 *           records, one an item; MINFOLD_NOT_CERTIFIED says that some record is no success.
 * Memory    Array pointers are to memory that the backend reaches: plain memory for OpenMP, threads
 *           and serial, device memory for CUDA and HIP. Structs of this header and arrays of them are in
 *           host memory. minfold keeps no pointer after a call.
 * Order     Work goes to the stream of the context. A function that fills records waits for that
 *           stream, and for no other, before it returns.
 * Threads   A context is used by one thread at a time. minfold_last_error() is of the calling thread. */

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t minfold_status;
enum {
  MINFOLD_OK = 0,
  MINFOLD_NOT_CERTIFIED = 1, /**< done, but not every record is a success; the results are there */
  MINFOLD_INVALID_ARGUMENT = 2, /**< nothing was computed */
  MINFOLD_NOT_INITIALIZED = 3,  /**< before minfold_initialize, or after the end of Kokkos */
  MINFOLD_NO_MEMORY = 4,
  MINFOLD_CALLBACK_FAILED = 5, /**< a callback returned nonzero */
  MINFOLD_INTERNAL = 6
};

typedef int32_t minfold_outcome;
enum {
  MINFOLD_OUTCOME_NOT_RUN = 0,
  MINFOLD_OUTCOME_CONVERGED = 1,
  MINFOLD_OUTCOME_ITERATION_LIMIT = 2,     /**< stopped without reaching the tolerance */
  MINFOLD_OUTCOME_INCONSISTENT_RHS = 3,    /**< b has a part outside range A that is not removed */
  MINFOLD_OUTCOME_INDEFINITE_OPERATOR = 4, /**< clearly negative curvature */
  MINFOLD_OUTCOME_AMBIGUOUS_RANK = 5,      /**< no clear spectral gap: the dimension is a guess */
  MINFOLD_OUTCOME_RANK_LIMIT = 6,          /**< the dimension exceeds the room that was given */
  MINFOLD_OUTCOME_NOT_FINITE = 7           /**< NaN or infinity in the input or on the way */
};

/** The sentence of the last call of this thread that did not return MINFOLD_OK, "" after one that did.
 * Valid until the next call of this thread. */
char const* minfold_last_error(void);
/** Short names: "invalid argument", "ambiguous rank"; "unknown ..." for other numbers. */
char const* minfold_status_name(minfold_status status);
char const* minfold_outcome_name(minfold_outcome outcome);
/** Major * 10000 + minor * 100 + patch. */
int32_t minfold_version(void);

/** Starts Kokkos, or adopts one that runs: then the arguments are not looked at, and minfold_finalize
 * leaves it running. Calls are counted: the last of as many minfold_finalize ends what minfold began.
 *
 * Takes     threads: of a host backend, 0 for its default; device: number of a GPU, -1 for the default.
 *           The defaults obey KOKKOS_NUM_THREADS, OMP_NUM_THREADS and KOKKOS_DEVICE_ID.
 * Errors    MINFOLD_NOT_INITIALIZED: Kokkos has ended, and cannot start again in this process. */
minfold_status minfold_initialize(int32_t threads, int32_t device);
/** Errors    MINFOLD_NOT_INITIALIZED: there was no minfold_initialize.
 *           MINFOLD_INVALID_ARGUMENT: it is the last call, and contexts are alive; nothing has ended. */
minfold_status minfold_finalize(void);

/** An execution space instance: where work is queued. */
typedef struct minfold_context minfold_context;

/** *context := a new context on `stream`, a cudaStream_t or hipStream_t, which the caller owns and keeps
 * until the context is destroyed; NULL is the default of the backend.
 *
 * Errors    MINFOLD_INVALID_ARGUMENT: a stream where the backend has none. *context is then NULL. */
minfold_status minfold_context_create(void* stream, minfold_context** context);
/** NULL is allowed. After Kokkos has ended the memory of the handle is given up, not freed. */
void minfold_context_destroy(minfold_context* context);
/** The stream it was made with. */
void* minfold_context_stream(minfold_context const* context);
/** "OpenMP", "Serial", "Cuda", "HIP", ... */
char const* minfold_context_backend(minfold_context const* context);
/** Waits for the work of this context. */
minfold_status minfold_context_wait(minfold_context const* context);

typedef int32_t minfold_precision;
enum { MINFOLD_DOUBLE = 0, MINFOLD_FLOAT = 1 };

/** A batch of blocks: (item, j, i) is at data + item stride[0] + j stride[1] + i stride[2], in numbers of
 * the precision, not bytes. Strides are free; an input may have stride 0 (all items share one matrix)
 * or negative ones, entries of an output must be distinct.
 *
 * Worked in place where items are contiguous one after the other, i fastest: stride[2] = 1, stride[1] =
 * extent[2], stride[0] = extent[1] extent[2]. Symmetric matrices may have columns and rows exchanged.
 * Anything else is copied on the stream, once an argument and direction. */
typedef struct minfold_array {
  void* data;
  minfold_precision precision;
  size_t extent[3];
  ptrdiff_t stride[3];
} minfold_array;

/* The memory is only named here, so that compilers need not warn of what has no value yet. */
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 11
#define MINFOLD_ONLY_NAMES(argument) __attribute__((access(none, argument)))
#else
#define MINFOLD_ONLY_NAMES(argument)
#endif

/** Contiguous; inputs are not written to, whatever the type of `data` in the struct. */
MINFOLD_ONLY_NAMES(2)
minfold_array minfold_contiguous(minfold_precision precision, void const* data, size_t items,
                                 size_t rows, size_t columns);

/** One solve z = A^+ b, P the orthogonal projector onto range A. */
typedef struct minfold_solve_record {
  minfold_outcome outcome;
  int32_t iterations;
  int32_t products;     /**< with A, recomputed residual included */
  double rhs_norm;      /**< ||b|| */
  double residual;      /**< ||A z - P b|| / ||P b||, recomputed */
  double leakage;       /**< ||(I - P) b|| / ||b|| */
  double operator_norm; /**< lower bound of ||A|| from the products seen; 0 where none was needed */
} minfold_solve_record;

/** One basis of ker A. */
typedef struct minfold_kernel_record {
  minfold_outcome outcome;
  int32_t dimension; /**< of the kernel; a lower bound with rank_limit */
  int32_t vectors;   /**< in the basis: min(dimension, capacity) */
  int32_t products;
  double norm_estimate;   /**< of ||A|| */
  double kernel_residual; /**< max_j ||A q_j|| / ||A||, recomputed */
  double orthogonality;   /**< max |Q^T Q - I| */
  double gap; /**< smallest kept / largest dropped |eigenvalue|; infinite for dimension n */
  double smallest_kept; /**< estimate of the smallest nonzero |eigenvalue|; 0 for dimension n */
  double most_negative; /**< smallest eigenvalue seen / ||A||, at most 0 */
} minfold_kernel_record;

/** One basis of range A. */
typedef struct minfold_range_record {
  minfold_outcome outcome;
  int32_t rank;
  int32_t products;
  double norm_estimate;  /**< of ||A|| */
  double range_residual; /**< bound on ||(I - Q Q^T) A|| / ||A|| */
  double orthogonality;  /**< max |Q^T Q - I| */
  double gap;            /**< smallest kept / largest dropped magnitude */
} minfold_range_record;

/** Options of the kernels; 0 is the default of each member, NULL for a pointer to it is all defaults. */
typedef struct minfold_options {
  double kernel_tolerance;   /**< |eigenvalue| <= this ||A|| counts as zero: 1e-6, float 1e-3 */
  double minimum_gap;        /**< least spectral gap that is trusted: 10 */
  double relative_tolerance; /**< of solves, on ||A z - P b|| / ||P b||: 1e-12, float 1e-5 */
  double range_tolerance;    /**< range finder, on ||(I - Q Q^T) A|| / ||A||: 1e-6, float 1e-3 */
  int32_t rank;              /**< range finder: this many vectors, whatever the tolerance */
  int32_t semidefinite; /**< range finder: 1 vouches for A >= 0, so that few columns need be read */
  int32_t max_iterations; /**< of pinv_operator: 10 n + 100 */
  int32_t reserved;       /**< 0 */
  uint64_t seed;          /**< of the random vectors: 1 */
} minfold_options;

/* Requires of the kernels: symmetric matrices a of extent (items, n, n), of which one triangle may be
 * read only; all arrays of one precision; outputs overlap neither one another nor an input.
 * Errors of the kernels: MINFOLD_INVALID_ARGUMENT for what does not fit, with the sentence. */

/** Orthonormal basis Q of ker A, A positive semidefinite.
 *
 * Requires  basis: (items, capacity, n); records: items of them.
 * Gives     basis(item, j, :), j < vectors, zeros beyond. `converged` only where the spectral gap backs
 *           the dimension.
 * Costs     9 n^3 flops an item. */
minfold_status minfold_kernel_basis(minfold_context const* context, minfold_array const* a,
                                    minfold_array const* basis, minfold_kernel_record* records,
                                    minfold_options const* options);

/** z := A^+ b, A any symmetric matrix, through its eigenvalues.
 *
 * Requires  b, z: (items, columns, n); solves: items * columns records, that of column c of an item at
 *           item * columns + c; kernels: items of them.
 * Gives     z of least norm with A z = P b.
 * Costs     9 n^3 flops an item. */
minfold_status minfold_pinv(minfold_context const* context, minfold_array const* a,
                            minfold_array const* b, minfold_array const* z,
                            minfold_solve_record* solves, minfold_kernel_record* kernels,
                            minfold_options const* options);

/** Both from one factorization of a positive semidefinite A: requires and gives what they do. Where the
 * factorization says less than all, the item goes on to its spectrum.
 *
 * Costs     n^3 / 3 flops an item and terms of order n^2; 9 n^3 where the spectrum is needed. */
minfold_status minfold_kernel_and_pinv(minfold_context const* context, minfold_array const* a,
                                       minfold_array const* b, minfold_array const* z,
                                       minfold_array const* basis, minfold_solve_record* solves,
                                       minfold_kernel_record* kernels,
                                       minfold_options const* options);

/** Orthonormal basis of range A with the eigenvalue estimates of its vectors, A symmetric.
 *
 * Requires  basis: (items, capacity, n), capacity >= options->rank; values: (items, 1, capacity);
 *           records: items of them.
 * Gives     basis(item, j, :) and values(item, 0, j), j < rank, largest magnitude first; what is beyond
 *           is not specified. ||(I - Q Q^T) A|| <= range_residual ||A||.
 * Costs     about 2 (rank + 16) products; with semidefinite = 1 the columns of some `rank` pivots. */
minfold_status minfold_range_finder(minfold_context const* context, minfold_array const* a,
                                    minfold_array const* basis, minfold_array const* values,
                                    minfold_range_record* records, minfold_options const* options);

/** A symmetric operator that is only multiplied with: y(item, j, :) := A_item x(item, j, :), double, both
 * arrays (items, columns, n) and contiguous. `columns` differs from call to call. Queue the work on
 * minfold_context_stream(context). Returns 0, or a number that ends the run. */
typedef int32_t (*minfold_apply)(void* user, minfold_context const* context, size_t columns,
                                 double const* x, double* y);
typedef struct minfold_operator {
  minfold_apply apply;
  void* user; /**< first argument of apply; not looked at */
  size_t items, n;
} minfold_operator;

/** minfold_kernel_basis of an operator, double.
 *
 * Costs     see `randomized` in minfold/kernels/kernel_basis.hpp: products of blocks, no matrix of order n. */
minfold_status minfold_kernel_basis_operator(minfold_context const* context,
                                             minfold_operator const* a, minfold_array const* basis,
                                             minfold_kernel_record* records,
                                             minfold_options const* options);

/** z := A^+ b by conjugate gradients, A positive semidefinite, double.
 *
 * Requires  b, z: (items, columns, n); kernel: an orthonormal basis of ker A as minfold_kernel_basis_operator
 *           leaves it, with its records, or NULL for both: then b lies in range A.
 * Costs     a product an iteration; max_iterations bounds them. */
minfold_status minfold_pinv_operator(minfold_context const* context, minfold_operator const* a,
                                     minfold_array const* b, minfold_array const* z,
                                     minfold_array const* kernel,
                                     minfold_kernel_record const* kernel_records,
                                     minfold_solve_record* solves, minfold_options const* options);

/** minfold_range_finder of an operator, double; semidefinite has no meaning here and must be 0. */
minfold_status minfold_range_finder_operator(minfold_context const* context,
                                             minfold_operator const* a, minfold_array const* basis,
                                             minfold_array const* values,
                                             minfold_range_record* records,
                                             minfold_options const* options);

#ifdef __cplusplus
}
#endif

#include <minfold/plain_bilevel.h>

#endif
