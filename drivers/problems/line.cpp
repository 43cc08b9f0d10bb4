// SPDX-License-Identifier: Apache-2.0
#include <minfold/problems/line.hpp>

#include "entries.hpp"
#include "host.hpp"

#include <cmath>

namespace minfold {
namespace {

struct LineTruth {
  Truth truth(std::vector<double> const& x) const {
    return {0.5 * (x[0] - 1) * (x[0] - 1), {x[0] - 1}, {x[0], x[0]}, true};
  }
  Optimum optimum() const { return {0, {1}}; }
  double distance(std::vector<double> const& x, std::vector<double> const& y) const {
    return std::abs(y[0] - x[0]);
  }
};

template <class T>
NamedProblem<T> make_line(Settings& settings, ProblemContext const&) {
  auto const start = settings.numbers("x0", {0.3}, 1, "start of the upper variable");
  return impl::assemble<T, Line<T>, LineTruth>(Line<T>{}, start, std::make_shared<LineTruth>());
}

}  // namespace

CatalogEntry line_entry() {
  return {"line", "the smallest example: implicit differentiation without selection is biased",
          make_line<double>, make_line<float>};
}

}  // namespace minfold
