// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_HYPER_CLEANING_SAMPLES_HPP
#define MINFOLD_PROBLEMS_HYPER_CLEANING_SAMPLES_HPP

#include <minfold/core/batch.hpp>
#include <minfold/core/team.hpp>
#include <minfold/problems/sampling.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace minfold::impl {

/// out(i) = sigmoid(x_j) / n, or its derivative, or that times u_j; j = i or the chosen sample.
template <class T, ExecutionSpace E>
struct SigmoidWeights {
  Vectors<T const, E> x, u;  ///< u: empty if there is none
  Scalars<int const, E> chosen;
  Scalars<T, E> out;
  bool slope;
  KOKKOS_INLINE_FUNCTION void operator()(int i) const {
    int const j = chosen.data() ? chosen(i) : i;
    T const sigmoid = T(1) / (T(1) + Kokkos::exp(-x(0, j)));
    T const value = slope ? sigmoid * (T(1) - sigmoid) : sigmoid;
    out(i) = (u.data() ? value * u(0, j) : value) / T(out.extent(0));
  }
};

template <ExecutionSpace E>
struct DrawSamples {
  Scalars<int const, E> before;  ///< a sample of a sample: of what
  Scalars<int, E> position, chosen;
  Place place;
  int total;
  KOKKOS_INLINE_FUNCTION void operator()(int i) const {
    position(i) = drawn_sample(place, i, int(position.extent(0)), total);
    chosen(i) = before.data() ? before(position(i)) : position(i);
  }
};

template <class T, ExecutionSpace E>
struct GatherSamples {
  Vectors<T const, E> a;
  Scalars<int const, E> labels, position;
  Vectors<T, E> out_a;
  Scalars<int, E> out_labels;
  KOKKOS_INLINE_FUNCTION void operator()(int t) const {
    int const n = int(a.extent(1)), i = t / n, j = t % n;
    out_a(i, j) = a(position(i), j);
    if (j == 0) out_labels(i) = labels(position(i));
  }
};

/// out(item, chosen(i)) = sum of values(item, i) over the samples i that are the same one. They follow
/// each other, since samples are drawn in ascending order; the first adds them up.
template <class T, ExecutionSpace E>
struct ScatterSamples {
  Vectors<T const, E> values;
  Scalars<int const, E> chosen;
  Vectors<T, E> out;
  KOKKOS_INLINE_FUNCTION void operator()(int t) const {
    int const n = int(values.extent(1)), item = t / n, i = t % n;
    if (i > 0 && chosen(i - 1) == chosen(i)) return;
    T sum = 0;
    for (int k = i; k < n && chosen(k) == chosen(i); ++k) sum += values(item, k);
    out(item, chosen(i)) = sum;
  }
};

/// Samples of hyper-cleaning, all of them or some that were drawn: what belongs to a logit x_i of the
/// upper variable and the mean over the samples.
template <class T, ExecutionSpace E>
struct CleaningSamples {
  Vectors<T, E> a;  ///< (sample, feature)
  Scalars<int, E> labels;
  Scalars<T, E> equal_weights;  ///< 1 / count each
  Scalars<int, E> chosen;       ///< which of all samples these are; empty: all
  double mean_square = 0;       ///< of |a_i|; not known of drawn samples

  int count() const { return int(a.extent(0)); }

  static CleaningSamples upload(std::vector<double> const& a, std::vector<int> const& labels,
                                int features) {
    int const count = int(labels.size());
    MINFOLD_REQUIRE(count > 0 && a.size() == labels.size() * std::size_t(features),
                    "HyperCleaning: expected ", features, " numbers for each of ", count,
                    " samples, at least one, found ", a.size());
    CleaningSamples samples;
    samples.a = Vectors<T, E>("minfold::hyper_cleaning::samples", count, features);
    samples.labels = Scalars<int, E>("minfold::hyper_cleaning::labels", count);
    samples.equal_weights = Scalars<T, E>("minfold::hyper_cleaning::equal_weights", count);
    auto const host_a = Kokkos::create_mirror_view(samples.a);
    auto const host_labels = Kokkos::create_mirror_view(samples.labels);
    std::transform(a.begin(), a.end(), host_a.data(), [](double v) { return T(v); });
    std::copy(labels.begin(), labels.end(), host_labels.data());
    Kokkos::deep_copy(samples.a, host_a);
    Kokkos::deep_copy(samples.labels, host_labels);
    Kokkos::deep_copy(samples.equal_weights, T(1) / T(count));
    for (double const v : a) samples.mean_square += v * v / count;
    return samples;
  }

  /// `n` of these samples; the mean over them estimates the mean over these without bias.
  CleaningSamples drawn(E const& space, Place place, int n) const {
    MINFOLD_REQUIRE(n >= 1 && n <= count(), "HyperCleaning: a sample of ", n, " of ", count(),
                    " training samples");
    CleaningSamples sample;
    int const features = int(a.extent(1));
    sample.a = make_vectors<T>(space, "minfold::hyper_cleaning::sample", n, features);
    sample.labels = make_scalars<int>(space, "minfold::hyper_cleaning::sample_labels", n);
    sample.equal_weights = make_scalars<T>(space, "minfold::hyper_cleaning::sample_weights", n);
    sample.chosen = make_scalars<int>(space, "minfold::hyper_cleaning::chosen", n);
    auto const position = make_scalars<int>(space, "minfold::hyper_cleaning::position", n);
    Kokkos::parallel_for("minfold::hyper_cleaning::draw", Kokkos::RangePolicy<E>(space, 0, n),
                         DrawSamples<E>{chosen, position, sample.chosen, place, count()});
    Kokkos::parallel_for("minfold::hyper_cleaning::gather",
                         Kokkos::RangePolicy<E>(space, 0, n * features),
                         GatherSamples<T, E>{a, labels, position, sample.a, sample.labels});
    Kokkos::deep_copy(space, sample.equal_weights, T(1) / T(n));
    return sample;
  }

  /// sigmoid(x_i) / count, with `slope` its derivative, with u the derivative along u.
  Scalars<T, E> weights(E const& space, Vectors<T const, E> x, bool slope,
                        Vectors<T const, E> u = {}) const {
    auto out = make_scalars<T>(space, "minfold::hyper_cleaning::weights", count());
    Kokkos::parallel_for("minfold::hyper_cleaning::weights",
                         Kokkos::RangePolicy<E>(space, 0, count()),
                         SigmoidWeights<T, E>{x, u, chosen, out, slope});
    return out;
  }

  /// Where an operation that gives one number a sample writes them: `out` itself, if these are all.
  Vectors<T, E> per_sample(E const& space, Vectors<T, E> const& out) const {
    if (!chosen.data()) return out;
    return make_vectors<T>(space, "minfold::hyper_cleaning::per_sample", int(out.extent(0)),
                           count());
  }
  /// ... and what brings them to their places.
  void scatter(E const& space, Vectors<T, E> const& values, Vectors<T, E> const& out) const {
    if (!chosen.data()) return;
    Kokkos::deep_copy(space, out, T(0));
    Kokkos::parallel_for(
        "minfold::hyper_cleaning::scatter",
        Kokkos::RangePolicy<E>(space, 0, int(values.extent(0)) * int(values.extent(1))),
        ScatterSamples<T, E>{values, chosen, out});
  }
};

/// out(item) += scale <w(item, :), q(item, :)>
template <class T, ExecutionSpace E>
struct AddInner {
  T scale;
  Vectors<T const, E> w, q;
  Scalars<T, E> out;
  template <class Team>
  KOKKOS_INLINE_FUNCTION void operator()(Team const& team, int item) const {
    T const sum = team_sum(team, int(w.extent(1)), [&](int i) { return w(item, i) * q(item, i); });
    Kokkos::single(Kokkos::PerTeam(team), [&] { out(item) += scale * sum; });
  }
};

/// out += scale in, number by number.
template <class T, ExecutionSpace E>
struct AddScaled {
  T scale;
  Vectors<T const, E> in;
  Vectors<T, E> out;
  KOKKOS_INLINE_FUNCTION void operator()(long t) const { out.data()[t] += scale * in.data()[t]; }
};
template <class T, ExecutionSpace E>
void add_scaled(E const& space, T scale, Vectors<T const, E> in, Vectors<T, E> out) {
  Kokkos::parallel_for("minfold::hyper_cleaning::decay",
                       Kokkos::RangePolicy<E>(space, 0, long(in.extent(0)) * long(in.extent(1))),
                       AddScaled<T, E>{scale, in, out});
}

}  // namespace minfold::impl

#endif
