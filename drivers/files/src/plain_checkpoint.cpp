// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/drivers/impl/plain_snapshot.hpp>
#include <minfold/files/checkpoint.hpp>
#include <minfold/plain_checkpoint.h>

#include "plain_support.hpp"

#include <memory>

using namespace minfold::impl::plain;

minfold_status minfold_checkpoint_write(char const* path, minfold_snapshot const* snapshot) {
  return guarded([&] {
    MINFOLD_REQUIRE(path, "minfold_checkpoint_write: the path is NULL");
    MINFOLD_REQUIRE(snapshot, "minfold_checkpoint_write: the snapshot is NULL");
    minfold::write_checkpoint_file(path, snapshot->state);
    return MINFOLD_OK;
  });
}

minfold_status minfold_checkpoint_read(char const* path, minfold_snapshot** snapshot) {
  if (snapshot) *snapshot = nullptr;
  return guarded([&] {
    MINFOLD_REQUIRE(path, "minfold_checkpoint_read: the path is NULL");
    MINFOLD_REQUIRE(snapshot, "minfold_checkpoint_read: there is no place for the snapshot");
    *snapshot = new minfold_snapshot{minfold::read_checkpoint_file(path)};
    return MINFOLD_OK;
  });
}

std::int32_t minfold_checkpoint_sink(void* path, minfold_snapshot const* snapshot) {
  return minfold_checkpoint_write(static_cast<char const*>(path), snapshot);
}
