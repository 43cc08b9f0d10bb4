// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/drivers/check.hpp>

#include "difference_quotients.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <utility>

namespace minfold {
namespace {

using impl::Host, impl::CheckLines;

/// a + t b
Host along(Host a, double t, Host const& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += t * b[i];
  return a;
}

/// A batch of vectors that lie one after another.
struct Rows {
  Host const& data;
  int length;
  double const* row(int item) const { return data.data() + std::size_t(item) * length; }
  double dot(int item, Rows const& other, int other_item) const {
    double sum = 0;
    for (int i = 0; i < length; ++i) sum += row(item)[i] * other.row(other_item)[i];
    return sum;
  }
  double norm(int item) const { return std::sqrt(dot(item, *this, item)); }
};

/// The bulk operations of a problem on host arrays.
template <class T, ExecutionSpace E>
class OnHost {
 public:
  OnHost(E const& space, AnyProblem<T, E> const& problem)
      : items(problem.batch_size()),
        n(problem.dim_y()),
        m(problem.dim_x()),
        rows(problem.upper_rows()),
        space_(space),
        p_(problem) {}

  int const items, n, m, rows;

  Host upper_value(Host const& x, Host const& y) const {
    auto const out = make_scalars<T>(space_, "minfold::check::value", items);
    p_.upper_value(space_, put(x, m), put(y, n), out);
    return get(out);
  }
  Host lower_value(Host const& x, Host const& y) const {
    auto const out = make_scalars<T>(space_, "minfold::check::value", items);
    p_.lower_value(space_, put(x, m), put(y, n), out);
    return get(out);
  }
  /// (grad_x f, grad_y f)
  std::pair<Host, Host> upper_gradient(Host const& x, Host const& y) const {
    auto const gx = make_vectors<T>(space_, "minfold::check::gradient_x", items, m);
    auto const gy = make_vectors<T>(space_, "minfold::check::gradient_y", items, n);
    p_.upper_gradient(space_, put(x, m), put(y, n), gx, gy);
    return {get(gx), get(gy)};
  }
  Host lower_gradient(Host const& x, Host const& y) const {
    auto const gy = make_vectors<T>(space_, "minfold::check::gradient_y", items, n);
    p_.lower_gradient(space_, put(x, m), put(y, n), gy);
    return get(gy);
  }
  Host mixed(Host const& x, Host const& y, Host const& z) const {
    auto const out = make_vectors<T>(space_, "minfold::check::mixed", items, m);
    p_.mixed_transpose(space_, put(x, m), put(y, n), put(z, n), out);
    return get(out);
  }
  Host lower_gradient_x(Host const& x, Host const& y) const {
    auto const gx = make_vectors<T>(space_, "minfold::check::gradient_x", items, m);
    p_.lower_gradient_x(space_, put(x, m), put(y, n), gx);
    return get(gx);
  }
  Host mixed_product(Host const& x, Host const& y, Host const& u) const {
    auto const out = make_vectors<T>(space_, "minfold::check::mixed", items, n);
    p_.mixed_product(space_, put(x, m), put(y, n), put(u, m), out);
    return get(out);
  }
  Host lower_hessian(Host const& x, Host const& y, Host const& v) const {
    return block(v, [&](auto const& in, auto const& out) {
      p_.lower_hessian(space_, put(x, m), put(y, n), in, out);
    });
  }
  Host upper_hessian(Host const& x, Host const& y, Host const& v) const {
    return block(v, [&](auto const& in, auto const& out) {
      p_.upper_hessian(space_, put(x, m), put(y, n), in, out);
    });
  }
  Host third(Host const& x, Host const& y, Host const& lambda, Host const& v) const {
    return block(v, [&](auto const& in, auto const& out) {
      p_.third_product(space_, put(x, m), put(y, n), put(lambda, n), in, out);
    });
  }
  Host projected(Host const& x) const {
    auto const view = put(x, m);
    p_.project_upper(space_, view);
    return get(view);
  }
  Host random_lower(Place const& place) const {
    auto const y = make_vectors<T>(space_, "minfold::check::y", items, n);
    p_.random_lower(space_, place, y);
    return get(y);
  }

 private:
  Vectors<T, E> put(Host const& data, int columns) const {
    int const count = columns == 0 ? 0 : int(data.size()) / columns;
    auto const view = make_vectors<T>(space_, "minfold::check::point", count, columns);
    auto const host = Kokkos::create_mirror_view(view);
    for (std::size_t i = 0; i < data.size(); ++i) host.data()[i] = T(data[i]);
    Kokkos::deep_copy(space_, view, host);
    space_.fence("minfold::check: host copy goes out of scope");
    return view;
  }
  template <class View>
  Host get(View const& view) const {
    auto const host = to_host(space_, view);
    return {host.data(), host.data() + host.size()};
  }
  template <class Apply>
  Host block(Host const& v, Apply const& apply) const {
    int const columns = int(v.size() / (std::size_t(items) * n));
    auto const in = make_blocks<T>(space_, "minfold::check::block", items, columns, n);
    auto const out = make_blocks<T>(space_, "minfold::check::product", items, columns, n);
    auto const host = Kokkos::create_mirror_view(in);
    for (std::size_t i = 0; i < v.size(); ++i) host.data()[i] = T(v[i]);
    Kokkos::deep_copy(space_, in, host);
    apply(Blocks<T const, E>(in), out);
    return get(out);
  }

  E space_;
  AnyProblem<T, E> const& p_;
};

/// items x n, each vector about `length` long.
Host directions(Place place, int items, int n, double length) {
  Host v(std::size_t(items) * n);
  double const scale = length / std::sqrt(double(n));
  for (int i = 0; i < items; ++i)
    for (int j = 0; j < n; ++j) {
      place.item = std::uint32_t(i);
      place.row = std::uint32_t(j);
      v[std::size_t(i) * n + j] = scale * normal(place);
    }
  return v;
}

double root_mean_square(Host const& v) {
  double sum = 0;
  for (double const e : v) sum += e * e;
  return v.empty() ? 0 : std::sqrt(sum / double(v.size()));
}

/// All claims at one point.
template <class T, ExecutionSpace E>
class AtPoint {
 public:
  AtPoint(OnHost<T, E> const& p, CheckLines<T>& lines, Host x, Host y, Place place, double scale_x,
          double scale_y)
      : p_(p), lines_(lines), x_(std::move(x)), y_(std::move(y)) {
    auto const draw = [&](int rows, int columns, double scale) {
      ++place.column;
      return directions(place, rows, columns, scale);
    };
    w_ = draw(p.rows, p.m, scale_x);
    u_ = draw(p.items, p.n, scale_y);
    v_ = draw(p.items, p.n, scale_y);
  }

  void upper() {
    auto const [gx, gy] = p_.upper_gradient(x_, y_);
    slope_in_x("grad_x f", gx, [&](Host const& x) { return p_.upper_value(x, y_); });
    slope_in_y("grad_y f", gy, [&](Host const& y) { return p_.upper_value(x_, y); });
  }
  void lower() {
    slope_in_y("grad_y g", p_.lower_gradient(x_, y_),
               [&](Host const& y) { return p_.lower_value(x_, y); });
    auto const hv = p_.lower_hessian(x_, y_, v_);
    columns_in_y("H v", hv, v_, [&](Host const& y) { return p_.lower_gradient(x_, y); });
    symmetric("H v", [&](Host const& v) { return p_.lower_hessian(x_, y_, v); });
  }
  void mixed() {
    auto const gz = p_.mixed(x_, y_, u_);
    slope_in_x("G^T z", gz, [&](Host const& x) {
      auto const gradient = p_.lower_gradient(x, y_);
      return dots({gradient, p_.n}, {u_, p_.n});
    });
    // G^T (z + 2 z')  =  G^T z + 2 G^T z'
    auto const gy = p_.mixed(x_, y_, v_);
    linear("G^T z is linear", p_.m, gz, gy, p_.mixed(x_, y_, along(u_, 2, v_)));
  }
  /// What only some methods ask for, and not every problem offers.
  void in_x() {
    if (auto const gx = offered([&] { return p_.lower_gradient_x(x_, y_); }))
      slope_in_x("grad_x g", *gx, [&](Host const& x) { return p_.lower_value(x, y_); });
    if (auto const gw = offered([&] { return p_.mixed_product(x_, y_, w_); })) {
      // <z, G w> = <G^T z, w>
      auto const gz = p_.mixed(x_, y_, u_);
      Rows const product{*gw, p_.n}, u{u_, p_.n}, z{gz, p_.m}, w{w_, p_.m};
      Host error(p_.items), size(p_.items);
      for (int i = 0; i < p_.items; ++i) {
        int const row = p_.rows == 1 ? 0 : i;
        error[i] = product.dot(i, u, i) - z.dot(i, w, row);
        size[i] = product.norm(i) * u.norm(i) + z.norm(i) * w.norm(row);
      }
      lines_.identity("<z, G u> = <G^T z, u>", error, size);
    }
  }
  void second_order() {
    columns_in_y("(d2f/dy2) v", p_.upper_hessian(x_, y_, v_), v_,
                 [&](Host const& y) { return p_.upper_gradient(x_, y).second; });
    symmetric("(d2f/dy2) v", [&](Host const& v) { return p_.upper_hessian(x_, y_, v); });
    auto const t = p_.third(x_, y_, u_, v_);
    columns_in_y("(d3g/dy3)[l, v]", t, u_,
                 [&](Host const& y) { return p_.lower_hessian(x_, y, v_); });
    // d3g[u, v] = d3g[v, u]
    auto const swapped = p_.third(x_, y_, v_, u_);
    Host error(p_.items), size(p_.items);
    Host const off = along(t, -1, swapped);
    for (int i = 0; i < p_.items; ++i) {
      error[i] = Rows{off, p_.n}.norm(i);
      size[i] = Rows{t, p_.n}.norm(i) + Rows{swapped, p_.n}.norm(i);
    }
    lines_.identity("(d3g/dy3)[l, v] is symmetric", error, size);
  }

 private:
  template <class Ask>
  static std::optional<Host> offered(Ask const& ask) {
    try {
      return ask();
    } catch (std::invalid_argument const&) {
      return std::nullopt;
    }
  }
  Host dots(Rows a, Rows b) const {
    Host out(p_.items);
    for (int i = 0; i < p_.items; ++i) out[i] = a.dot(i, b, i);
    return out;
  }

  /// A gradient in x, items x m, against the function of the item.
  template <class Function>
  void slope_in_x(std::string const& what, Host const& gradient, Function const& a) {
    Rows const g{gradient, p_.m}, w{w_, p_.m}, x{x_, p_.m};
    Host exact(p_.items), size(p_.items), carried(p_.items);
    for (int i = 0; i < p_.items; ++i) {
      int const row = p_.rows == 1 ? 0 : i;
      exact[i] = g.dot(i, w, row);
      size[i] = g.norm(i) * w.norm(row) / std::sqrt(double(p_.m));
      carried[i] = g.norm(i) * x.norm(row);
    }
    lines_.difference(what, p_.items, 1, exact, size, carried,
                      [&](double h) { return a(along(x_, h, w_)); });
  }
  template <class Function>
  void slope_in_y(std::string const& what, Host const& gradient, Function const& a) {
    Rows const g{gradient, p_.n}, v{v_, p_.n}, y{y_, p_.n};
    Host size(p_.items), carried(p_.items);
    for (int i = 0; i < p_.items; ++i) {
      size[i] = g.norm(i) * v.norm(i) / std::sqrt(double(p_.n));
      carried[i] = g.norm(i) * y.norm(i);
    }
    lines_.difference(what, p_.items, 1, dots(g, v), size, carried,
                      [&](double h) { return a(along(y_, h, v_)); });
  }
  /// A product, items x n, against differences of a vector along d.
  template <class Function>
  void columns_in_y(std::string const& what, Host const& product, Host const& d,
                    Function const& a) {
    Rows const hv{product, p_.n}, dr{d, p_.n}, y{y_, p_.n};
    Host size(p_.items), carried(p_.items);
    for (int i = 0; i < p_.items; ++i) {
      size[i] = hv.norm(i);
      carried[i] = dr.norm(i) > 0 ? hv.norm(i) / dr.norm(i) * y.norm(i) : 0;
    }
    lines_.difference(what, p_.items, p_.n, product, size, carried,
                      [&](double h) { return a(along(y_, h, d)); });
  }

  /// <u, A v> = <v, A u>, and A (u + 2 v) = A u + 2 A v with the three as one block.
  template <class Product>
  void symmetric(std::string const& what, Product const& a) {
    int const n = p_.n;
    Host const sum = along(u_, 2, v_);
    Host block(std::size_t(p_.items) * 3 * n), au(u_.size()), av(u_.size()), as(u_.size());
    for (int i = 0; i < p_.items; ++i) {
      auto const from = std::size_t(i) * n, to = 3 * from;
      std::copy_n(&u_[from], n, &block[to]);
      std::copy_n(&v_[from], n, &block[to + n]);
      std::copy_n(&sum[from], n, &block[to + 2 * n]);
    }
    Host const product = a(block);
    for (int i = 0; i < p_.items; ++i) {
      auto const to = std::size_t(i) * n, from = 3 * to;
      std::copy_n(&product[from], n, &au[to]);
      std::copy_n(&product[from + n], n, &av[to]);
      std::copy_n(&product[from + 2 * n], n, &as[to]);
    }
    Rows const u{u_, n}, v{v_, n}, pu{au, n}, pv{av, n};
    Host error(p_.items), size(p_.items);
    for (int i = 0; i < p_.items; ++i) {
      error[i] = u.dot(i, pv, i) - v.dot(i, pu, i);
      size[i] = u.norm(i) * pv.norm(i) + v.norm(i) * pu.norm(i);
    }
    lines_.identity(what + " is symmetric", error, size);
    linear(what + " is linear", n, au, av, as);
  }
  void linear(std::string const& what, int length, Host const& a, Host const& b, Host const& sum) {
    Host const off = along(along(sum, -1, a), -2, b);
    Host error(p_.items), size(p_.items);
    for (int i = 0; i < p_.items; ++i) {
      error[i] = Rows{off, length}.norm(i);
      size[i] = Rows{a, length}.norm(i) + Rows{b, length}.norm(i);
    }
    lines_.identity(what, error, size);
  }

  OnHost<T, E> const& p_;
  CheckLines<T>& lines_;
  Host x_, y_, w_, u_, v_;
};

}  // namespace

template <class T, ExecutionSpace E>
DerivativeCheck check_derivatives(E const& space, AnyProblem<T, E> const& problem,
                                  std::vector<double> const& start, CheckOptions const& options) {
  OnHost<T, E> const p(space, problem);
  MINFOLD_REQUIRE(start.size() == std::size_t(p.rows) * p.m, "check_derivatives: start has ",
                  start.size(), " numbers, expected ", p.rows, " x ", p.m);
  MINFOLD_REQUIRE(options.points > 0, "check_derivatives: points is ", options.points,
                  ", must be positive");
  CheckLines<T> lines;
  double const scale_y = double(problem.length_scale());
  double const typical = root_mean_square(start), scale_x = typical > 0 ? typical : 1;
  for (int point = 0; point < options.points; ++point) {
    // Columns: 16 uses a point, the first two for the point itself.
    Place place{.seed = options.seed, .stream = Stream::test, .column = std::uint32_t(16 * point)};
    Host x = start;
    if (point > 0) {
      double const spread = 0.1 * scale_x * std::sqrt(double(p.m));
      x = p.projected(along(start, 1, directions(place, p.rows, p.m, spread)));
    }
    ++place.column;
    Host y = p.random_lower(place);
    AtPoint<T, E> at(p, lines, std::move(x), std::move(y), place, scale_x, scale_y);
    at.upper();
    at.lower();
    at.mixed();
    at.in_x();
    if (problem.has_second_order()) at.second_order();
  }
  return {lines.take()};
}

template DerivativeCheck check_derivatives(Kokkos::DefaultExecutionSpace const&,
                                           AnyProblem<double, Kokkos::DefaultExecutionSpace> const&,
                                           std::vector<double> const&, CheckOptions const&);
template DerivativeCheck check_derivatives(Kokkos::DefaultExecutionSpace const&,
                                           AnyProblem<float, Kokkos::DefaultExecutionSpace> const&,
                                           std::vector<double> const&, CheckOptions const&);

}  // namespace minfold
