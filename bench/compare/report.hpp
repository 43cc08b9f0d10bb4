// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_BENCH_COMPARE_REPORT_HPP
#define MINFOLD_BENCH_COMPARE_REPORT_HPP

#include "compare/measure.hpp"

#include <map>
#include <string>
#include <vector>

namespace minfold::bench {

struct Report {
  std::map<std::string, std::string> machine;
  Ceilings one, all;  ///< of the host: one thread, all threads
  Ceilings device;    ///< zero without a device
  std::vector<Row> rows;
  std::vector<Scaling> scaling;
  double seconds = 0;  ///< that the run took
};

std::string as_json(Report const& report);
std::string as_markdown(Report const& report);
/// A line or two while the run goes on.
std::string as_lines(Row const& row);
std::string as_line(Scaling const& scaling);

}  // namespace minfold::bench

#endif
