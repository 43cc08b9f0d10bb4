// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_PACKED_LOAD_HPP
#define MINFOLD_KERNELS_IMPL_PACKED_LOAD_HPP

#include <minfold/kernels/impl/packed_tiles.hpp>

/// Matrices of several items into the lanes of tiles.
namespace minfold::impl {

/// Row `row` of the lower half, a pack of columns at a time: lanes of one item become lanes of one entry.
/// Rows from n on are zero.
template <class T>
void load_row(T const* const (&items)[lanes<T>], int n, int row, HalfTiles<T> const& to) {
  constexpr int width = lanes<T>;
  int const i = row / tile_order, r = row % tile_order, last = (i + 1) * tile_order;
  for (int first = 0; first < last; first += width) {
    Pack<T> v[width];
    for (int l = 0; l < width; ++l) {
      int const here = row < n ? std::min(n - first, width) : 0;
      T const* const from = items[l] + long(row) * n + first;
      if (here == width) {
        v[l] = load_unaligned<T>(from);
      } else {
        v[l] = Pack<T>{};
        for (int c = 0; c < here; ++c) v[l][c] = from[c];
      }
    }
    transpose<T>(v);
    for (int c = 0; c < width && first + c < last; ++c)
      to(i, (first + c) / tile_order)[r * tile_order + c % tile_order] = v[c];
  }
}

/// Fetches the matrices of the pack that comes next, a few rows now and then, so few that the requests
/// find room beside the work.
template <class T>
class NextPack {
 public:
  NextPack() = default;
  NextPack(T const* const (&items)[lanes<T>], int n) : n_(n), row_(n <= prefetch_order ? 0 : n) {
    std::copy(items, items + lanes<T>, items_);
  }

  void fetch_some() {
    int const last = std::min(n_, row_ + (n_ + calls - 1) / calls);
    for (; row_ < last; ++row_)
      for (T const* item : items_)
        for (int i = 0; i <= row_; i += 64 / int(sizeof(T)))
          __builtin_prefetch(item + long(row_) * n_ + i, 0, 2);
  }

 private:
  static constexpr int calls = 12;  ///< while a pack is worked
  T const* items_[lanes<T>] = {};
  int n_ = 0, row_ = 0;
};

}  // namespace minfold::impl

#endif
