// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/random.hpp>
#include <minfold/core/require.hpp>
#include <minfold/problems/representation_data.hpp>

#include "host.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace minfold {
namespace {

using Numbers = std::vector<double>;

/// Images of `pool` in random order (Fisher and Yates).
std::vector<int> shuffled(int n, std::uint64_t seed, std::uint32_t use) {
  std::vector<int> order(std::size_t(n), 0);
  std::iota(order.begin(), order.end(), 0);
  for (int i = n - 1; i > 0; --i) {
    Place const place{seed, Stream::problem, use, std::uint32_t(i), 0};
    std::swap(order[i], order[int(uniform(place) * (i + 1))]);
  }
  return order;
}

/// The images of the classes first, ..., first + classes - 1, in the order given.
std::vector<int> of_classes(Images const& images, std::vector<int> const& order, int first,
                            int classes) {
  std::vector<int> chosen;
  for (int const i : order)
    if (images.labels[i] >= first && images.labels[i] < first + classes) chosen.push_back(i);
  return chosen;
}

/// Rows [from, from + count) of `chosen`, divided by sqrt(count).
void append_rows(Numbers& x, Numbers& y, Images const& images, Numbers const& pixels, int inputs,
                 std::vector<int> const& chosen, int from, int count, int first, int classes) {
  double const scale = 1 / std::sqrt(double(count));
  for (int s = from; s < from + count; ++s) {
    int const i = chosen[s];
    for (int j = 0; j < inputs; ++j) x.push_back(scale * pixels[std::size_t(i) * inputs + j]);
    for (int c = 0; c < classes; ++c) y.push_back(images.labels[i] == first + c ? scale : 0.0);
  }
}

}  // namespace

RepresentationData make_representation_data(RepresentationOptions const& o) {
  RepresentationData data{o.inputs, o.outputs, o.train, o.validation, {}};
  for (int t = 0; t < o.tasks; ++t) {
    auto const tag = [&](int use) { return std::uint32_t(8 * t + use); };
    auto w = impl::problem_normals(o.seed, tag(0), o.inputs, o.outputs);
    for (double& e : w) e /= std::sqrt(double(o.inputs));
    RepresentationTask task;
    task.x = impl::problem_normals(o.seed, tag(1), o.train, o.inputs);
    task.x_v = impl::problem_normals(o.seed, tag(2), o.validation, o.inputs);
    auto const labels = [&](Numbers const& x, int count, int use) {
      return impl::plus(impl::product(count, o.inputs, o.outputs, x, w), o.noise,
                        impl::problem_normals(o.seed, tag(use), count, o.outputs));
    };
    task.y = labels(task.x, o.train, 3);
    task.y_v = labels(task.x_v, o.validation, 4);
    data.tasks.push_back(std::move(task));
  }
  return data;
}

RepresentationData make_representation_data(ImageCollection const& images,
                                            RepresentationOptions const& o) {
  Images const& pool = images.train;
  MINFOLD_REQUIRE(o.tasks <= pool.classes && pool.classes % o.tasks == 0,
                  "representation: tasks=", o.tasks, ", expected a divisor of the ", pool.classes,
                  " classes of ", images.name);
  auto const pixels = pooled(pool, o.pool);
  bool const own_test = images.test.count > 0;
  Images const& held_out = own_test ? images.test : pool;
  auto const test_pixels = own_test ? pooled(images.test, o.pool) : pixels;
  int const inputs = int(pixels.size() / std::size_t(pool.count)), classes = pool.classes / o.tasks;
  auto const order = shuffled(pool.count, o.seed, 1000);
  auto const test_order = own_test ? shuffled(images.test.count, o.seed, 1001) : order;
  RepresentationData data{inputs, classes, o.train, o.validation, {}};
  for (int t = 0; t < o.tasks; ++t) {
    int const first = t * classes;
    auto const chosen = of_classes(pool, order, first, classes);
    int const needed = o.train + o.validation + (own_test ? 0 : std::max(1, o.test));
    MINFOLD_REQUIRE(needed <= int(chosen.size()), "representation: train + validation + test are ",
                    needed, " samples a task, ", images.name, " has ", chosen.size(), " for task ",
                    t);
    RepresentationTask task;
    append_rows(task.x, task.y, pool, pixels, inputs, chosen, 0, o.train, first, classes);
    append_rows(task.x_v, task.y_v, pool, pixels, inputs, chosen, o.train, o.validation, first,
                classes);
    auto const rest = own_test
                          ? of_classes(held_out, test_order, first, classes)
                          : std::vector<int>(chosen.begin() + o.train + o.validation, chosen.end());
    int const test = o.test > 0 ? o.test : int(rest.size());
    MINFOLD_REQUIRE(test <= int(rest.size()), "representation: test=", o.test, ", ", images.name,
                    " has ", rest.size(), " test samples for task ", t);
    for (int s = 0; s < test; ++s) {
      auto const row = test_pixels.begin() + long(rest[s]) * inputs;
      task.x_test.insert(task.x_test.end(), row, row + inputs);
      task.test_labels.push_back(held_out.labels[rest[s]] - first);
    }
    data.tasks.push_back(std::move(task));
  }
  return data;
}

}  // namespace minfold
