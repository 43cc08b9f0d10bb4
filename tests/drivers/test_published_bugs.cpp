// SPDX-License-Identifier: Apache-2.0
// Faults of published codes, planted here: the derivative check finds each of them.
#include <minfold/drivers/check.hpp>
#include <minfold/drivers/functor_problem.hpp>
#include <minfold/problems/small_toys.hpp>

#include "test_hyper_cleaning.hpp"
#include <catch2/catch_test_macros.hpp>

namespace {

using namespace hyper_cleaning_test;
using namespace minfold;

std::string failures(DerivativeCheck const& check) {
  std::string all;
  for (auto const& l : check.lines)
    if (!l.ok) all += l.what + "; ";
  return all;
}

/// toy.py of V-PBGD differentiates 1 / (1 + e^{2-4x}) with the denominator (1 + exp(2 - 4 x)**2), where
/// (1 + exp(2 - 4 x))**2 is meant.
template <bool right>
struct PublishedToy : SineToy<double> {
  template <class Team, class X, class Y, class Sink>
  KOKKOS_INLINE_FUNCTION void upper_gradient_x(Team const&, int, X const& x, Y const& y,
                                               Sink const& sink) const {
    auto const a = 4.0 * x(0) - 2.0, e = exp(2.0 - 4.0 * x(0));
    auto const square = right ? (1.0 + e) * (1.0 + e) : 1.0 + e * e;
    sink(0, cos(4.0 * y(0) + 2.0) * 4.0 * e / square + 4.0 * a / (a * a + 1.0));
  }
};

enum class Fault { none, mean_loss, outer_product };

/// calc_derivatives of SGF-BLO: dg/dx_i = sigmoid'(x_i) CE_i / N is computed with the mean of all CE in
/// place of CE_i; column i of G, sigmoid'(x_i) grad CE_i / N, as an outer product of the summed gradient
/// with sigmoid', divided by N^2.
class PublishedCleaning : public HyperCleaning<double, Space> {
 public:
  using Base = HyperCleaning<double, Space>;

  PublishedCleaning(CleaningData const& data, Fault fault)
      : Base(data, model()), fault_(fault), n_(data.train_size()) {}

  static CleaningModel model() {
    CleaningModel m;
    m.ridge = 0;
    return m;
  }

  void lower_gradient_x(Space const& space, ConstVectors x, ConstVectors y,
                        Vectors<double, Space> out) const override {
    if (fault_ != Fault::mean_loss) return Base::lower_gradient_x(space, x, y, out);
    Scalars<double, Space> mean("mean", y.extent(0));
    Base::lower_value(space, full_weights(), y, mean);
    auto const slope = slopes(x);
    auto const losses = to_host(space, mean);
    auto const host = Kokkos::create_mirror_view(out);
    for (std::size_t item = 0; item < y.extent(0); ++item)
      for (int i = 0; i < n_; ++i) host(item, i) = slope[i] * losses(item) / n_;
    Kokkos::deep_copy(out, host);
  }
  void mixed_transpose(Space const& space, ConstVectors x, ConstVectors y, ConstVectors z,
                       Vectors<double, Space> out) const override {
    if (fault_ != Fault::outer_product) return Base::mixed_transpose(space, x, y, z, out);
    auto const slope = slopes(x);
    auto const mean = mean_gradient(space, y);
    auto const along = to_host(space, z);
    auto const host = Kokkos::create_mirror_view(out);
    for (std::size_t item = 0; item < y.extent(0); ++item) {
      double inner = 0;  // the summed gradient / N^2 is the mean one / N
      for (std::size_t j = 0; j < y.extent(1); ++j)
        inner += mean[item * y.extent(1) + j] * along(item, j) / n_;
      for (int i = 0; i < n_; ++i) host(item, i) = slope[i] * inner;
    }
    Kokkos::deep_copy(out, host);
  }
  void mixed_product(Space const& space, ConstVectors x, ConstVectors y, ConstVectors u,
                     Vectors<double, Space> out) const override {
    if (fault_ != Fault::outer_product) return Base::mixed_product(space, x, y, u, out);
    auto const slope = slopes(x);
    auto const mean = mean_gradient(space, y);
    auto const along = to_host(space, u);
    double inner = 0;
    for (int i = 0; i < n_; ++i) inner += slope[i] * along(0, i) / n_;
    auto const host = Kokkos::create_mirror_view(out);
    for (std::size_t t = 0; t < mean.size(); ++t) host.data()[t] = inner * mean[t];
    Kokkos::deep_copy(out, host);
  }

 private:
  /// Weights of 1.
  Vectors<double, Space> full_weights() const {
    Vectors<double, Space> x("x", 1, n_);
    Kokkos::deep_copy(x, 40.0);
    return x;
  }
  Host slopes(ConstVectors const& x) const {
    auto const host = to_host(Space(), x);
    Host slope;
    for (int i = 0; i < n_; ++i) {
      double const s = 1 / (1 + std::exp(-host(0, i)));
      slope.push_back(s * (1 - s));
    }
    return slope;
  }
  Host mean_gradient(Space const& space, ConstVectors const& y) const {
    Vectors<double, Space> g("g", y.extent(0), y.extent(1));
    Base::lower_gradient(space, full_weights(), y, g);
    auto const host = to_host(space, g);
    return Host(host.data(), host.data() + host.size());
  }

  Fault fault_;
  int n_;
};

}  // namespace

TEST_CASE("the check finds the misplaced exponent of the V-PBGD toy", "[check]") {
  FunctorProblem<PublishedToy<true>, double> const right{PublishedToy<true>()};
  FunctorProblem<PublishedToy<false>, double> const wrong{PublishedToy<false>()};
  for (double const start : {0.2, 1.5, 2.0}) {
    CAPTURE(start);
    CHECK(failures(check_derivatives<double, Space>(Space(), right, {start})) == "");
    CHECK(failures(check_derivatives<double, Space>(Space(), wrong, {start})) == "grad_x f; ");
  }
}

TEST_CASE("the check finds the mean loss and the outer product of SGF-BLO", "[check]") {
  auto const data = digits(small_options());
  Host const start(std::size_t(data.train_size()), 0.3);
  auto const found = [&](Fault fault) {
    return failures(
        check_derivatives<double, Space>(Space(), PublishedCleaning(data, fault), start));
  };
  CHECK(found(Fault::none) == "");
  CHECK(found(Fault::mean_loss) == "grad_x g; ");
  // G u and G^T z are consistent with each other, both wrong.
  CHECK(found(Fault::outer_product) == "G^T z; ");
}
