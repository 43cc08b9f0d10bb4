// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_PLAIN_SNAPSHOT_HPP
#define MINFOLD_DRIVERS_IMPL_PLAIN_SNAPSHOT_HPP

#include <minfold/drivers/snapshot.hpp>
#include <minfold/plain_bilevel.h>

/// What is behind the handle of the C API.
struct minfold_snapshot {
  minfold::Snapshot state;
};

#endif
