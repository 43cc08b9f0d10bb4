// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_HOST_VECTORS_HPP
#define MINFOLD_DRIVERS_IMPL_HOST_VECTORS_HPP

#include <minfold/core/batch.hpp>

#include <cmath>
#include <vector>

/// The upper variable on the host, where the outer step works: row after row.
namespace minfold::impl {

/// Row-major host copy of an (item, i) view. Waits.
template <ExecutionSpace E, class V>
std::vector<double> to_doubles(E const& space, V const& view) {
  auto const host = to_host(space, view);
  std::vector<double> out;
  out.reserve(host.extent(0) * host.extent(1));
  for (std::size_t r = 0; r < host.extent(0); ++r)
    for (std::size_t j = 0; j < host.extent(1); ++j) out.push_back(double(host(r, j)));
  return out;
}

template <class T, ExecutionSpace E>
void from_doubles(E const& space, std::vector<double> const& values, Vectors<T, E> const& view) {
  auto const host = host_array(space, view);
  std::size_t const m = view.extent(1);
  for (std::size_t i = 0; i < values.size(); ++i) host(i / m, i % m) = T(values[i]);
  Kokkos::deep_copy(space, view, host);
  space.fence("minfold::from_doubles");
}

inline double norm(std::vector<double> const& v) {
  double sum = 0;
  for (double e : v) sum += e * e;
  return std::sqrt(sum);
}

}  // namespace minfold::impl

#endif
