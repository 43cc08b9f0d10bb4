// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/problems/hyper_cleaning.hpp>
#include <minfold/problems/hyper_cleaning_metrics.hpp>

#include "entries.hpp"
#include <fmt/format.h>

#include <cmath>
#include <memory>

namespace minfold {
namespace {

/// Everything about one instance but its precision.
struct CleaningPlan {
  std::string dataset;
  CleaningOptions options;
  CleaningModel model;
  CleaningData data;
  double start = 0;
};

CleaningPlan plan_from(Settings& settings, ProblemContext const& context) {
  CleaningPlan plan;
  auto& o = plan.options;
  plan.dataset = settings.choice(
      "dataset", dataset_of(context.data_directory), {"digits", "idx"},
      "digits: the 8 x 8 digits of the UCI repository; idx: MNIST-like files, see --data");
  bool const digits = plan.dataset == "digits";
  int const many = 1'000'000;
  o.train =
      settings.integer("train", digits ? 900 : 2000, 1, many, "training samples, one weight each");
  o.validation = settings.integer("validation", digits ? 400 : 1000, 1, many,
                                  "validation samples, labels as published");
  o.test = settings.integer("test", 0, 0, many, "test samples; 0: all that are left");
  o.pool =
      settings.integer("pool", digits ? 1 : 2, 1, 28, "side of the squares of averaged pixels");
  o.bias = settings.flag("bias", true, "a constant feature");
  o.corruption =
      settings.number("corruption", 0.4, 0, 1, "fraction of training samples that get a new label");
  o.exclusive = settings.choice("corruption-rule", "exclusive", {"exclusive", "with-replacement"},
                                "exclusive: new labels are always wrong; with-replacement: drawn "
                                "from all classes, the true one included") == "exclusive";
  o.rare = settings.number(
      "rare", 0.01, 0, 1, "pixels lit in a smaller fraction of training images are off everywhere");
  o.blind = settings.integer("blind", 0, 0, many, "pixels stuck at 0 in the training images only");
  o.seed = context.seed;
  plan.model.loss =
      settings.choice("loss", "softmax", {"squared", "softmax"}, "loss of one sample") == "softmax"
          ? CleaningLoss::softmax
          : CleaningLoss::squared;
  plan.model.ridge = settings.number("ridge", 0.02, 0, 1e3,
                                     "penalty on the logits, relative to a sample of weight 1");
  plan.model.selection = settings.number(
      "selection", 0.01, 0, 1e3, "penalty of f on the directions that no training sample sees");
  plan.model.bound =
      settings.number("x-bound", 5, 0, 30, "box |x_i| <= bound of the weight logits");
  plan.start = settings.number("x-start", 0, -30, 30, "weight logit of all samples at the start");
  MINFOLD_REQUIRE(std::abs(plan.start) <= plan.model.bound, "--set x-start=", plan.start,
                  ": expected a value within the box, |x| <= ", plan.model.bound);
  plan.data = make_cleaning_data(load_images(plan.dataset, context.data_directory), o);
  // F is a mean, so that one weight changes it by O(1/N): a step of 4 N moves the logits of samples
  // that matter by about 1.
  settings.prefer("step", fmt::format("{}", 4 * o.train));
  // S(x) is affine and f strictly convex along it: a second point only shows that there is no other
  // critical one, and it need not be shown often.
  settings.prefer("candidates", "2");
  settings.prefer("explore-every", "10");
  return plan;
}

nlohmann::ordered_json metrics_of(CleaningPlan const& plan, Solution const& end) {
  auto const& data = plan.data;
  MINFOLD_REQUIRE(end.y.size() == std::size_t(data.classes * data.features),
                  "hyper-cleaning metrics: y has ", end.y.size(), " components, expected ",
                  data.classes * data.features);
  auto const found = corrupted_found(data, end.x);
  auto const test_accuracy = [&](std::vector<double> const& w) {
    return accuracy(data.test, data.test_labels, w);
  };
  nlohmann::ordered_json json;
  json["dataset"] = plan.dataset;
  json["train"] = data.train_size();
  json["validation"] = data.validation_size();
  json["test"] = data.test_size();
  json["classes"] = data.classes;
  json["features"] = data.features;
  json["lower_dimension"] = data.classes * data.features;
  json["nominal_corruption"] = plan.options.corruption;
  json["effective_corruption"] = double(data.corrupted) / data.train_size();
  json["test_accuracy_uncleaned"] =
      test_accuracy(train_equally_weighted(data, data.train_labels, plan.model));
  json["test_accuracy_cleaned"] = test_accuracy(end.y);
  json["test_accuracy_true_labels"] =
      test_accuracy(train_equally_weighted(data, data.true_labels, plan.model));
  json["corrupted"] = data.corrupted;
  json["marked"] = found.marked;
  json["marked_and_corrupted"] = found.right;
  json["precision"] = found.precision;
  json["recall"] = found.recall;
  return json;
}

template <class T>
NamedProblem<T> make(Settings& settings, ProblemContext const& context) {
  auto const plan = std::make_shared<CleaningPlan const>(plan_from(settings, context));
  NamedProblem<T> named;
  named.problem = std::make_unique<HyperCleaning<T>>(plan->data, plan->model);
  named.start.assign(std::size_t(plan->data.train_size()), plan->start);
  named.metrics = [plan](Solution const&, Solution const& end) { return metrics_of(*plan, end); };
  return named;
}

}  // namespace

CatalogEntry hyper_cleaning_entry() {
  return {"hyper-cleaning",
          "find wrong training labels of real images: a weight for each sample, judged by "
          "validation samples; k from softmax shift and dead pixels",
          make<double>, make<float>};
}

}  // namespace minfold
