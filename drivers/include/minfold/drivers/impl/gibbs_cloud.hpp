// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_GIBBS_CLOUD_HPP
#define MINFOLD_DRIVERS_IMPL_GIBBS_CLOUD_HPP

#include <minfold/drivers/impl/smoothness_estimate.hpp>
#include <minfold/drivers/lower_solve.hpp>
#include <minfold/drivers/oracle.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace minfold {

template <class T>
struct GibbsOptions {
  int samples = 200;
  int steps = 20;           ///< Langevin steps a draw; the chains go on
  T temperature = T(0.05);  ///< eps
  T step = T(0.1);          ///< h ||H||
  bool project = true;      ///< onto S(x), a copy: the chains stay where they are
};

namespace impl {

/// Samples of exp(-g(x, .) / eps), the same number for each target, by unadjusted Langevin:
///     y <- y - h grad_y g + sqrt(2 h eps) xi,   h = step / ||H||, ||H|| at the start of the cloud.
/// Row c P + target holds sample c. The chains of independent problems get the same noise.
template <class T, ExecutionSpace E>
class GibbsCloud {
 public:
  using PerRow = std::vector<double>;
  using V = Vectors<T, E>;
  using ConstV = Vectors<T const, E>;

  /// All chains start at o.y.
  void begin(Oracle<T, E>& o, GibbsOptions<T> const& options, std::uint64_t seed) {
    samples_ = options.samples;
    seed_ = seed;
    drawn_ = 0;
    chains_ = o.like_y("chains", samples_);
    before_ = o.like_y("chains_before", samples_);
    points_ = o.like_y("samples", samples_);
    gradient_ = o.like_y("sample_gradients", samples_);
    records_ =
        make_scalars<LowerRecord<T>>(o.space(), "minfold::method::lower", samples_ * o.targets());
    one_record_ = make_scalars<LowerRecord<T>>(o.space(), "minfold::method::lower", o.targets());
    values_ = make_scalars<T>(o.space(), "minfold::method::sample_values", samples_ * o.targets());
    steps_ = make_scalars<T>(o.space(), "minfold::method::langevin_steps", o.rows());
    spread(o.space(), o.y, chains_, o.targets());
    HessianProbe<T, E> probe;
    probe.begin(o, 5);
    probe.refresh(o, o.y, 10);
    auto const host = host_array(o.space(), steps_);
    for (int r = 0; r < o.rows(); ++r) host(r) = probe.norms[r] > 0 ? T(1 / probe.norms[r]) : T(0);
    Kokkos::deep_copy(o.space(), steps_, host);
    o.space().fence("minfold::gibbs_cloud::steps");
  }

  void remember(Oracle<T, E>& o) {
    o.copy(chains_, before_);
    drawn_before_ = drawn_;
  }
  void go_back(Oracle<T, E>& o) {
    o.copy(before_, chains_);
    drawn_ = drawn_before_;
  }

  void sample(Oracle<T, E>& o, ConstV x, GibbsOptions<T> const& options) {
    for (int i = 0; i < options.steps; ++i) {
      o.lower_gradient(x, chains_, gradient_);
      move(o.space(), chains_, gradient_, steps_, o.targets(), options.step, options.temperature,
           seed_, drawn_++);
    }
    o.copy(chains_, points_);
    projected_ = options.project;
    if (projected_)
      lower_solve<T, E>(o.space(), o.problem(), x, points_, records_, LowerSolveOptions<T>{});
  }

  /// CVaR of f at the samples: the mean of the largest (else least) delta of them. Summed over the targets of
  /// a row. Samples whose projection did not reach S(x) are left out; NaN where none is left.
  PerRow tail(Oracle<T, E>& o, ConstV x, double delta, bool largest) {
    evaluate(o, x);
    PerRow sums(o.rows(), 0.0);
    for (int target = 0; target < o.targets(); ++target) {
      auto values = usable(target, o.targets());
      if (!largest)
        for (auto& v : values) v.first = -v.first;
      std::sort(values.begin(), values.end(), [](auto const& a, auto const& b) {
        return a.first != b.first ? a.first > b.first : a.second < b.second;
      });
      double left = delta * double(values.size()), sum = 0;
      double const all = left;
      for (auto const& [value, which] : values) {
        double const share = std::min(1.0, left);
        sum += share * value;
        left -= share;
        if (!(left > 0)) break;
      }
      double const mean = values.empty() ? std::nan("") : sum / all;
      sums[target % o.rows()] += largest ? mean : -mean;
    }
    return sums;
  }

  /// y := the sample with the largest (least) f of each target, of the values that tail() saw last.
  void extreme(Oracle<T, E>& o, bool largest, V y) {
    for (int target = 0; target < o.targets(); ++target) {
      auto const values = usable(target, o.targets());
      if (values.empty()) continue;
      auto const less = [](auto const& a, auto const& b) { return a.first < b.first; };
      auto const best = largest ? *std::max_element(values.begin(), values.end(), less)
                                : *std::min_element(values.begin(), values.end(), less);
      Kokkos::deep_copy(o.space(), Kokkos::subview(y, target, Kokkos::ALL),
                        Kokkos::subview(points_, best.second, Kokkos::ALL));
    }
  }

  /// The normal correction of one point a target.
  void onto_solutions(Oracle<T, E>& o, ConstV x, V y) {
    lower_solve<T, E>(o.space(), o.problem(), x, y, one_record_, LowerSolveOptions<T>{});
  }
  V samples() const { return points_; }

  void archive(StateArchive& a, E const& space) {
    a("drawn", drawn_);
    a.view(space, "chains", chains_);
    a.view(space, "langevin_steps", steps_);
  }

  /// Public because nvcc does not allow extended lambdas in private members.
  static void spread(E const& space, V from, V to, int targets) {
    Kokkos::parallel_for(
        "minfold::gibbs_cloud::spread",
        Kokkos::MDRangePolicy<E, Kokkos::Rank<2>>(space, {0, 0},
                                                  {int(to.extent(0)), int(to.extent(1))}),
        KOKKOS_LAMBDA(int item, int i) { to(item, i) = from(item % targets, i); });
  }
  static void move(E const& space, V y, V gradient, Scalars<T, E> lengths, int targets, T step,
                   T temperature, std::uint64_t seed, std::uint32_t draw) {
    int const rows = int(lengths.extent(0));
    Kokkos::parallel_for(
        "minfold::gibbs_cloud::langevin",
        Kokkos::MDRangePolicy<E, Kokkos::Rank<2>>(space, {0, 0},
                                                  {int(y.extent(0)), int(y.extent(1))}),
        KOKKOS_LAMBDA(int item, int i) {
          T const h = step * lengths(rows == 1 ? 0 : item % rows);
          std::uint32_t const chain = std::uint32_t(rows == 1 ? item : item / targets);
          T const noise = T(normal({seed, Stream::langevin, chain, std::uint32_t(i), draw}));
          y(item, i) += Kokkos::sqrt(T(2) * h * temperature) * noise - h * gradient(item, i);
        });
  }

 private:
  void evaluate(Oracle<T, E>& o, ConstV x) {
    o.problem().upper_value(o.space(), x, points_, values_);
    auto const host = to_host(o.space(), values_);
    host_values_.assign(host.data(), host.data() + host.extent(0));
    usable_.assign(host_values_.size(), true);
    if (projected_) {
      auto const records = to_host(o.space(), records_);
      for (std::size_t item = 0; item < usable_.size(); ++item)
        usable_[item] = records(item).outcome == Outcome::converged;
    }
  }
  /// (f, row of the sample)
  std::vector<std::pair<double, int>> usable(int target, int targets) const {
    std::vector<std::pair<double, int>> values;
    for (int item = target; item < int(usable_.size()); item += targets)
      if (usable_[item] && std::isfinite(host_values_[item]))
        values.emplace_back(host_values_[item], item);
    return values;
  }

  int samples_ = 0;
  std::uint64_t seed_ = 1;
  std::uint32_t drawn_ = 0, drawn_before_ = 0;
  bool projected_ = false;
  V chains_, before_, points_, gradient_;
  Scalars<T, E> values_, steps_;
  Scalars<LowerRecord<T>, E> records_, one_record_;
  std::vector<double> host_values_;
  std::vector<bool> usable_;
};

}  // namespace impl
}  // namespace minfold

#endif
