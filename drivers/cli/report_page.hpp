// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_REPORT_PAGE_HPP
#define MINFOLD_CLI_REPORT_PAGE_HPP

#include "report_figures.hpp"
#include "run_record.hpp"

#include <string>
#include <vector>

namespace minfold::cli {

/// &, <, >, quotes as entities; control characters and broken UTF-8 as U+FFFD.
std::string html_text(std::string const& text);

/// The whole page. `pictures` are those of `figures`, or none; then `no_pictures` says why.
std::string report_page(std::vector<RunRecord> const& runs, std::vector<Figure> const& figures,
                        std::vector<std::string> const& pictures, std::string const& no_pictures);

}  // namespace minfold::cli

#endif
