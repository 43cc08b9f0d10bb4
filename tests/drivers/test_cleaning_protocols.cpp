// SPDX-License-Identifier: Apache-2.0
// The data of the published hyper-cleaning protocols.
#include <minfold/drivers/impl/host_vectors.hpp>
#include <minfold/problems/hyper_cleaning_metrics.hpp>

#include "test_hyper_cleaning.hpp"
#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <set>

namespace {

using namespace hyper_cleaning_test;
using namespace minfold;

/// Random images with labels, `count` of each of ten classes.
Images random_images(int per_class, std::uint32_t use) {
  Images images{10 * per_class, 4, 4, 255, 10, {}, {}};
  for (int i = 0; i < images.count; ++i) {
    images.labels.push_back(i % 10);
    for (int j = 0; j < 16; ++j)
      images.pixels.push_back(
          std::uint8_t(255 * uniform({5, Stream::test, use, std::uint32_t(i), std::uint32_t(j)})));
  }
  return images;
}

}  // namespace

TEST_CASE("whole classes get the label of another one", "[problems]") {
  auto options = small_options();
  options.whole_classes = true;
  options.corruption = 0.25;
  options.train = 400;
  auto const data = digits(options);
  std::set<int> given(data.train_labels.begin(), data.train_labels.end()), wrong;
  CHECK(given.size() == 8);  // int(10 * 0.25) = 2 classes are gone
  int changed = 0;
  std::set<int> target;
  for (int i = 0; i < data.train_size(); ++i) {
    if (data.train_labels[i] == data.true_labels[i]) continue;
    ++changed;
    wrong.insert(data.true_labels[i]);
    target.insert(data.train_labels[i]);
  }
  CHECK(wrong.size() == 2);
  CHECK(target.size() == 1);
  CHECK(data.corrupted == changed);
  CHECK(changed > 40);
  options.seed = 2;
  CHECK(digits(options).train_labels != data.train_labels);
  options.corruption = 1;
  CHECK_THROWS_AS(digits(options), std::invalid_argument);
}

TEST_CASE("principal components are uncorrelated and explain what they should", "[problems]") {
  auto options = small_options();
  options.train = 300;
  options.pool = 1;
  options.rare = 0;
  options.bias = false;
  auto const pixels = digits(options);
  options.components = 0.9;
  auto const data = digits(options);
  int const p = data.features, n = data.train_size();
  CHECK(p > 5);
  CHECK(p < 40);
  CHECK(data.train.size() == std::size_t(n * p));
  CHECK(data.test.size() == std::size_t(data.test_size() * p));
  auto const covariance = [](Host const& a, int width, int i, int j) {
    int const rows = int(a.size()) / width;
    double mi = 0, mj = 0, product = 0;
    for (int r = 0; r < rows; ++r) {
      mi += a[r * width + i] / rows;
      mj += a[r * width + j] / rows;
    }
    for (int r = 0; r < rows; ++r)
      product += (a[r * width + i] - mi) * (a[r * width + j] - mj) / rows;
    return product;
  };
  double total = 0, explained = 0, smallest = 1e300;
  for (int j = 0; j < pixels.features; ++j)
    total += covariance(pixels.train, pixels.features, j, j);
  for (int i = 0; i < p; ++i) {
    double const variance = covariance(data.train, p, i, i);
    explained += variance;
    smallest = std::min(smallest, variance);
    for (int j = 0; j < i; ++j) CHECK(std::abs(covariance(data.train, p, i, j)) <= 1e-12 * total);
  }
  CHECK(explained >= 0.9 * total);
  CHECK(explained - smallest < 0.9 * total);
  // Validation rows by the same axes: distances do not grow, and mostly stay.
  double before = 0, after = 0;
  for (int j = 0; j < pixels.features; ++j)
    before += std::pow(pixels.validation[j] - pixels.validation[pixels.features + j], 2);
  for (int j = 0; j < p; ++j) after += std::pow(data.validation[j] - data.validation[p + j], 2);
  CHECK(after <= before * (1 + 1e-12));
  CHECK(after >= 0.5 * before);
  // All of the variance: a rotation. With a bias the last feature is 1.
  options.components = 1;
  options.bias = true;
  auto const rotated = digits(options);
  for (int i = 0; i < n; ++i) CHECK(rotated.train[(i + 1) * rotated.features - 1] == 1);
}

TEST_CASE("samples may come from the test images alone", "[problems]") {
  ImageCollection const images{"random", random_images(20, 1), random_images(6, 2)};
  CleaningOptions options;
  options.train = 20;
  options.validation = 20;
  options.rare = 0;
  options.from_test = true;
  auto const data = make_cleaning_data(images, options);
  CHECK(data.test_size() == 20);
  // Every row is one of the test images.
  std::set<Host> known;
  for (int i = 0; i < images.test.count; ++i) {
    Host row;
    for (int j = 0; j < 16; ++j) row.push_back(images.test.pixel(i, j) / 255.0);
    known.insert(row);
  }
  int found = 0;
  for (auto const* const part : {&data.train, &data.validation, &data.test})
    for (std::size_t i = 0; i < part->size() / 17; ++i) {
      Host row(part->begin() + long(i) * 17, part->begin() + long(i) * 17 + 16);
      for (double& e : row) e = std::round(e * 255) / 255.0;
      found += int(known.count(row));
    }
  CHECK(found == 60);
  options.train = 50;
  CHECK_THROWS_AS(make_cleaning_data(images, options), std::invalid_argument);
  options = small_options();
  options.from_test = true;
  CHECK_THROWS_AS(digits(options), std::invalid_argument);
}

TEST_CASE("models and protocols of hyper-cleaning are refused where they do not fit",
          "[problems]") {
  using minfold::test::make;
  auto const refused = [](std::vector<std::string> const& texts) {
    CAPTURE(texts);
    CHECK_THROWS_AS(make<double>("hyper-cleaning", texts), std::invalid_argument);
  };
  refused({"model=cubic"});
  refused({"protocol=other"});
  refused({"hidden=5"});  // of the network only
  refused({"model=mlp", "loss=squared"});
  refused({"model=mlp", "activation=tanh"});
  refused({"model=mlp", "ridge=0.1"});
  refused({"components=1.5"});
  refused({"source=test"});  // the digits have no test images of their own
  auto const named =
      make<double>("hyper-cleaning", {"model=mlp", "hidden=5", "train=50", "pool=4"});
  CHECK(named.problem->dim_y() == 5 * (5 + 10) + 10);
  CHECK_FALSE(bool(named.truth));
  auto const squared =
      make<double>("hyper-cleaning", {"loss=squared", "train=50", "pool=4", "validation=20"});
  REQUIRE(bool(squared.truth));
  CHECK(squared.distance(squared.start, squared.truth(squared.start).selection) <= 1e-11);
}

TEST_CASE("the protocol of the V-PBGD code on Fashion-MNIST", "[problems][slow]") {
  if (!std::filesystem::is_directory("/usr/share/datasets/fashion-mnist"))
    SKIP("the package dataset-fashion-mnist is not installed");
  using minfold::test::make;
  for (std::string const model : {"linear", "mlp"}) {
    auto const named = make<float>("hyper-cleaning", {"protocol=v-pbgd", "model=" + model});
    auto const& problem = *named.problem;
    CHECK(problem.dim_x() == 5000);
    CHECK(problem.dim_y() == (model == "linear" ? 10 * 785 : 300 * 785 + 10 * 300 + 10));
    CHECK(problem.samples() == 5000);
    Space const space;
    Vectors<float, Space> x("x", 1, 5000), y("y", 1, problem.dim_y()), g("g", 1, problem.dim_y());
    Scalars<float, Space> value("value", 1);
    problem.random_lower(space, {1, Stream::restart, 0, 0, 0}, y);
    problem.lower_value(space, x, y, value);
    float const before = to_host(space, value)(0);
    for (int step = 0; step < 30; ++step) {
      problem.lower_gradient(space, x, y, g);
      impl::add_scaled<float, Space>(space, model == "linear" ? -0.05f : -0.5f, g, y);
    }
    problem.lower_value(space, x, y, value);
    CHECK(to_host(space, value)(0) < 0.95f * before);
    Host const end = impl::to_doubles(space, y);
    auto const metrics =
        named.metrics({named.start, end}, {named.start, end}).at("test_accuracy_cleaned");
    CAPTURE(model);
    CHECK(metrics.get<double>() > 0.3);
  }
}

TEST_CASE("the protocol of arXiv 2504.17215 on Fashion-MNIST", "[problems][slow]") {
  if (!std::filesystem::is_directory("/usr/share/datasets/fashion-mnist"))
    SKIP("the package dataset-fashion-mnist is not installed");
  using minfold::test::make;
  auto const named = make<double>("hyper-cleaning", {"protocol=perturbed"});
  CHECK(named.problem->dim_x() == 5000);
  int const p = named.problem->dim_y() / 10;
  CHECK(p > 20);
  CHECK(p < 200);
  // No weights of null space: H = sum + 2 decay I.
  minfold::test::Probe<double> const probe(*named.problem);
  Host const y(std::size_t(10 * p), 0.0), v(std::size_t(10 * p), 1.0);
  auto const hv = probe.lower_hessian(named.start, y, v);
  CHECK(std::abs(dot(v, hv) - 0.002 * dot(v, v)) <=
        1e-10 * dot(v, v));  // a common shift of all logits
}
