// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_ORACLE_IMPL_HPP
#define MINFOLD_DRIVERS_IMPL_ORACLE_IMPL_HPP

#include <minfold/drivers/oracle.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace minfold::impl {

/// The factors of axpby for a few rows, or the same ones for all rows: they travel with the launch.
template <class T>
struct FewFactors {
  static constexpr int most = 16;
  Kokkos::Array<T, most> first = {}, second = {};

  KOKKOS_FUNCTION T a(int row) const { return first[row]; }
  KOKKOS_FUNCTION T b(int row) const { return second[row]; }
};
/// For many: in an array on the device.
template <class T, ExecutionSpace E>
struct ManyFactors {
  Vectors<T, E> both;  ///< (2, rows)

  KOKKOS_FUNCTION T a(int row) const { return both(0, row); }
  KOKKOS_FUNCTION T b(int row) const { return both(1, row); }
};

/// v := a(row) u + b(row) v
template <class T, ExecutionSpace E, class Factors>
void axpby_rows(E const& space, int rows, Factors const& factors, Vectors<T const, E> u,
                Vectors<T, E> v) {
  int const n = int(v.extent(1));
  Kokkos::parallel_for(
      "minfold::oracle::axpby",
      Kokkos::MDRangePolicy<E, Kokkos::Rank<2>>(space, {0, 0}, {int(v.extent(0)), n}),
      KOKKOS_LAMBDA(int item, int i) {
        int const row = rows == 1 ? 0 : item % rows;
        // 0 v is 0 whatever v holds: it may not have been set yet. 0 u too: a row may leave u out.
        T const a = factors.a(row), b = factors.b(row);
        T const old = b == T(0) ? T(0) : b * v(item, i);
        v(item, i) = a == T(0) ? old : a * u(item, i) + old;
      });
}

template <class T, ExecutionSpace E>
void item_dots(E const& space, Vectors<T const, E> u, Vectors<T const, E> v, Scalars<T, E> out) {
  int const n = int(u.extent(1));
  for_each_item(
      "minfold::oracle::dot", space, int(u.extent(0)), n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        T const product = team_dot(team, n, Kokkos::subview(u, item, Kokkos::ALL),
                                   Kokkos::subview(v, item, Kokkos::ALL));
        Kokkos::single(Kokkos::PerTeam(team), [&] { out(item) = product; });
      });
}

inline double root_of_sum(std::vector<double> const& squares) {
  double sum = 0;
  for (double const square : squares) sum += square;
  return std::sqrt(sum);
}

/// to(0, :) := sum of all rows of `from`, in their order
template <class T, ExecutionSpace E>
void sum_rows(E const& space, Vectors<T const, E> from, Vectors<T, E> to) {
  int const items = int(from.extent(0));
  Kokkos::parallel_for(
      "minfold::oracle::sum_rows", Kokkos::RangePolicy<E>(space, 0, int(from.extent(1))),
      KOKKOS_LAMBDA(int j) {
        T sum = T(0);
        for (int item = 0; item < items; ++item) sum += from(item, j);
        to(0, j) = sum;
      });
}

}  // namespace minfold::impl

namespace minfold {

template <class T, ExecutionSpace E>
std::vector<double> Oracle<T, E>::by_row(Scalars<T, E> const& items) const {
  auto const host = to_host(space_, items);
  PerRow sums(rows(), 0.0);
  for (int item = 0; item < int(host.extent(0)); ++item) sums[item % rows()] += double(host(item));
  return sums;
}

template <class T, ExecutionSpace E>
void Oracle<T, E>::reduce(V const& from, V const& to) const {
  if (from.data() != to.data()) impl::sum_rows<T, E>(space_, from, to);
}

template <class T, ExecutionSpace E>
std::vector<double> Oracle<T, E>::upper(ConstV at_x, ConstV at_y) const {
  auto const out = make_scalars<T>(space_, "minfold::method::values", int(at_y.extent(0)));
  problem_.upper_value(space_, at_x, at_y, out);
  return by_row(out);
}

template <class T, ExecutionSpace E>
std::vector<double> Oracle<T, E>::lower(ConstV at_x, ConstV at_y) const {
  auto const out = make_scalars<T>(space_, "minfold::method::values", int(at_y.extent(0)));
  problem_.lower_value(space_, at_x, at_y, out);
  return by_row(out);
}

template <class T, ExecutionSpace E>
void Oracle<T, E>::upper_gradient(ConstV at_x, ConstV at_y, V gx, V gy) const {
  auto const each = contributions(gx, int(at_y.extent(0)));
  problem_.upper_gradient(space_, at_x, at_y, each, gy);
  reduce(each, gx);
}

template <class T, ExecutionSpace E>
void Oracle<T, E>::lower_gradient_x(ConstV at_x, ConstV at_y, V gx) const {
  auto const each = contributions(gx, int(at_y.extent(0)));
  problem_.lower_gradient_x(space_, at_x, at_y, each);
  reduce(each, gx);
}

template <class T, ExecutionSpace E>
void Oracle<T, E>::mixed_transpose(ConstV at_x, ConstV at_y, ConstV z, V out) const {
  auto const each = contributions(out, int(at_y.extent(0)));
  problem_.mixed_transpose(space_, at_x, at_y, z, each);
  reduce(each, out);
}

template <class T, ExecutionSpace E>
void Oracle<T, E>::projected_step(PerRow const& t, V g, V scratch) const {
  PerRow back(t), inverse(t), opposite(t);
  for (std::size_t r = 0; r < t.size(); ++r) {
    back[r] = -t[r];
    inverse[r] = t[r] > 0 ? 1 / t[r] : 0.0;
    opposite[r] = -inverse[r];
  }
  axpy(back, g, x);
  copy(x, scratch);
  project(x);
  // (x_before - x_after) / t = g + (what the projection took away) / t
  axpby(opposite, x, inverse, scratch);
  axpy(1.0, scratch, g);
}

template <class T, ExecutionSpace E>
std::vector<double> Oracle<T, E>::dot(Joint const& u, Joint const& v) const {
  auto const [of_x, of_y] = two_dots(u.x, v.x, u.y, v.y);
  PerRow sum(of_x);
  for (std::size_t r = 0; r < sum.size(); ++r) sum[r] += of_y[r];
  return sum;
}

template <class T, ExecutionSpace E>
double Oracle<T, E>::lower_curvature(ConstV at_x, ConstV at_y, int products,
                                     std::uint64_t seed) const {
  int const items = int(at_y.extent(0)), n = problem_.dim_y();
  V const v = make_vectors<T>(space_, "minfold::method::probe", items, n);
  V const image = make_vectors<T>(space_, "minfold::method::probe_image", items, n);
  Kokkos::parallel_for(
      "minfold::oracle::probe",
      Kokkos::MDRangePolicy<E, Kokkos::Rank<2>>(space_, {0, 0}, {items, n}),
      KOKKOS_LAMBDA(int item, int i) {
        v(item, i) = T(normal({seed, Stream::probe, std::uint32_t(item), std::uint32_t(i), 7}));
      });
  double largest = 0;
  for (int p = 0; p < products; ++p) {
    hessian(at_x, at_y, v, image);
    auto const [before, after] = two_dots(v, v, image, image);
    PerRow scale(rows(), 0.0);
    largest = 0;
    for (int r = 0; r < rows(); ++r) {
      if (before[r] > 0) largest = std::max(largest, std::sqrt(after[r] / before[r]));
      if (after[r] > 0) scale[r] = 1 / std::sqrt(after[r]);
    }
    axpby(scale, image, PerRow(rows(), 0.0), v);
  }
  return largest;
}

template <class T, ExecutionSpace E>
void Oracle<T, E>::axpby(double a, ConstV u, double b, V v) const {
  axpby(PerRow(rows(), a), u, PerRow(rows(), b), v);
}

template <class T, ExecutionSpace E>
void Oracle<T, E>::axpby(PerRow const& a, ConstV u, PerRow const& b, V v) const {
  auto const alike = [](PerRow const& factors) {
    return std::all_of(factors.begin(), factors.end(),
                       [&](double factor) { return factor == factors[0]; });
  };
  int const count = alike(a) && alike(b) ? 1 : rows();
  if (count <= impl::FewFactors<T>::most) {
    impl::FewFactors<T> factors;
    for (int r = 0; r < count; ++r) factors.first[r] = T(a[r]), factors.second[r] = T(b[r]);
    impl::axpby_rows<T, E>(space_, count, factors, u, v);
    return;
  }
  impl::ManyFactors<T, E> const factors{
      make_vectors<T>(space_, "minfold::method::factors", 2, rows())};
  std::vector<double> all = a;
  all.insert(all.end(), b.begin(), b.end());
  impl::from_doubles<T, E>(space_, all, factors.both);
  impl::axpby_rows<T, E>(space_, count, factors, u, v);
}

template <class T, ExecutionSpace E>
std::vector<double> Oracle<T, E>::dot(ConstV u, ConstV v) const {
  auto const out = make_scalars<T>(space_, "minfold::method::dots", int(u.extent(0)));
  impl::item_dots<T, E>(space_, u, v, out);
  return by_row(out);
}

template <class T, ExecutionSpace E>
auto Oracle<T, E>::two_dots(ConstV u, ConstV v, ConstV p, ConstV q) const
    -> std::pair<PerRow, PerRow> {
  int const first = int(u.extent(0)), second = int(p.extent(0));
  auto const out = make_scalars<T>(space_, "minfold::method::dots", first + second);
  Scalars<T, E> const ahead = Kokkos::subview(out, std::pair(0, first)),
                      behind = Kokkos::subview(out, std::pair(first, first + second));
  impl::item_dots<T, E>(space_, u, v, ahead);
  impl::item_dots<T, E>(space_, p, q, behind);
  auto const host = to_host(space_, out);
  std::pair sums(PerRow(rows(), 0.0), PerRow(rows(), 0.0));
  for (int item = 0; item < first; ++item) sums.first[item % rows()] += double(host(item));
  for (int item = 0; item < second; ++item)
    sums.second[item % rows()] += double(host(first + item));
  return sums;
}

template <class T, ExecutionSpace E>
double Oracle<T, E>::norm(ConstV u) const {
  return impl::root_of_sum(dot(u, u));
}

template <class T, ExecutionSpace E>
std::pair<double, double> Oracle<T, E>::two_norms(ConstV u, ConstV v) const {
  auto const [of_u, of_v] = two_dots(u, u, v, v);
  return {impl::root_of_sum(of_u), impl::root_of_sum(of_v)};
}

}  // namespace minfold

#endif
