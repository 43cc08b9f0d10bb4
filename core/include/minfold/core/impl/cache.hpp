// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CORE_IMPL_CACHE_HPP
#define MINFOLD_CORE_IMPL_CACHE_HPP

#include <cstddef>

namespace minfold::impl {

/// Bytes of one cache of level 1 (for data), 2 or 3 of a host; 0 where there is none or the system does not tell.
std::size_t cache_bytes(int level);

/// Bytes of the third-level cache of a host, of one of them where there are several; of the second level
/// where there is no third; 16 MB where the system does not tell.
std::size_t last_cache_bytes();

}  // namespace minfold::impl

#endif
