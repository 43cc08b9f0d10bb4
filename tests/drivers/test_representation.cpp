// SPDX-License-Identifier: Apache-2.0
// Representation learning: closed forms by other means, many targets, samples.
#include <minfold/drivers/check.hpp>
#include <minfold/drivers/hgms.hpp>
#include <minfold/problems/representation.hpp>

#include "problem_probe.hpp"
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>

using namespace minfold;
using namespace minfold::test;

namespace {

/// 1/2 |A W - B|^2, A rows x m, B rows x n.
double half_square(Vec const& a, Vec const& b, Vec const& w, int m, int n) {
  double sum = 0;
  for (std::size_t i = 0; i < b.size() / std::size_t(n); ++i)
    for (int c = 0; c < n; ++c) {
      double e = -b[i * n + c];
      for (int j = 0; j < m; ++j) e += a[i * m + j] * w[j * n + c];
      sum += 0.5 * e * e;
    }
  return sum;
}

/// argmin of the weighted normal equations, well conditioned by construction of the callers.
Vec least_squares(RepresentationTask const& t, int m, int n, double weight) {
  Vec gram(std::size_t(m) * m, 0.0), right(std::size_t(m) * n, 0.0);
  auto const add = [&](Vec const& a, Vec const& b, double w) {
    for (std::size_t i = 0; i < b.size() / std::size_t(n); ++i)
      for (int j = 0; j < m; ++j) {
        for (int k = 0; k < m; ++k) gram[j * m + k] += w * a[i * m + j] * a[i * m + k];
        for (int c = 0; c < n; ++c) right[j * n + c] += w * a[i * m + j] * b[i * n + c];
      }
  };
  add(t.x_v, t.y_v, 1);
  add(t.x, t.y, weight);
  REQUIRE(LAPACKE_dposv(LAPACK_ROW_MAJOR, 'U', m, n, gram.data(), m, right.data(), n) == 0);
  return right;
}

RepresentationData small(int tasks) {
  RepresentationOptions o;
  o.tasks = tasks;
  o.inputs = 6;
  o.outputs = 2;
  o.train = 3;
  o.validation = 7;
  return make_representation_data(o);
}

Vectors<double, Space> rows(Vec const& v, int n) {
  Vectors<double, Space> view("v", v.size() / std::size_t(n), n);
  auto const host = Kokkos::create_mirror_view(view);
  std::copy(v.begin(), v.end(), host.data());
  Kokkos::deep_copy(view, host);
  return view;
}
template <class View>
Vec host(View const& view) {
  auto const copy = to_host(Space(), view);
  return Vec(copy.data(), copy.data() + copy.size());
}
Vec part(Vec const& v, int i, int n) {
  return Vec(v.begin() + long(i) * n, v.begin() + long(i + 1) * n);
}

}  // namespace

TEST_CASE("constrained least squares is the limit of penalized least squares", "[problems]") {
  auto const data = small(2);
  double const limit = constrained_least_squares(data);
  double before = 1e300;
  for (double const weight : {1e2, 1e4, 1e6}) {
    double penalized = 0, upper = 0, lower = 0;
    for (auto const& t : data.tasks) {
      auto const w = least_squares(t, data.inputs, data.outputs, weight);
      upper += half_square(t.x_v, t.y_v, w, data.inputs, data.outputs);
      lower += half_square(t.x, t.y, w, data.inputs, data.outputs);
    }
    penalized = upper + weight * lower;
    CHECK(std::abs(penalized_least_squares(data, weight) - penalized) <= 1e-9 * penalized);
    // From below, and the gap falls as 1 / weight.
    double const gap = limit - penalized;
    CAPTURE(weight, limit, penalized);
    CHECK(gap >= -1e-9 * limit);
    CHECK(gap <= 0.02 * before + 1e-8 * limit);
    before = gap;
  }
  // Enough inputs for all samples: everything can be fitted.
  RepresentationOptions o;
  o.train = 5;
  o.validation = 7;
  CHECK(constrained_least_squares(make_representation_data(o)) <= 1e-20);
  CHECK(make<double>("representation", {"validation=7"}).optimum().upper == 0);
  CHECK(std::isnan(make<double>("representation", {"validation=8"}).optimum().upper));
}

TEST_CASE("with full row rank F is the constrained optimum, with less it may be better",
          "[problems]") {
  auto const data = small(2);
  double const value = constrained_least_squares(data);
  for (int const hidden : {6, 9}) {
    auto const truth = representation_truth(data, hidden, normals(1, 6 * hidden));
    CHECK(std::abs(truth.upper - value) <= 1e-9 * value);
    CHECK(norm(truth.gradient) <= 1e-9 * value);
    CHECK(truth.differentiable);
    // More hidden units than inputs: many second layers give one product.
    CHECK(truth.selection.empty() == (hidden == 9));
  }
  // W1 that sees nothing of the training inputs (3 of 6 dimensions are left): the second layer is free.
  // For the orthogonal complement use Gram-Schmidt on random vectors.
  auto const one = small(1);
  Vec basis = one.tasks[0].x;
  Vec extra = normals(9, 18);
  basis.insert(basis.end(), extra.begin(), extra.end());
  for (int i = 0; i < 6; ++i) {
    for (int pass = 0; pass < 2; ++pass)
      for (int k = 0; k < i; ++k) {
        double const along = dot(part(basis, i, 6), part(basis, k, 6));
        for (int j = 0; j < 6; ++j) basis[i * 6 + j] -= along * basis[k * 6 + j];
      }
    double const size = norm(part(basis, i, 6));
    for (int j = 0; j < 6; ++j) basis[i * 6 + j] /= size;
  }
  Vec w1(36, 0.0);
  for (int j = 0; j < 6; ++j)
    for (int k = 0; k < 3; ++k) w1[j * 6 + k] = basis[(3 + k) * 6 + j];
  RepresentationData loud = one;  // training labels that cost the validation loss a lot
  for (double& e : loud.tasks[0].y) e = 30 * e;
  CHECK(representation_truth(loud, 6, w1).upper < 0.5 * constrained_least_squares(loud));
}

TEST_CASE("derivatives of representation learning are those of its objectives",
          "[problems][check]") {
  for (auto const& settings : std::vector<std::vector<std::string>>{
           {},
           {"tasks=3", "hidden=5", "inputs=7", "outputs=2", "train=4"},
           {"outputs=1", "hidden=2"}}) {
    auto const named = make<double>("representation", settings);
    auto const check = check_derivatives<double, Space>(Space(), *named.problem, named.start);
    for (auto const& line : check.lines) {
      CAPTURE(settings, line.what, line.error, line.slope);
      CHECK(line.ok);
    }
    auto const single = make<float>("representation", settings);
    CHECK(check_derivatives<float, Space>(Space(), *single.problem, single.start).ok());
  }
}

TEST_CASE("representation learning treats targets, candidates and columns as if they were alone",
          "[problems]") {
  auto const data = small(3);
  int const hidden = 5, n = 2 * hidden, m = 6 * hidden, candidates = 2;
  RepresentationLearning<double, Space> const all(data, hidden);
  auto const x = normals(1, m), u = normals(2, m);
  int const items = 3 * candidates;
  auto const y = normals(3, items * n), z = normals(4, items * n);
  Space const space;
  auto const X = rows(x, m), Y = rows(y, n), Z = rows(z, n), U = rows(u, m);
  auto const run = [&](auto const& problem, auto const& Yi, auto const& Zi, int count) {
    std::vector<Vec> out;
    Scalars<double, Space> s("s", count);
    Vectors<double, Space> gx("gx", count, m), gy("gy", count, n);
    problem.upper_value(space, X, Yi, s);
    out.push_back(host(s));
    problem.lower_value(space, X, Yi, s);
    out.push_back(host(s));
    problem.upper_gradient(space, X, Yi, gx, gy);
    out.push_back(host(gx));
    out.push_back(host(gy));
    problem.lower_gradient(space, X, Yi, gy);
    out.push_back(host(gy));
    problem.lower_gradient_x(space, X, Yi, gx);
    out.push_back(host(gx));
    problem.mixed_transpose(space, X, Yi, Zi, gx);
    out.push_back(host(gx));
    problem.mixed_product(space, X, Yi, U, gy);
    out.push_back(host(gy));
    return out;
  };
  auto const together = run(all, Y, Z, items);
  for (int item = 0; item < items; ++item) {
    RepresentationData one = data;
    one.tasks = {data.tasks[std::size_t(item % 3)]};
    RepresentationLearning<double, Space> const alone(one, hidden);
    auto const yi = part(y, item, n), zi = part(z, item, n);
    auto const single = run(alone, rows(yi, n), rows(zi, n), 1);
    for (std::size_t k = 0; k < single.size(); ++k) {
      CAPTURE(item, k);
      CHECK(gap(part(together[k], item, int(single[k].size())), single[k]) <=
            1e-13 * (1 + norm(single[k])));
    }
    // <z, G u> = <G^T z, u>, and grad_x g by differences.
    CHECK(std::abs(dot(zi, single[7]) - dot(single[6], u)) <= 1e-12 * (1 + norm(single[6])));
    double const h = 1e-5;
    Probe<double> const probe(alone);
    double const difference =
        (probe.lower(shifted(x, h, u), yi) - probe.lower(shifted(x, -h, u), yi)) / (2 * h);
    CHECK(std::abs(dot(single[5], u) - difference) <= 1e-7 * (1 + std::abs(difference)));
    // One column takes the way through the samples, many that through the Gram matrix.
    auto const v = normals(7, 9 * n);
    auto const many = probe.lower_hessian(x, yi, v), upper = probe.upper_hessian(x, yi, v);
    for (int c = 0; c < 9; ++c) {
      CHECK(gap(part(many, c, n), probe.lower_hessian(x, yi, part(v, c, n))) <= 1e-12 * norm(many));
      CHECK(gap(part(upper, c, n), probe.upper_hessian(x, yi, part(v, c, n))) <=
            1e-12 * norm(upper));
    }
  }
}

TEST_CASE("samples of the training data estimate g without bias", "[problems]") {
  auto const data = small(2);
  int const hidden = 4, m = 24, n = 8;
  RepresentationLearning<double, Space> const whole(data, hidden);
  Space const space;
  auto const x = rows(normals(1, m), m), y = rows(normals(2, 2 * n), n);
  Vectors<double, Space> gy("gy", 2, n);
  whole.lower_gradient(space, x, y, gy);
  auto const exact = host(gy);
  Vec mean(exact.size(), 0.0);
  int const draws = 4000;
  double spread = 0;
  for (int draw = 0; draw < draws; ++draw) {
    auto const sample = whole.on_sample(space, {std::uint64_t(draw), Stream::test, 0, 0, 0}, 2);
    REQUIRE(sample);
    sample->lower_gradient(space, x, y, gy);
    auto const here = host(gy);
    mean = shifted(mean, 1.0 / draws, here);
    spread += dot(shifted(here, -1, exact), shifted(here, -1, exact)) / draws;
  }
  REQUIRE(spread > 1e-3 * dot(exact, exact));
  CHECK(gap(mean, exact) <= 4 * std::sqrt(spread / draws));
  // All samples are the whole.
  whole.on_sample(space, {1, Stream::test, 0, 0, 0}, 3)->lower_gradient(space, x, y, gy);
  CHECK(gap(host(gy), exact) <= 1e-13 * norm(exact));
  CHECK_THROWS_AS(whole.on_sample(space, {}, 4), std::invalid_argument);
}

TEST_CASE("the smoothness of representation learning bounds its second differences", "[problems]") {
  auto const data = small(2);
  int const hidden = 4, m = 24, n = 8;
  RepresentationLearning<double, Space> const problem(data, hidden);
  Space const space;
  auto const value = [&](Vec const& x, Vec const& y, bool upper) {
    Scalars<double, Space> out("out", 2);
    if (upper)
      problem.upper_value(space, rows(x, m), rows(y, n), out);
    else
      problem.lower_value(space, rows(x, m), rows(y, n), out);
    auto const both = host(out);
    return both[0] + both[1];
  };
  double tightest = 0;
  for (std::uint32_t s = 0; s < 30; ++s) {
    auto const x = normals(100 + s, m), y = normals(200 + s, 2 * n);
    auto const bound = problem.smoothness(space, rows(x, m), rows(y, n));
    REQUIRE(bound);
    // Along the gradient of g the curvature is large.
    Vectors<double, Space> gx("gx", 2, m), gy("gy", 2, n);
    problem.lower_gradient_x(space, rows(x, m), rows(y, n), gx);
    problem.lower_gradient(space, rows(x, m), rows(y, n), gy);
    auto const both = host(gx), v = host(gy);
    auto const u = shifted(part(both, 0, m), 1, part(both, 1, m));
    double const size = dot(u, u) + dot(v, v), h = 1e-4 / std::sqrt(size);
    for (bool const upper : {false, true}) {
      double const second =
          (value(shifted(x, h, u), shifted(y, h, v), upper) - 2 * value(x, y, upper) +
           value(shifted(x, -h, u), shifted(y, -h, v), upper)) /
          (h * h);
      double const allowed = upper ? bound->upper : bound->lower;
      CHECK(second <= allowed * size * (1 + 1e-3));
      if (!upper) tightest = std::max(tightest, second / (allowed * size));
    }
  }
  CHECK(tightest > 0.1);
}

TEST_CASE("digits are split into tasks by class", "[problems]") {
  auto const images = load_images("digits", MINFOLD_DATA_DIR);
  RepresentationOptions o;
  o.tasks = 5;
  o.train = 20;
  o.validation = 40;
  auto const data = make_representation_data(images, o);
  REQUIRE(data.tasks.size() == 5);
  CHECK(data.inputs == 64);
  CHECK(data.outputs == 2);
  int samples = 0;
  for (auto const& t : data.tasks) {
    samples += 60 + int(t.test_labels.size());
    CHECK(t.x_test.size() == 64 * t.test_labels.size());
    CHECK(*std::min_element(t.test_labels.begin(), t.test_labels.end()) == 0);
    CHECK(*std::max_element(t.test_labels.begin(), t.test_labels.end()) == 1);
    // Unit vectors, divided by sqrt(20): both classes among them.
    double const unit = 1 / std::sqrt(20.0);
    int first = 0;
    for (int i = 0; i < 20; ++i) {
      CHECK(std::abs(t.y[2 * i] + t.y[2 * i + 1] - unit) <= 1e-15);
      first += t.y[2 * i] > 0;
    }
    CHECK(first > 2);
    CHECK(first < 18);
  }
  CHECK(samples == images.train.count);
  o.tasks = 3;
  CHECK_THROWS_AS(make_representation_data(images, o), std::invalid_argument);
}

TEST_CASE("HG-MS improves the representation of digits and ends certified at the closed form",
          "[hgms]") {
  auto const sets =
      GENERATE(std::vector<std::string>{"hidden=7"},
               std::vector<std::string>{"dataset=digits", "hidden=24", "train=20", "tasks=2"});
  Settings settings(sets);
  auto const named = find_problem("representation").make_double(settings, {});
  auto options = HgmsOptions<double>::from(settings);
  options.max_iterations = 15;
  Space const space;
  BilevelState<double, Space> state(space, *named.problem);
  impl::from_doubles<double, Space>(space, named.start, state.x);
  double const before = named.truth(named.start).upper;
  auto const result = minimize_hgms<double, Space>(space, *named.problem, state, options);
  Vec const x = impl::to_doubles(space, state.x), h = impl::to_doubles(space, state.hypergradient);
  auto const truth = named.truth(x);
  CAPTURE(before, truth.upper, result.last.upper, norm(truth.gradient));
  CHECK(truth.upper < 0.9 * before);
  CHECK(std::abs(result.last.upper - truth.upper) <= 1e-8 * (1 + truth.upper));
  CHECK(gap(h, truth.gradient) <= 1e-6 * (1e-3 + norm(truth.gradient)));
  CHECK(result.last.certificate.verdict != Verdict::refused);
}

TEST_CASE("Fashion-MNIST split into five tasks that share a first layer", "[hgms][slow]") {
  if (!std::filesystem::is_directory("/usr/share/datasets/fashion-mnist"))
    SKIP("the package dataset-fashion-mnist is not installed");
  Settings settings({"dataset=idx", "pool=4", "train=30", "hidden=40", "test=200"});
  auto const named = find_problem("representation").make_double(settings, {});
  CHECK(named.problem->batch_size() == 5);
  CHECK(named.problem->dim_x() == 49 * 40);
  auto options = HgmsOptions<double>::from(settings);
  options.max_iterations = 1;
  Space const space;
  BilevelState<double, Space> state(space, *named.problem);
  impl::from_doubles<double, Space>(space, named.start, state.x);
  auto const result = minimize_hgms<double, Space>(space, *named.problem, state, options);
  Solution const end{impl::to_doubles(space, state.x), impl::to_doubles(space, state.y)};
  double const upper = named.truth(end.x).upper;
  auto const metrics = named.metrics({named.start, end.y}, end);
  CAPTURE(metrics.dump(), upper, result.last.upper);
  // Pixels are far from white: f is badly conditioned along S(x), and a selection that did not come to
  // its end must be called uncertain.
  double const off = std::abs(result.last.upper - upper);
  CHECK((off <= 1e-6 * upper || result.last.certificate.verdict != Verdict::certified));
  CHECK(result.last.upper >= upper * (1 - 1e-6));
  CHECK(std::abs(metrics.at("validation_loss").get<double>() - result.last.upper) <=
        1e-7 * result.last.upper);
  CHECK(metrics.at("training_loss").get<double>() <= 1e-12);
  CHECK(metrics.at("test").get<int>() == 1000);
  CHECK(metrics.at("test_accuracy").get<double>() > 0.7);  // two classes a task
}
