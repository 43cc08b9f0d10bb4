// SPDX-License-Identifier: Apache-2.0
#include <minfold/files/atomic_file.hpp>

#include "commands.hpp"
#include "gnuplot.hpp"
#include "output_names.hpp"
#include "report_figures.hpp"
#include "report_page.hpp"
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <stdexcept>

namespace minfold::cli {

int write_report(std::vector<std::string> const& files, std::string const& out) {
  for (auto const& file : files) require_two_files("--out", out, "FILE", file);
  require_writable(out);
  std::vector<RunRecord> runs;
  for (auto const& file : files) runs.push_back(read_run_record(file));

  auto const figures = report_figures(runs);
  std::vector<std::string> pictures;
  std::string missing;
  auto const gnuplot = find_gnuplot();
  if (figures.empty()) {
    missing = "no run has numbers to draw";
  } else if (gnuplot.empty()) {
    missing = "there is no gnuplot in PATH";
  } else {
    try {
      pictures = draw(gnuplot, runs, figures);
    } catch (std::runtime_error const& error) {
      missing = error.what();
    }
  }
  write_whole_file(out, report_page(runs, figures, pictures, missing));
  if (!missing.empty()) spdlog::warn("minfold: {} has no figures: {}", out, missing);
  return 0;
}

}  // namespace minfold::cli
