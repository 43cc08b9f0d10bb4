// SPDX-License-Identifier: Apache-2.0
#include <minfold/problems/reweighting.hpp>

#include "entries.hpp"
#include "host.hpp"
#include <fmt/format.h>
#include <lapacke.h>

#include <algorithm>
#include <cmath>

namespace minfold {
namespace {

std::vector<double> softmax(std::vector<double> p) {
  double const largest = *std::max_element(p.begin(), p.end());
  double total = 0;
  for (double& entry : p) total += entry = std::exp(entry - largest);
  for (double& entry : p) entry /= total;
  return p;
}

/// In the coordinates z = B y the lower level has one solution,
///   z(p) = W^{-1} sum_i p_i M_i^T b_i,  W = sum_i p_i M_i^T M_i,
/// and y* minimizes f on B y = z(p). The validation data are planted: b_v = A_v w with B w =
/// z(softmax(planted)), so that F is 0 there when noise = 0.
struct ReweightingTruth {
  int sources = 2, samples = 1, dim = 2, rank = 1, validation = 1;
  std::vector<double> basis;                // B, rank x dim
  std::vector<double> gram;                 // B B^T
  std::vector<std::vector<double>> mixing;  // M_i, samples x rank
  std::vector<std::vector<double>> output;  // b_i
  std::vector<double> validation_input, validation_output;
  std::vector<double> planted;
  bool exact = true;

  /// W, and sum_i p_i M_i^T b_i
  std::pair<std::vector<double>, std::vector<double>> normal_equations(
      std::vector<double> const& p) const {
    std::vector<double> w(std::size_t(rank) * rank, 0.0), right(rank, 0.0);
    for (int i = 0; i < sources; ++i) {
      auto const t = impl::transposed(samples, rank, mixing[i]);
      w = impl::plus(w, p[i], impl::product(rank, samples, rank, t, mixing[i]));
      right = impl::plus(right, p[i], impl::product(rank, samples, 1, t, output[i]));
    }
    return {w, right};
  }
  std::vector<double> reduced(std::vector<double> const& p) const {
    auto const [w, right] = normal_equations(p);
    return impl::solve_definite(rank, w, right);
  }

  /// argmin |A_v y - b_v| subject to B y = z
  std::vector<double> selected(std::vector<double> z) const {
    auto a = validation_input, c = validation_output, b = basis;
    std::vector<double> y(dim);
    int const info = LAPACKE_dgglse(LAPACK_ROW_MAJOR, validation, dim, rank, a.data(), dim,
                                    b.data(), dim, c.data(), z.data(), y.data());
    MINFOLD_REQUIRE(info == 0, "reweighting: the validation data do not determine the model");
    return y;
  }

  /// dF/dx_i = -p_i <grad L_i, v>, v = H^+ grad f; with grad f = B^T mu at y*, B v = W^{-1} mu.
  Truth truth(std::vector<double> const& x) const {
    auto const p = softmax(x);
    auto const [w, right] = normal_equations(p);
    auto const z = impl::solve_definite(rank, w, right);
    Truth t;
    t.selection = selected(z);
    auto const gap = impl::plus(impl::product(validation, dim, 1, validation_input, t.selection),
                                -1, validation_output);
    t.upper = 0.5 * impl::inner(gap, gap);
    auto const gradient =
        impl::product(dim, validation, 1, impl::transposed(validation, dim, validation_input), gap);
    auto const mu = impl::solve_definite(rank, gram, impl::product(rank, dim, 1, basis, gradient));
    auto const bv = impl::solve_definite(rank, w, mu);
    for (int i = 0; i < sources; ++i) {
      auto const residual =
          impl::plus(impl::product(samples, rank, 1, mixing[i], z), -1, output[i]);
      t.gradient.push_back(-p[i] *
                           impl::inner(residual, impl::product(samples, rank, 1, mixing[i], bv)));
    }
    return t;
  }

  /// The minimizer is never unique, since logits may be shifted. With noise F is not known to have
  /// one basin only.
  Optimum optimum() const { return exact ? Optimum{0, {}} : impl::unknown_optimum(); }

  /// |B^+ (B y - z)|
  double distance(std::vector<double> const& x, std::vector<double> const& y) const {
    auto const gap = impl::plus(impl::product(rank, dim, 1, basis, y), -1, reduced(softmax(x)));
    return std::sqrt(impl::inner(gap, impl::solve_definite(rank, gram, gap)));
  }
};

nlohmann::ordered_json mixture_metrics(std::vector<double> const& planted, Solution const& start,
                                       Solution const& end) {
  nlohmann::ordered_json json;
  auto const before = softmax(start.x), after = softmax(end.x), right = softmax(planted);
  for (std::size_t i = 0; i < planted.size(); ++i) {
    json[fmt::format("weight {}, start", i + 1)] = before[i];
    json[fmt::format("weight {}, end", i + 1)] = after[i];
    json[fmt::format("weight {}, planted", i + 1)] = right[i];
  }
  return json;
}

template <class T>
NamedProblem<T> make_reweighting(Settings& settings, ProblemContext const& context) {
  using E = Kokkos::DefaultExecutionSpace;
  auto data = std::make_shared<ReweightingTruth>();
  int const m = settings.integer("sources", 4, 2, 64, "training sources, components of x");
  int const d = settings.integer("dim", 12, 2, 256, "weights of the model, dimension of y");
  int const q =
      settings.integer("rank", std::min(5, d - 1), 1, d - 1,
                       "rank of the training data; the manifold has dimension dim - rank");
  int const samples =
      settings.integer("samples", 2 * q, q, 4096, "samples of a source, at least rank");
  double const noise = settings.number("noise", 0, 0, 1e3,
                                       "standard deviation of the noise on the validation outputs");
  double const contrast =
      settings.number("contrast", 1, 0, 10, "standard deviation of the planted logits");
  auto const start = settings.numbers("x0", {0}, m, "starting logits");

  auto const seed = context.seed;
  data->sources = m;
  data->samples = samples;
  data->dim = d;
  data->rank = q;
  data->validation = d + 2;
  data->exact = noise == 0;
  data->basis = impl::of_length(std::sqrt(double(q)), impl::problem_normals(seed, 0, q, d));
  data->gram = impl::product(q, d, q, data->basis, impl::transposed(q, d, data->basis));
  for (int i = 0; i < m; ++i) {
    std::uint32_t const tag = 16 + 2 * std::uint32_t(i);
    data->mixing.push_back(
        impl::of_length(std::sqrt(double(q)), impl::problem_normals(seed, tag, samples, q)));
    data->output.push_back(
        impl::of_length(std::sqrt(double(q)), impl::problem_normals(seed, tag + 1, samples, 1)));
  }
  data->planted = impl::problem_normals(seed, 1, m, 1);
  for (double& logit : data->planted) logit *= contrast;
  data->validation_input =
      impl::of_length(std::sqrt(double(d)), impl::problem_normals(seed, 2, data->validation, d));
  // The planted model: least norm on B w = z, moved along the manifold.
  auto const z = data->reduced(softmax(data->planted));
  auto const anywhere = impl::problem_normals(seed, 3, d, 1);
  auto const correction = impl::solve_definite(
      q, data->gram, impl::plus(z, -1, impl::product(q, d, 1, data->basis, anywhere)));
  auto const model = impl::plus(
      anywhere, 1, impl::product(d, q, 1, impl::transposed(q, d, data->basis), correction));
  data->validation_output =
      impl::plus(impl::product(data->validation, d, 1, data->validation_input, model), noise,
                 impl::problem_normals(seed, 4, data->validation, 1));

  Reweighting<T, E> functor;
  Blocks<T, E> inputs("minfold::reweighting::inputs", m, samples, d);
  auto const host = Kokkos::create_mirror_view(inputs);
  std::vector<double> outputs;
  for (int i = 0; i < m; ++i) {
    auto const a = impl::product(samples, q, d, data->mixing[i], data->basis);
    for (int s = 0; s < samples; ++s)
      for (int t = 0; t < d; ++t) host(i, s, t) = T(a[std::size_t(s) * d + t]);
    outputs.insert(outputs.end(), data->output[i].begin(), data->output[i].end());
  }
  Kokkos::deep_copy(inputs, host);
  functor.inputs = inputs;
  functor.outputs =
      impl::device_vectors<T, E>("minfold::reweighting::outputs", m, samples, outputs);
  functor.validation_inputs = impl::device_vectors<T, E>(
      "minfold::reweighting::validation_inputs", data->validation, d, data->validation_input);
  functor.validation_outputs = impl::device_scalars<T, E>(
      "minfold::reweighting::validation_outputs", data->validation_output);
  auto named = impl::assemble<T, Reweighting<T, E>, ReweightingTruth>(functor, start, data);
  named.metrics = [data](Solution const& before, Solution const& after) {
    return mixture_metrics(data->planted, before, after);
  };
  return named;
}

}  // namespace

CatalogEntry reweighting_entry() {
  return {"reweighting", "which mixture of training sources serves a validation set",
          make_reweighting<double>, make_reweighting<float>};
}

}  // namespace minfold
