// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/problems/representation.hpp>

#include "entries.hpp"
#include "host.hpp"

#include <cmath>
#include <memory>

namespace minfold {
namespace {

using Numbers = std::vector<double>;

struct RepresentationPlan {
  std::string dataset;
  RepresentationData data;
  int hidden = 0;
  Numbers start;
};

RepresentationPlan plan_from(Settings& settings, ProblemContext const& context) {
  RepresentationPlan plan;
  RepresentationOptions o;
  plan.dataset = settings.choice(
      "dataset", context.data_directory.empty() ? "synthetic" : dataset_of(context.data_directory),
      {"synthetic", "digits", "idx"},
      "synthetic: random regression tasks; digits, idx: images split by class into tasks");
  bool const synthetic = plan.dataset == "synthetic", digits = plan.dataset == "digits";
  int const many = 1'000'000;
  o.tasks = settings.integer("tasks", synthetic ? 1 : 5, 1, 1000,
                             "tasks that share the first layer; images: a divisor of the classes");
  o.train = settings.integer("train",
                             synthetic ? 5
                             : digits  ? 30
                                       : 100,
                             1, many, "training samples of a task");
  o.validation = settings.integer("validation",
                                  synthetic ? 10
                                  : digits  ? 60
                                            : 200,
                                  1, many, "validation samples of a task");
  if (synthetic) {
    o.inputs = settings.integer("inputs", 12, 1, 100000, "inputs of the first layer");
    o.outputs = settings.integer("outputs", 3, 1, 100000, "outputs of a task");
    o.noise = settings.number("noise", 0.3, 0, 1e3, "standard deviation of the noise of Y");
  } else {
    o.pool =
        settings.integer("pool", digits ? 1 : 2, 1, 28, "side of the squares of averaged pixels");
    o.test = settings.integer("test", 0, 0, many, "test samples of a task; 0: all that are left");
  }
  o.seed = context.seed;
  plan.hidden = settings.integer(
      "hidden",
      synthetic ? 12
      : digits  ? 48
                : 128,
      1, 100000, "outputs of the first layer; at least as many as inputs in the source");
  plan.data = synthetic
                  ? make_representation_data(o)
                  : make_representation_data(load_images(plan.dataset, context.data_directory), o);
  plan.start = impl::problem_normals(context.seed, 5, plan.data.inputs, plan.hidden);
  for (double& e : plan.start) e /= std::sqrt(double(plan.data.inputs));
  // S(x) is affine and f convex along it, as in hyper-cleaning.
  settings.prefer("candidates", "2");
  settings.prefer("explore-every", "10");
  return plan;
}

/// f of all tasks and the fraction of test samples whose output is the largest of their label.
nlohmann::ordered_json metrics_of(RepresentationPlan const& plan, Solution const& end) {
  auto const& data = plan.data;
  int const m = data.inputs, n = data.outputs, h = plan.hidden;
  impl::check_size("x", end.x, m * h);
  impl::check_size("y", end.y, int(data.tasks.size()) * n * h);
  double upper = 0, lower = 0;
  int right = 0, test = 0;
  auto half_square = [](Numbers const& e) { return 0.5 * impl::inner(e, e); };
  for (std::size_t t = 0; t < data.tasks.size(); ++t) {
    auto const& task = data.tasks[t];
    Numbers const y(end.y.begin() + long(t) * n * h, end.y.begin() + long(t + 1) * n * h);
    auto const w = impl::product(m, h, n, end.x, impl::transposed(n, h, y));
    upper +=
        half_square(impl::plus(impl::product(data.validation, m, n, task.x_v, w), -1, task.y_v));
    lower += half_square(impl::plus(impl::product(data.train, m, n, task.x, w), -1, task.y));
    int const count = int(task.test_labels.size());
    auto const outputs = impl::product(count, m, n, task.x_test, w);
    for (int s = 0; s < count; ++s) {
      auto const row = outputs.begin() + long(s) * n;
      right += int(std::max_element(row, row + n) - row) == task.test_labels[std::size_t(s)];
    }
    test += count;
  }
  nlohmann::ordered_json json;
  json["dataset"] = plan.dataset;
  json["tasks"] = data.tasks.size();
  json["train"] = data.train;
  json["validation"] = data.validation;
  json["inputs"] = m;
  json["hidden"] = h;
  json["outputs"] = n;
  json["validation_loss"] = upper;
  json["training_loss"] = lower;
  json["constrained_least_squares"] = constrained_least_squares(data);
  if (test > 0) {
    json["test"] = test;
    json["test_accuracy"] = double(right) / test;
  }
  return json;
}

template <class T>
NamedProblem<T> make(Settings& settings, ProblemContext const& context) {
  auto const plan = std::make_shared<RepresentationPlan const>(plan_from(settings, context));
  NamedProblem<T> named;
  named.problem = std::make_unique<RepresentationLearning<T>>(plan->data, plan->hidden);
  named.start = plan->start;
  named.truth = [plan](Numbers const& x) {
    return representation_truth(plan->data, plan->hidden, x);
  };
  named.distance = [plan](Numbers const& x, Numbers const& y) {
    return representation_distance(plan->data, 0, plan->hidden, x, y);
  };
  // F >= 0, and constrained_least_squares() is 0 for as many samples as inputs, in general position.
  // With more of them it is F at every W1 of full row rank, but others may be better.
  named.optimum = [plan]() -> Optimum {
    double const value = constrained_least_squares(plan->data);
    bool const zero = plan->hidden >= plan->data.inputs && value <= 1e-20;
    return zero ? Optimum{0, {}} : impl::unknown_optimum();
  };
  named.metrics = [plan](Solution const&, Solution const& end) { return metrics_of(*plan, end); };
  return named;
}

}  // namespace

CatalogEntry representation_entry() {
  return {"representation",
          "two-layer linear networks: tasks share the first layer and fit the second; synthetic, "
          "or images split by class",
          make<double>, make<float>};
}

}  // namespace minfold
