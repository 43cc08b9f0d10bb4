// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/random.hpp>
#include <minfold/core/require.hpp>
#include <minfold/problems/hyper_cleaning_data.hpp>

#include <lapacke.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

namespace minfold {
namespace {

/// What random numbers of the data are for: the `item` of their place.
enum Use : std::uint32_t {
  split = 100,
  test_split = 101,
  choice = 102,
  label = 103,
  pixel = 104,
  wrong_class = 105
};

double draw(std::uint64_t seed, Use use, int row) {
  return uniform({seed, Stream::problem, use, std::uint32_t(row), 0});
}

/// 0 ... n-1 in random order (Fisher and Yates).
std::vector<int> shuffled(int n, std::uint64_t seed, Use use) {
  std::vector<int> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  for (int i = n - 1; i > 0; --i) std::swap(order[i], order[int(draw(seed, use, i) * (i + 1))]);
  return order;
}

struct Part {
  std::vector<double> a;
  std::vector<int> labels;
};

/// Images order[first], ..., count of them, as rows of pixels with a 1 at the end for the bias.
Part take(Images const& images, std::vector<double> const& pixels, std::vector<int> const& order,
          int first, int count, bool bias) {
  int const n = int(pixels.size() / std::size_t(images.count));
  Part part;
  for (int i = first; i < first + count; ++i) {
    auto const row = pixels.begin() + long(order[i]) * n;
    part.a.insert(part.a.end(), row, row + n);
    if (bias) part.a.push_back(1);
    part.labels.push_back(images.labels[order[i]]);
  }
  return part;
}

/// Labels need not begin with 0 (those of EMNIST's letters do not). A label in between that no image
/// has is a slip in the files: it would be a class that nothing can be learnt about.
int require_classes(Images const& pool, std::string const& name) {
  int const count = pool.classes;
  std::vector<int> images(static_cast<std::size_t>(count), 0);
  for (int const label : pool.labels) ++images[std::size_t(label)];
  int const first =
      int(std::find_if(images.begin(), images.end(), [](int n) { return n > 0; }) - images.begin());
  for (int label = first; label < count; ++label)
    MINFOLD_REQUIRE(images[std::size_t(label)] > 0, name, ": expected images of every label from ",
                    first, " to ", count - 1,
                    ", the largest label of the training images, found none of ", label);
  MINFOLD_REQUIRE(count - first > 1, name,
                  ": expected training images of at least two classes, all "
                  "have the label ",
                  first);
  return first;
}

void switch_off(std::vector<double>& a, int features, int feature) {
  for (std::size_t i = std::size_t(feature); i < a.size(); i += std::size_t(features)) a[i] = 0;
}

void relabel_samples(CleaningData& data, CleaningOptions const& options) {
  data.relabelled = int(std::lround(options.corruption * data.train_size()));
  auto const chosen = shuffled(data.train_size(), options.seed, Use::choice);
  for (int r = 0; r < data.relabelled; ++r) {
    int const i = chosen[r], truth = data.true_labels[i], classes = data.classes;
    double const u = draw(options.seed, Use::label, i);
    data.train_labels[i] =
        options.exclusive ? (truth + 1 + int(u * (classes - 1))) % classes : int(u * classes);
    data.corrupted += data.train_labels[i] != truth;
  }
}

/// The first classes of a random order get the label of the next one in it.
void relabel_classes(CleaningData& data, CleaningOptions const& options) {
  int const wrong = int(data.classes * options.corruption);
  MINFOLD_REQUIRE(wrong < data.classes, "hyper-cleaning: corruption=", options.corruption,
                  " leaves no class right");
  auto const order = shuffled(data.classes, options.seed, Use::wrong_class);
  for (int& given : data.train_labels)
    for (int c = 0; c < wrong; ++c)
      if (given == order[c]) {
        given = order[wrong];
        ++data.relabelled;
        break;
      }
  data.corrupted = data.relabelled;
}

}  // namespace

CleaningData make_cleaning_data(ImageCollection const& images, CleaningOptions const& options) {
  MINFOLD_REQUIRE(!options.from_test || images.test.count > 0, "hyper-cleaning: ", images.name,
                  " has no test images of its own to take samples from");
  Images const& pool = options.from_test ? images.test : images.train;
  bool const own_test = images.test.count > 0 && !options.from_test;
  int const needed =
      options.train + options.validation + (own_test ? 0 : std::max(1, options.test));
  MINFOLD_REQUIRE(needed <= pool.count, "hyper-cleaning: train + validation + test are ", needed,
                  " samples, ", images.name, " has ", pool.count);
  MINFOLD_REQUIRE(!own_test || options.test <= images.test.count,
                  "hyper-cleaning: test=", options.test, ", ", images.name, " has ",
                  images.test.count, " test samples");
  int const all_test =
      own_test ? images.test.count : pool.count - options.train - options.validation;
  int const test = options.test > 0 ? options.test : all_test;

  int const first_label = require_classes(pool, images.name);
  auto const pixels = pooled(pool, options.pool);
  auto const order = shuffled(pool.count, options.seed, Use::split);
  auto const part = [&](int first, int count) {
    return take(pool, pixels, order, first, count, options.bias);
  };
  Part train = part(0, options.train), validation = part(options.train, options.validation);
  Part held_out = own_test ? take(images.test, pooled(images.test, options.pool),
                                  shuffled(images.test.count, options.seed, Use::test_split), 0,
                                  test, options.bias)
                           : part(options.train + options.validation, test);

  CleaningData data;
  data.classes = pool.classes - first_label;
  for (Part* const p : {&train, &validation, &held_out}) {
    for (int& label : p->labels) {
      label -= first_label;
      MINFOLD_REQUIRE(label >= 0, images.name, ": a test image has the label ", label + first_label,
                      ", no training image has one below ", first_label);
    }
  }
  data.features = int(train.a.size() / train.labels.size());
  int const n = data.features - (options.bias ? 1 : 0);
  std::vector<int> used;
  for (int j = 0; j < n; ++j) {
    int lit = 0;
    for (int i = 0; i < options.train; ++i) lit += train.a[std::size_t(i) * data.features + j] > 0;
    if (lit > 0 && lit >= options.rare * options.train) {
      used.push_back(j);
    } else if (lit > 0) {
      for (auto* const a : {&train.a, &validation.a, &held_out.a}) switch_off(*a, data.features, j);
    }
  }
  MINFOLD_REQUIRE(options.blind <= int(used.size()), "hyper-cleaning: blind=", options.blind,
                  ", only ", used.size(), " pixels are in use");
  auto const stuck = shuffled(int(used.size()), options.seed, Use::pixel);
  for (int b = 0; b < options.blind; ++b) switch_off(train.a, data.features, used[stuck[b]]);

  data.true_labels = data.train_labels = train.labels;
  if (options.whole_classes)
    relabel_classes(data, options);
  else
    relabel_samples(data, options);
  data.train = std::move(train.a);
  data.validation = std::move(validation.a);
  data.test = std::move(held_out.a);
  data.validation_labels = std::move(validation.labels);
  data.test_labels = std::move(held_out.labels);
  if (options.components > 0) reduce_to_components(data, options.components, options.bias);
  return data;
}

KernelProjector kernel_projector(std::vector<double> const& a, int columns) {
  std::size_t const n = std::size_t(columns), rows = a.size() / n;
  std::vector<double> gram(n * n, 0), eigenvalues(n);
  for (std::size_t i = 0; i < rows; ++i) {
    double const* const row = a.data() + i * n;
    for (std::size_t j = 0; j < n; ++j) {
      if (row[j] == 0) continue;
      for (std::size_t k = 0; k < n; ++k) gram[j * n + k] += row[j] * row[k];
    }
  }
  // Row-major with the transposed flag costs a copy; the matrix is symmetric, so that column-major
  // is the same matrix and its eigenvectors lie one after the other.
  int const info =
      LAPACKE_dsyev(LAPACK_COL_MAJOR, 'V', 'U', columns, gram.data(), columns, eigenvalues.data());
  MINFOLD_REQUIRE(info == 0, "kernel_projector: dsyev ended with ", info);
  KernelProjector projector;
  projector.matrix.assign(n * n, 0);
  for (std::size_t e = 0; e < n && eigenvalues[e] <= 1e-12 * eigenvalues[n - 1]; ++e) {
    ++projector.dimension;
    double const* const q = gram.data() + e * n;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) projector.matrix[i * n + j] += q[i] * q[j];
  }
  return projector;
}

}  // namespace minfold
