/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MINFOLD_PLAIN_CHECKPOINT_H
#define MINFOLD_PLAIN_CHECKPOINT_H

#include <minfold/plain_bilevel.h>

/* Snapshots of runs in files: the format and the promises of minfold/files/checkpoint.hpp, in short an HDF5
 * file with a checksum, which has its old content or all of the new one whenever it is looked at. For one
 * thread at a time, since HDF5 is. Link minfold::plain_files. */

#ifdef __cplusplus
extern "C" {
#endif

/** Errors  MINFOLD_INVALID_ARGUMENT with why the file cannot be written, as "No space left on device"; what
 *          it had before is still there. */
minfold_status minfold_checkpoint_write(char const* path, minfold_snapshot const* snapshot);

/** Gives   *snapshot, to be ended by minfold_snapshot_destroy; NULL after an error.
 * Errors   MINFOLD_INVALID_ARGUMENT with what is wrong with the file. */
minfold_status minfold_checkpoint_read(char const* path, minfold_snapshot** snapshot);

/** A snapshot_sink of minfold_hgms_options: `path` is its snapshot_user, a char*. A file that cannot be
 * written ends the run. */
int32_t minfold_checkpoint_sink(void* path, minfold_snapshot const* snapshot);

#ifdef __cplusplus
}
#endif

#endif
