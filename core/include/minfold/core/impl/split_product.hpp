// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CORE_IMPL_SPLIT_PRODUCT_HPP
#define MINFOLD_CORE_IMPL_SPLIT_PRODUCT_HPP

#include <minfold/core/batch.hpp>
#include <minfold/core/impl/half_product.hpp>
#include <minfold/core/impl/tuning.hpp>

#include <algorithm>
#include <cmath>

namespace minfold::impl {

/// Items first ... first + count - 1 of a batch.
struct ItemRange {
  int first, count;
};

/// Y := H X for a batch of symmetric matrices on a host, one half of each H read once for a column
/// or, from columns_alone + 1 columns on, for a group of lanes<T> of them, all threads busy also for
/// one item: the rows of a product are split into chunks
/// of equal work, each adds into a vector of its own, and these are added up in their order. How many
/// there are depends on n only, so the bits of the result do not depend on threads or items.
/// `items`: the most that are worked at once.
template <ExecutionSpace E, class T>
class SplitProduct {
 public:
  SplitProduct(E const& space, int items, int columns, int n) : SplitProduct(items, columns, n) {
    order_ = make_vectors<int>(space, "minfold::split_product::columns", items, columns);
    count_ = make_scalars<int>(space, "minfold::split_product::count", items);
    parts_ = make_array<Memory>(space, "minfold::split_product::parts",
                                std::size_t(items) * groups_ * chunks_ * stride());
    if (width_ > 1)
      packed_ = make_array<Memory>(space, "minfold::split_product::columns_in_lanes",
                                   std::size_t(items) * groups_ * stride());
  }

  /// Bytes that the constructor allocates.
  static std::size_t bytes(int items, int columns, int n) {
    SplitProduct const sizes(items, columns, n);
    std::size_t const words = std::size_t(items) * sizes.groups_ * sizes.stride();
    return array_bytes<int>(std::size_t(items) * columns) + array_bytes<int>(items) +
           array_bytes<T>(words * sizes.chunks_) + (sizes.width_ > 1 ? array_bytes<T>(words) : 0);
  }

  /// x, y: (item, column, i). Only columns with active(item, column) are worked; y of the others is
  /// left as it is.
  template <class Matrix, class X, class Y, class Active>
  void operator()(E const& space, Matrix const& h, X const& x, Y const& y,
                  Active const& active) const {
    (*this)(space, h, x, y, active, {0, items_});
  }

  /// The same for these items of h, x and y, as many as the constructor has room for.
  template <class Matrix, class X, class Y, class Active>
  void operator()(E const& space, Matrix const& h, X const& x, Y const& y, Active const& active,
                  ItemRange const& range) const {
    auto const self = *this;
    int const begin = range.first, items = range.count;
    Kokkos::parallel_for("minfold::split_product::choose", Kokkos::RangePolicy<E>(space, 0, items),
                         [=](int item) {
                           int count = 0;
                           for (int c = 0; c < self.columns_; ++c)
                             if (active(begin + item, c)) self.order_(item, count++) = c;
                           self.count_(item) = count;
                         });
    int const slices = (n_ + slice - 1) / slice;
    if (width_ > 1)
      Kokkos::parallel_for(
          "minfold::split_product::pack",
          Kokkos::RangePolicy<E>(space, 0, items * groups_ * slices), [=](int task) {
            int const group = task / slices;
            self.pack(x, begin, group / self.groups_, group % self.groups_, task % slices * slice);
          });
    Kokkos::parallel_for("minfold::split_product::rows",
                         Kokkos::RangePolicy<E, Kokkos::Schedule<Kokkos::Dynamic>>(
                             space, 0, items * chunks_ * groups_)
                             .set_chunk_size(1),
                         [=](int task) {
                           // Groups of one chunk follow each other: the rows are still in the cache.
                           int const group = task % self.groups_, chunk = task / self.groups_;
                           self.multiply(h, x, begin, chunk / self.chunks_, group,
                                         chunk % self.chunks_);
                         });
    Kokkos::parallel_for("minfold::split_product::add",
                         Kokkos::RangePolicy<E>(space, 0, items * groups_ * slices), [=](int task) {
                           int const group = task / slices;
                           self.add(y, begin, group / self.groups_, group % self.groups_,
                                    task % slices * slice);
                         });
  }

 private:
  using Memory = Kokkos::View<T*, Kokkos::LayoutRight, typename E::memory_space>;
  static constexpr int slice = 512;

  /// The sizes alone.
  SplitProduct(int items, int columns, int n)
      : items_(items),
        columns_(columns),
        n_(n),
        // A chunk has 1 MB of H or so in double: enough to hide what its own vector costs.
        chunks_(n < 512 ? 1 : (n < 1024 ? 2 : (n < 1536 ? 4 : 8))),
        width_(columns <= columns_alone ? 1 : lanes<T>),
        groups_((columns + width_ - 1) / width_) {}

  int items_, columns_, n_, chunks_, width_, groups_;
  Kokkos::View<int**, Kokkos::LayoutRight, typename E::memory_space> order_;
  Scalars<int, E> count_;
  Memory parts_, packed_;

  /// Numbers of a vector, rounded up to whole cache lines.
  long stride() const { return (long(n_) * width_ + lanes<T> - 1) / lanes<T> * lanes<T>; }
  bool idle(int item, int group) const { return group * width_ >= count_(item); }
  T* part(int item, int group, int chunk) const {
    return parts_.data() + ((long(item) * groups_ + group) * chunks_ + chunk) * stride();
  }
  /// First row of a chunk: the work above a row grows with its square.
  int first_row(int chunk) const {
    if (chunk == chunks_) return n_;
    return int(std::lround(std::sqrt(double(chunk) / chunks_) * n_ / lanes<T>)) * lanes<T>;
  }

  template <class X>
  void pack(X const& x, int begin, int item, int group, int first) const {
    if (idle(item, group)) return;
    int const last = first + slice < n_ ? first + slice : n_;
    T* const to = packed_.data() + (long(item) * groups_ + group) * stride();
    for (int l = 0; l < width_; ++l) {
      int const place = group * width_ + l;
      bool const is_column = place < count_(item);
      int const c = is_column ? order_(item, place) : 0;
      for (int i = first; i < last; ++i)
        to[long(i) * width_ + l] = is_column ? x(begin + item, c, i) : T(0);
    }
  }

  template <class Matrix, class X>
  void multiply(Matrix const& h, X const& x, int begin, int item, int group, int chunk) const {
    if (idle(item, group)) return;
    int const first = first_row(chunk), last = first_row(chunk + 1);
    T* const y = part(item, group, chunk);
    std::fill(y, y + long(last) * width_, T(0));
    T const* const rows = matrix_rows(h, begin + item);
    long const leading = long(h.stride(1));
    if (width_ == 1) {
      T const* const column =
          matrix_rows(x, begin + item) + std::size_t(order_(item, group)) * x.stride(1);
      half_product_rows<T, true>(n_, rows, leading, first, last, column, y);
    } else {
      auto const packs =
          reinterpret_cast<Pack<T> const*>(packed_.data()) + (long(item) * groups_ + group) * n_;
      half_block_product_rows<T>(rows, leading, first, last, packs, reinterpret_cast<Pack<T>*>(y));
    }
  }

  template <class Y>
  void add(Y const& y, int begin, int item, int group, int first) const {
    if (idle(item, group)) return;
    int const last = first + slice < n_ ? first + slice : n_;
    T sums[slice];
    for (int l = 0; l < width_ && group * width_ + l < count_(item); ++l) {
      std::fill(sums, sums + slice, T(0));
      for (int chunk = 0; chunk < chunks_; ++chunk) {
        T const* const from = part(item, group, chunk);
        int const end = std::min(last, first_row(chunk + 1));
        for (int i = first; i < end; ++i) sums[i - first] += from[long(i) * width_ + l];
      }
      int const c = order_(item, group * width_ + l);
      for (int i = first; i < last; ++i) y(begin + item, c, i) = sums[i - first];
    }
  }
};

}  // namespace minfold::impl

#endif
