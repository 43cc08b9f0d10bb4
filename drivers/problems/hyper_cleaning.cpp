// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/problems/hyper_cleaning.hpp>
#include <minfold/problems/hyper_cleaning_metrics.hpp>
#include <minfold/problems/hyper_cleaning_mlp.hpp>
#include <minfold/problems/hyper_cleaning_truth.hpp>

#include "entries.hpp"
#include <fmt/format.h>

#include <cmath>
#include <memory>

namespace minfold {
namespace {

/// Everything about one instance but its precision.
struct CleaningPlan {
  std::string dataset, protocol;
  CleaningOptions options;
  CleaningModel model;
  bool network = false;
  CleaningMlpModel mlp;
  CleaningData data;
  double start = 0;
};

/// Defaults of a published protocol; what the user says comes first. FOUND in the codes, except for
/// what is marked.
void prefer_protocol(Settings& settings, std::string const& protocol, bool network) {
  if (protocol == "own") return;
  auto const prefer = [&](std::map<std::string, std::string> const& all) {
    for (auto const& [key, value] : all) settings.prefer(key, value);
  };
  prefer({{"dataset", "idx"}, {"pool", "1"}, {"rare", "0"}, {"ridge", "0"}});
  if (protocol == "v-pbgd") {
    prefer({{"train", "5000"},
            {"validation", "5000"},
            {"test", "10000"},
            {"corruption", "0.5"},
            {"corruption-rule", "with-replacement"},
            {"hidden", "300"},
            {"activation", "sigmoid"}});
  } else {
    prefer({{"source", "test"},
            {"train", "5000"},
            {"validation", "2500"},
            {"test", "2500"},
            {"corruption", "0.25"},
            {"corruption-rule", "classes"},
            {"components", "0.9"},
            {"decay", "0.001"},
            {"hidden", "50"},
            {"activation", "relu"}});
    if (!network) settings.prefer("bias", "false");  // NOT FOUND for the network: it keeps offsets
  }
}

void data_keys(Settings& settings, ProblemContext const& context, CleaningPlan& plan) {
  auto& o = plan.options;
  plan.dataset = settings.choice(
      "dataset", dataset_of(context.data_directory), {"digits", "idx"},
      "digits: the 8 x 8 digits of the UCI repository; idx: MNIST-like files, see --data");
  bool const digits = plan.dataset == "digits";
  int const many = 1'000'000;
  o.from_test = settings.choice("source", "train", {"train", "test"},
                                "images that samples are taken from; test: nothing but the test "
                                "images of the files") == "test";
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
  auto const rule =
      settings.choice("corruption-rule", "exclusive", {"exclusive", "with-replacement", "classes"},
                      "exclusive: new labels are always wrong; with-replacement: drawn "
                      "from all classes, the true one included; classes: whole classes "
                      "get the label of another one");
  o.exclusive = rule == "exclusive";
  o.whole_classes = rule == "classes";
  o.rare = settings.number(
      "rare", 0.01, 0, 1, "pixels lit in a smaller fraction of training images are off everywhere");
  o.blind = settings.integer("blind", 0, 0, many, "pixels stuck at 0 in the training images only");
  o.components = settings.number("components", 0, 0, 1,
                                 "principal components that explain this fraction of the variance, "
                                 "in place of pixels; 0: pixels");
  o.seed = context.seed;
}

void model_keys(Settings& settings, CleaningPlan& plan) {
  double const decay = settings.number("decay", 0, 0, 1e3, "g contains decay |y|^2");
  plan.model.bound = plan.mlp.bound =
      settings.number("x-bound", 5, 0, 30, "box |x_i| <= bound of the weight logits");
  plan.model.decay = plan.mlp.decay = decay;
  if (plan.network) {
    plan.mlp.hidden = settings.integer("hidden", 300, 1, 100000, "units of the hidden layer");
    plan.mlp.activation = settings.choice("activation", "sigmoid", {"relu", "sigmoid"},
                                          "of the hidden layer") == "sigmoid"
                              ? Activation::sigmoid
                              : Activation::relu;
    return;
  }
  plan.model.loss =
      settings.choice("loss", "softmax", {"squared", "softmax"}, "loss of one sample") == "softmax"
          ? CleaningLoss::softmax
          : CleaningLoss::squared;
  plan.model.ridge = settings.number("ridge", 0.02, 0, 1e3,
                                     "penalty on the logits, relative to a sample of weight 1");
  plan.model.selection = settings.number(
      "selection", 0.01, 0, 1e3,
      "penalty of f on the directions that no training sample sees; none with decay");
}

CleaningPlan plan_from(Settings& settings, ProblemContext const& context) {
  CleaningPlan plan;
  plan.network = settings.choice("model", "linear", {"linear", "mlp"},
                                 "linear, or a network of one hidden layer") == "mlp";
  plan.protocol = settings.choice("protocol", "own", {"own", "v-pbgd", "perturbed"},
                                  "defaults of the other keys: our own, those of the V-PBGD code, "
                                  "or those of arXiv 2504.17215");
  prefer_protocol(settings, plan.protocol, plan.network);
  data_keys(settings, context, plan);
  model_keys(settings, plan);
  plan.start = settings.number("x-start", 0, -30, 30, "weight logit of all samples at the start");
  MINFOLD_REQUIRE(std::abs(plan.start) <= plan.model.bound, "--set x-start=", plan.start,
                  ": expected a value within the box, |x| <= ", plan.model.bound);
  plan.data = make_cleaning_data(load_images(plan.dataset, context.data_directory), plan.options);
  // F is a mean, so that one weight changes it by O(1/N): a step of 4 N moves the logits of samples
  // that matter by about 1.
  settings.prefer("step", fmt::format("{}", 4 * plan.options.train));
  // S(x) is affine and f strictly convex along it: a second point only shows that there is no other
  // critical one, and it need not be shown often.
  settings.prefer("candidates", "2");
  settings.prefer("explore-every", "10");
  return plan;
}

nlohmann::ordered_json metrics_of(CleaningPlan const& plan, Solution const& start,
                                  Solution const& end) {
  auto const& data = plan.data;
  int const dimension = plan.network
                            ? plan.mlp.hidden * (data.features + data.classes) + data.classes
                            : data.classes * data.features;
  MINFOLD_REQUIRE(end.y.size() == std::size_t(dimension), "hyper-cleaning metrics: y has ",
                  end.y.size(), " components, expected ", dimension);
  auto const found = corrupted_found(data, end.x);
  auto const test_accuracy = [&](std::vector<double> const& w) {
    return plan.network ? network_accuracy(data, plan.mlp, data.test, data.test_labels, w)
                        : accuracy(data.test, data.test_labels, w);
  };
  nlohmann::ordered_json json;
  json["dataset"] = plan.dataset;
  json["train"] = data.train_size();
  json["validation"] = data.validation_size();
  json["test"] = data.test_size();
  json["classes"] = data.classes;
  json["features"] = data.features;
  json["lower_dimension"] = dimension;
  json["nominal_corruption"] = plan.options.corruption;
  json["effective_corruption"] = double(data.corrupted) / data.train_size();
  // Training a network to the end is a study of its own, and a softmax without penalty has no minimum
  // where the samples can be separated.
  bool const unbounded =
      plan.model.loss == CleaningLoss::softmax && plan.model.ridge == 0 && plan.model.decay == 0;
  if (plan.network || unbounded) {
    json["test_accuracy_start"] = test_accuracy(start.y);
    json["test_accuracy_cleaned"] = test_accuracy(end.y);
  } else {
    json["test_accuracy_uncleaned"] =
        test_accuracy(train_equally_weighted(data, data.train_labels, plan.model));
    json["test_accuracy_cleaned"] = test_accuracy(end.y);
    json["test_accuracy_true_labels"] =
        test_accuracy(train_equally_weighted(data, data.true_labels, plan.model));
  }
  json["corrupted"] = data.corrupted;
  json["marked"] = found.marked;
  json["marked_and_corrupted"] = found.right;
  json["precision"] = found.precision;
  json["recall"] = found.recall;
  return json;
}

/// Truths of a linear model with the squared loss.
template <class T>
void add_truth(NamedProblem<T>& named, std::shared_ptr<CleaningPlan const> const& plan) {
  named.truth = [plan](std::vector<double> const& x) {
    return squared_cleaning_truth(plan->data, plan->model, x);
  };
  named.distance = [plan](std::vector<double> const& x, std::vector<double> const& y) {
    return squared_cleaning_distance(plan->data, plan->model, x, y);
  };
}

template <class T>
NamedProblem<T> make(Settings& settings, ProblemContext const& context) {
  auto const plan = std::make_shared<CleaningPlan const>(plan_from(settings, context));
  NamedProblem<T> named;
  if (plan->network)
    named.problem = std::make_unique<HyperCleaningMlp<T>>(plan->data, plan->mlp);
  else
    named.problem = std::make_unique<HyperCleaning<T>>(plan->data, plan->model);
  named.start.assign(std::size_t(plan->data.train_size()), plan->start);
  if (!plan->network && plan->model.loss == CleaningLoss::squared) add_truth(named, plan);
  named.metrics = [plan](Solution const& start, Solution const& end) {
    return metrics_of(*plan, start, end);
  };
  return named;
}

template <class T>
NamedProblem<T> make_diagonal(Settings& settings, ProblemContext const& context) {
  OrthogonalCleaningOptions o;
  o.classes = settings.integer("classes", 5, 2, 1000, "classes");
  o.features = settings.integer("features", 40, 1, 100000, "features of a sample");
  o.train = settings.integer("train", 20, 1, 100000, "training samples, orthogonal to each other");
  o.validation = settings.integer("validation", 10, 1, 100000, "validation samples");
  o.zero = settings.integer("zero", 2, 0, 100000, "training samples that are 0");
  o.joint = settings.flag("joint", true, "validation samples are orthogonal to all others too");
  o.corruption = settings.number("corruption", 0.5, 0, 1, "probability of a wrong training label");
  o.seed = context.seed;
  auto plan = std::make_shared<CleaningPlan>();
  plan->model.loss = CleaningLoss::squared;
  plan->model.ridge = 0;
  plan->model.bound =
      settings.number("x-bound", 5, 0, 30, "box |x_i| <= bound of the weight logits");
  plan->model.selection = settings.number(
      "selection", 0.01, 0, 1e3, "penalty of f on the directions that no training sample sees");
  plan->data = make_orthogonal_cleaning_data(o);
  settings.prefer("candidates", "2");
  NamedProblem<T> named;
  named.problem = std::make_unique<HyperCleaning<T>>(plan->data, plan->model);
  named.start.assign(std::size_t(o.train), 0.0);
  add_truth(named, std::shared_ptr<CleaningPlan const>(plan));
  // F does not depend on x: every x is a minimizer.
  double const value = named.truth(named.start).upper;
  named.optimum = [value] { return Optimum{value, {}}; };
  return named;
}

}  // namespace

CatalogEntry hyper_cleaning_entry() {
  return {"hyper-cleaning",
          "find wrong training labels of real images: a weight for each sample, judged by "
          "validation samples; k from softmax shift and dead pixels",
          make<double>, make<float>};
}
CatalogEntry diagonal_cleaning_entry() {
  return {"diagonal-cleaning",
          "hyper-cleaning of orthogonal samples: closed form, solutions do not depend on weights",
          make_diagonal<double>, make_diagonal<float>};
}

}  // namespace minfold
