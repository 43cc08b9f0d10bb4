// SPDX-License-Identifier: Apache-2.0
#include "study/records.hpp"

#include <algorithm>
#include <cmath>

namespace minfold::study {

Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

double length(std::vector<double> const& v) {
  double square = 0;
  for (double const e : v) square += e * e;
  return std::sqrt(square);
}

double distance(std::vector<double> const& a, std::vector<double> const& b) {
  if (a.size() != b.size()) return std::nan("");
  double square = 0;
  for (std::size_t i = 0; i < a.size(); ++i) square += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(square);
}

std::vector<double> host_copy(Space const& space, Vectors<double, Space> const& view) {
  auto const host = to_host(space, view);
  return {host.data(), host.data() + host.size()};
}

Records::Records(NamedProblem<double> const& named, bool directions)
    : named_(named), directions_(directions) {
  for (char const* name :
       {"iteration", "gradient_equivalents", "gradients", "hessian_products", "upper",
        "stationarity", "lower_gradient_norm", "lower_gap", "kkt_residual", "penalty"})
    columns_[name] = Json::array();
  if (directions_)
    for (char const* name : {"gradient_error", "gradient_size"}) columns_[name] = Json::array();
}

void Records::add(Iteration const& line, std::vector<double> const& x,
                  std::vector<double> const& hypergradient) {
  auto const work = total(line.counters);
  columns_["iteration"].push_back(line.iteration);
  columns_["gradient_equivalents"].push_back(gradient_equivalents(work));
  columns_["gradients"].push_back(work.gradients);
  columns_["hessian_products"].push_back(work.hessian_products + work.mixed_products);
  columns_["upper"].push_back(number(line.upper));
  columns_["stationarity"].push_back(number(line.hypergradient_norm));
  columns_["lower_gradient_norm"].push_back(number(line.lower_gradient_norm));
  columns_["lower_gap"].push_back(number(line.lower_gap));
  columns_["kkt_residual"].push_back(number(line.kkt_residual));
  columns_["penalty"].push_back(number(line.penalty));
  seconds_.push_back(line.seconds);
  if (directions_) add_direction(line, x, hypergradient);
}

/// HG-MS says its hypergradient at x. Of others the step that led here tells the direction that was
/// taken at the x before; so their last x has no entry, and that of HG-MS has.
void Records::add_direction(Iteration const& line, std::vector<double> const& x,
                            std::vector<double> const& hypergradient) {
  auto const keep = [&](std::vector<double> const& direction, std::vector<double> const& at) {
    auto const truth = named_.truth(at);
    columns_["gradient_error"].push_back(number(distance(direction, truth.gradient)));
    columns_["gradient_size"].push_back(number(length(truth.gradient)));
  };
  bool const usable =
      named_.truth && std::all_of(x.begin(), x.end(), [](double v) { return std::isfinite(v); });
  if (usable && !hypergradient.empty()) {
    keep(hypergradient, x);
  } else if (usable && !last_x_.empty() && line.step > 0) {
    std::vector<double> direction(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) direction[i] = (last_x_[i] - x[i]) / line.step;
    keep(direction, last_x_);
  }
  last_x_ = x;
}

}  // namespace minfold::study
