// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_BASELINES_SHARED_HPP
#define MINFOLD_DRIVERS_BASELINES_SHARED_HPP

#include <minfold/drivers/method.hpp>
#include <minfold/drivers/settings.hpp>

#include <algorithm>
#include <cmath>
#include <memory>

/// What several baselines do alike. Every scalar is one a row, see Oracle.
namespace minfold::baseline {

// Settings that mean the same wherever they appear.
inline int inner_steps_from(Settings& settings, int fallback) {
  return settings.integer("inner-steps", fallback, 0, 1000000, "gradient steps on g an iteration");
}
template <class T>
T inner_step_from(Settings& settings, T fallback) {
  return T(settings.number("inner-step", double(fallback), 0, 1e300,
                           "step on g; 0: 1 / ||H||, estimated at the start"));
}
template <class T>
T step_from(Settings& settings, T fallback) {
  return T(settings.number("step", double(fallback), 0, 1e300, "step in x"));
}
template <class T>
T penalty_from(Settings& settings, T fallback) {
  return T(settings.number("penalty", double(fallback), 1e-300, 1e300, "gamma at the end"));
}
template <class T>
T ramp_from(Settings& settings, T fallback) {
  return T(settings.number("ramp", double(fallback), 0, 1,
                           "part of the iterations in which gamma grows from 0"));
}
/// gamma in iteration k of total: it grows linearly in the first part of them.
inline double ramped(double penalty, double part, int k, int total) {
  double const rise = part * total;
  return penalty * (k + 1 < rise ? double(k + 1) / rise : 1.0);
}
inline int batch_from(Settings& settings, int fallback) {
  return settings.integer("batch", fallback, 0, 1000000000,
                          "data terms of g in an estimate; 0: all of them");
}
inline std::uint64_t seed_from(Settings& settings) {
  return std::uint64_t(settings.integer("sampling-seed", 1, 0, 2147483647,
                                        "of the samples and directions; that of the run"));
}

/// The step on g that was asked for, or 1 / ||H|| at the start: ten power iterations give a lower
/// bound of ||H|| that is close enough for the step to stay below 2 / ||H||.
template <class T, ExecutionSpace E>
double inner_step(Oracle<T, E> const& o, T given) {
  if (given > T(0)) return double(given);
  double const curvature = o.lower_curvature(o.x, o.y, 10, 1);
  return curvature > 0 ? 1 / curvature : 1.0;
}

/// y := y - step grad_y g(x, y), `count` times; work is like y.
template <class T, ExecutionSpace E>
void descend(Oracle<T, E> const& o, Vectors<T const, E> x, Vectors<T, E> y, Vectors<T, E> work,
             double step, int count) {
  for (int i = 0; i < count; ++i) {
    o.lower_gradient(x, y, work);
    o.axpy(-step, work, y);
  }
}

/// v := what `products` steps of CG from 0 make of H v = r. r ends as the residual; p and hp are
/// scratch. A row ends early where the curvature along its direction is not positive.
template <class T, ExecutionSpace E>
void conjugate_gradients(Oracle<T, E> const& o, Vectors<T, E> v, Vectors<T, E> r, Vectors<T, E> p,
                         Vectors<T, E> hp, int products) {
  using PerRow = std::vector<double>;
  o.set(v, T(0));
  o.copy(r, p);
  PerRow square = o.dot(r, r);
  PerRow const first = square;
  PerRow const one(square.size(), 1.0);
  for (int i = 0; i < products; ++i) {
    o.hessian(o.x, o.y, p, hp);
    auto const curvature = o.dot(p, hp);
    PerRow length(square.size(), 0.0), back(square.size(), 0.0), on(square.size(), 0.0);
    for (std::size_t row = 0; row < square.size(); ++row)
      if (curvature[row] > 0 && square[row] > 1e-30 * first[row]) {
        length[row] = square[row] / curvature[row];
        back[row] = -length[row];
      }
    o.axpy(length, p, v);
    o.axpy(back, hp, r);
    auto const next = o.dot(r, r);
    for (std::size_t row = 0; row < square.size(); ++row)
      if (length[row] > 0) on[row] = next[row] / square[row];
    o.axpby(one, r, on, p);
    square = next;
  }
}

/// The oracle of a whole problem, or one whose g is estimated from data terms drawn for it.
template <class T, ExecutionSpace E>
struct Drawn {
  std::unique_ptr<AnyProblem<T, E>> part;  ///< null: the whole
  Oracle<T, E> oracle;
};

/// Draws samples of the data, each with numbers of its own: unbiased and independent estimates of g and
/// its derivatives, the same for the same seed. f is never sampled.
template <class T, ExecutionSpace E>
class Batches {
 public:
  Batches(int count, std::uint64_t seed) : count_(count), seed_(seed) {}

  Drawn<T, E> draw(Oracle<T, E> const& o) { return draw(o, count_); }
  Drawn<T, E> draw(Oracle<T, E> const& o, int count) {
    if (count == 0) return {nullptr, o};
    int const all = o.problem().samples();
    MINFOLD_REQUIRE(all > 0, "batch is ", count,
                    ", but g of this problem is no sum over data that could be sampled");
    auto part = o.problem().on_sample(o.space(), Place{seed_, Stream::problem, ++draws_, 0, 0},
                                      std::min(count, all));
    MINFOLD_REQUIRE(part != nullptr, "the problem has ", all, " data terms but draws none of them");
    // What a CountedProblem draws is one too.
    Oracle<T, E> const sampled(o.space(), static_cast<CountedProblem<T, E> const&>(*part), o.x,
                               o.y);
    return {std::move(part), sampled};
  }

  void archive(StateArchive& a) { a("draws", draws_); }

 private:
  int count_;
  std::uint64_t seed_;
  std::uint32_t draws_ = 0;
};

/// v(row, j) := standard normal numbers of one draw, the same in all rows: what a row gives does not
/// depend on the problems beside it.
template <class T, ExecutionSpace E>
void draw_normals(E const& space, Vectors<T, E> v, std::uint64_t seed, std::uint32_t draw) {
  Kokkos::parallel_for(
      "minfold::baseline::normals",
      Kokkos::MDRangePolicy<E, Kokkos::Rank<2>>(space, {0, 0},
                                                {int(v.extent(0)), int(v.extent(1))}),
      KOKKOS_LAMBDA(int row, int j) {
        v(row, j) = T(normal({seed, Stream::walk, 0, std::uint32_t(j), draw}));
      });
}

}  // namespace minfold::baseline

#endif
