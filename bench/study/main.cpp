// SPDX-License-Identifier: Apache-2.0
// What the papers claim, measured: see bench/study/README.md.
#include <minfold/files/atomic_file.hpp>

#include <Kokkos_Core.hpp>

#include "study/execute.hpp"
#include "study/studies.hpp"
#include <signal.h>

#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

namespace minfold::study {

std::vector<Study> const& studies() {
  static std::vector<Study> const all = {
      {"selection", "what each method takes for grad F where the lower solution is not unique", 9,
       0.5, run_selection},
      {"regularity", "kinks and lost smoothness of F along a line, by HG-MS and by closed form",
       0.1, 0.1, run_regularity},
      {"rates", "slopes of QP1 and QP2, convergence of PBGD, products of HG-MS against k and d", 5,
       0.3, run_rates},
      {"global", "whether PBGD and HG-MS reach the constrained optimum from random starts", 11, 0.6,
       run_global},
      {"comparison", "all methods on hyper-cleaning and redundant-arm, equal work and equal time",
       50, 0.6, run_comparison}};
  return all;
}

Study const& find_study(std::string const& name) {
  std::string known;
  for (auto const& study : studies()) {
    if (study.name == name) return study;
    known += (known.empty() ? "" : ", ") + study.name;
  }
  throw std::invalid_argument("there is no study " + name + "; there are " + known);
}

namespace {

char const* const usage =
    "usage: study NAME... [OPTIONS]\n"
    "\n"
    "Runs a study and leaves an index of its runs for the report. Interrupted, the same command "
    "goes on\n"
    "where it stopped. Exit status: 0 done, 1 a run is not reproduced, 2 bad usage, 130 "
    "interrupted.\n"
    "\n"
    "  --list         print the studies, and how long they take on two cores\n"
    "  --all          all of them\n"
    "  --quick        fewer and shorter runs of the same kind\n"
    "  --runs DIR     where finished runs are, and the index of each study (build/studies/runs)\n"
    "  --reuse        take finished runs of other commits too\n"
    "  --quiet        no line for each run\n"
    "  --replay FILE  do a finished run again: the same, bit for bit?\n";

struct Options {
  std::vector<std::string> names;
  std::string runs = "build/studies/runs", replay;
  bool list = false, all = false, quick = false, reuse = false, quiet = false, help = false;
};

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
    else if (name == "--all")
      o.all = true;
    else if (name == "--quick")
      o.quick = true;
    else if (name == "--reuse")
      o.reuse = true;
    else if (name == "--quiet")
      o.quiet = true;
    else if (name == "--runs")
      o.runs = value();
    else if (name == "--replay")
      o.replay = value();
    else if (name[0] == '-')
      throw std::invalid_argument("there is no option " + name + "; study --help lists them");
    else
      o.names.push_back(find_study(name).name);
  }
  if (o.all)
    for (auto const& study : studies()) o.names.push_back(study.name);
  if (!o.help && !o.list && o.replay.empty() && o.names.empty())
    throw std::invalid_argument("no study is named; study --list prints them");
  return o;
}

void list() {
  double all = 0, quick = 0;
  for (auto const& study : studies()) {
    std::printf("%-11s %5.1f min, --quick %4.1f min  %s\n", study.name.c_str(), study.minutes,
                study.quick_minutes, study.summary.c_str());
    all += study.minutes;
    quick += study.quick_minutes;
  }
  std::printf("%-11s %5.1f min, --quick %4.1f min  on two cores\n", "all", all, quick);
}

void listen() {
  struct sigaction action{};
  action.sa_handler = [](int) { interrupted = 1; };
  action.sa_flags = SA_RESETHAND | SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int run(Options const& o) {
  Kokkos::ScopeGuard const kokkos(Kokkos::InitializationSettings().set_disable_warnings(true));
  if (!o.replay.empty()) return replay(o.replay) ? 0 : 1;
  listen();
  Runner runner({o.runs, o.reuse, o.quiet});
  for (auto const& name : o.names) {
    runner.begin();
    find_study(name).run(runner, o.quick);
    write_whole_file(o.runs + "/" + name + ".index.json",
                     runner.index(name, o.quick).dump(1) + "\n");
  }
  std::fprintf(stderr, "%d runs done, %d were finished before\n", runner.executed(),
               runner.reused());
  return 0;
}

}  // namespace
}  // namespace minfold::study

int main(int argc, char** argv) {
  namespace study = minfold::study;
  try {
    auto const options = study::parse(argc, argv);
    if (options.help)
      std::fputs(study::usage, stdout);
    else if (options.list)
      study::list();
    else
      return study::run(options);
    return 0;
  } catch (std::invalid_argument const& error) {
    std::fprintf(stderr, "study: %s\n", error.what());
    return 2;
  } catch (study::Interrupted const& stopped) {
    std::fprintf(stderr, "\nstudy: %s\n", stopped.what());
    return 130;
  } catch (std::exception const& error) {
    std::fprintf(stderr, "study: %s\n", error.what());
    return 3;
  }
}
