// SPDX-License-Identifier: Apache-2.0
// minfold and its peers on the same matrices: see bench/README.md.
#include "compare/report.hpp"
#include "support/machine.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace minfold::bench {
namespace {

char const* const usage =
    "usage: compare [OPTIONS]\n"
    "\n"
    "Runs minfold and its peers on the same matrices, in turns, checks every answer first, and "
    "prints a\n"
    "table in Markdown. Exit status: 0 all answers of minfold are right, 1 one is wrong, 2 bad "
    "usage.\n"
    "\n"
    "  --only WORD      cases or jobs with WORD in their name; may be repeated\n"
    "  --scaling        only minfold with one thread and with all, in turns, where a case is for "
    "that\n"
    "  --threads N      of the host\n"
    "  --rounds N       time every contender N times; default: what fits --seconds, at least 3\n"
    "  --seconds S      for one case, all contenders together (4)\n"
    "  --json FILE      write the results as JSON\n"
    "  --markdown FILE  write the table there too\n"
    "  --list           print the cases\n"
    "  --break NAME     falsify the answers of a contender: it must be shown as wrong\n";

struct Options {
  std::vector<std::string> only;
  Plan plan;
  int threads = 0;
  std::string json, markdown;
  bool list = false, help = false, scaling = false;
};

int positive(std::string const& name, std::string const& text) {
  char* end = nullptr;
  long const value = std::strtol(text.c_str(), &end, 10);
  if (text.empty() || *end != 0 || value < 1 || value > 512)
    throw std::invalid_argument(name + ": expected an integer from 1 to 512, got '" + text + "'");
  return int(value);
}

Options parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    std::string const name = argv[i];
    auto const value = [&]() -> std::string {
      if (i + 1 == argc) throw std::invalid_argument(name + " needs a value");
      return argv[++i];
    };
    if (name == "--help" || name == "-h")
      o.help = true;
    else if (name == "--list")
      o.list = true;
    else if (name == "--scaling")
      o.scaling = true;
    else if (name == "--only")
      o.only.push_back(value());
    else if (name == "--threads")
      o.threads = positive(name, value());
    else if (name == "--rounds")
      o.plan.rounds = positive(name, value());
    else if (name == "--seconds")
      o.plan.seconds = positive(name, value());
    else if (name == "--json")
      o.json = value();
    else if (name == "--markdown")
      o.markdown = value();
    else if (name == "--break")
      o.plan.broken.push_back(value());
    else
      throw std::invalid_argument("there is no option " + name + "; compare --help lists them");
  }
  return o;
}

std::vector<Case> chosen(Options const& o) {
  auto cases = all_cases();
  if (!o.only.empty())
    std::erase_if(cases, [&](Case const& c) {
      for (auto const& word : o.only)
        if ((c.name + " " + to_string(c.job)).find(word) != std::string::npos) return false;
      return true;
    });
  if (cases.empty()) throw std::invalid_argument("no case or job is called that; see --list");
  return cases;
}

void write(std::string const& path, std::string const& text) {
  std::ofstream file(path);
  file << text;
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path);
}

int run(Options const& o) {
  auto const cases = chosen(o);
  if (o.list) {
    for (auto const& c : cases) std::printf("%-20s %s\n", to_string(c.job), c.name.c_str());
    return 0;
  }
  auto settings = Kokkos::InitializationSettings().set_disable_warnings(true);
  if (o.threads > 0) settings.set_num_threads(o.threads);
  Kokkos::ScopeGuard const kokkos(settings);
  auto const start = std::chrono::steady_clock::now();
  Report report;
  report.machine = machine();
  report.one = measure_ceilings(1);
  report.all = measure_ceilings(HostSpace().concurrency());
  report.device = measure_device_ceilings();
  bool const on_host = report.device.read_memory == 0;
  bool right = true;
  for (auto const& c : cases) {
    if (scales(c)) {
      report.scaling.push_back(measure_scaling(c, o.plan));
      right = right && !report.scaling.back().verdict.wrong;
      std::fputs(as_line(report.scaling.back()).c_str(), stderr);
    }
    if (o.scaling) continue;
    report.rows.push_back(measure(c, o.plan, on_host ? report.all : report.device));
    right = right && !report.rows.back().minfold.verdict.wrong;
    std::fputs(as_lines(report.rows.back()).c_str(), stderr);
  }
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  auto const table = as_markdown(report);
  std::fputs(table.c_str(), stdout);
  if (!o.json.empty()) write(o.json, as_json(report));
  if (!o.markdown.empty()) write(o.markdown, table);
  return right ? 0 : 1;
}

}  // namespace
}  // namespace minfold::bench

int main(int argc, char** argv) {
  namespace bench = minfold::bench;
  try {
    auto const options = bench::parse(argc, argv);
    if (options.help) {
      std::fputs(bench::usage, stdout);
      return 0;
    }
    return bench::run(options);
  } catch (std::invalid_argument const& error) {
    std::fprintf(stderr, "compare: %s\n", error.what());
    return 2;
  } catch (std::exception const& error) {
    std::fprintf(stderr, "compare: %s\n", error.what());
    return 3;
  }
}
