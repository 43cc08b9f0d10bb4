// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CORE_DERIVATIVES_HPP
#define MINFOLD_CORE_DERIVATIVES_HPP

#include <minfold/core/seeded.hpp>
#include <minfold/core/team.hpp>

/// Exact derivatives of a user's objectives, inside a kernel.
///
/// A *functor problem* is a struct with
///   int batch_size() const; int dim_x() const; int dim_y() const;
///   template <class X, class Y> auto lower(int item, X const& x, Y const& y) const;   // g
///   template <class X, class Y> auto upper(int item, X const& x, Y const& y) const;   // f
/// where x and y are callable with an index and the scalar is whatever comes out of them. It may add
///   template <class Team, class X, class Y, class Sink>
///   void lower_gradient(Team const& team, int item, X const& x, Y const& y, Sink const& sink) const;
/// (and upper_gradient; lower_gradient_x, upper_gradient_x), called by the whole team, which hands
/// component i of the gradient to sink(i, value) once. Written once and templated on the scalar it
/// serves as gradient, as Hessian product and as third product.
///
/// Cost without a written gradient: n / W evaluations of the objective for each product, split
/// over the team; with one: two to three gradients.
namespace minfold {

/// The two objectives, as arguments of the functions below.
struct Lower {
  template <class P, class X, class Y>
  static KOKKOS_INLINE_FUNCTION auto value(P const& p, int item, X const& x, Y const& y) {
    return p.lower(item, x, y);
  }
};
struct Upper {
  template <class P, class X, class Y>
  static KOKKOS_INLINE_FUNCTION auto value(P const& p, int item, X const& x, Y const& y) {
    return p.upper(item, x, y);
  }
};

namespace impl {

/// Components of a gradient that one evaluation gives.
inline constexpr int dual_width = 4;

struct AnySink {
  template <class S>
  KOKKOS_INLINE_FUNCTION void operator()(int, S const&) const {}
};

template <class P, class Team, class X, class Y>
concept WritesLowerGradient = requires(P const& p, Team const& team, X const& x, Y const& y) {
  p.lower_gradient(team, 0, x, y, AnySink{});
};
template <class P, class Team, class X, class Y>
concept WritesUpperGradient = requires(P const& p, Team const& team, X const& x, Y const& y) {
  p.upper_gradient(team, 0, x, y, AnySink{});
};
template <class P, class Team, class X, class Y>
concept WritesLowerGradientX = requires(P const& p, Team const& team, X const& x, Y const& y) {
  p.lower_gradient_x(team, 0, x, y, AnySink{});
};
template <class P, class Team, class X, class Y>
concept WritesUpperGradientX = requires(P const& p, Team const& team, X const& x, Y const& y) {
  p.upper_gradient_x(team, 0, x, y, AnySink{});
};

/// Converts what a gradient hands over to the scalar S (a gradient that does not depend on a
/// seeded argument yields a plainer number) and stores extract(S).
template <class S, class Out, class Extract>
struct Sink {
  Out out;
  Extract extract;
  template <class Value>
  KOKKOS_INLINE_FUNCTION void operator()(int i, Value const& value) const {
    out(i) = extract(S(value));
  }
};

struct Whole {
  template <class S>
  KOKKOS_INLINE_FUNCTION S operator()(S const& s) const {
    return s;
  }
};
struct FirstDerivative {
  template <class S>
  KOKKOS_INLINE_FUNCTION auto operator()(S const& s) const {
    return s.eps[0];
  }
};
struct SecondDerivative {
  template <class S>
  KOKKOS_INLINE_FUNCTION auto operator()(S const& s) const {
    return s.eps[0].eps[0];
  }
};

template <class Objective, class Team, class P, class X, class Y, class Out, class Extract>
KOKKOS_INLINE_FUNCTION void gradient_y(Team const& team, P const& p, int item, X const& x,
                                       Y const& y, Out const& out, Extract const& extract) {
  using S = element_t<Y>;
  if constexpr (std::is_same_v<Objective, Lower> && WritesLowerGradient<P, Team, X, Y>) {
    p.lower_gradient(team, item, x, y, Sink<S, Out, Extract>{out, extract});
  } else if constexpr (std::is_same_v<Objective, Upper> && WritesUpperGradient<P, Team, X, Y>) {
    p.upper_gradient(team, item, x, y, Sink<S, Out, Extract>{out, extract});
  } else {
    constexpr int width = dual_width;
    int const n = p.dim_y();
    team_for(team, (n + width - 1) / width, [&](int block) {
      int const first = block * width;
      Dual<S, width> const r = Objective::value(p, item, x, one_hot<width>(y, first));
      for (int j = 0; j < width; ++j)
        if (first + j < n) out(first + j) = extract(r.eps[j]);
    });
  }
}

template <class Objective, class Team, class P, class X, class Y, class Out, class Extract>
KOKKOS_INLINE_FUNCTION void gradient_x(Team const& team, P const& p, int item, X const& x,
                                       Y const& y, Out const& out, Extract const& extract) {
  using S = element_t<Y>;
  if constexpr (std::is_same_v<Objective, Lower> && WritesLowerGradientX<P, Team, X, Y>) {
    p.lower_gradient_x(team, item, x, y, Sink<S, Out, Extract>{out, extract});
  } else if constexpr (std::is_same_v<Objective, Upper> && WritesUpperGradientX<P, Team, X, Y>) {
    p.upper_gradient_x(team, item, x, y, Sink<S, Out, Extract>{out, extract});
  } else {
    constexpr int width = dual_width;
    int const m = p.dim_x();
    auto const constant = lifted<S>(x);
    team_for(team, (m + width - 1) / width, [&](int block) {
      int const first = block * width;
      Dual<S, width> const r = Objective::value(p, item, one_hot<width>(constant, first), y);
      for (int j = 0; j < width; ++j)
        if (first + j < m) out(first + j) = extract(r.eps[j]);
    });
  }
}

}  // namespace impl

/// out_i = d/dy_i of the objective. Team-collective, no barrier.
template <class Objective, class Team, class P, class X, class Y, class Out>
KOKKOS_INLINE_FUNCTION void gradient(Team const& team, P const& p, int item, X const& x, Y const& y,
                                     Out const& out) {
  impl::gradient_y<Objective>(team, p, item, x, y, out, impl::Whole{});
}

/// out_j = d/dx_j of the objective.
template <class Objective, class Team, class P, class X, class Y, class Out>
KOKKOS_INLINE_FUNCTION void upper_variable_gradient(Team const& team, P const& p, int item,
                                                    X const& x, Y const& y, Out const& out) {
  impl::gradient_x<Objective>(team, p, item, x, y, out, impl::Whole{});
}

/// out = (d2/dy2 objective) v.
template <class Objective, class Team, class P, class X, class Y, class V, class Out>
KOKKOS_INLINE_FUNCTION void hessian_product(Team const& team, P const& p, int item, X const& x,
                                            Y const& y, V const& v, Out const& out) {
  impl::gradient_y<Objective>(team, p, item, x, seeded(y, v), out, impl::FirstDerivative{});
}

/// out = (d3/dy3 objective)[lambda, v, .]: derivative of the Hessian product along lambda.
template <class Objective, class Team, class P, class X, class Y, class L, class V, class Out>
KOKKOS_INLINE_FUNCTION void third_product(Team const& team, P const& p, int item, X const& x,
                                          Y const& y, L const& lambda, V const& v, Out const& out) {
  impl::gradient_y<Objective>(team, p, item, x, seeded(seeded(y, lambda), v), out,
                              impl::SecondDerivative{});
}

/// out_j = d/dx_j <grad_y objective, z>: (d grad_y / dx)^T z.
template <class Objective, class Team, class P, class X, class Y, class Z, class Out>
KOKKOS_INLINE_FUNCTION void mixed_product(Team const& team, P const& p, int item, X const& x,
                                          Y const& y, Z const& z, Out const& out) {
  // <grad_y g, z> = d/de g(x, y + e z), so its x-gradient is the eps part of grad_x g(x, y + e z).
  impl::gradient_x<Objective>(team, p, item, x, seeded(y, z), out, impl::FirstDerivative{});
}

/// out_i = d/de (grad_y objective)_i at x + e u: (d grad_y / dx) u.
template <class Objective, class Team, class P, class X, class Y, class U, class Out>
KOKKOS_INLINE_FUNCTION void mixed_forward_product(Team const& team, P const& p, int item,
                                                  X const& x, Y const& y, U const& u,
                                                  Out const& out) {
  auto const along = seeded(x, u);
  using S = element_t<decltype(along)>;
  impl::gradient_y<Objective>(team, p, item, along, lifted<S>(y), out, impl::FirstDerivative{});
}

}  // namespace minfold

#endif
