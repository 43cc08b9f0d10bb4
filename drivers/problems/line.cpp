// SPDX-License-Identifier: Apache-2.0
#include <minfold/problems/line.hpp>

#include "entries.hpp"
#include "host.hpp"

#include <cmath>

namespace minfold {
namespace {

struct LineTruth {
  double target = 1;

  Truth truth(std::vector<double> const& x) const {
    double const gap = x[0] - target;
    return {0.5 * gap * gap, {gap}, {x[0], x[0]}, true};
  }
  Optimum optimum() const { return {0, {target}}; }
  double distance(std::vector<double> const& x, std::vector<double> const& y) const {
    return std::abs(y[0] - x[0]);
  }
};

template <class T>
NamedProblem<T> make_line(Settings& settings, ProblemContext const&) {
  auto data = std::make_shared<LineTruth>();
  data->target = settings.number("target", 1, -1e3, 1e3, "f contains 1/2 (y_0 - target)^2");
  auto const start = settings.numbers("x0", {0.3}, 1, "start of the upper variable");
  return impl::assemble<T, Line<T>, LineTruth>({T(data->target)}, start, data);
}

}  // namespace

CatalogEntry line_entry() {
  return {"line", "the smallest example: implicit differentiation without selection is biased",
          make_line<double>, make_line<float>};
}

}  // namespace minfold
