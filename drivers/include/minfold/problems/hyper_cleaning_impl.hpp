// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_HYPER_CLEANING_IMPL_HPP
#define MINFOLD_PROBLEMS_HYPER_CLEANING_IMPL_HPP

#include <minfold/problems/hyper_cleaning.hpp>

#include <cmath>

namespace minfold {

namespace impl {

/// Bytes of logits that are made at once: on a host what the caches and the allocator like, on a
/// device what keeps it busy.
template <ExecutionSpace E>
inline constexpr long cleaning_scratch = runs_on_host<E> ? 24L << 20 : 256L << 20;

template <class T, ExecutionSpace E>
struct SmallNormal {
  Place place;
  T scale;
  Vectors<T, E> y;
  KOKKOS_INLINE_FUNCTION void operator()(int t) const {
    int const n = int(y.extent(1));
    Place here = place;
    here.item += std::uint32_t(t / n);
    here.row = std::uint32_t(t % n);
    y(t / n, t % n) = scale * T(normal(here));
  }
};

}  // namespace impl

template <class T, ExecutionSpace E>
HyperCleaning<T, E>::HyperCleaning(CleaningData const& data, CleaningModel const& model)
    : Base("HyperCleaning", data, model.bound), model_(model) {
  if (model.decay > 0) model_.selection = 0;
  if (model.decay > 0) return;  // nothing is free
  auto const projector = kernel_projector(data.train, features_);
  unseen_ = projector.dimension;
  if (unseen_ > 0) {
    unseen_projector_ = Vectors<T, E>("minfold::hyper_cleaning::unseen", features_, features_);
    auto const host = Kokkos::create_mirror_view(unseen_projector_);
    std::copy(projector.matrix.begin(), projector.matrix.end(), host.data());
    Kokkos::deep_copy(unseen_projector_, host);
  }
}

template <class T, ExecutionSpace E>
int HyperCleaning<T, E>::systems_at_once(Samples const& samples) const {
  long const one = long(classes_) * samples.count() * long(sizeof(T));
  return int(std::max(1L, impl::cleaning_scratch<E> / one));
}

template <class T, ExecutionSpace E>
Vectors<T, E> HyperCleaning<T, E>::logits(E const& space, Samples const& samples,
                                          Vectors<T const, E> rows) const {
  auto z = make_vectors<T>(space, "minfold::hyper_cleaning::logits", int(rows.extent(0)),
                           samples.count());
  gemm(space, Transpose::no, Transpose::yes, T(1), rows, samples.a, T(0), z);
  return z;
}

template <class T, ExecutionSpace E>
void HyperCleaning<T, E>::sum_losses(E const& space, Samples const& samples, Scalars<T const, E> w,
                                     double ridge, ConstVectors y, Scalars<T, E> out) const {
  auto const z = logits(space, samples, rows_of(y));
  for_each_item("minfold::hyper_cleaning::value", space, int(y.extent(0)), samples.count(),
                impl::SumOfLosses<T, E>{loss(samples, ridge), w, samples.labels, z, out});
}

template <class T, ExecutionSpace E>
void HyperCleaning<T, E>::loss_gradient(E const& space, Samples const& samples,
                                        Scalars<T const, E> w, double ridge, ConstVectors y,
                                        Vectors<T, E> gy) const {
  check_gradient(y, gy);
  auto const z = logits(space, samples, rows_of(y));
  impl::for_each_sample("minfold::hyper_cleaning::gradient", space, int(y.extent(0)),
                        samples.count(),
                        impl::ToGradient<T, E>{loss(samples, ridge), w, samples.labels, z});
  gemm(space, Transpose::no, Transpose::no, T(1), z, samples.a, T(0), rows_of(gy));
}

template <class T, ExecutionSpace E>
void HyperCleaning<T, E>::loss_products(E const& space, Samples const& samples,
                                        Scalars<T const, E> w, double ridge, ConstVectors y,
                                        ConstVectors const* lambda, ConstBlocks v,
                                        Blocks<T, E> out) const {
  int const items = int(y.extent(0)), columns = int(v.extent(1)), systems = items * columns;
  if (systems == 0) return;
  auto const sample_loss = loss(samples, ridge);
  auto const p = logits(space, samples, rows_of(y));
  if (sample_loss.softmax())
    impl::for_each_sample("minfold::hyper_cleaning::probabilities", space, items, samples.count(),
                          impl::ToProbabilities<T, E>{sample_loss, p});
  Vectors<T, E> along;
  if (lambda) along = logits(space, samples, rows_of(*lambda));

  int const step = std::min(systems, systems_at_once(samples));
  auto const scratch = make_vectors<T>(space, "minfold::hyper_cleaning::logits_along",
                                       step * classes_, samples.count());
  auto const in = rows_of(flat(v));
  auto const result = rows_of(flat(out));
  for (int first = 0; first < systems; first += step) {
    int const count = std::min(step, systems - first);
    Kokkos::pair<int, int> const rows(first * classes_, (first + count) * classes_);
    Vectors<T, E> const b(scratch.data(), count * classes_, samples.count());
    gemm(space, Transpose::no, Transpose::yes, T(1), Kokkos::subview(in, rows, Kokkos::ALL),
         samples.a, T(0), b);
    if (lambda)
      impl::for_each_sample(
          "minfold::hyper_cleaning::third", space, count, samples.count(),
          impl::ToThirdProduct<T, E>{sample_loss, w, p, along, b, first, columns});
    else
      impl::for_each_sample("minfold::hyper_cleaning::hessian", space, count, samples.count(),
                            impl::ToHessianProduct<T, E>{sample_loss, w, p, b, first, columns});
    gemm(space, Transpose::no, Transpose::no, T(1), b, samples.a, T(0),
         Kokkos::subview(result, rows, Kokkos::ALL));
  }
}

template <class T, ExecutionSpace E>
void HyperCleaning<T, E>::add_selection(E const& space, ConstVectors w, Vectors<T, E> out) const {
  if (model_.selection == 0 || (unseen_ == 0 && model_.loss == CleaningLoss::squared)) return;
  auto const rows = rows_of(w);
  auto const seen_not = make_vectors<T>(space, "minfold::hyper_cleaning::unseen_part",
                                        int(rows.extent(0)), features_);
  if (unseen_ > 0)
    gemm(space, Transpose::no, Transpose::no, T(1), rows, unseen_projector_, T(0), seen_not);
  else
    Kokkos::deep_copy(space, seen_not, T(0));
  impl::for_each_sample("minfold::hyper_cleaning::selection", space, int(w.extent(0)), features_,
                        impl::AddUnseen<T, E>{model_.loss, classes_, T(model_.selection), rows,
                                              seen_not, rows_of(out)});
}

template <class T, ExecutionSpace E>
void HyperCleaning<T, E>::upper_value(E const& space, ConstVectors x, ConstVectors y,
                                      Scalars<T, E> out) const {
  check(x, y);
  sum_losses(space, validation_, validation_.equal_weights, 0, y, out);
  auto const q =
      make_vectors<T>(space, "minfold::hyper_cleaning::selected", int(y.extent(0)), dim_y());
  Kokkos::deep_copy(space, q, T(0));
  add_selection(space, y, q);
  for_each_item("minfold::hyper_cleaning::selection_value", space, int(y.extent(0)), dim_y(),
                impl::AddInner<T, E>{T(0.5), y, q, out});
}

template <class T, ExecutionSpace E>
void HyperCleaning<T, E>::lower_value(E const& space, ConstVectors x, ConstVectors y,
                                      Scalars<T, E> out) const {
  check(x, y);
  sum_losses(space, train_, train_.weights(space, x, false), model_.ridge, y, out);
  if (model_.decay > 0)
    for_each_item("minfold::hyper_cleaning::decay_value", space, int(y.extent(0)), dim_y(),
                  impl::AddInner<T, E>{T(model_.decay), y, y, out});
}

template <class T, ExecutionSpace E>
void HyperCleaning<T, E>::upper_gradient(E const& space, ConstVectors x, ConstVectors y,
                                         Vectors<T, E> gx, Vectors<T, E> gy) const {
  check(x, y);
  Kokkos::deep_copy(space, gx, T(0));
  loss_gradient(space, validation_, validation_.equal_weights, 0, y, gy);
  add_selection(space, y, gy);
}

template <class T, ExecutionSpace E>
void HyperCleaning<T, E>::lower_gradient(E const& space, ConstVectors x, ConstVectors y,
                                         Vectors<T, E> gy) const {
  check(x, y);
  loss_gradient(space, train_, train_.weights(space, x, false), model_.ridge, y, gy);
  if (model_.decay > 0) impl::add_scaled<T, E>(space, T(2 * model_.decay), y, gy);
}

template <class T, ExecutionSpace E>
void HyperCleaning<T, E>::lower_hessian(E const& space, ConstVectors x, ConstVectors y,
                                        ConstBlocks v, Blocks<T, E> out) const {
  check(x, y, v, out);
  loss_products(space, train_, train_.weights(space, x, false), model_.ridge, y, nullptr, v, out);
  if (model_.decay > 0) impl::add_scaled<T, E>(space, T(2 * model_.decay), flat(v), flat(out));
}

template <class T, ExecutionSpace E>
void HyperCleaning<T, E>::upper_hessian(E const& space, ConstVectors x, ConstVectors y,
                                        ConstBlocks v, Blocks<T, E> out) const {
  check(x, y, v, out);
  loss_products(space, validation_, validation_.equal_weights, 0, y, nullptr, v, out);
  add_selection(space, flat(v), flat(out));
}

template <class T, ExecutionSpace E>
void HyperCleaning<T, E>::third_product(E const& space, ConstVectors x, ConstVectors y,
                                        ConstVectors lambda, ConstBlocks v,
                                        Blocks<T, E> out) const {
  check(x, y, v, out);
  check(x, lambda);
  loss_products(space, train_, train_.weights(space, x, false), model_.ridge, y, &lambda, v, out);
}

/// (G^T z)_i = sigmoid'(x_i) / N <P_i - e_label, Z a_i>: the penalty does not depend on x.
template <class T, ExecutionSpace E>
void HyperCleaning<T, E>::mixed_transpose(E const& space, ConstVectors x, ConstVectors y,
                                          ConstVectors z, Vectors<T, E> out) const {
  check(x, y);
  check(x, z);
  auto const at = logits(space, train_, rows_of(y)), along = logits(space, train_, rows_of(z));
  auto const values = train_.per_sample(space, out);
  impl::for_each_sample("minfold::hyper_cleaning::mixed", space, int(y.extent(0)), train_.count(),
                        impl::SlopeAlong<T, E>{loss(train_, 0), train_.weights(space, x, true),
                                               train_.labels, at, along, values});
  train_.scatter(space, values, out);
}

/// (dg/dx)_i = sigmoid'(x_i) / N loss_i
template <class T, ExecutionSpace E>
void HyperCleaning<T, E>::lower_gradient_x(E const& space, ConstVectors x, ConstVectors y,
                                           Vectors<T, E> out) const {
  check(x, y);
  auto const z = logits(space, train_, rows_of(y));
  auto const values = train_.per_sample(space, out);
  impl::for_each_sample("minfold::hyper_cleaning::lower_gradient_x", space, int(y.extent(0)),
                        train_.count(),
                        impl::LossOfSample<T, E>{loss(train_, 0), train_.weights(space, x, true),
                                                 train_.labels, z, values});
  train_.scatter(space, values, out);
}

/// G u: the gradient with the weights sigmoid'(x_i) u_i / N; the penalties do not depend on x.
template <class T, ExecutionSpace E>
void HyperCleaning<T, E>::mixed_product(E const& space, ConstVectors x, ConstVectors y,
                                        ConstVectors u, Vectors<T, E> out) const {
  check(x, y);
  check(u, y);
  loss_gradient(space, train_, train_.weights(space, x, true, u), 0, y, out);
}

/// With s = sigmoid(x) and l_i the loss of sample i, along (u, V)
///   1/N sum_i [ s''_i u_i^2 l_i + 2 s'_i u_i <grad l_i, V a_i> + s_i (d2 l_i)[V a_i, V a_i] ] + penalties.
/// max_i l_i is at most the sum; |grad l_i| <= sqrt(2), or sqrt(2 l_i) of the squared loss; s' <= 1/4.
template <class T, ExecutionSpace E>
std::optional<Smoothness> HyperCleaning<T, E>::smoothness(E const& space, ConstVectors x,
                                                          ConstVectors y) const {
  check(x, y);
  if (train_.chosen.data()) return std::nullopt;
  auto const losses = make_scalars<T>(space, "minfold::hyper_cleaning::losses", int(y.extent(0)));
  sum_losses(space, train_, train_.equal_weights, 0, y, losses);
  double mean = 0;
  auto const host = to_host(space, losses);
  for (std::size_t item = 0; item < host.extent(0); ++item)
    mean = std::max(mean, double(host(item)));
  bool const softmax = model_.loss == CleaningLoss::softmax;
  double const n = train_.count(), curvature = softmax ? 0.5 : 1.0;
  double const slope = softmax ? std::sqrt(2.0) : std::sqrt(2 * n * mean);
  Smoothness result;
  result.upper = curvature * validation_.mean_square + model_.selection;
  result.lower_y = (curvature + model_.ridge) * train_.mean_square + 2 * model_.decay;
  result.lower =
      std::max(result.lower_y, 0.0963 * mean) + 0.25 * slope * std::sqrt(train_.mean_square / n);
  return result;
}

template <class T, ExecutionSpace E>
std::unique_ptr<AnyProblem<T, E>> HyperCleaning<T, E>::on_sample(E const& space, Place place,
                                                                 int count) const {
  auto part = std::make_unique<HyperCleaning>(*this);
  part->train_ = train_.drawn(space, place, count);
  return part;
}

template <class T, ExecutionSpace E>
void HyperCleaning<T, E>::random_lower(E const& space, Place place, Vectors<T, E> y) const {
  Kokkos::parallel_for("minfold::hyper_cleaning::random_lower",
                       Kokkos::RangePolicy<E>(space, 0, int(y.extent(0)) * int(y.extent(1))),
                       impl::SmallNormal<T, E>{place, T(0.1), y});
}

}  // namespace minfold

#endif
