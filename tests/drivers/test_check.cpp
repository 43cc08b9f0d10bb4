// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/derivatives.hpp>
#include <minfold/drivers/check.hpp>
#include <minfold/drivers/functor_problem.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <string_view>

namespace {

using namespace minfold;
using Space = Kokkos::DefaultExecutionSpace;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;

/// g = 1/4 (|y|^2 - |x|^2)^2 + sin(x_0 y_1), f = cosh-like in y and in x; no symmetry to hide behind.
struct Smooth {
  KOKKOS_INLINE_FUNCTION int batch_size() const { return 3; }
  KOKKOS_INLINE_FUNCTION int dim_x() const { return 2; }
  KOKKOS_INLINE_FUNCTION int dim_y() const { return 3; }
  template <class X, class Y>
  KOKKOS_INLINE_FUNCTION auto lower(int item, X const& x, Y const& y) const {
    auto const s = y(0) * y(0) + y(1) * y(1) + y(2) * y(2) - x(0) * x(0) - x(1) * x(1);
    return 0.25 * (s * s) + sin(x(0) * y(1)) + item * y(2);
  }
  template <class X, class Y>
  KOKKOS_INLINE_FUNCTION auto upper(int item, X const& x, Y const& y) const {
    return exp(0.5 * y(0)) * x(1) + y(1) * y(2) + (1 + item) * exp(0.3 * x(0)) * sin(y(2));
  }
};

/// The same with a written gradient of which one component misses a term.
struct ForgetsATerm : Smooth {
  template <class Team, class X, class Y, class Sink>
  KOKKOS_INLINE_FUNCTION void lower_gradient(Team const&, int item, X const& x, Y const& y,
                                             Sink const& sink) const {
    auto const s = y(0) * y(0) + y(1) * y(1) + y(2) * y(2) - x(0) * x(0) - x(1) * x(1);
    sink(0, s * y(0));
    sink(1, s * y(1));  // + x_0 cos(x_0 y_1)
    sink(2, s * y(2) + item);
  }
};

enum class Fault { none, mixed, lower_x, forward, asymmetric, third, upper_x, not_finite };

/// Passes on to `Smooth`, with one planted fault.
template <class T>
class Faulty : public FunctorProblem<Smooth, T> {
 public:
  using Base = FunctorProblem<Smooth, T>;
  using typename Base::ConstBlocks;
  using typename Base::ConstVectors;

  explicit Faulty(Fault fault) : Base(Smooth()), fault_(fault) {}

  void mixed_transpose(Space const& space, ConstVectors x, ConstVectors y, ConstVectors z,
                       Vectors<T, Space> out) const override {
    Base::mixed_transpose(space, x, y, z, out);
    if (fault_ == Fault::mixed) scale(out, 1, 1.001);
    if (fault_ == Fault::not_finite) scale(out, 1, std::numeric_limits<double>::quiet_NaN());
  }
  void lower_gradient_x(Space const& space, ConstVectors x, ConstVectors y,
                        Vectors<T, Space> out) const override {
    Base::lower_gradient_x(space, x, y, out);
    if (fault_ == Fault::lower_x) scale(out, 1, 1.01);
  }
  void mixed_product(Space const& space, ConstVectors x, ConstVectors y, ConstVectors u,
                     Vectors<T, Space> out) const override {
    Base::mixed_product(space, x, y, u, out);
    if (fault_ == Fault::forward) scale(out, 1, 1.01);
  }
  void lower_hessian(Space const& space, ConstVectors x, ConstVectors y, ConstBlocks v,
                     Blocks<T, Space> out) const override {
    Base::lower_hessian(space, x, y, v, out);
    if (fault_ != Fault::asymmetric) return;
    Kokkos::parallel_for(
        "test", Kokkos::RangePolicy<Space>(space, 0, int(out.extent(0) * out.extent(1))),
        KOKKOS_LAMBDA(int t) {
          int const columns = int(out.extent(1));
          out(t / columns, t % columns, 0) += T(0.01) * v(t / columns, t % columns, 1);
        });
  }
  void third_product(Space const& space, ConstVectors x, ConstVectors y, ConstVectors lambda,
                     ConstBlocks v, Blocks<T, Space> out) const override {
    Base::third_product(space, x, y, lambda, v, out);
    if (fault_ != Fault::third) return;
    Vectors<T, Space> const flat(out.data(), out.extent(0) * out.extent(1), out.extent(2));
    scale(flat, 2, 0.5);
  }
  void upper_gradient(Space const& space, ConstVectors x, ConstVectors y, Vectors<T, Space> gx,
                      Vectors<T, Space> gy) const override {
    Base::upper_gradient(space, x, y, gx, gy);
    if (fault_ == Fault::upper_x) scale(gx, 0, -1);
  }

  // Public because nvcc does not allow extended lambdas in private members.
  static void scale(Vectors<T, Space> const& rows, int component, double factor) {
    Kokkos::parallel_for(
        "test", Kokkos::RangePolicy<Space>(0, int(rows.extent(0))),
        KOKKOS_LAMBDA(int i) { rows(i, component) *= T(factor); });
    Kokkos::fence();
  }

 private:
  Fault fault_;
};

CheckLine const& line(DerivativeCheck const& check, std::string_view what) {
  for (auto const& l : check.lines)
    if (l.what == what) return l;
  FAIL("no line " << std::string(what));
  return check.lines.front();
}

std::string failures(DerivativeCheck const& check) {
  std::string all;
  for (auto const& l : check.lines)
    if (!l.ok) all += l.what + "; ";
  return all;
}

}  // namespace

TEMPLATE_TEST_CASE("right derivatives pass the check with slope two", "[check]", double, float) {
  Faulty<TestType> const problem(Fault::none);
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    auto const check = check_derivatives<TestType, Space>(Space(), problem, {0.8, -0.6},
                                                          {.points = 3, .seed = seed});
    INFO("seed " << seed);
    CHECK(failures(check) == "");
    CHECK(check.lines.size() == 15);
    if (std::is_same_v<TestType, double>)
      for (auto const& l : check.lines)
        // Away from 2 only by the next order of the expansion.
        if (!std::isnan(l.slope)) CHECK_THAT(l.slope, WithinAbs(2, 0.3));
  }
}

TEST_CASE("each planted fault is found, and only where it is", "[check]") {
  auto const check = [](Fault fault) {
    return check_derivatives<double, Space>(Space(), Faulty<double>(fault), {0.8, -0.6});
  };
  CHECK(failures(check(Fault::mixed)) == "G^T z; <z, G u> = <G^T z, u>; ");
  CHECK(failures(check(Fault::lower_x)) == "grad_x g; ");
  CHECK(failures(check(Fault::forward)) == "<z, G u> = <G^T z, u>; ");
  CHECK(failures(check(Fault::upper_x)) == "grad_x f; ");
  CHECK(failures(check(Fault::third)) == "(d3g/dy3)[l, v]; ");
  CHECK_THAT(failures(check(Fault::asymmetric)),
             ContainsSubstring("H v; ") && ContainsSubstring("H v is symmetric"));
  CHECK_THAT(failures(check(Fault::not_finite)), ContainsSubstring("G^T z; "));

  auto const wrong = check(Fault::mixed);
  auto const& mixed = line(wrong, "G^T z");
  CHECK(mixed.error > 1e-5);
  CHECK_THAT(mixed.slope, WithinAbs(0, 0.2));
}

TEST_CASE("a written gradient that misses a term is found", "[check]") {
  FunctorProblem<ForgetsATerm, double> const problem{ForgetsATerm()};
  auto const check = check_derivatives<double, Space>(Space(), problem, {0.8, -0.6});
  CHECK_FALSE(check.ok());
  auto const& gradient = line(check, "grad_y g");
  CHECK_FALSE(gradient.ok);
  CHECK(gradient.error > 1e-3);
  CHECK_THAT(gradient.slope, WithinAbs(0, 0.2));
  // Products are derivatives of that gradient: consistent with it, though with the wrong objective.
  CHECK(line(check, "H v").ok);
}

TEST_CASE("a start of the wrong size is refused", "[check]") {
  Faulty<double> const problem(Fault::none);
  CHECK_THROWS_WITH((check_derivatives<double, Space>(Space(), problem, {1, 2, 3})),
                    ContainsSubstring("expected 1 x 2"));
}
