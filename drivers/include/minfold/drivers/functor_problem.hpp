// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_FUNCTOR_PROBLEM_HPP
#define MINFOLD_DRIVERS_FUNCTOR_PROBLEM_HPP

#include <minfold/core/derivatives.hpp>
#include <minfold/drivers/impl/lower_solve_by_teams.hpp>
#include <minfold/drivers/problem.hpp>
#include <minfold/drivers/upper_set.hpp>

#include <typeinfo>
#include <utility>

namespace minfold {

namespace impl {

// What one team does at one point. Named types, because nvcc takes no generic extended lambdas.
template <class Objective, class Out>
struct Value {
  Out out;
  template <class Team, class P, class X, class Y>
  KOKKOS_INLINE_FUNCTION void operator()(Team const& team, P const& p, int target, int item,
                                         X const& x, Y const& y) const {
    Kokkos::single(Kokkos::PerTeam(team), [&] {
      out(item) = typename Out::value_type(Objective::value(p, target, x, y));
    });
  }
};
template <class Out>
struct UpperGradients {
  Out gx, gy;
  template <class Team, class P, class X, class Y>
  KOKKOS_INLINE_FUNCTION void operator()(Team const& team, P const& p, int target, int item,
                                         X const& x, Y const& y) const {
    gradient<Upper>(team, p, target, x, y, Kokkos::subview(gy, item, Kokkos::ALL));
    upper_variable_gradient<Upper>(team, p, target, x, y, Kokkos::subview(gx, item, Kokkos::ALL));
  }
};
template <class Out>
struct LowerGradient {
  Out gy;
  template <class Team, class P, class X, class Y>
  KOKKOS_INLINE_FUNCTION void operator()(Team const& team, P const& p, int target, int item,
                                         X const& x, Y const& y) const {
    gradient<Lower>(team, p, target, x, y, Kokkos::subview(gy, item, Kokkos::ALL));
  }
};
template <class In, class Out>
struct MixedTranspose {
  In z;
  Out out;
  template <class Team, class P, class X, class Y>
  KOKKOS_INLINE_FUNCTION void operator()(Team const& team, P const& p, int target, int item,
                                         X const& x, Y const& y) const {
    mixed_product<Lower>(team, p, target, x, y, Kokkos::subview(z, item, Kokkos::ALL),
                         Kokkos::subview(out, item, Kokkos::ALL));
  }
};
template <class Out>
struct LowerGradientX {
  Out out;
  template <class Team, class P, class X, class Y>
  KOKKOS_INLINE_FUNCTION void operator()(Team const& team, P const& p, int target, int item,
                                         X const& x, Y const& y) const {
    upper_variable_gradient<Lower>(team, p, target, x, y, Kokkos::subview(out, item, Kokkos::ALL));
  }
};
template <class In, class Out>
struct MixedForward {
  In u;
  bool shared;
  Out out;
  template <class Team, class P, class X, class Y>
  KOKKOS_INLINE_FUNCTION void operator()(Team const& team, P const& p, int target, int item,
                                         X const& x, Y const& y) const {
    mixed_forward_product<Lower>(team, p, target, x, y,
                                 Kokkos::subview(u, shared ? 0 : target, Kokkos::ALL),
                                 Kokkos::subview(out, item, Kokkos::ALL));
  }
};
template <class Objective>
struct HessianColumn {
  template <class Team, class P, class X, class Y, class V, class Out>
  KOKKOS_INLINE_FUNCTION void operator()(Team const& team, P const& p, int target, int, X const& x,
                                         Y const& y, V const& v, Out const& out) const {
    hessian_product<Objective>(team, p, target, x, y, v, out);
  }
};
template <class In>
struct ThirdColumn {
  In lambda;
  template <class Team, class P, class X, class Y, class V, class Out>
  KOKKOS_INLINE_FUNCTION void operator()(Team const& team, P const& p, int target, int item,
                                         X const& x, Y const& y, V const& v, Out const& out) const {
    third_product<Lower>(team, p, target, x, y, Kokkos::subview(lambda, item, Kokkos::ALL), v, out);
  }
};

/// A functor at single points: whose target they are and which x belongs to it; and g there, for launches that
/// need it in their midst.
template <class Functor, class T, ExecutionSpace E>
struct FunctorPoints {
  Functor p;
  Vectors<T const, E> x;
  bool shared;
  int targets;
  Scalars<int const, E> target_of;  ///< empty: item % targets

  KOKKOS_FUNCTION int target(int item) const {
    return target_of.data() ? target_of(item) : item % targets;
  }
  KOKKOS_FUNCTION auto upper(int target) const {
    return Kokkos::subview(x, shared ? 0 : target, Kokkos::ALL);
  }

  template <class Team, class Y, class Out>
  KOKKOS_FUNCTION void lower_value(Team const& team, int item, Y const& y, Out const& out) const {
    int const t = target(item);
    Value<Lower, Out>{out}(team, p, t, item, upper(t), y);
  }
  template <class Team, class Y, class Out>
  KOKKOS_FUNCTION void lower_gradient(Team const& team, int item, Y const& y,
                                      Out const& out) const {
    int const t = target(item);
    gradient<Lower>(team, p, t, upper(t), y, out);
  }
  template <class Team, class Y, class V, class Out>
  KOKKOS_FUNCTION void lower_hessian(Team const& team, int item, Y const& y, V const& v,
                                     Out const& out) const {
    int const t = target(item);
    hessian_product<Lower>(team, p, t, upper(t), y, v, out);
  }
};

}  // namespace impl

/// Any functor problem (core/derivatives.hpp) as a bulk problem: one team a (point, vector), exact
/// derivatives by dual numbers. Optional members of the functor that are used when present:
///   T length_scale() const;                 typical distance in y
///   double restart(Place place) const;      one component of a random start (default: normal)
template <class Functor, class T, ExecutionSpace E = Kokkos::DefaultExecutionSpace>
class FunctorProblem : public AnyProblem<T, E> {
 public:
  using typename AnyProblem<T, E>::ConstVectors;
  using typename AnyProblem<T, E>::ConstBlocks;

  explicit FunctorProblem(Functor functor, bool shared_upper = true, UpperSet<T, E> set = {})
      : functor_(std::move(functor)), shared_upper_(shared_upper), set_(std::move(set)) {}

  Functor const& functor() const { return functor_; }
  int batch_size() const override {
    return target_of_.data() ? int(target_of_.extent(0)) : functor_.batch_size();
  }
  int dim_x() const override { return functor_.dim_x(); }
  int dim_y() const override { return functor_.dim_y(); }
  bool shared_upper() const override { return shared_upper_; }
  bool has_second_order() const override { return true; }
  T length_scale() const override {
    if constexpr (requires { functor_.length_scale(); })
      return T(functor_.length_scale());
    else
      return T(1);
  }
  /// Null, like lower_solve_by_teams, for classes that derive from this one: neither would ask what they have
  /// overridden. They may override both, with `part` and their own evaluations.
  std::unique_ptr<AnyProblem<T, E>> for_items(E const& space,
                                              Scalars<int const, E> target_of) const override {
    if (typeid(*this) != typeid(FunctorProblem)) return nullptr;
    return part(space, target_of);
  }
  std::unique_ptr<FunctorProblem> part(E const& space, Scalars<int const, E> target_of) const {
    auto problem = std::make_unique<FunctorProblem>(*this);
    problem->target_of_ = target_of;
    if (target_of_.data()) {  // a part of a part: back to the targets of the whole
      auto const map = target_of_;
      auto const composed =
          make_scalars<int>(space, "minfold::functor_problem::targets", int(target_of.extent(0)));
      Kokkos::parallel_for(
          "minfold::functor_problem::targets",
          Kokkos::RangePolicy<E>(space, 0, int(target_of.extent(0))),
          KOKKOS_LAMBDA(int item) { composed(item) = map(target_of(item)); });
      problem->target_of_ = composed;
    }
    return problem;
  }
  void project_upper(E const& space, Vectors<T, E> x) const override { set_.project(space, x); }

  bool lower_solve_by_teams(E const& space, ConstVectors x, Vectors<T, E> y,
                            Scalars<LowerRecord<T>, E> records, Scalars<LowerEvaluations, E> done,
                            LowerSolveOptions<T> const& options) const override {
    if (typeid(*this) != typeid(FunctorProblem)) return false;
    impl::run_lower_solve_by_teams<T, E>(space, points(x), y, records, done, length_scale(),
                                         options);
    return true;
  }

  void upper_value(E const& space, ConstVectors x, ConstVectors y,
                   Scalars<T, E> out) const override {
    at_points(space, "minfold::functor_problem::upper_value", x, y,
              impl::Value<Upper, Scalars<T, E>>{out});
  }
  void lower_value(E const& space, ConstVectors x, ConstVectors y,
                   Scalars<T, E> out) const override {
    at_points(space, "minfold::functor_problem::lower_value", x, y,
              impl::Value<Lower, Scalars<T, E>>{out});
  }
  void upper_gradient(E const& space, ConstVectors x, ConstVectors y, Vectors<T, E> gx,
                      Vectors<T, E> gy) const override {
    at_points(space, "minfold::functor_problem::upper_gradient", x, y,
              impl::UpperGradients<Vectors<T, E>>{gx, gy});
  }
  void lower_gradient(E const& space, ConstVectors x, ConstVectors y,
                      Vectors<T, E> gy) const override {
    at_points(space, "minfold::functor_problem::lower_gradient", x, y,
              impl::LowerGradient<Vectors<T, E>>{gy});
  }
  void mixed_transpose(E const& space, ConstVectors x, ConstVectors y, ConstVectors z,
                       Vectors<T, E> out) const override {
    at_points(space, "minfold::functor_problem::mixed_transpose", x, y,
              impl::MixedTranspose<ConstVectors, Vectors<T, E>>{z, out});
  }
  void lower_gradient_x(E const& space, ConstVectors x, ConstVectors y,
                        Vectors<T, E> out) const override {
    at_points(space, "minfold::functor_problem::lower_gradient_x", x, y,
              impl::LowerGradientX<Vectors<T, E>>{out});
  }
  void mixed_product(E const& space, ConstVectors x, ConstVectors y, ConstVectors u,
                     Vectors<T, E> out) const override {
    at_points(space, "minfold::functor_problem::mixed_product", x, y,
              impl::MixedForward<ConstVectors, Vectors<T, E>>{u, shared_upper_, out});
  }
  void lower_hessian(E const& space, ConstVectors x, ConstVectors y, ConstBlocks v,
                     Blocks<T, E> out) const override {
    at_columns(space, "minfold::functor_problem::lower_hessian", x, y, v, out,
               impl::HessianColumn<Lower>{});
  }
  void upper_hessian(E const& space, ConstVectors x, ConstVectors y, ConstBlocks v,
                     Blocks<T, E> out) const override {
    at_columns(space, "minfold::functor_problem::upper_hessian", x, y, v, out,
               impl::HessianColumn<Upper>{});
  }
  void third_product(E const& space, ConstVectors x, ConstVectors y, ConstVectors lambda,
                     ConstBlocks v, Blocks<T, E> out) const override {
    at_columns(space, "minfold::functor_problem::third_product", x, y, v, out,
               impl::ThirdColumn<ConstVectors>{lambda});
  }
  void random_lower(E const& space, Place place, Vectors<T, E> y) const override {
    if constexpr (requires { functor_.restart(place); }) {
      auto const p = functor_;
      int const n = int(y.extent(1));
      Kokkos::parallel_for(
          "minfold::functor_problem::random_lower",
          Kokkos::RangePolicy<E>(space, 0, int(y.extent(0)) * n), KOKKOS_LAMBDA(int t) {
            Place here = place;
            here.item += std::uint32_t(t / n);
            here.row = std::uint32_t(t % n);
            y(t / n, t % n) = T(p.restart(here));
          });
    } else {
      AnyProblem<T, E>::random_lower(space, place, y);
    }
  }

  // Public because nvcc does not allow extended lambdas in private members.
  template <class Body>
  void at_points(E const& space, char const* label, ConstVectors x, ConstVectors y,
                 Body const& body) const {
    auto const at = points(x);
    for_each_item(
        label, space, int(y.extent(0)), dim_y(),
        KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
          int const target = at.target(item);
          body(team, at.p, target, item, at.upper(target), Kokkos::subview(y, item, Kokkos::ALL));
        });
  }

  template <class Body>
  void at_columns(E const& space, char const* label, ConstVectors x, ConstVectors y, ConstBlocks v,
                  Blocks<T, E> out, Body const& body) const {
    auto const at = points(x);
    int const columns = int(v.extent(1));
    for_each_item(
        label, space, int(y.extent(0)) * columns, dim_y(),
        KOKKOS_LAMBDA(TeamMember<E> const& team, int system) {
          int const item = system / columns, c = system % columns, target = at.target(item);
          body(team, at.p, target, item, at.upper(target), Kokkos::subview(y, item, Kokkos::ALL),
               Kokkos::subview(v, item, c, Kokkos::ALL),
               Kokkos::subview(out, item, c, Kokkos::ALL));
        });
  }

 private:
  impl::FunctorPoints<Functor, T, E> points(ConstVectors x) const {
    return {functor_, x, shared_upper_, functor_.batch_size(), target_of_};
  }

  Functor functor_;
  bool shared_upper_;
  UpperSet<T, E> set_;
  Scalars<int const, E> target_of_;  ///< of a part of the batch; empty: item % targets
};

}  // namespace minfold

#endif
