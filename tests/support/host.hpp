// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_HOST_HPP
#define MINFOLD_TESTS_HOST_HPP

#include <minfold/core/batch.hpp>
#include <minfold/core/random.hpp>
#include <minfold/core/status.hpp>

#include <cmath>
#include <cstring>
#include <vector>

/// Host vectors in, views of the space under test out, and back.
namespace minfold::test {

using Space = Kokkos::DefaultExecutionSpace;
using Vec = std::vector<double>;

inline double dot(Vec const& a, Vec const& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}
inline double norm(Vec const& a) {
  double largest = 0;
  for (double x : a) largest = std::max(largest, std::abs(x));
  if (!(largest > 0) || !std::isfinite(largest)) return largest;
  double sum = 0;
  for (double x : a) sum += (x / largest) * (x / largest);
  return largest * std::sqrt(sum);
}
inline Vec minus(Vec a, Vec const& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] -= b[i];
  return a;
}
inline Vec times(double factor, Vec a) {
  for (double& x : a) x *= factor;
  return a;
}
/// Deterministic standard normals; `tag` tells the uses apart.
inline Vec normals(std::uint64_t seed, int tag, int n) {
  Vec v(n);
  for (int i = 0; i < n; ++i)
    v[i] = normal({seed, Stream::test, std::uint32_t(tag), std::uint32_t(i), 0});
  return v;
}
/// Integer in [low, high] that belongs to (seed, tag).
inline int pick(std::uint64_t seed, int tag, int low, int high) {
  double const u = uniform({seed, Stream::test, std::uint32_t(tag), 0, 1});
  return low + std::min(high - low, int(u * (high - low + 1)));
}

/// One host vector an item -> (item, i).
template <class T = double>
Vectors<T, Space> to_vectors(std::vector<Vec> const& rows) {
  int const n = rows.empty() ? 0 : int(rows[0].size());
  Vectors<T, Space> v("test::vectors", rows.size(), n);
  auto const host = Kokkos::create_mirror_view(v);
  for (std::size_t item = 0; item < rows.size(); ++item)
    for (int i = 0; i < n; ++i) host(item, i) = T(rows[item][i]);
  Kokkos::deep_copy(v, host);
  return v;
}
/// One row-major n x n host matrix an item -> (item, n, n).
template <class T = double>
Blocks<T, Space> to_matrices(std::vector<Vec> const& matrices, int n) {
  Blocks<T, Space> m("test::matrices", matrices.size(), n, n);
  auto const host = Kokkos::create_mirror_view(m);
  for (std::size_t item = 0; item < matrices.size(); ++item)
    for (int t = 0; t < n * n; ++t) host(item, t / n, t % n) = T(matrices[item][t]);
  Kokkos::deep_copy(m, host);
  return m;
}
/// A copy, also where the memory of the space is the host's: later calls do not change it.
template <class V>
auto on_host(V const& v) {
  auto const host = Kokkos::create_mirror(Kokkos::HostSpace(), v);
  Kokkos::deep_copy(host, v);
  return host;
}
template <class V>
Vec row(V const& host, int item) {
  Vec r(host.extent(1));
  for (std::size_t i = 0; i < r.size(); ++i) r[i] = double(host(item, i));
  return r;
}
template <class V>
Vec row(V const& host, int item, int column) {
  Vec r(host.extent(2));
  for (std::size_t i = 0; i < r.size(); ++i) r[i] = double(host(item, column, i));
  return r;
}

/// Identities of items, where the space of the tests reads them.
inline Kokkos::View<int*, Space> ids_of(std::vector<int> const& v) {
  Kokkos::View<int*, Space> const ids("test::ids", v.size());
  auto const host = Kokkos::create_mirror_view(ids);
  for (std::size_t i = 0; i < v.size(); ++i) host(i) = v[i];
  Kokkos::deep_copy(ids, host);
  return ids;
}

/// Same bits, NaNs included.
template <class V>
bool same_bits(V const& a, V const& b) {
  auto const x = on_host(a), y = on_host(b);
  return x.size() == y.size() &&
         std::memcmp(x.data(), y.data(), x.size() * sizeof(typename V::value_type)) == 0;
}

}  // namespace minfold::test

#endif
