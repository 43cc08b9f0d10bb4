// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_REPORT_FIGURES_HPP
#define MINFOLD_CLI_REPORT_FIGURES_HPP

#include "run_record.hpp"

#include <string>
#include <vector>

namespace minfold::cli {

struct Figure {
  std::string section;  ///< heading above the first figure of several
  std::string plot;     ///< commands of gnuplot for one picture; data as $r1, $r2, ...
};

/// The figures of a page about these runs, each with all of them; no text of a report is in them, and
/// their legend is that of the page.
std::vector<Figure> report_figures(std::vector<RunRecord> const& runs);

/// The data blocks that the figures refer to. Numbers only.
std::string figure_data(std::vector<RunRecord> const& runs);

/// One <svg> element a figure, ready for a page: names in one do not clash with those in another.
///
/// Errors: std::runtime_error with one sentence.
std::vector<std::string> draw(std::string const& gnuplot, std::vector<RunRecord> const& runs,
                              std::vector<Figure> const& figures);

/// "#rrggbb" of a run, the same in figures and text.
std::string run_color(std::size_t run);

/// How often the colour of a run was that of another one before: 0 for the first eight, up to 3.
int run_round(std::size_t run);

}  // namespace minfold::cli

#endif
