// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_STUDY_STUDIES_HPP
#define MINFOLD_STUDY_STUDIES_HPP

#include "study/runner.hpp"

#include <string>
#include <vector>

/// The studies: what is run. What is made of the runs is in report.py.
namespace minfold::study {

struct Study {
  std::string name, summary;
  double minutes, quick_minutes;  ///< expected on two cores
  void (*run)(Runner&, bool quick);
};

std::vector<Study> const& studies();
/// Throws std::invalid_argument.
Study const& find_study(std::string const& name);

void run_selection(Runner&, bool quick);
void run_regularity(Runner&, bool quick);
void run_rates(Runner&, bool quick);
void run_global(Runner&, bool quick);
void run_comparison(Runner&, bool quick);

}  // namespace minfold::study

#endif
