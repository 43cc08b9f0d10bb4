// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_PROBLEM_PROBE_HPP
#define MINFOLD_TESTS_PROBLEM_PROBE_HPP

#include <minfold/drivers/certificate.hpp>
#include <minfold/drivers/problem.hpp>
#include <minfold/problems/catalog.hpp>

#include "support/host.hpp"
#include <lapacke.h>

#include <cmath>
#include <string>
#include <vector>

/// Host vectors in, host vectors out: a problem with shared x, asked at one or many points.
namespace minfold::test {

inline Vec shifted(Vec a, double t, Vec const& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += t * b[i];
  return a;
}
inline double gap(Vec const& a, Vec const& b) {
  return norm(shifted(a, -1, b));
}
inline Vec normals(std::uint32_t tag, int n) {
  Vec v(n);
  for (int i = 0; i < n; ++i) v[i] = normal({7, Stream::test, tag, std::uint32_t(i), 0});
  return v;
}

/// Whether a reason of the verdict has the word.
inline bool mentions(ItemCertificate const& certificate, std::string const& word) {
  for (auto const& reason : certificate.reasons)
    if (reason.find(word) != std::string::npos) return true;
  return false;
}

template <class T>
NamedProblem<T> make(std::string const& name, std::vector<std::string> const& texts,
                     std::uint64_t seed = 1) {
  Settings settings(texts);
  ProblemContext context;
  context.seed = seed;
  auto const& entry = find_problem(name);
  auto named = [&] {
    if constexpr (sizeof(T) == sizeof(double))
      return entry.make_double(settings, context);
    else
      return entry.make_float(settings, context);
  }();
  settings.refuse_unknown();
  return named;
}

template <class T>
class Probe {
 public:
  explicit Probe(AnyProblem<T, Space> const& problem)
      : problem_(problem), m_(problem.dim_x()), d_(problem.dim_y()) {}

  double lower(Vec const& x, Vec const& y) const {
    Scalars<T, Space> out("out", 1);
    problem_.lower_value(Space(), up(x, m_), up(y, d_), out);
    return to_host(Space(), out)(0);
  }
  double upper(Vec const& x, Vec const& y) const {
    Scalars<T, Space> out("out", 1);
    problem_.upper_value(Space(), up(x, m_), up(y, d_), out);
    return to_host(Space(), out)(0);
  }
  /// y may hold several points, one after the other.
  Vec lower_gradient(Vec const& x, Vec const& y) const {
    Vectors<T, Space> out("out", y.size() / d_, d_);
    problem_.lower_gradient(Space(), up(x, m_), up(y, d_), out);
    return down(out);
  }
  Vec upper_gradient_x(Vec const& x, Vec const& y) const { return upper_gradients(x, y).first; }
  Vec upper_gradient_y(Vec const& x, Vec const& y) const { return upper_gradients(x, y).second; }
  Vec mixed(Vec const& x, Vec const& y, Vec const& z) const {
    Vectors<T, Space> out("out", 1, m_);
    problem_.mixed_transpose(Space(), up(x, m_), up(y, d_), up(z, d_), out);
    return down(out);
  }
  /// v may hold several vectors.
  Vec lower_hessian(Vec const& x, Vec const& y, Vec const& v) const {
    auto const in = up(v, d_);
    Vectors<T, Space> out("out", in.extent(0), d_);
    problem_.lower_hessian(Space(), up(x, m_), up(y, d_), columns(in), columns(out));
    return down(out);
  }
  Vec upper_hessian(Vec const& x, Vec const& y, Vec const& v) const {
    auto const in = up(v, d_);
    Vectors<T, Space> out("out", in.extent(0), d_);
    problem_.upper_hessian(Space(), up(x, m_), up(y, d_), columns(in), columns(out));
    return down(out);
  }
  Vec third(Vec const& x, Vec const& y, Vec const& lambda, Vec const& v) const {
    auto const in = up(v, d_);
    Vectors<T, Space> out("out", in.extent(0), d_);
    problem_.third_product(Space(), up(x, m_), up(y, d_), up(lambda, d_), columns(in),
                           columns(out));
    return down(out);
  }
  Vec random_lower(std::uint64_t seed, int rows) const {
    Vectors<T, Space> out("out", rows, d_);
    problem_.random_lower(Space(), {seed, Stream::restart, 0, 0, 0}, out);
    return down(out);
  }

 private:
  static Vectors<T, Space> up(Vec const& v, int n) {
    int const rows = int(v.size()) / n;
    Vectors<T, Space> view("in", rows, n);
    auto const host = Kokkos::create_mirror_view(view);
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < n; ++j) host(i, j) = T(v[std::size_t(i) * n + j]);
    Kokkos::deep_copy(view, host);
    return view;
  }
  static Vec down(Vectors<T, Space> const& view) {
    auto const host = to_host(Space(), view);
    Vec v;
    for (std::size_t i = 0; i < host.extent(0); ++i)
      for (std::size_t j = 0; j < host.extent(1); ++j) v.push_back(double(host(i, j)));
    return v;
  }
  static Blocks<T, Space> columns(Vectors<T, Space> const& v) {
    return Blocks<T, Space>(v.data(), 1, v.extent(0), v.extent(1));
  }
  std::pair<Vec, Vec> upper_gradients(Vec const& x, Vec const& y) const {
    Vectors<T, Space> gx("gx", 1, m_), gy("gy", 1, d_);
    problem_.upper_gradient(Space(), up(x, m_), up(y, d_), gx, gy);
    return {down(gx), down(gy)};
  }

  AnyProblem<T, Space> const& problem_;
  int m_, d_;
};

/// H = Q diag(values) Q^T: what is 0 up to `cut` times the largest is the kernel.
class Spectrum {
 public:
  Spectrum(Probe<double> const& probe, Vec const& x, Vec const& y, double cut = 1e-10)
      : n_(int(y.size())), values_(n_) {
    Vec identity(std::size_t(n_) * n_, 0.0);
    for (int i = 0; i < n_; ++i) identity[std::size_t(i) * n_ + i] = 1;
    vectors_ = probe.lower_hessian(x, y, identity);
    LAPACKE_dsyev(LAPACK_ROW_MAJOR, 'V', 'U', n_, vectors_.data(), n_, values_.data());
    for (double const v : values_) largest_ = std::max(largest_, std::abs(v));
    cut_ = cut * largest_;
  }
  double largest() const { return largest_; }
  int nullity() const {
    int count = 0;
    for (double const v : values_) count += std::abs(v) <= cut_;
    return count;
  }
  /// H^+ b
  Vec solve(Vec const& b) const {
    return apply(b, [&](double v) { return std::abs(v) <= cut_ ? 0.0 : 1.0 / v; });
  }
  /// P_{ker H} b
  Vec tangential(Vec const& b) const {
    return apply(b, [&](double v) { return std::abs(v) <= cut_ ? 1.0 : 0.0; });
  }

 private:
  template <class Weight>
  Vec apply(Vec const& b, Weight const& weight) const {
    Vec result(n_, 0.0);
    for (int c = 0; c < n_; ++c) {
      double coefficient = 0;
      for (int i = 0; i < n_; ++i) coefficient += vectors_[std::size_t(i) * n_ + c] * b[i];
      coefficient *= weight(values_[c]);
      for (int i = 0; i < n_; ++i) result[i] += coefficient * vectors_[std::size_t(i) * n_ + c];
    }
    return result;
  }

  int n_;
  Vec values_, vectors_;
  double largest_ = 0, cut_ = 0;
};

}  // namespace minfold::test

#endif
