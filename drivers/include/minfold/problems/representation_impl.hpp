// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_REPRESENTATION_IMPL_HPP
#define MINFOLD_PROBLEMS_REPRESENTATION_IMPL_HPP

#include <minfold/core/team.hpp>
#include <minfold/problems/representation.hpp>
#include <minfold/problems/sampling.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace minfold {

namespace impl {

/// out(item, i) = from(item % targets, i), i over all numbers of a target.
template <class T, ExecutionSpace E>
struct CopyOfTarget {
  Blocks<T const, E> from;
  Blocks<T, E> out;
  KOKKOS_INLINE_FUNCTION void operator()(int t) const {
    int const columns = int(out.extent(2)), rows = int(out.extent(1));
    int const j = t % columns, i = (t / columns) % rows, item = t / columns / rows;
    out(item, i, j) = from(item % int(from.extent(0)), i, j);
  }
};

/// out(item) = 1/2 |e(item, :, :)|^2
template <class T, ExecutionSpace E>
struct HalfSquare {
  Blocks<T const, E> e;
  Scalars<T, E> out;
  template <class Team>
  KOKKOS_INLINE_FUNCTION void operator()(Team const& team, int item) const {
    int const columns = int(e.extent(2));
    T const sum = team_sum(team, int(e.extent(1)) * columns, [&](int t) {
      T const value = e(item, t / columns, t % columns);
      return value * value;
    });
    Kokkos::single(Kokkos::PerTeam(team), [&] { out(item) = T(0.5) * sum; });
  }
};

/// Rows of a drawn sample, scaled so that sums of squares stay unbiased.
template <class T, ExecutionSpace E>
struct GatherRows {
  Blocks<T const, E> from;
  Blocks<T, E> out;
  Place place;
  T scale;
  KOKKOS_INLINE_FUNCTION void operator()(int t) const {
    int const columns = int(out.extent(2)), rows = int(out.extent(1));
    int const j = t % columns, i = (t / columns) % rows, task = t / columns / rows;
    Place here = place;
    here.item += std::uint32_t(task);
    out(task, i, j) = scale * from(task, drawn_sample(here, i, rows, int(from.extent(1))), j);
  }
};

}  // namespace impl

template <class T, ExecutionSpace E>
RepresentationLearning<T, E>::RepresentationLearning(RepresentationData const& data, int hidden)
    : tasks_(int(data.tasks.size())),
      inputs_(data.inputs),
      hidden_(hidden),
      outputs_(data.outputs),
      train_(upload(data, false)),
      validation_(upload(data, true)) {}

template <class T, ExecutionSpace E>
auto RepresentationLearning<T, E>::upload(RepresentationData const& data, bool validation) -> Part {
  int const tasks = int(data.tasks.size()), count = validation ? data.validation : data.train;
  Part part{Blocks<T, E>("minfold::representation::inputs", tasks, count, data.inputs),
            Blocks<T, E>("minfold::representation::outputs", tasks, count, data.outputs),
            {}};
  auto const a = Kokkos::create_mirror_view(part.a);
  auto const b = Kokkos::create_mirror_view(part.b);
  for (int t = 0; t < tasks; ++t) {
    auto const& x = validation ? data.tasks[t].x_v : data.tasks[t].x;
    auto const& y = validation ? data.tasks[t].y_v : data.tasks[t].y;
    MINFOLD_REQUIRE(x.size() == std::size_t(count) * data.inputs &&
                        y.size() == std::size_t(count) * data.outputs,
                    "RepresentationLearning: task ", t, " has ", x.size(), " and ", y.size(),
                    " numbers, expected ", count, " x ", data.inputs, " and ", count, " x ",
                    data.outputs);
    part.norms.push_back(spectral_norm(count, data.inputs, x));
    for (int i = 0; i < count; ++i) {
      for (int j = 0; j < data.inputs; ++j) a(t, i, j) = T(x[std::size_t(i) * data.inputs + j]);
      for (int j = 0; j < data.outputs; ++j) b(t, i, j) = T(y[std::size_t(i) * data.outputs + j]);
    }
  }
  Kokkos::deep_copy(part.a, a);
  Kokkos::deep_copy(part.b, b);
  return part;
}

template <class T, ExecutionSpace E>
void RepresentationLearning<T, E>::check(ConstVectors x, ConstVectors y) const {
  MINFOLD_REQUIRE(x.extent(0) == 1 && int(x.extent(1)) == dim_x() && x.span_is_contiguous(),
                  "RepresentationLearning: x is ", x.extent(0), " x ", x.extent(1),
                  ", expected 1 x ", dim_x());
  MINFOLD_REQUIRE(int(y.extent(1)) == dim_y() && y.extent(0) % std::size_t(tasks_) == 0 &&
                      y.span_is_contiguous(),
                  "RepresentationLearning: y is ", y.extent(0), " x ", y.extent(1),
                  ", expected a multiple of ", tasks_, " rows of ", dim_y(), " without gaps");
}

template <class T, ExecutionSpace E>
void RepresentationLearning<T, E>::products(E const& space, Transpose ta, Transpose tb, int items,
                                            int m, int n, int k, Operand const& a, Operand const& b,
                                            T beta, T* c) const {
  long const stride = long(m) * n;
  // One call for all candidates of all targets needs one stride: with one target that is 0.
  int const at_once = tasks_ == 1 ? items : tasks_;
  auto const from = [&](Operand const& o, int first) {
    return o.data + (o.per_target ? 0 : first * o.stride);
  };
  auto const step = [&](Operand const& o) { return o.per_target && tasks_ == 1 ? 0 : o.stride; };
  for (int first = 0; first < items; first += at_once)
    impl::gemm_strided<E, T>(space, ta, tb, at_once, m, n, k, T(1), from(a, first), step(a),
                             a.columns, from(b, first), step(b), b.columns, beta,
                             c + first * stride, stride, n);
}

template <class T, ExecutionSpace E>
Blocks<T, E> RepresentationLearning<T, E>::features(E const& space, Part const& part,
                                                    ConstVectors w) const {
  auto z =
      make_blocks<T>(space, "minfold::representation::features", tasks_, part.count(), hidden_);
  int const rows = tasks_ * part.count();
  gemm(space, Transpose::no, Transpose::no, T(1), Vectors<T, E>(part.a.data(), rows, inputs_),
       Vectors<T const, E>(w.data(), inputs_, hidden_), T(0),
       Vectors<T, E>(z.data(), rows, hidden_));
  return z;
}

template <class T, ExecutionSpace E>
Blocks<T, E> RepresentationLearning<T, E>::residual(E const& space, Part const& part,
                                                    Blocks<T, E> const& z, ConstVectors y) const {
  int const items = int(y.extent(0)), count = part.count();
  auto e = make_blocks<T>(space, "minfold::representation::residual", items, count, outputs_);
  Kokkos::parallel_for("minfold::representation::labels",
                       Kokkos::RangePolicy<E>(space, 0, items * count * outputs_),
                       impl::CopyOfTarget<T, E>{part.b, e});
  products(space, Transpose::no, Transpose::yes, items, count, outputs_, hidden_, of_target(z),
           of_item(y, hidden_), T(-1), e.data());
  return e;
}

template <class T, ExecutionSpace E>
void RepresentationLearning<T, E>::value(E const& space, Part const& part, ConstVectors x,
                                         ConstVectors y, Scalars<T, E> out) const {
  check(x, y);
  auto const e = residual(space, part, features(space, part, x), y);
  for_each_item("minfold::representation::value", space, int(y.extent(0)), part.count() * outputs_,
                impl::HalfSquare<T, E>{e, out});
}

template <class T, ExecutionSpace E>
void RepresentationLearning<T, E>::gradient_x(E const& space, Part const& part,
                                              Blocks<T, E> const& e, ConstVectors y,
                                              Vectors<T, E> out) const {
  int const items = int(y.extent(0)), count = part.count();
  MINFOLD_REQUIRE(
      int(out.extent(0)) == items && int(out.extent(1)) == dim_x() && out.span_is_contiguous(),
      "RepresentationLearning: the gradient in x is ", out.extent(0), " x ", out.extent(1),
      ", expected ", items, " x ", dim_x(), " without gaps");
  auto const back = make_blocks<T>(space, "minfold::representation::back", items, count, hidden_);
  products(space, Transpose::no, Transpose::no, items, count, hidden_, outputs_, of_item(e),
           of_item(y, hidden_), T(0), back.data());
  products(space, Transpose::yes, Transpose::no, items, inputs_, hidden_, count, of_target(part.a),
           of_item(back), T(0), out.data());
}

template <class T, ExecutionSpace E>
void RepresentationLearning<T, E>::upper_gradient(E const& space, ConstVectors x, ConstVectors y,
                                                  Vectors<T, E> gx, Vectors<T, E> gy) const {
  check(x, y);
  auto const z = features(space, validation_, x);
  auto const e = residual(space, validation_, z, y);
  gradient_x(space, validation_, e, y, gx);
  check(x, gy);
  products(space, Transpose::yes, Transpose::no, int(y.extent(0)), outputs_, hidden_,
           validation_.count(), of_item(e), of_target(z), T(0), gy.data());
}

template <class T, ExecutionSpace E>
void RepresentationLearning<T, E>::lower_gradient(E const& space, ConstVectors x, ConstVectors y,
                                                  Vectors<T, E> gy) const {
  check(x, y);
  check(x, gy);
  auto const z = features(space, train_, x);
  auto const e = residual(space, train_, z, y);
  products(space, Transpose::yes, Transpose::no, int(y.extent(0)), outputs_, hidden_,
           train_.count(), of_item(e), of_target(z), T(0), gy.data());
}

template <class T, ExecutionSpace E>
void RepresentationLearning<T, E>::lower_gradient_x(E const& space, ConstVectors x, ConstVectors y,
                                                    Vectors<T, E> out) const {
  check(x, y);
  auto const z = features(space, train_, x);
  gradient_x(space, train_, residual(space, train_, z, y), y, out);
}

/// V Z^T Z, the rows of V are (column, output).
template <class T, ExecutionSpace E>
void RepresentationLearning<T, E>::hessian(E const& space, Part const& part, ConstVectors x,
                                           ConstVectors y, ConstBlocks v, Blocks<T, E> out) const {
  check(x, y);
  MINFOLD_REQUIRE(
      v.extent(0) == y.extent(0) && int(v.extent(2)) == dim_y() && v.span_is_contiguous() &&
          out.span_is_contiguous() && out.extent(0) == v.extent(0) &&
          out.extent(1) == v.extent(1) && out.extent(2) == v.extent(2),
      "RepresentationLearning: expected blocks of ", y.extent(0), " items and ", dim_y(),
      " components without gaps, found ", v.extent(0), " x ", v.extent(1), " x ", v.extent(2),
      " and ", out.extent(0), " x ", out.extent(1), " x ", out.extent(2));
  int const items = int(v.extent(0)), rows = int(v.extent(1)) * outputs_, count = part.count();
  auto const z = features(space, part, x);
  Operand const in{v.data(), long(v.stride(0)), hidden_, false};
  if (2 * rows <= hidden_) {
    auto const seen = make_blocks<T>(space, "minfold::representation::seen", items, rows, count);
    products(space, Transpose::no, Transpose::yes, items, rows, count, hidden_, in, of_target(z),
             T(0), seen.data());
    products(space, Transpose::no, Transpose::no, items, rows, hidden_, count, of_item(seen),
             of_target(z), T(0), out.data());
  } else {  // many vectors: Z^T Z once for all of them
    auto const gram =
        make_blocks<T>(space, "minfold::representation::gram", tasks_, hidden_, hidden_);
    batched_gemm(space, Transpose::yes, Transpose::no, T(1), z, z, T(0), gram);
    products(space, Transpose::no, Transpose::no, items, rows, hidden_, hidden_, in,
             of_target(gram), T(0), out.data());
  }
}

/// d/dW of <E^T Z, z>, E = A W U^T - B, Z = A W:  A^T (Z z^T U + E z)
template <class T, ExecutionSpace E>
void RepresentationLearning<T, E>::mixed_transpose(E const& space, ConstVectors x, ConstVectors y,
                                                   ConstVectors z, Vectors<T, E> out) const {
  check(x, y);
  check(x, z);
  int const items = int(y.extent(0)), count = train_.count();
  MINFOLD_REQUIRE(
      int(out.extent(0)) == items && int(out.extent(1)) == dim_x() && out.span_is_contiguous(),
      "RepresentationLearning: G^T z is ", out.extent(0), " x ", out.extent(1), ", expected ",
      items, " x ", dim_x(), " without gaps");
  auto const features_at = features(space, train_, x);
  auto const e = residual(space, train_, features_at, y);
  auto const along =
      make_blocks<T>(space, "minfold::representation::along", items, count, outputs_);
  products(space, Transpose::no, Transpose::yes, items, count, outputs_, hidden_,
           of_target(features_at), of_item(z, hidden_), T(0), along.data());
  auto const back = make_blocks<T>(space, "minfold::representation::back", items, count, hidden_);
  products(space, Transpose::no, Transpose::no, items, count, hidden_, outputs_, of_item(along),
           of_item(y, hidden_), T(0), back.data());
  products(space, Transpose::no, Transpose::no, items, count, hidden_, outputs_, of_item(e),
           of_item(z, hidden_), T(1), back.data());
  products(space, Transpose::yes, Transpose::no, items, inputs_, hidden_, count,
           of_target(train_.a), of_item(back), T(0), out.data());
}

/// Along W + t u: (A u U^T)^T Z + E^T (A u)
template <class T, ExecutionSpace E>
void RepresentationLearning<T, E>::mixed_product(E const& space, ConstVectors x, ConstVectors y,
                                                 ConstVectors u, Vectors<T, E> out) const {
  check(x, y);
  check(u, out);
  int const items = int(y.extent(0)), count = train_.count();
  auto const z = features(space, train_, x), moved = features(space, train_, u);
  auto const e = residual(space, train_, z, y);
  auto const along =
      make_blocks<T>(space, "minfold::representation::along", items, count, outputs_);
  products(space, Transpose::no, Transpose::yes, items, count, outputs_, hidden_, of_target(moved),
           of_item(y, hidden_), T(0), along.data());
  products(space, Transpose::yes, Transpose::no, items, outputs_, hidden_, count, of_item(along),
           of_target(z), T(0), out.data());
  products(space, Transpose::yes, Transpose::no, items, outputs_, hidden_, count, of_item(e),
           of_target(moved), T(1), out.data());
}

template <class T, ExecutionSpace E>
std::optional<Smoothness> RepresentationLearning<T, E>::smoothness(E const& space, ConstVectors x,
                                                                   ConstVectors y) const {
  check(x, y);
  int const items = int(y.extent(0));
  auto const f = make_scalars<T>(space, "minfold::representation::value", items);
  auto const g = make_scalars<T>(space, "minfold::representation::value", items);
  upper_value(space, x, y, f);
  lower_value(space, x, y, g);
  auto const [f_host, g_host, x_host, y_host] = to_host_together(space, f, g, x, y);
  double const w = spectral_norm(inputs_, hidden_, {x_host.data(), x_host.data() + dim_x()});
  Smoothness result;
  for (int first = 0; first < items; first += tasks_) {
    Smoothness sum;
    double own_f = 0, own_g = 0;
    for (int t = 0; t < tasks_; ++t) {
      T const* const row = y_host.data() + std::size_t(first + t) * std::size_t(dim_y());
      double const u = spectral_norm(outputs_, hidden_, {row, row + dim_y()});
      double const a = train_.norms[t], v = validation_.norms[t];
      sum.upper += v * v * u * u + v * std::sqrt(2 * double(f_host(first + t)));
      sum.lower += a * a * u * u + a * std::sqrt(2 * double(g_host(first + t)));
      own_f = std::max(own_f, v * v * w * w);
      own_g = std::max(own_g, a * a * w * w);
    }
    result.upper = std::max(result.upper, sum.upper + own_f);
    result.lower = std::max(result.lower, sum.lower + own_g);
    result.lower_y = std::max(result.lower_y, own_g);
  }
  return result;
}

template <class T, ExecutionSpace E>
std::unique_ptr<AnyProblem<T, E>> RepresentationLearning<T, E>::on_sample(E const& space,
                                                                          Place place,
                                                                          int count) const {
  MINFOLD_REQUIRE(count >= 1 && count <= train_.count(), "RepresentationLearning: a sample of ",
                  count, " of ", train_.count(), " training samples");
  auto part = std::make_unique<RepresentationLearning>(*this);
  T const scale = Kokkos::sqrt(T(train_.count()) / T(count));
  auto const gather = [&](Blocks<T, E> const& from) {
    int const columns = int(from.extent(2));
    auto out = make_blocks<T>(space, "minfold::representation::sample", tasks_, count, columns);
    Kokkos::parallel_for("minfold::representation::sample",
                         Kokkos::RangePolicy<E>(space, 0, tasks_ * count * columns),
                         impl::GatherRows<T, E>{from, out, place, scale});
    return out;
  };
  part->train_ = {gather(train_.a), gather(train_.b), train_.norms};
  for (double& norm : part->train_.norms) norm *= double(scale);  // no sample has a larger one
  return part;
}

}  // namespace minfold

#endif
