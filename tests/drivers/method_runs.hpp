// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_METHOD_RUNS_HPP
#define MINFOLD_TESTS_METHOD_RUNS_HPP

#include <minfold/drivers/functor_problem.hpp>
#include <minfold/drivers/method_catalog.hpp>

#include "support/host.hpp"

#include <cmath>
#include <memory>
#include <string>
#include <vector>

/// Runs of the methods of the catalog from host vectors to host vectors.
namespace minfold::test {

template <class T>
std::unique_ptr<Method<T, Space>> new_method(std::string const& name,
                                             std::vector<std::string> const& sets) {
  Settings settings(sets);
  auto const& entry = find_method(name);
  auto method = [&] {
    if constexpr (sizeof(T) == sizeof(double))
      return entry.make_double(settings);
    else
      return entry.make_float(settings);
  }();
  settings.refuse_unknown();
  return method;
}

struct MethodEnd {
  SolveResult result;
  std::vector<Iteration> lines;
  Vec x, y;  ///< row after row
};

/// `iterations` of the method from x and y, not stopped by a tolerance, not assessed.
template <class T>
MethodEnd run_named(AnyProblem<T, Space> const& problem, std::string const& name,
                    std::vector<std::string> const& sets, Vec const& x, Vec const& y,
                    int iterations, bool assess = false) {
  Space const space;
  BilevelState<T, Space> state(space, problem);
  minfold::impl::from_doubles<T, Space>(space, x, state.x);
  minfold::impl::from_doubles<T, Space>(space, y, state.y);
  state.warm = true;
  RunOptions<T> options;
  options.max_iterations = iterations;
  options.tolerance = T(0);
  options.assess = assess;
  auto const method = new_method<T>(name, sets);
  MethodEnd end;
  end.result = run_method<T, Space>(space, problem, state, *method, options, [&](auto const& line) {
    end.lines.push_back(line);
    return true;
  });
  end.x = minfold::impl::to_doubles(space, state.x);
  end.y = minfold::impl::to_doubles(space, state.y);
  return end;
}

}  // namespace minfold::test

#endif
