// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_HYPER_CLEANING_MLP_IMPL_HPP
#define MINFOLD_PROBLEMS_HYPER_CLEANING_MLP_IMPL_HPP

#include <minfold/problems/hyper_cleaning_mlp.hpp>

namespace minfold {

namespace impl {

template <ExecutionSpace E, class T, class Body>
void each_number(std::string const& label, E const& space, Vectors<T, E> const& all,
                 Body const& body) {
  Kokkos::parallel_for(
      label, Kokkos::RangePolicy<E>(space, 0, long(all.extent(0)) * long(all.extent(1))), body);
}

/// Address of a row, computed on the host wherever the row is.
template <class V>
auto* at_row(V const& v, int item) {
  return v.data() + long(item) * long(v.stride(0));
}
template <class V>
auto* at_row(V const& v, int item, int column) {
  return v.data() + long(item) * long(v.stride(0)) + long(column) * long(v.stride(1));
}

}  // namespace impl

template <class T, ExecutionSpace E>
HyperCleaningMlp<T, E>::HyperCleaningMlp(CleaningData const& data, CleaningMlpModel const& model)
    : Base("HyperCleaningMlp", data, model.bound), model_(model) {
  MINFOLD_REQUIRE(model.hidden > 0, "HyperCleaningMlp: hidden is ", model.hidden,
                  ", must be positive");
}

template <class T, ExecutionSpace E>
auto HyperCleaningMlp<T, E>::forward(E const& space, Samples const& samples, T const* y) const
    -> Forward {
  auto const p = parts<T const>(y);
  Forward at{scratch(space, model_.hidden, samples), scratch(space, classes_, samples)};
  gemm(space, Transpose::no, Transpose::yes, T(1), p.w1, samples.a, T(0), at.h);
  impl::each_number("minfold::hyper_cleaning_mlp::activate", space, at.h,
                    impl::Activate<T, E>{model_.activation, at.h});
  gemm(space, Transpose::no, Transpose::no, T(1), p.w2, at.h, T(0), at.z);
  impl::each_number("minfold::hyper_cleaning_mlp::offsets", space, at.z,
                    impl::AddToRows<T, E>{p.b, at.z});
  return at;
}

/// h' = activation' (V1 a),  z' = W2 h' + V2 h + c
template <class T, ExecutionSpace E>
void HyperCleaningMlp<T, E>::forward_along(E const& space, Samples const& samples, T const* y,
                                           T const* v, Forward const& at,
                                           Forward const& along) const {
  auto const p = parts<T const>(y), q = parts<T const>(v);
  gemm(space, Transpose::no, Transpose::yes, T(1), q.w1, samples.a, T(0), along.h);
  impl::each_number("minfold::hyper_cleaning_mlp::slope", space, along.h,
                    impl::TimesSlope<T, E>{model_.activation, at.h, along.h});
  gemm(space, Transpose::no, Transpose::no, T(1), p.w2, along.h, T(0), along.z);
  gemm(space, Transpose::no, Transpose::no, T(1), q.w2, at.h, T(1), along.z);
  impl::each_number("minfold::hyper_cleaning_mlp::offsets", space, along.z,
                    impl::AddToRows<T, E>{q.b, along.z});
}

template <class T, ExecutionSpace E>
void HyperCleaningMlp<T, E>::sum_losses(E const& space, Samples const& samples,
                                        Scalars<T const, E> w, ConstVectors y,
                                        Scalars<T, E> out) const {
  for (int item = 0; item < int(y.extent(0)); ++item) {
    auto const at = forward(space, samples, impl::at_row(y, item));
    Scalars<T, E> const one(out.data() + item, 1);
    for_each_item("minfold::hyper_cleaning_mlp::value", space, 1, samples.count(),
                  impl::SumOfLosses<T, E>{loss(), w, samples.labels, at.z, one});
  }
}

template <class T, ExecutionSpace E>
void HyperCleaningMlp<T, E>::loss_gradient(E const& space, Samples const& samples,
                                           Scalars<T const, E> w, ConstVectors y,
                                           Vectors<T, E> gy) const {
  check_gradient(y, gy);
  auto const back = scratch(space, model_.hidden, samples);
  for (int item = 0; item < int(y.extent(0)); ++item) {
    auto const p = parts<T const>(impl::at_row(y, item));
    auto const g = parts<T>(impl::at_row(gy, item));
    auto const at = forward(space, samples, impl::at_row(y, item));
    impl::for_each_sample("minfold::hyper_cleaning_mlp::gradient", space, 1, samples.count(),
                          impl::ToGradient<T, E>{loss(), w, samples.labels, at.z});
    gemm(space, Transpose::no, Transpose::yes, T(1), at.z, at.h, T(0), g.w2);
    for_each_item("minfold::hyper_cleaning_mlp::offset_gradient", space, classes_, samples.count(),
                  impl::SumOfRows<T, E>{at.z, g.b});
    gemm(space, Transpose::yes, Transpose::no, T(1), p.w2, at.z, T(0), back);
    impl::each_number("minfold::hyper_cleaning_mlp::slope", space, back,
                      impl::TimesSlope<T, E>{model_.activation, at.h, back});
    gemm(space, Transpose::no, Transpose::no, T(1), back, samples.a, T(0), g.w1);
  }
}

/// The gradient above, differentiated along v line by line; Gauss-Newton keeps what does not contain
/// the gradient of the loss.
template <class T, ExecutionSpace E>
void HyperCleaningMlp<T, E>::hessian(E const& space, ConstVectors x, ConstVectors y, ConstBlocks v,
                                     Blocks<T, E> out, bool gauss_newton) const {
  check(x, y, v, out);
  auto const& samples = train_;
  auto const w = samples.weights(space, x, false);
  int const hidden = model_.hidden;
  auto const delta = scratch(space, classes_, samples), back = scratch(space, hidden, samples);
  auto const back_along = scratch(space, hidden, samples);
  Forward const along{scratch(space, hidden, samples), scratch(space, classes_, samples)};
  for (int item = 0; item < int(y.extent(0)); ++item) {
    auto const p = parts<T const>(impl::at_row(y, item));
    auto const at = forward(space, samples, impl::at_row(y, item));
    if (!gauss_newton) {
      Kokkos::deep_copy(space, delta, at.z);
      impl::for_each_sample("minfold::hyper_cleaning_mlp::gradient", space, 1, samples.count(),
                            impl::ToGradient<T, E>{loss(), w, samples.labels, delta});
      gemm(space, Transpose::yes, Transpose::no, T(1), p.w2, delta, T(0), back);
    }
    impl::for_each_sample("minfold::hyper_cleaning_mlp::probabilities", space, 1, samples.count(),
                          impl::ToProbabilities<T, E>{loss(), at.z});
    for (int column = 0; column < int(v.extent(1)); ++column) {
      auto const q = parts<T const>(impl::at_row(v, item, column));
      auto const r = parts<T>(impl::at_row(out, item, column));
      forward_along(space, samples, impl::at_row(y, item), impl::at_row(v, item, column), at,
                    along);
      impl::for_each_sample("minfold::hyper_cleaning_mlp::hessian", space, 1, samples.count(),
                            impl::ToHessianProduct<T, E>{loss(), w, at.z, along.z, 0, 1});
      gemm(space, Transpose::no, Transpose::yes, T(1), along.z, at.h, T(0), r.w2);
      for_each_item("minfold::hyper_cleaning_mlp::offset_product", space, classes_, samples.count(),
                    impl::SumOfRows<T, E>{along.z, r.b});
      gemm(space, Transpose::yes, Transpose::no, T(1), p.w2, along.z, T(0), back_along);
      if (gauss_newton) {
        impl::each_number("minfold::hyper_cleaning_mlp::slope", space, back_along,
                          impl::TimesSlope<T, E>{model_.activation, at.h, back_along});
      } else {
        gemm(space, Transpose::no, Transpose::yes, T(1), delta, along.h, T(1), r.w2);
        gemm(space, Transpose::yes, Transpose::no, T(1), q.w2, delta, T(1), back_along);
        impl::each_number(
            "minfold::hyper_cleaning_mlp::slope_along", space, back_along,
            impl::SlopeAlongBoth<T, E>{model_.activation, at.h, along.h, back, back_along});
      }
      gemm(space, Transpose::no, Transpose::no, T(1), back_along, samples.a, T(0), r.w1);
    }
  }
  if (model_.decay > 0) {
    std::size_t const rows = v.extent(0) * v.extent(1);
    impl::add_scaled<T, E>(space, T(2 * model_.decay),
                           Vectors<T const, E>(v.data(), rows, v.extent(2)),
                           Vectors<T, E>(out.data(), rows, v.extent(2)));
  }
}

template <class T, ExecutionSpace E>
void HyperCleaningMlp<T, E>::upper_value(E const& space, ConstVectors x, ConstVectors y,
                                         Scalars<T, E> out) const {
  check(x, y);
  sum_losses(space, validation_, validation_.equal_weights, y, out);
}

template <class T, ExecutionSpace E>
void HyperCleaningMlp<T, E>::lower_value(E const& space, ConstVectors x, ConstVectors y,
                                         Scalars<T, E> out) const {
  check(x, y);
  sum_losses(space, train_, train_.weights(space, x, false), y, out);
  if (model_.decay > 0)
    for_each_item("minfold::hyper_cleaning_mlp::decay_value", space, int(y.extent(0)), dim_y(),
                  impl::AddInner<T, E>{T(model_.decay), y, y, out});
}

template <class T, ExecutionSpace E>
void HyperCleaningMlp<T, E>::upper_gradient(E const& space, ConstVectors x, ConstVectors y,
                                            Vectors<T, E> gx, Vectors<T, E> gy) const {
  check(x, y);
  Kokkos::deep_copy(space, gx, T(0));
  loss_gradient(space, validation_, validation_.equal_weights, y, gy);
}

template <class T, ExecutionSpace E>
void HyperCleaningMlp<T, E>::lower_gradient(E const& space, ConstVectors x, ConstVectors y,
                                            Vectors<T, E> gy) const {
  check(x, y);
  loss_gradient(space, train_, train_.weights(space, x, false), y, gy);
  if (model_.decay > 0) impl::add_scaled<T, E>(space, T(2 * model_.decay), y, gy);
}

template <class T, ExecutionSpace E>
void HyperCleaningMlp<T, E>::lower_hessian(E const& space, ConstVectors x, ConstVectors y,
                                           ConstBlocks v, Blocks<T, E> out) const {
  hessian(space, x, y, v, out, false);
}
template <class T, ExecutionSpace E>
void HyperCleaningMlp<T, E>::lower_gauss_newton(E const& space, ConstVectors x, ConstVectors y,
                                                ConstBlocks v, Blocks<T, E> out) const {
  hessian(space, x, y, v, out, true);
}

template <class T, ExecutionSpace E>
void HyperCleaningMlp<T, E>::lower_gradient_x(E const& space, ConstVectors x, ConstVectors y,
                                              Vectors<T, E> out) const {
  check(x, y);
  auto const slopes = train_.weights(space, x, true);
  auto const values = train_.per_sample(space, out);
  for (int item = 0; item < int(y.extent(0)); ++item) {
    auto const at = forward(space, train_, impl::at_row(y, item));
    Vectors<T, E> const row(impl::at_row(values, item), 1, train_.count());
    impl::for_each_sample("minfold::hyper_cleaning_mlp::lower_gradient_x", space, 1, train_.count(),
                          impl::LossOfSample<T, E>{loss(), slopes, train_.labels, at.z, row});
  }
  train_.scatter(space, values, out);
}

/// (G^T z)_i = sigmoid'(x_i) / N <P_i - e_label, z_i'>, z' the derivative of the logits along z.
template <class T, ExecutionSpace E>
void HyperCleaningMlp<T, E>::mixed_transpose(E const& space, ConstVectors x, ConstVectors y,
                                             ConstVectors z, Vectors<T, E> out) const {
  check(x, y);
  check(x, z);
  auto const slopes = train_.weights(space, x, true);
  auto const values = train_.per_sample(space, out);
  Forward const along{scratch(space, model_.hidden, train_), scratch(space, classes_, train_)};
  for (int item = 0; item < int(y.extent(0)); ++item) {
    auto const at = forward(space, train_, impl::at_row(y, item));
    forward_along(space, train_, impl::at_row(y, item), impl::at_row(z, item), at, along);
    Vectors<T, E> const row(impl::at_row(values, item), 1, train_.count());
    impl::for_each_sample(
        "minfold::hyper_cleaning_mlp::mixed", space, 1, train_.count(),
        impl::SlopeAlong<T, E>{loss(), slopes, train_.labels, at.z, along.z, row});
  }
  train_.scatter(space, values, out);
}

template <class T, ExecutionSpace E>
void HyperCleaningMlp<T, E>::mixed_product(E const& space, ConstVectors x, ConstVectors y,
                                           ConstVectors u, Vectors<T, E> out) const {
  check(x, y);
  check(u, y);
  loss_gradient(space, train_, train_.weights(space, x, true, u), y, out);
}

template <class T, ExecutionSpace E>
std::unique_ptr<AnyProblem<T, E>> HyperCleaningMlp<T, E>::on_sample(E const& space, Place place,
                                                                    int count) const {
  auto part = std::make_unique<HyperCleaningMlp>(*this);
  part->train_ = train_.drawn(space, place, count);
  return part;
}

template <class T, ExecutionSpace E>
void HyperCleaningMlp<T, E>::random_lower(E const& space, Place place, Vectors<T, E> y) const {
  Kokkos::parallel_for(
      "minfold::hyper_cleaning_mlp::random_lower",
      Kokkos::RangePolicy<E>(space, 0, int(y.extent(0)) * int(y.extent(1))),
      impl::RandomNetwork<T, E>{place, first(), second(), T(1) / Kokkos::sqrt(T(features_)),
                                T(1) / Kokkos::sqrt(T(model_.hidden)), y});
}

}  // namespace minfold

#endif
