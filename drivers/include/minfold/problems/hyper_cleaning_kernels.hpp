// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_HYPER_CLEANING_KERNELS_HPP
#define MINFOLD_PROBLEMS_HYPER_CLEANING_KERNELS_HPP

#include <minfold/core/batch.hpp>
#include <minfold/core/team.hpp>

/// What hyper-cleaning does to every sample between two large matrix products: the loss as a
/// function of the logits z in R^classes of one sample, and its derivatives.
///
/// A *system* is a matrix of logits, `classes` rows of the array z((system, class), sample); the
/// systems of a block of vectors are (item, column), column fastest.
namespace minfold {

enum class CleaningLoss : bool { squared = false, softmax = true };

}  // namespace minfold

namespace minfold::impl {

/// One number a class of one sample.
template <class T>
struct ClassColumn {
  T* first;
  long stride;
  KOKKOS_INLINE_FUNCTION T& operator()(int c) const { return first[c * stride]; }
};

template <class Z>
KOKKOS_INLINE_FUNCTION auto class_column(Z const& z, int system, int classes, int sample) {
  return ClassColumn<typename Z::value_type>{&z(long(system) * classes, sample), long(z.stride(0))};
}

/// w loss(z) + (rho / 2) |C z|^2 of one sample.
///   softmax: loss = log sum_c exp(z_c) - z_label, C = I - 1 1^T / classes. Both ignore a common
///            shift of z, so that the penalty leaves the manifold of minimizers as it is.
///   squared: loss = |z - e_label|^2 / 2, C = I.
template <class T>
struct SampleLoss {
  CleaningLoss kind;
  int classes;
  T rho;  ///< penalty of one sample: ridge / samples

  KOKKOS_INLINE_FUNCTION bool softmax() const { return kind == CleaningLoss::softmax; }
  /// What C subtracts.
  template <class Z>
  KOKKOS_INLINE_FUNCTION T center(Z const& z) const {
    if (!softmax()) return T(0);
    T sum = 0;
    for (int c = 0; c < classes; ++c) sum += z(c);
    return sum / T(classes);
  }
  template <class Z>
  KOKKOS_INLINE_FUNCTION T largest(Z const& z) const {
    T m = z(0);
    for (int c = 1; c < classes; ++c) m = z(c) > m ? z(c) : m;
    return m;
  }

  template <class Z>
  KOKKOS_INLINE_FUNCTION T value(Z const& z, int label, T w) const {
    T const middle = center(z), top = largest(z);
    T loss = 0, square = 0;
    for (int c = 0; c < classes; ++c) {
      T const centred = z(c) - middle, residual = z(c) - T(c == label);
      loss += softmax() ? Kokkos::exp(z(c) - top) : T(0.5) * residual * residual;
      square += centred * centred;
    }
    if (softmax()) loss = Kokkos::log(loss) + top - z(label);
    return w * loss + T(0.5) * rho * square;
  }

  /// z := P = softmax(z)
  template <class Z>
  KOKKOS_INLINE_FUNCTION void to_probabilities(Z const& z) const {
    T const top = largest(z);
    T sum = 0;
    for (int c = 0; c < classes; ++c) sum += z(c) = Kokkos::exp(z(c) - top);
    for (int c = 0; c < classes; ++c) z(c) /= sum;
  }

  /// z := w (P - e_label) + rho C z
  template <class Z>
  KOKKOS_INLINE_FUNCTION void to_gradient(Z const& z, int label, T w) const {
    T const middle = center(z), top = largest(z);
    T sum = 1;
    if (softmax()) {
      sum = 0;
      for (int c = 0; c < classes; ++c) sum += Kokkos::exp(z(c) - top);
    }
    for (int c = 0; c < classes; ++c) {
      T const p = softmax() ? Kokkos::exp(z(c) - top) / sum : z(c);
      z(c) = w * (p - T(c == label)) + rho * (z(c) - middle);
    }
  }

  /// <P - e_label, b>: derivative of the loss along b
  template <class Z, class B>
  KOKKOS_INLINE_FUNCTION T slope(Z const& z, int label, B const& b) const {
    T const top = largest(z);
    T sum = softmax() ? T(0) : T(1), along = 0;
    for (int c = 0; c < classes; ++c) {
      T const e = softmax() ? Kokkos::exp(z(c) - top) : z(c);
      if (softmax()) sum += e;
      along += e * b(c);
    }
    return along / sum - b(label);
  }

  /// b := w P o (b - <P, b>) + rho C b   (squared: w b + rho b)
  template <class P, class B>
  KOKKOS_INLINE_FUNCTION void to_hessian_product(P const& p, B const& b, T w) const {
    T const middle = center(b);
    if (!softmax()) {
      for (int c = 0; c < classes; ++c) b(c) *= w + rho;
      return;
    }
    T mean = 0;
    for (int c = 0; c < classes; ++c) mean += p(c) * b(c);
    for (int c = 0; c < classes; ++c) b(c) = w * p(c) * (b(c) - mean) + rho * (b(c) - middle);
  }

  /// b := w d/dt (Hessian at z + t a) b. From dP = P o (a - <P,a>) and the product above,
  ///   P o (a~ o b~ - <P, a~ o b~>),  a~ = a - <P,a>,  b~ = b - <P,b>;
  /// symmetric in a and b, sums to 0. Squared: 0.
  template <class P, class A, class B>
  KOKKOS_INLINE_FUNCTION void to_third_product(P const& p, A const& a, B const& b, T w) const {
    if (!softmax()) {
      for (int c = 0; c < classes; ++c) b(c) = T(0);
      return;
    }
    T mean_a = 0, mean_b = 0, covariance = 0;
    for (int c = 0; c < classes; ++c) {
      mean_a += p(c) * a(c);
      mean_b += p(c) * b(c);
    }
    for (int c = 0; c < classes; ++c) covariance += p(c) * (a(c) - mean_a) * (b(c) - mean_b);
    for (int c = 0; c < classes; ++c)
      b(c) = w * p(c) * ((a(c) - mean_a) * (b(c) - mean_b) - covariance);
  }
};

/// Samples that one team handles. Also how one system is spread over several teams.
inline constexpr int sample_tile = 256;

/// body(system, sample) for all of them, samples of a tile by one team.
template <class Body>
struct TileOfSamples {
  Body body;
  int samples, tiles;
  template <class Team>
  KOKKOS_INLINE_FUNCTION void operator()(Team const& team, int index) const {
    int const system = index / tiles, first = (index % tiles) * sample_tile;
    int const count = samples - first < sample_tile ? samples - first : sample_tile;
    auto const& each = body;
    team_for(team, count, [&](int i) { each(system, first + i); });
  }
};

template <ExecutionSpace E, class Body>
void for_each_sample(std::string const& label, E const& space, int systems, int samples,
                     Body const& body) {
  int const tiles = (samples + sample_tile - 1) / sample_tile;
  for_each_item(label, space, systems * tiles, sample_tile,
                TileOfSamples<Body>{body, samples, tiles});
}

template <class T, ExecutionSpace E>
struct ToProbabilities {
  SampleLoss<T> loss;
  Vectors<T, E> z;
  KOKKOS_INLINE_FUNCTION void operator()(int system, int i) const {
    loss.to_probabilities(class_column(z, system, loss.classes, i));
  }
};

/// `weights` already contain 1 / samples.
template <class T, ExecutionSpace E>
struct ToGradient {
  SampleLoss<T> loss;
  Scalars<T const, E> weights;
  Scalars<int const, E> labels;
  Vectors<T, E> z;
  KOKKOS_INLINE_FUNCTION void operator()(int system, int i) const {
    loss.to_gradient(class_column(z, system, loss.classes, i), labels(i), weights(i));
  }
};

/// Systems first, first + 1, ... of (item, column); p belongs to the item.
template <class T, ExecutionSpace E>
struct ToHessianProduct {
  SampleLoss<T> loss;
  Scalars<T const, E> weights;
  Vectors<T, E> p, b;
  int first, columns;
  KOKKOS_INLINE_FUNCTION void operator()(int system, int i) const {
    loss.to_hessian_product(class_column(p, (first + system) / columns, loss.classes, i),
                            class_column(b, system, loss.classes, i), weights(i));
  }
};

template <class T, ExecutionSpace E>
struct ToThirdProduct {
  SampleLoss<T> loss;
  Scalars<T const, E> weights;
  Vectors<T, E> p, a, b;
  int first, columns;
  KOKKOS_INLINE_FUNCTION void operator()(int system, int i) const {
    int const item = (first + system) / columns;
    loss.to_third_product(class_column(p, item, loss.classes, i),
                          class_column(a, item, loss.classes, i),
                          class_column(b, system, loss.classes, i), weights(i));
  }
};

/// out(item, i) = slopes(i) <P_i - e_label, b_i>
template <class T, ExecutionSpace E>
struct SlopeAlong {
  SampleLoss<T> loss;
  Scalars<T const, E> slopes;
  Scalars<int const, E> labels;
  Vectors<T, E> z, b, out;
  KOKKOS_INLINE_FUNCTION void operator()(int item, int i) const {
    out(item, i) = slopes(i) * loss.slope(class_column(z, item, loss.classes, i), labels(i),
                                          class_column(b, item, loss.classes, i));
  }
};

/// out(item, i) = slopes(i) loss_i
template <class T, ExecutionSpace E>
struct LossOfSample {
  SampleLoss<T> loss;
  Scalars<T const, E> slopes;
  Scalars<int const, E> labels;
  Vectors<T, E> z, out;
  KOKKOS_INLINE_FUNCTION void operator()(int item, int i) const {
    out(item, i) = loss.value(class_column(z, item, loss.classes, i), labels(i), slopes(i));
  }
};

/// out(item) = sum over samples, one team an item.
template <class T, ExecutionSpace E>
struct SumOfLosses {
  SampleLoss<T> loss;
  Scalars<T const, E> weights;
  Scalars<int const, E> labels;
  Vectors<T, E> z;
  Scalars<T, E> out;
  template <class Team>
  KOKKOS_INLINE_FUNCTION void operator()(Team const& team, int item) const {
    T const sum = team_sum(team, int(weights.extent(0)), [&](int i) {
      return loss.value(class_column(z, item, loss.classes, i), labels(i), weights(i));
    });
    Kokkos::single(Kokkos::PerTeam(team), [&] { out(item) = sum; });
  }
};

/// The projector Q onto the directions that no training sample sees, given w and
/// s = w Pi (rows of both are (system, class)):
///   squared: Q w = w Pi,   softmax: Q w = w Pi + (1 1^T / classes) (w - w Pi),
/// and out += scale Q w, entry by entry.
template <class T, ExecutionSpace E>
struct AddUnseen {
  CleaningLoss kind;
  int classes;
  T scale;
  Vectors<T const, E> w;
  Vectors<T, E> s, out;
  KOKKOS_INLINE_FUNCTION void operator()(int system, int j) const {
    long const row = long(system) * classes;
    T mean = 0;
    if (kind == CleaningLoss::softmax) {
      for (int c = 0; c < classes; ++c) mean += w(row + c, j) - s(row + c, j);
      mean /= T(classes);
    }
    for (int c = 0; c < classes; ++c) out(row + c, j) += scale * (s(row + c, j) + mean);
  }
};

}  // namespace minfold::impl

#endif
