// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_DRIVERS_TEST_HYPER_CLEANING_HPP
#define MINFOLD_TESTS_DRIVERS_TEST_HYPER_CLEANING_HPP

#include <minfold/problems/hyper_cleaning.hpp>

#include "problem_probe.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

/// Hyper-cleaning on host vectors, for tests. One item a call unless the vectors are longer.
namespace hyper_cleaning_test {

using minfold::test::dot, minfold::test::gap, minfold::test::norm, minfold::test::shifted;
using minfold::test::Space;
using Host = minfold::test::Vec;

inline minfold::CleaningData digits(minfold::CleaningOptions const& options) {
  return minfold::make_cleaning_data(minfold::load_images("digits", MINFOLD_DATA_DIR), options);
}

/// 80 training samples of 4 x 4 pixels and a bias.
inline minfold::CleaningOptions small_options() {
  minfold::CleaningOptions options;
  options.train = 80;
  options.validation = 40;
  options.test = 20;
  options.pool = 2;
  return options;
}

inline Host normals(std::size_t n, std::uint32_t use, double scale = 1) {
  Host v(n);
  for (std::size_t i = 0; i < n; ++i)
    v[i] = scale * minfold::normal({7, minfold::Stream::test, use, std::uint32_t(i), 0});
  return v;
}
template <class T = double>
struct Bench {
  minfold::HyperCleaning<T, Space> problem;
  Space space;

  Bench(minfold::CleaningData const& data, minfold::CleaningModel const& model)
      : problem(data, model) {}

  int m() const { return problem.dim_x(); }
  int d() const { return problem.dim_y(); }

  minfold::Vectors<T, Space> up(Host const& v, int n) const {
    minfold::Vectors<T, Space> view("v", v.size() / std::size_t(n), n);
    auto const host = Kokkos::create_mirror_view(view);
    std::transform(v.begin(), v.end(), host.data(), [](double a) { return T(a); });
    Kokkos::deep_copy(view, host);
    return view;
  }
  template <class View>
  Host down(View const& view) const {
    auto const host = minfold::to_host(space, view);
    return Host(host.data(), host.data() + host.size());
  }

  Host upper_values(Host const& x, Host const& y) const {
    minfold::Scalars<T, Space> out("f", y.size() / std::size_t(d()));
    problem.upper_value(space, up(x, m()), up(y, d()), out);
    return down(out);
  }
  Host lower_values(Host const& x, Host const& y) const {
    minfold::Scalars<T, Space> out("g", y.size() / std::size_t(d()));
    problem.lower_value(space, up(x, m()), up(y, d()), out);
    return down(out);
  }
  double upper(Host const& x, Host const& y) const { return upper_values(x, y)[0]; }
  double lower(Host const& x, Host const& y) const { return lower_values(x, y)[0]; }
  Host upper_gradient(Host const& x, Host const& y) const {
    minfold::Vectors<T, Space> gx("gx", y.size() / std::size_t(d()), m());
    minfold::Vectors<T, Space> gy("gy", y.size() / std::size_t(d()), d());
    Kokkos::deep_copy(gx, T(1));
    problem.upper_gradient(space, up(x, m()), up(y, d()), gx, gy);
    Host const all = down(gx);
    return std::all_of(all.begin(), all.end(), [](double v) { return v == 0; }) ? down(gy) : Host();
  }
  Host lower_gradient(Host const& x, Host const& y) const {
    minfold::Vectors<T, Space> gy("gy", y.size() / std::size_t(d()), d());
    problem.lower_gradient(space, up(x, m()), up(y, d()), gy);
    return down(gy);
  }
  Host mixed(Host const& x, Host const& y, Host const& z) const {
    minfold::Vectors<T, Space> out("gtz", y.size() / std::size_t(d()), m());
    problem.mixed_transpose(space, up(x, m()), up(y, d()), up(z, d()), out);
    return down(out);
  }
  /// op(points, block, out) on v with columns as many as fit.
  template <class Op>
  Host products(Host const& y, Host const& v, Op const& op) const {
    int const items = int(y.size()) / d(), columns = int(v.size()) / d() / items;
    auto const in = up(v, d());
    minfold::Blocks<T, Space> const out("out", items, columns, d());
    op(up(y, d()), minfold::Blocks<T const, Space>(in.data(), items, columns, d()), out);
    return down(out);
  }
  Host lower_hessian(Host const& x, Host const& y, Host const& v) const {
    return products(y, v, [&](auto const& p, auto const& in, auto const& out) {
      problem.lower_hessian(space, up(x, m()), p, in, out);
    });
  }
  Host upper_hessian(Host const& x, Host const& y, Host const& v) const {
    return products(y, v, [&](auto const& p, auto const& in, auto const& out) {
      problem.upper_hessian(space, up(x, m()), p, in, out);
    });
  }
  Host third(Host const& x, Host const& y, Host const& lambda, Host const& v) const {
    return products(y, v, [&](auto const& p, auto const& in, auto const& out) {
      problem.third_product(space, up(x, m()), p, up(lambda, d()), in, out);
    });
  }
  /// d x d, by the products with all unit vectors at once.
  Host dense_lower_hessian(Host const& x, Host const& y) const {
    Host unit(std::size_t(d()) * d(), 0);
    for (int i = 0; i < d(); ++i) unit[std::size_t(i) * d() + i] = 1;
    return lower_hessian(x, y, unit);
  }
};

}  // namespace hyper_cleaning_test

#endif
