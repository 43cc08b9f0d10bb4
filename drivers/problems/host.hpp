// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_HOST_HPP
#define MINFOLD_PROBLEMS_HOST_HPP

#include <minfold/core/batch.hpp>
#include <minfold/drivers/functor_problem.hpp>
#include <minfold/problems/catalog.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// What the factories of the closed-form problems share: host data in double precision, small dense
/// linear algebra on row-major std::vector, and the assembly of a NamedProblem.
namespace minfold::impl {

/// rows x columns standard normal numbers: block `tag` of the data of a problem.
std::vector<double> problem_normals(std::uint64_t seed, std::uint32_t tag, int rows, int columns);

double inner(std::vector<double> const& a, std::vector<double> const& b);
double length(std::vector<double> const& a);
/// v scaled to the given length.
std::vector<double> of_length(double wanted, std::vector<double> v);
/// a + t b
std::vector<double> plus(std::vector<double> a, double t, std::vector<double> const& b);
/// A^T, A is rows x columns
std::vector<double> transposed(int rows, int columns, std::vector<double> const& a);
/// A B, A is rows x depth, B is depth x columns
std::vector<double> product(int rows, int depth, int columns, std::vector<double> const& a,
                            std::vector<double> const& b);
/// First `columns` columns of the reflection I - 2 u u^T along the direction of u: orthonormal.
std::vector<double> reflection_columns(std::vector<double> const& u, int columns);

/// A = U diag(s) V^T with k = min(rows, columns): u is rows x k, vt is k x columns, s descends.
struct ThinSvd {
  std::vector<double> u, s, vt;
};
ThinSvd thin_svd(int rows, int columns, std::vector<double> a);

/// A^{-1} b for a positive definite A; empty when A is not.
std::vector<double> solve_definite(int n, std::vector<double> a, std::vector<double> b);

/// Nothing is known: {NaN, {}}.
Optimum unknown_optimum();

/// Stationary point of a closed-form F, from `x`, by Newton steps: the Hessian is the central
/// difference of the closed-form gradient, shifted until definite; Armijo on F, and on the gradient
/// where F no longer resolves the step. F never rises above F(x) on the way. Ends when the gradient
/// is at rounding level; unknown where it does not get there.
Optimum minimum_near(std::function<Truth(std::vector<double> const&)> const& truth,
                     std::vector<double> x);

/// Eigenvalues of the symmetric matrix (a b; b c), the smaller one first.
std::array<double, 2> eigenvalues(double a, double b, double c);

/// Whether `value`(x) > level for all x in R^2 that are in the square of half-width `half_width`
/// about `center`, but not in the disc of `radius` about it: squares are halved until one value
/// and the Lipschitz constant decide. False also where 20000 values do not.
bool higher_outside(std::function<double(std::vector<double> const&)> const& value,
                    double lipschitz, double level, std::vector<double> const& center,
                    double radius, double half_width);

/// As Settings::numbers, each from low to high.
std::vector<double> numbers_within(Settings& settings, std::string const& key,
                                   std::vector<double> const& fallback, int count, double low,
                                   double high, std::string const& meaning);

template <class T, ExecutionSpace E>
Vectors<T const, E> device_vectors(std::string const& label, int rows, int columns,
                                   std::vector<double> const& data) {
  Vectors<T, E> view(label, rows, columns);
  auto const host = Kokkos::create_mirror_view(view);
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < columns; ++j) host(i, j) = T(data[std::size_t(i) * columns + j]);
  Kokkos::deep_copy(view, host);
  return view;
}

template <class T, ExecutionSpace E>
Scalars<T const, E> device_scalars(std::string const& label, std::vector<double> const& data) {
  Scalars<T, E> view(label, data.size());
  auto const host = Kokkos::create_mirror_view(view);
  for (std::size_t i = 0; i < data.size(); ++i) host(i) = T(data[i]);
  Kokkos::deep_copy(view, host);
  return view;
}

/// Throws when a truth is asked about a vector of the wrong size.
void check_size(char const* what, std::vector<double> const& v, int expected);

/// `data` knows the closed form: truth(x), optimum(), distance(x, y).
template <class T, class Functor, class Data>
NamedProblem<T> assemble(Functor functor, std::vector<double> start,
                         std::shared_ptr<Data const> data) {
  NamedProblem<T> named;
  int const m = functor.dim_x(), d = functor.dim_y();
  named.problem = std::make_unique<FunctorProblem<Functor, T>>(std::move(functor));
  named.start = std::move(start);
  named.truth = [data, m](std::vector<double> const& x) {
    check_size("x", x, m);
    return data->truth(x);
  };
  named.optimum = [data] { return data->optimum(); };
  named.distance = [data, m, d](std::vector<double> const& x, std::vector<double> const& y) {
    check_size("x", x, m);
    check_size("y", y, d);
    return data->distance(x, y);
  };
  return named;
}

}  // namespace minfold::impl

#endif
