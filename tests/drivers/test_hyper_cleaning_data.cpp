// SPDX-License-Identifier: Apache-2.0
#include <minfold/problems/hyper_cleaning_metrics.hpp>

#include "../../drivers/problems/entries.hpp"
#include "test_hyper_cleaning.hpp"
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <filesystem>
#include <set>

namespace {

using namespace hyper_cleaning_test;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;

int wrong_labels(minfold::CleaningData const& data) {
  int wrong = 0;
  for (int i = 0; i < data.train_size(); ++i) wrong += data.train_labels[i] != data.true_labels[i];
  return wrong;
}

}  // namespace

TEST_CASE("exclusive corruption makes exactly the nominal number of labels wrong") {
  minfold::CleaningOptions options;
  options.corruption = 0.4;
  options.seed = GENERATE(1, 2, 3);
  auto const data = digits(options);
  CHECK(data.train_size() == 900);
  CHECK(data.validation_size() == 400);
  CHECK(data.test_size() == 497);
  CHECK(data.features == 65);
  CHECK(data.relabelled == 360);
  CHECK(data.corrupted == 360);
  CHECK(wrong_labels(data) == 360);
  // All wrong labels occur: (label - truth) mod 10 takes 9 values, about 40 times each.
  std::vector<int> offset(10, 0);
  for (int i = 0; i < 900; ++i) ++offset[(data.train_labels[i] - data.true_labels[i] + 10) % 10];
  CHECK(offset[0] == 540);
  CHECK(*std::min_element(offset.begin() + 1, offset.end()) > 15);
}

TEST_CASE("corruption with replacement leaves a tenth of the new labels right") {
  minfold::CleaningOptions options;
  options.exclusive = false;
  int relabelled = 0, corrupted = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    options.seed = seed;
    auto const data = digits(options);
    CHECK(wrong_labels(data) == data.corrupted);
    relabelled += data.relabelled;
    corrupted += data.corrupted;
  }
  CHECK(relabelled == 3600);
  // 3600 * 0.9 with a standard deviation of 18.
  CHECK(std::abs(corrupted - 3240) < 72);
}

TEST_CASE("the split uses every image once and depends on the seed alone") {
  auto const images = minfold::load_images("digits", MINFOLD_DATA_DIR);
  minfold::CleaningOptions options;
  options.rare = 0;
  auto const one = minfold::make_cleaning_data(images, options);
  auto const two = minfold::make_cleaning_data(images, options);
  CHECK(one.train == two.train);
  CHECK(one.train_labels == two.train_labels);
  options.seed = 2;
  CHECK(minfold::make_cleaning_data(images, options).train != one.train);

  std::multiset<Host> expected, found;
  Host const all = minfold::pooled(images.train, 1);
  for (std::size_t i = 0; i < 1797; ++i)
    expected.emplace(all.begin() + long(64 * i), all.begin() + long(64 * i + 64));
  for (auto const* const part : {&one.train, &one.validation, &one.test}) {
    for (auto row = part->begin(); row != part->end(); row += 65) {
      found.emplace(row, row + 64);
      CHECK(row[64] == 1);
    }
  }
  CHECK(found == expected);
}

TEST_CASE("rare pixels are off everywhere, blind ones in the training images only") {
  minfold::CleaningOptions options;
  options.rare = 0.05;
  options.blind = 4;
  options.bias = false;
  auto const data = digits(options);
  CHECK(data.features == 64);
  auto const lit = [&](Host const& a, int j) {
    int count = 0;
    for (std::size_t i = std::size_t(j); i < a.size(); i += 64) count += a[i] > 0;
    return count;
  };
  int blind = 0;
  for (int j = 0; j < 64; ++j) {
    bool const trained = lit(data.train, j) > 0, seen = lit(data.validation, j) > 0;
    if (trained) CHECK(lit(data.train, j) >= 45);
    if (!trained && !seen) CHECK(lit(data.test, j) == 0);
    blind += !trained && seen;
  }
  CHECK(blind == 4);
}

TEST_CASE("accuracy and the samples found are counted") {
  // Two features, three classes: the largest of -1, a_0 and a_1.
  Host const w = {-1, -1, 1, 0, 0, 1};
  Host const a = {2, 1, 0, 3, 1, 0, 1, 4};
  CHECK(minfold::accuracy(a, {1, 2, 1, 1}, w) == 0.75);
  minfold::CleaningData data;
  data.true_labels = {0, 0, 0, 0, 0};
  data.train_labels = {1, 0, 2, 0, 3};
  data.corrupted = 3;
  auto const found = minfold::corrupted_found(data, {-1, -2, -3, 4, 5});
  CHECK(found.marked == 3);
  CHECK(found.right == 2);
  CHECK(found.precision == 2.0 / 3);
  CHECK(found.recall == 2.0 / 3);
  CHECK_THROWS_AS(minfold::corrupted_found(data, {1}), std::invalid_argument);
}

TEST_CASE("the catalog entry of hyper-cleaning reads its settings and gives its metrics") {
  auto const entry = minfold::hyper_cleaning_entry();
  minfold::ProblemContext const context{5, MINFOLD_DATA_DIR};
  auto const make = [&](std::vector<std::string> const& texts) {
    minfold::Settings settings(texts);
    auto named = entry.make_double(settings, context);
    settings.refuse_unknown();
    return named;
  };
  auto const refuses = [&](std::vector<std::string> const& texts, std::string const& expected) {
    CAPTURE(texts);
    CHECK_THROWS_MATCHES(make(texts), std::invalid_argument,
                         MessageMatches(ContainsSubstring(expected)));
  };
  refuses({"train=1700"}, "digits has 1797");
  refuses({"pool=3"}, "pool=3");
  refuses({"x-start=6"}, "x-start=6");
  refuses({"corruption=1.5"}, "corruption=1.5");
  refuses({"blind=64"}, "blind=64");
  refuses({"dataset=idx"}, "train-images-idx3-ubyte");

  minfold::Settings settings;
  entry.make_float(settings, context);
  CHECK(settings.number("step", 0, 0, 1e9, "of the solver") == 3600);

  auto const named = make({"train=300", "loss=softmax", "corruption-rule=with-replacement"});
  CHECK(named.problem->dim_x() == 300);
  CHECK(named.problem->dim_y() == 650);
  CHECK(named.start == Host(300, 0));
  // "Cleaned" by someone who knows the labels: as good as training on the true labels.
  minfold::CleaningOptions options;
  options.train = 300;
  options.seed = 5;
  options.exclusive = false;
  auto const data = digits(options);
  minfold::Solution end;
  end.y = minfold::train_equally_weighted(data, data.true_labels, {});
  for (int i = 0; i < 300; ++i)
    end.x.push_back(data.train_labels[i] == data.true_labels[i] ? 5 : -5);
  auto const metrics = named.metrics({}, end);
  CHECK(metrics["nominal_corruption"] == 0.4);
  CHECK(metrics["effective_corruption"] == data.corrupted / 300.0);
  CHECK(metrics["precision"] == 1.0);
  CHECK(metrics["recall"] == 1.0);
  CHECK(metrics["test_accuracy_cleaned"] == metrics["test_accuracy_true_labels"]);
  CHECK(metrics["test_accuracy_uncleaned"] < metrics["test_accuracy_true_labels"]);
  CHECK(metrics["test"] == 1097);
}

TEST_CASE("hyper-cleaning takes Fashion-MNIST with pooled pixels") {
  if (!std::filesystem::is_directory("/usr/share/datasets/fashion-mnist"))
    SKIP("the package dataset-fashion-mnist is absent");
  auto const entry = minfold::hyper_cleaning_entry();
  minfold::Settings settings({"dataset=idx", "pool=4", "train=500", "validation=200"});
  auto const named = entry.make_float(settings, {});
  CHECK(named.problem->dim_x() == 500);
  CHECK(named.problem->dim_y() == 500);
}
