// SPDX-License-Identifier: Apache-2.0
#include "matrix_input.hpp"

#include <minfold/core/require.hpp>
#include <minfold/core/status.hpp>
#include <minfold/files/matrix_file.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

namespace minfold::cli {
namespace {

/// Up to here a dense matrix and all that is done to it take less than a second.
constexpr int direct_order = 1536;
/// A matrix of this order takes 2 GB in double, and a factorization some minutes.
constexpr int largest_dense_order = 16384;
constexpr int largest_inverse_order = 2048;

/// Where a matrix differs most from its transpose, and its largest entry; of the finite ones.
struct Asymmetry {
  double largest = 0, difference = 0;
  int row = 0, column = 0;

  double relative() const { return difference > 0 ? difference / largest : 0; }
  void see(int i, int j, double a, double b) {
    for (double const v : {a, b})
      if (std::isfinite(v)) largest = std::max(largest, std::abs(v));
    if (!std::isfinite(a) || !std::isfinite(b)) return;
    // Halves: the difference of two numbers near the end of the range is infinite.
    double const apart = 2 * std::abs(a / 2 - b / 2);
    if (apart > difference) std::tie(difference, row, column) = std::tuple(apart, i, j);
  }
};

/// Exact for equal numbers; NaN where one of them is.
double mean(double a, double b) {
  return a == b ? a : a / 2 + b / 2;
}

std::string item_text(Matrices const& matrices, std::size_t item) {
  return matrices.batch ? "item " + std::to_string(item) : "the matrix";
}

/// Smaller entries than the largest must have room below it.
void require_range_of_float(double largest, std::string const& file, std::string const& what) {
  MINFOLD_REQUIRE(largest == 0 || (largest >= 1e-30 && largest <= 1e30), file,
                  ": the largest entry of ", what, " is ", largest,
                  ", expected 1e-30 to 1e30 in float: take --precision double");
}

void judge(Asymmetry const& found, MatrixRequest const& request, Matrices& matrices) {
  auto const what = item_text(matrices, matrices.asymmetry.size());
  double const tolerance = request.tolerance.value_or(
      matrices.single ? default_kernel_tolerance<float> : default_kernel_tolerance<double>);
  double const rounding_level =
      matrices.single ? rounding<float>(matrices.n) : rounding<double>(matrices.n);
  double const allowed = std::max(rounding_level, 1e-3 * tolerance);
  MINFOLD_REQUIRE(request.symmetrize || found.relative() <= allowed, request.file, ": ", what,
                  " is not symmetric: at row ", found.row, ", column ", found.column,
                  " (from 0) |H - H^T| is ", found.relative(), " times the largest entry, at most ",
                  allowed, " is taken for rounding; --symmetrize takes (H + H^T) / 2");
  if (matrices.single) require_range_of_float(found.largest, request.file, what);
  matrices.asymmetry.push_back(found.relative());
}

void make_symmetric(std::vector<double>& values, MatrixRequest const& request, Matrices& matrices) {
  auto const n = std::size_t(matrices.n);
  for (std::size_t item = 0; item < std::size_t(matrices.items); ++item) {
    double* const h = values.data() + item * n * n;
    Asymmetry found;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j <= i; ++j) {
        double &a = h[i * n + j], &b = h[j * n + i];
        found.see(int(i), int(j), a, b);
        a = b = mean(a, b);
      }
    judge(found, request, matrices);
  }
}

/// The entries by column and then by row, as a matrix of its own.
SparseMatrix transposed(SparseMatrix const& m) {
  std::vector<std::size_t> order(m.values.size());
  for (std::size_t e = 0; e < order.size(); ++e) order[e] = e;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return m.column[a] < m.column[b]; });
  SparseMatrix t;
  t.rows = m.columns;
  t.columns = m.rows;
  for (auto const e : order) {
    t.row.push_back(m.column[e]);
    t.column.push_back(m.row[e]);
    t.values.push_back(m.values[e]);
  }
  return t;
}

SparseMatrix make_symmetric(SparseMatrix const& m, MatrixRequest const& request,
                            Matrices& matrices) {
  auto const t = transposed(m);
  SparseMatrix sum;
  sum.rows = m.rows;
  sum.columns = m.columns;
  Asymmetry found;
  std::size_t a = 0, b = 0;
  auto const place = [](SparseMatrix const& s, std::size_t e) {
    // Behind all places at the end.
    return e < s.values.size() ? std::pair(s.row[e], s.column[e])
                               : std::pair(std::numeric_limits<int>::max(), 0);
  };
  while (a < m.values.size() || b < t.values.size()) {
    auto const here = std::min(place(m, a), place(t, b));
    double const left = place(m, a) == here ? m.values[a++] : 0;
    double const right = place(t, b) == here ? t.values[b++] : 0;
    found.see(here.first, here.second, left, right);
    sum.row.push_back(here.first);
    sum.column.push_back(here.second);
    sum.values.push_back(mean(left, right));
  }
  judge(found, request, matrices);
  return sum;
}

bool wanted_dense(MatrixRequest const& request, int n) {
  if (request.method == "products") return false;
  if (request.method == "automatic") return n <= direct_order;
  MINFOLD_REQUIRE(n <= largest_dense_order, request.file, ": --method ", request.method,
                  " needs all n x n entries, expected n up to ", largest_dense_order,
                  ", found n = ", n, ": take --method products");
  return true;
}

int as_int(std::uint64_t extent, std::string const& file) {
  MINFOLD_REQUIRE(extent <= std::uint64_t(std::numeric_limits<int>::max()), file,
                  ": expected extents below 2^31, found ", extent);
  return int(extent);
}

}  // namespace

Matrices read_matrices(MatrixRequest const& request) {
  auto content = read_matrix_file(request.file);
  Matrices matrices;
  std::vector<std::uint64_t> shape;
  ElementType type = ElementType::float64;
  if (auto const* const sparse = std::get_if<SparseMatrix>(&content)) {
    shape = {std::uint64_t(sparse->rows), std::uint64_t(sparse->columns)};
  } else {
    shape = std::get<Array>(content).shape;
    type = std::get<Array>(content).type;
  }
  std::size_t const d = shape.size();
  MINFOLD_REQUIRE((d == 2 || d == 3) && shape[d - 1] == shape[d - 2], request.file,
                  ": expected a matrix n x n or a batch items x n x n, found ", shape_text(shape));
  MINFOLD_REQUIRE(element_count(shape) != 0u, request.file, ": expected matrices, found ",
                  shape_text(shape), ", which has no entries");
  matrices.batch = d == 3;
  matrices.items = matrices.batch ? as_int(shape[0], request.file) : 1;
  matrices.n = as_int(shape[d - 1], request.file);
  matrices.single =
      request.precision ? *request.precision == "float" : type == ElementType::float32;

  if (auto* const sparse = std::get_if<SparseMatrix>(&content)) {
    auto symmetric = make_symmetric(*sparse, request, matrices);
    if (wanted_dense(request, matrices.n))
      matrices.values = to_dense(symmetric).values;
    else
      matrices.values = std::move(symmetric);
  } else {
    auto& values = std::get<Array>(content).values;
    make_symmetric(values, request, matrices);
    matrices.values = std::move(values);
  }
  return matrices;
}

RightSides read_right_sides(MatrixRequest const& request, Matrices const& matrices) {
  auto const items = std::uint64_t(matrices.items), n = std::uint64_t(matrices.n);
  RightSides b;
  if (!request.rhs) {
    MINFOLD_REQUIRE(matrices.n <= largest_inverse_order, request.file,
                    ": H^+ itself is computed for n up to ", largest_inverse_order,
                    ", found n = ", n, ": give --rhs FILE");
    b.columns = matrices.n;
    b.shape = matrices.batch ? std::vector{items, n, n} : std::vector{n, n};
    b.values.assign(items * n * n, 0);
    for (std::size_t i = 0; i < items * n; ++i) b.values[i * n + i % n] = 1;
    return b;
  }

  auto const& file = *request.rhs;
  auto content = read_matrix_file(file);
  if (auto const* const sparse = std::get_if<SparseMatrix>(&content))
    MINFOLD_REQUIRE(std::uint64_t(sparse->columns) <= 1024 && sparse->rows == matrices.n, file,
                    ": expected n x r numbers with n = ", n, " and r up to 1024, found ",
                    sparse->rows, " x ", sparse->columns);
  Array const array = std::holds_alternative<Array>(content)
                          ? std::move(std::get<Array>(content))
                          : to_dense(std::get<SparseMatrix>(content));
  auto const& shape = array.shape;
  std::size_t const d = shape.size();
  bool const for_all = matrices.batch && d == 1 && shape[0] == n;
  bool const fits = matrices.batch
                        ? for_all || ((d == 2 || d == 3) && shape[0] == items && shape[1] == n)
                        : (d == 1 || d == 2) && shape[0] == n;
  std::string const wanted =
      matrices.batch
          ? "items x n, items x n x r or n with items = " + std::to_string(items) + ", n = "
          : "n or n x r with n = ";
  MINFOLD_REQUIRE(fits && element_count(shape) != 0u, file, ": expected ", wanted, n, ", found ",
                  shape_text(shape));
  bool const blocks = d == (matrices.batch ? 3 : 2);
  b.columns = blocks ? as_int(shape[d - 1], file) : 1;
  b.shape = for_all ? std::vector{items, n} : shape;

  auto const columns = std::size_t(b.columns);
  b.values.resize(items * columns * n);
  for (std::size_t item = 0; item < items; ++item)
    for (std::size_t c = 0; c < columns; ++c)
      for (std::size_t i = 0; i < n; ++i)
        b.values[(item * columns + c) * n + i] =
            array.values[((for_all ? 0 : item) * n + i) * columns + c];
  if (matrices.single) {
    double largest = 0;
    for (double const v : b.values)
      if (std::isfinite(v)) largest = std::max(largest, std::abs(v));
    require_range_of_float(largest, file, "b");
  }
  return b;
}

std::vector<double> columns_last(std::vector<double> const& values, std::size_t items,
                                 std::size_t columns, std::size_t n) {
  std::vector<double> turned(values.size());
  for (std::size_t item = 0; item < items; ++item)
    for (std::size_t c = 0; c < columns; ++c)
      for (std::size_t i = 0; i < n; ++i)
        turned[(item * n + i) * columns + c] = values[(item * columns + c) * n + i];
  return turned;
}

}  // namespace minfold::cli
