// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_HOST_VECTORS_HPP
#define MINFOLD_DRIVERS_IMPL_HOST_VECTORS_HPP

#include <minfold/core/batch.hpp>

#include <cmath>
#include <vector>

/// The upper variable on the host, where the outer step works: row after row.
namespace minfold::impl {

/// The numbers of an (item, i) view of the host, row after row.
template <class V>
std::vector<double> rows_as_doubles(V const& host) {
  std::vector<double> out;
  out.reserve(host.extent(0) * host.extent(1));
  for (std::size_t r = 0; r < host.extent(0); ++r)
    for (std::size_t j = 0; j < host.extent(1); ++j) out.push_back(double(host(r, j)));
  return out;
}
/// The other way.
template <class V>
void fill_rows(V const& host, std::vector<double> const& values) {
  std::size_t const m = host.extent(1);
  for (std::size_t i = 0; i < values.size(); ++i)
    host(i / m, i % m) = typename V::non_const_value_type(values[i]);
}

/// Row-major host copy of an (item, i) view. Waits.
template <ExecutionSpace E, class V>
std::vector<double> to_doubles(E const& space, V const& view) {
  return rows_as_doubles(to_host(space, view));
}

/// Waits.
template <class T, ExecutionSpace E>
void from_doubles(E const& space, std::vector<double> const& values, Vectors<T, E> const& view) {
  auto const host = host_array(space, view);
  fill_rows(host, values);
  Kokkos::deep_copy(space, view, host);
  space.fence("minfold::from_doubles");
}

/// What becomes of rows of doubles when change(view) is done to them in the precision T. Waits once.
template <class T, ExecutionSpace E, class Change>
std::vector<double> changed_on_device(E const& space, std::vector<double> const& values, int rows,
                                      int columns, Change const& change) {
  auto const view = make_vectors<T>(space, "minfold::host_vectors::changed", rows, columns);
  auto const host = host_array(space, view);
  fill_rows(host, values);
  Kokkos::deep_copy(space, view, host);
  change(view);
  Kokkos::deep_copy(space, host, view);
  space.fence("minfold::host_vectors");
  return rows_as_doubles(host);
}

inline double norm(std::vector<double> const& v) {
  double sum = 0;
  for (double e : v) sum += e * e;
  return std::sqrt(sum);
}

}  // namespace minfold::impl

#endif
