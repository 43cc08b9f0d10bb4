// SPDX-License-Identifier: Apache-2.0
// Hyper-cleaning beyond the linear model: the network, weight decay, samples of the data, closed forms.
#include <minfold/drivers/check.hpp>
#include <minfold/drivers/hgms.hpp>
#include <minfold/problems/hyper_cleaning_metrics.hpp>
#include <minfold/problems/hyper_cleaning_mlp.hpp>
#include <minfold/problems/hyper_cleaning_truth.hpp>

#include "test_hyper_cleaning.hpp"
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

namespace {

using namespace hyper_cleaning_test;
using namespace minfold;
using minfold::test::Probe;

CleaningMlpModel small_network(Activation activation = Activation::sigmoid, double decay = 0.01) {
  return {.hidden = 7, .activation = activation, .decay = decay, .bound = 5};
}

/// Logits of the network y on the rows of a, by the definition.
Host network_logits(CleaningData const& data, CleaningMlpModel const& model, Host const& a,
                    Host const& y) {
  int const p = data.features, hidden = model.hidden, classes = data.classes;
  Host z;
  for (std::size_t i = 0; i < a.size() / std::size_t(p); ++i) {
    Host units(std::size_t(hidden), 0.0);
    for (int k = 0; k < hidden; ++k) {
      for (int j = 0; j < p; ++j) units[k] += y[k * p + j] * a[i * p + j];
      units[k] = model.activation == Activation::sigmoid ? 1 / (1 + std::exp(-units[k]))
                                                         : std::max(units[k], 0.0);
    }
    for (int c = 0; c < classes; ++c) {
      double sum = y[hidden * (p + classes) + c];
      for (int k = 0; k < hidden; ++k) sum += y[hidden * p + c * hidden + k] * units[k];
      z.push_back(sum);
    }
  }
  return z;
}
double cross_entropy(double const* z, int classes, int label) {
  double sum = 0;
  for (int c = 0; c < classes; ++c) sum += std::exp(z[c]);
  return std::log(sum) - z[label];
}
double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

template <class T>
Vectors<T, Space> one_row(Host const& v) {
  Vectors<T, Space> view("v", 1, v.size());
  auto const host = Kokkos::create_mirror_view(view);
  for (std::size_t i = 0; i < v.size(); ++i) host(0, i) = T(v[i]);
  Kokkos::deep_copy(view, host);
  return view;
}
template <class View>
Host down(View const& view) {
  auto const host = to_host(Space(), view);
  return Host(host.data(), host.data() + host.size());
}

std::string failures(DerivativeCheck const& check) {
  std::string all;
  for (auto const& l : check.lines)
    if (!l.ok) all += l.what + "; ";
  return all;
}

}  // namespace

TEMPLATE_TEST_CASE("derivatives of the cleaning models are those of their objectives", "[check]",
                   double, float) {
  auto const data = digits(small_options());
  Host const start(std::size_t(data.train_size()), 0.3);
  auto const check = [&](AnyProblem<TestType, Space> const& problem) {
    return failures(check_derivatives<TestType, Space>(Space(), problem, start));
  };
  CHECK(check(HyperCleaningMlp<TestType, Space>(data, small_network())) == "");
  CHECK(check(HyperCleaningMlp<TestType, Space>(data, small_network(Activation::sigmoid, 0))) ==
        "");
  CleaningModel model;
  CHECK(check(HyperCleaning<TestType, Space>(data, model)) == "");
  model.decay = 0.02;
  CHECK(check(HyperCleaning<TestType, Space>(data, model)) == "");
  model.loss = CleaningLoss::squared;
  CHECK(check(HyperCleaning<TestType, Space>(data, model)) == "");
  // A sample of the data is a problem of its own.
  HyperCleaning<TestType, Space> const linear(data, model);
  HyperCleaningMlp<TestType, Space> const network(data, small_network());
  Place const place{3, Stream::test, 0, 0, 0};
  CHECK(check(*linear.on_sample(Space(), place, 25)) == "");
  CHECK(check(*network.on_sample(Space(), place, 25)) == "");
}

TEST_CASE("values of the network are sums over samples of the definition", "[problems]") {
  auto const data = digits(small_options());
  auto const model = small_network(GENERATE(Activation::relu, Activation::sigmoid), 0.03);
  HyperCleaningMlp<double, Space> const problem(data, model);
  Probe<double> const probe(problem);
  Host const x = normals(std::size_t(problem.dim_x()), 1);
  Host const y = normals(std::size_t(problem.dim_y()), 2, 0.5);
  int const n = data.train_size(), m = data.validation_size(), classes = data.classes;
  auto const train = network_logits(data, model, data.train, y);
  double lower = 0.03 * dot(y, y), upper = 0;
  Host by_sample;
  for (int i = 0; i < n; ++i) {
    double const loss = cross_entropy(&train[i * classes], classes, data.train_labels[i]);
    lower += sigmoid(x[i]) * loss / n;
    by_sample.push_back(sigmoid(x[i]) * (1 - sigmoid(x[i])) * loss / n);
  }
  auto const validation = network_logits(data, model, data.validation, y);
  for (int i = 0; i < m; ++i)
    upper += cross_entropy(&validation[i * classes], classes, data.validation_labels[i]) / m;
  CHECK(std::abs(probe.lower(x, y) - lower) <= 1e-12 * lower);
  CHECK(std::abs(probe.upper(x, y) - upper) <= 1e-12 * upper);
  // dg/dx_i = sigmoid'(x_i) CE_i / N
  Vectors<double, Space> gx("gx", 1, n);
  problem.lower_gradient_x(Space(), one_row<double>(x), one_row<double>(y), gx);
  CHECK(gap(down(gx), by_sample) <= 1e-12 * norm(by_sample));
  // Accuracy takes the largest logit.
  auto const test = network_logits(data, model, data.test, y);
  int right = 0;
  for (int i = 0; i < data.test_size(); ++i) {
    auto const row = test.begin() + long(i) * classes;
    right += int(std::max_element(row, row + classes) - row) == data.test_labels[i];
  }
  CHECK(network_accuracy(data, model, data.test, data.test_labels, y) ==
        double(right) / data.test_size());
}

TEST_CASE("Gauss-Newton products are J^T (d2 CE) J, with J by differences of the logits",
          "[problems]") {
  auto const data = digits(small_options());
  auto const model = small_network(GENERATE(Activation::relu, Activation::sigmoid), 0.03);
  HyperCleaningMlp<double, Space> const problem(data, model);
  int const n = data.train_size(), classes = data.classes, d = problem.dim_y();
  Host const x = normals(std::size_t(n), 1), y = normals(std::size_t(d), 2, 0.5);
  Host const u = normals(std::size_t(d), 3), v = normals(std::size_t(d), 4);
  auto const product = [&](Host const& along) {
    auto const in = one_row<double>(along);
    Blocks<double, Space> const out("out", 1, 1, d);
    problem.lower_gauss_newton(Space(), one_row<double>(x), one_row<double>(y),
                               Blocks<double const, Space>(in.data(), 1, 1, d), out);
    return down(out);
  };
  double const h = 1e-6;
  auto const logits_along = [&](Host const& along) {
    auto const plus = network_logits(data, model, data.train, shifted(y, h, along)),
               minus = network_logits(data, model, data.train, shifted(y, -h, along));
    Host j = shifted(plus, -1, minus);
    for (double& e : j) e /= 2 * h;
    return j;
  };
  auto const ju = logits_along(u), jv = logits_along(v),
             z = network_logits(data, model, data.train, y);
  auto const form = [&](Host const& a, Host const& b) {
    double sum = 0;
    for (int i = 0; i < n; ++i) {
      double total = 0, ab = 0, mean_a = 0, mean_b = 0;
      for (int c = 0; c < classes; ++c) total += std::exp(z[i * classes + c]);
      for (int c = 0; c < classes; ++c) {
        double const p = std::exp(z[i * classes + c]) / total;
        ab += p * a[i * classes + c] * b[i * classes + c];
        mean_a += p * a[i * classes + c];
        mean_b += p * b[i * classes + c];
      }
      sum += sigmoid(x[i]) / n * (ab - mean_a * mean_b);
    }
    return sum;
  };
  auto const gv = product(v), gu = product(u);
  double const expected = form(ju, jv) + 0.06 * dot(u, v);
  CHECK(std::abs(dot(u, gv) - expected) <= 1e-6 * (1 + std::abs(expected)));
  CHECK(std::abs(dot(u, gv) - dot(v, gu)) <= 1e-12 * norm(u) * norm(gv));
  CHECK(std::abs(dot(v, gv) - form(jv, jv) - 0.06 * dot(v, v)) <= 1e-6 * dot(v, gv));
  // Not the Hessian: that has the curvature of the network too.
  auto const hv = Probe<double>(problem).lower_hessian(x, y, v);
  CHECK(gap(hv, gv) > 1e-3 * norm(gv));
  // Along the last layer alone the network is linear.
  Host last = v;
  std::fill(last.begin(), last.begin() + model.hidden * data.features, 0.0);
  auto const exact = Probe<double>(problem).lower_hessian(x, y, last), close = product(last);
  auto const tail = [&](Host const& a) {
    return Host(a.begin() + model.hidden * data.features, a.end());
  };
  CHECK(gap(tail(exact), tail(close)) <= 1e-12 * norm(exact));
}

TEST_CASE("the network treats items and columns as if they were alone", "[problems]") {
  auto const data = digits(small_options());
  HyperCleaningMlp<double, Space> const problem(data, small_network());
  int const d = problem.dim_y(), n = problem.dim_x(), items = 3, columns = 2;
  Space const space;
  auto const fill = [](int rows, int width, std::uint32_t use) {
    Vectors<double, Space> view("v", rows, width);
    auto const host = Kokkos::create_mirror_view(view);
    Host const values = normals(std::size_t(rows) * width, use, 0.5);
    std::copy(values.begin(), values.end(), host.data());
    Kokkos::deep_copy(view, host);
    return view;
  };
  auto const x = fill(1, n, 1), y = fill(items, d, 2), z = fill(items, d, 3), u = fill(1, n, 4),
             v = fill(items * columns, d, 5);
  using Range = std::pair<int, int>;
  auto const run = [&](Range rows) {
    int const count = rows.second - rows.first;
    auto const Y = Kokkos::subview(y, rows, Kokkos::ALL), Z = Kokkos::subview(z, rows, Kokkos::ALL);
    Scalars<double, Space> value("value", count);
    Vectors<double, Space> gx("gx", count, n), gy("gy", count, d), gz("gz", count, n);
    Blocks<double, Space> hv("hv", count, columns, d);
    std::vector<Host> out;
    problem.upper_value(space, x, Y, value);
    out.push_back(down(value));
    problem.lower_value(space, x, Y, value);
    out.push_back(down(value));
    problem.upper_gradient(space, x, Y, gx, gy);
    out.push_back(down(gy));
    problem.lower_gradient(space, x, Y, gy);
    out.push_back(down(gy));
    problem.lower_gradient_x(space, x, Y, gx);
    out.push_back(down(gx));
    problem.mixed_transpose(space, x, Y, Z, gz);
    out.push_back(down(gz));
    problem.mixed_product(space, x, Y, u, gy);
    out.push_back(down(gy));
    Blocks<double const, Space> const in(v.data() + long(rows.first) * columns * d, count, columns,
                                         d);
    problem.lower_hessian(space, x, Y, in, hv);
    out.push_back(down(hv));
    problem.lower_gauss_newton(space, x, Y, in, hv);
    out.push_back(down(hv));
    return out;
  };
  auto const together = run({0, items});
  for (int item = 0; item < items; ++item) {
    auto const alone = run({item, item + 1});
    for (std::size_t k = 0; k < alone.size(); ++k) {
      CAPTURE(item, k);
      auto const size = long(alone[k].size());
      Host const part(together[k].begin() + item * size, together[k].begin() + (item + 1) * size);
      CHECK(gap(part, alone[k]) <= 1e-13 * norm(alone[k]));
    }
  }
}

TEST_CASE("samples of hyper-cleaning estimate g and its derivatives without bias", "[problems]") {
  auto const data = digits(small_options());
  CleaningModel model;
  model.ridge = 0.1;
  HyperCleaning<double, Space> const linear(data, model);
  HyperCleaningMlp<double, Space> const network(data, small_network());
  bool const use_network = GENERATE(false, true);
  AnyProblem<double, Space> const& whole =
      use_network ? static_cast<AnyProblem<double, Space> const&>(network) : linear;
  int const n = whole.dim_x(), d = whole.dim_y();
  Space const space;
  auto const x = one_row<double>(normals(std::size_t(n), 1)),
             y = one_row<double>(normals(std::size_t(d), 2, 0.5)),
             z = one_row<double>(normals(std::size_t(d), 3));
  auto const all = [&](AnyProblem<double, Space> const& problem) {
    Scalars<double, Space> value("value", 1);
    Vectors<double, Space> gx("gx", 1, n), gy("gy", 1, d), gz("gz", 1, n);
    problem.lower_value(space, x, y, value);
    problem.lower_gradient(space, x, y, gy);
    problem.lower_gradient_x(space, x, y, gx);
    problem.mixed_transpose(space, x, y, z, gz);
    return std::vector<Host>{down(value), down(gy), down(gx), down(gz)};
  };
  auto const exact = all(whole);
  // 33 does not divide 80: neighbours may be drawn twice.
  int const draws = 1500, count = 33;
  std::vector<Host> mean = exact;
  for (auto& m : mean) std::fill(m.begin(), m.end(), 0.0);
  Host spread(exact.size(), 0.0);
  for (int draw = 0; draw < draws; ++draw) {
    auto const sample = whole.on_sample(space, {std::uint64_t(draw), Stream::test, 0, 0, 0}, count);
    REQUIRE(sample);
    CHECK(sample->dim_x() == n);
    auto const here = all(*sample);
    for (std::size_t k = 0; k < here.size(); ++k) {
      mean[k] = shifted(mean[k], 1.0 / draws, here[k]);
      spread[k] += std::pow(gap(here[k], exact[k]), 2) / draws;
    }
  }
  for (std::size_t k = 0; k < exact.size(); ++k) {
    CAPTURE(use_network, k);
    CHECK(spread[k] > 0);
    CHECK(gap(mean[k], exact[k]) <= 4 * std::sqrt(spread[k] / draws));
  }
  auto const full = all(*whole.on_sample(space, {9, Stream::test, 0, 0, 0}, n));
  for (std::size_t k = 0; k < exact.size(); ++k)
    CHECK(gap(full[k], exact[k]) <= 1e-13 * norm(exact[k]));
  CHECK_THROWS_AS(whole.on_sample(space, {}, n + 1), std::invalid_argument);
  CHECK_THROWS_AS(whole.on_sample(space, {}, 0), std::invalid_argument);
  // A sample of a sample knows whose weights it uses.
  auto const nested = whole.on_sample(space, {5, Stream::test, 0, 0, 0}, 40)
                          ->on_sample(space, {6, Stream::test, 0, 0, 0}, 20);
  CHECK(check_derivatives<double, Space>(space, *nested, Host(std::size_t(n), 0.2)).ok());
}

TEST_CASE("the smoothness of hyper-cleaning bounds its second differences", "[problems]") {
  auto const data = digits(small_options());
  CleaningModel model;
  model.loss = GENERATE(CleaningLoss::softmax, CleaningLoss::squared);
  model.ridge = 0.1;
  model.decay = GENERATE(0.0, 0.05);
  HyperCleaning<double, Space> const problem(data, model);
  Probe<double> const probe(problem);
  int const n = problem.dim_x(), d = problem.dim_y();
  Space const space;
  double tightest = 0;
  for (std::uint32_t s = 0; s < 10; ++s) {
    Host const x = normals(std::size_t(n), 10 + s), y = normals(std::size_t(d), 20 + s, 0.3 * s);
    auto const bound = problem.smoothness(space, one_row<double>(x), one_row<double>(y));
    REQUIRE(bound);
    // Along the gradient, and towards larger weights of all samples.
    Host const v = probe.lower_gradient(x, y), w = probe.upper_gradient_y(x, y),
               u(std::size_t(n), 0.1 * norm(v));
    auto const second = [&](auto const& f, Host const& du, Host const& dv) {
      double const size = dot(du, du) + dot(dv, dv), h = 1e-3 / std::sqrt(size);
      return (f(shifted(x, h, du), shifted(y, h, dv)) - 2 * f(x, y) +
              f(shifted(x, -h, du), shifted(y, -h, dv))) /
             (h * h * size);
    };
    auto const g = [&](Host const& a, Host const& b) { return probe.lower(a, b); };
    auto const f = [&](Host const& a, Host const& b) { return probe.upper(a, b); };
    double const along_y = second(g, Host(std::size_t(n), 0.0), v), both = second(g, u, v);
    CHECK(along_y <= bound->lower_y * 1.001);
    CHECK(both <= bound->lower * 1.001);
    CHECK(second(f, u, w) <= bound->upper * 1.001);
    tightest = std::max(tightest, along_y / bound->lower_y);
  }
  CHECK(tightest > 0.05);
  CHECK_FALSE(problem.on_sample(space, {1, Stream::test, 0, 0, 0}, 9)
                  ->smoothness(space, one_row<double>(normals(std::size_t(n), 1)),
                               one_row<double>(normals(std::size_t(d), 2))));
}

TEST_CASE("every sample is drawn as often as every other, in ascending order", "[problems]") {
  int const total = 13, count = 5, draws = 20000;
  std::vector<int> hits(std::size_t(total), 0);
  bool ascending = true, near = true;
  for (int draw = 0; draw < draws; ++draw) {
    int before = -1;
    for (int i = 0; i < count; ++i) {
      int const at =
          impl::drawn_sample({std::uint64_t(draw), Stream::test, 0, 0, 0}, i, count, total);
      ascending = ascending && at >= before;
      near = near && at >= i * total / count && at <= ((i + 1) * total - 1) / count;
      before = at;
      ++hits[std::size_t(at)];
    }
  }
  CHECK(ascending);
  CHECK(near);
  double const expected = double(draws) * count / total;
  for (int const h : hits) CHECK(std::abs(h - expected) <= 5 * std::sqrt(expected));
}

TEST_CASE("squared hyper-cleaning has the closed form it claims", "[problems]") {
  auto options = small_options();
  options.pool = 4;
  options.train = 25;
  options.blind = GENERATE(0, 2);
  auto const data = digits(options);
  CleaningModel model;
  model.loss = CleaningLoss::squared;
  model.ridge = GENERATE(0.0, 0.3);
  model.decay = GENERATE(0.0, 0.01);
  HyperCleaning<double, Space> const problem(data, model);
  Probe<double> const probe(problem);
  Host const x = normals(25, 1), w = normals(25, 2);
  auto const truth = squared_cleaning_truth(data, model, x);
  auto const& y = truth.selection;
  REQUIRE(int(y.size()) == problem.dim_y());
  CAPTURE(options.blind, model.ridge, model.decay);
  CHECK(norm(probe.lower_gradient(x, y)) <= 1e-12);
  CHECK(std::abs(probe.upper(x, y) - truth.upper) <= 1e-12);
  CHECK(squared_cleaning_distance(data, model, x, y) <= 1e-11);
  minfold::test::Spectrum const spectrum(probe, x, y);
  CHECK(spectrum.nullity() == (model.decay > 0 ? 0 : 10 * options.blind));
  auto const gy = probe.upper_gradient_y(x, y);
  CHECK(norm(spectrum.tangential(gy)) <= 1e-11);
  CHECK(gap(truth.gradient, minfold::test::times(-1, probe.mixed(x, y, spectrum.solve(gy)))) <=
        1e-9 * norm(truth.gradient));
  double const h = 1e-5;
  double const slope = (squared_cleaning_truth(data, model, shifted(x, h, w)).upper -
                        squared_cleaning_truth(data, model, shifted(x, -h, w)).upper) /
                       (2 * h);
  CHECK(std::abs(slope - dot(truth.gradient, w)) <= 1e-7 * (norm(truth.gradient) + 1e-3));
  CHECK_THROWS_AS(squared_cleaning_truth(data, CleaningModel{}, x), std::invalid_argument);
}

TEST_CASE("orthogonal samples make the lower solutions independent of their weights",
          "[problems][hgms]") {
  std::string const joint = GENERATE("joint=true", "joint=false");
  Settings settings({joint, "x-bound=4"});
  auto const named = find_problem("diagonal-cleaning").make_double(settings, {});
  Probe<double> const probe(*named.problem);
  int const n = named.problem->dim_x();
  Host const x = normals(std::size_t(n), 1), other = normals(std::size_t(n), 2);
  auto const here = named.truth(x), there = named.truth(other);
  CHECK(std::abs(here.upper - there.upper) <= 1e-13);
  CHECK(gap(here.selection, there.selection) <= 1e-11);
  CHECK(norm(here.gradient) <= 1e-13);
  // g* = 1/(2N) sum_i sigmoid(x_i) [a_i = 0], two of 20 samples: y_i are unit vectors.
  double const lowest = (sigmoid(x[18]) + sigmoid(x[19])) / (2.0 * n);
  CHECK(std::abs(probe.lower(x, here.selection) - lowest) <= 1e-14);
  // HG-MS has nothing left to do but to select.
  auto options = HgmsOptions<double>::from(settings);
  settings.refuse_unknown();
  options.max_iterations = 2;  // it is there from the start
  Space const space;
  BilevelState<double, Space> state(space, *named.problem);
  impl::from_doubles<double, Space>(space, x, state.x);
  auto const result = minimize_hgms<double, Space>(space, *named.problem, state, options);
  CHECK(std::abs(result.last.upper - here.upper) <= 1e-9);
  CHECK(result.last.certificate.verdict == Verdict::certified);
  CHECK(result.last.certificate.kernel_dimension == 5 * (40 - 18));
  CHECK(norm(impl::to_doubles(space, state.hypergradient)) <= 1e-9);
}
