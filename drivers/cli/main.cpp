// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/version.hpp>
#include <minfold/drivers/method_catalog.hpp>

#include "checks.hpp"
#include "commands.hpp"
#include "config_use.hpp"
#include "matrix_request.hpp"
#include "runtime.hpp"
#include "terminal.hpp"
#include "waiting.hpp"
#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace minfold::cli {
namespace {

/// What a shell sees. The text of --help says the same.
enum Exit { done = 0, not_solved = 1, bad_input = 2, internal = 3 };

char const* const footer =
    "Exit status: 0 solved (converged and certified; check: all derivatives right; doctor: "
    "nothing\n"
    "to mend), 1 not converged or not certified (check: something is wrong; doctor: warnings), 2 "
    "bad\n"
    "usage or input, 3 internal error, 129, 130 or 143 stopped by SIGHUP, SIGINT or SIGTERM after "
    "the\n"
    "running iteration; a second signal ends at once.\n"
    "Flags of Kokkos work too, --kokkos-num-threads=N for example; see --kokkos-help.";

bool is_kokkos_flag(std::string const& argument) {
  return argument.rfind("--kokkos-", 0) == 0;
}

/// Options of the command line that several sub-commands share.
void add_corruption_rule(CLI::App& app, SolveRequest& request) {
  app.add_option_function<std::string>(
         "--corruption-rule",
         [&request](std::string const& rule) { request.sets.push_back("corruption-rule=" + rule); },
         "of hyper-cleaning: new labels are always wrong (exclusive), drawn from all classes\n"
         "(with-replacement), or whole classes get the label of another one (classes); the same "
         "as\n"
         "--set corruption-rule=RULE")
      ->check(CLI::IsMember({"exclusive", "with-replacement", "classes"}))
      ->type_name("RULE");
}
void add_problem(CLI::App& app, SolveRequest& request) {
  app.add_option("PROBLEM", request.problem, "see minfold list");
  app.add_option("--set", request.sets, "key=value of the problem or the method, may be repeated")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  app.add_option("--data", request.data, "folder with the data of the problem")->type_name("DIR");
  add_corruption_rule(app, request);
}
void add_seed(CLI::App& app, SolveRequest& request) {
  app.add_option("--seed", request.seed, "of the problem and of the method")
      ->check(seed_number)
      ->capture_default_str()
      ->type_name("S");
}
void add_run(CLI::App& app, SolveRequest& request) {
  add_seed(app, request);
  app.add_option("--precision", request.precision, "float or double")
      ->check(CLI::IsMember({"float", "double"}))
      ->capture_default_str()
      ->type_name("P");
  app.add_flag("--quiet", request.quiet, "only the result");
}
void add_solve(CLI::App& app, SolveRequest& request) {
  add_run(app, request);
  app.add_option("--max-iterations", request.max_iterations, "outer iterations")
      ->check(CLI::Range(0, 1'000'000'000))
      ->type_name("N");
  app.add_option(
         "--tolerance", request.tolerance,
         "stop at |hypergradient|, or what the method takes for it, <= T times its terms at x_0")
      ->check(positive_number)
      ->type_name("T");
}

void add_json(CLI::App& app, SolveRequest& request) {
  app.add_option("--json", request.json, "write everything about the solve to this file")
      ->type_name("FILE");
}
void add_checkpoint(CLI::App& app, SolveRequest& request) {
  app.add_option("--checkpoint", request.checkpoint,
                 "keep the state of the solve in this file, for minfold resume: every half\n"
                 "minute, and at the end, on SIGINT, SIGTERM or SIGHUP, and on an error")
      ->type_name("FILE");
  app.add_option("--every", request.every, "write the checkpoint every N iterations instead")
      ->check(CLI::Range(1, 1'000'000'000))
      ->type_name("N");
}
void add_resume(CLI::App& app, SolveRequest& request, std::string& checkpoint) {
  app.add_option("FILE", checkpoint, "of --checkpoint; it is kept up to date")->required();
  add_json(app, request);
  app.add_option("--max-iterations", request.max_iterations,
                 "outer iterations in all, instead of those that the solve was given")
      ->check(CLI::Range(0, 1'000'000'000))
      ->type_name("N");
  app.add_flag("--quiet", request.quiet, "only the result");
}

CLI::Option* add_method(CLI::App& app, SolveRequest& request, std::string const& meaning) {
  return app.add_option("--method", request.method, meaning)
      ->check([](std::string const& name) {
        try {
          find_method(name);
        } catch (std::invalid_argument const& error) {
          return std::string(error.what());
        }
        return std::string();
      })
      ->capture_default_str()
      ->type_name("M");
}

std::string method_summaries() {
  std::string text = "one of";
  for (auto const& method : methods()) text += "\n" + method.name + ": " + method.summary;
  return text;
}

int run(int argc, char** argv) {
  std::vector<std::string> kokkos_flags, rest;
  for (int i = 1; i < argc; ++i) (is_kokkos_flag(argv[i]) ? kokkos_flags : rest).push_back(argv[i]);

  CLI::App app{
      "Bilevel problems min_x min { f(x, y) : y in argmin g(x, .) } whose lower level has a\n"
      "manifold of minimizers, solved with certified hypergradients.",
      "minfold"};
  app.set_version_flag("--version", std::string("minfold ") + version);
  app.footer(footer);
  app.require_subcommand(0, 1);
  SolveRequest request;
  int points = 4;

  auto* const list = app.add_subcommand("list", "all problems, or what --set can change in one");
  add_problem(*list, request);
  add_seed(*list, request);
  bool only_methods = false;
  list->add_flag("--methods", only_methods, "all methods instead")
      ->excludes(list->get_option("PROBLEM"));
  auto* const of_method =
      add_method(*list, request, "whose keys are shown with those of the PROBLEM");

  auto* const solve = app.add_subcommand("solve", "solve a problem");
  add_problem(*solve, request);
  add_method(*solve, request, method_summaries());
  add_solve(*solve, request);
  add_json(*solve, request);
  add_checkpoint(*solve, request);
  add_config(*solve, request);

  auto* const resume = app.add_subcommand("resume", "go on with a solve from its checkpoint");
  std::string checkpoint;
  add_resume(*resume, request, checkpoint);

  auto* const show_config = app.add_subcommand(
      "show-config", "the options that a solve would have, as a file for --config");
  add_problem(*show_config, request);
  add_method(*show_config, request, method_summaries());
  add_solve(*show_config, request);
  add_json(*show_config, request);
  add_checkpoint(*show_config, request);
  add_config(*show_config, request);

  auto* const check =
      app.add_subcommand("check", "compare the derivatives of a problem with finite differences");
  add_problem(*check, request);
  add_run(*check, request);
  check->add_option("--points", points, "random points")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str()
      ->type_name("N");
  add_config(*check, request);

  auto* const demo =
      app.add_subcommand("demo", "clean wrong labels of images, and fit an arm to 1,000 targets");
  add_solve(*demo, request);
  add_corruption_rule(*demo, request);

  auto* const report = app.add_subcommand(
      "report", "a page about reports of solve --json: convergence, work, verdicts");
  std::vector<std::string> files;
  std::string out = "report.html";
  report->add_option("FILE", files, "reports, all in the same figures")
      ->required()
      ->expected(-1)
      ->type_name("FILE...");
  report->add_option("--out", out, "the page, HTML that needs nothing else")
      ->capture_default_str()
      ->type_name("FILE");

  auto* const doctor = app.add_subcommand(
      "doctor",
      "what minfold runs on: processors, threads, memory, libraries, and what slows it down");
  bool as_json = false;
  doctor->add_flag("--json", as_json, "as JSON");
  for (auto* const command : {list, solve, resume, show_config, check, demo, report, doctor})
    command->footer(footer);
  MatrixCommands const matrices(app);

  try {
    std::reverse(rest.begin(), rest.end());  // CLI11 takes a vector from its back
    app.parse(rest);
  } catch (CLI::Success const& asked) {
    return app.exit(asked);  // --help, --version
  } catch (CLI::ParseError const& error) {
    throw std::invalid_argument(std::string(error.what()) + " (minfold --help tells more)");
  }
  bool const kokkos_help =
      std::any_of(kokkos_flags.begin(), kokkos_flags.end(),
                  [](std::string const& flag) { return flag == "--kokkos-help"; });
  if (app.get_subcommands().empty() && !kokkos_help) {
    std::fputs(app.help().c_str(), stdout);
    return kokkos_flags.empty() && argc == 1 ? done : bad_input;
  }
  if (list->parsed() && request.problem.empty()) {
    std::string const given = !request.sets.empty()    ? "--set " + request.sets[0]
                              : !request.data.empty()  ? "--data " + request.data
                              : of_method->count() > 0 ? "--method " + request.method
                                                       : "";
    if (!given.empty())
      throw std::invalid_argument("list: " + given + " is for a PROBLEM, and none is named");
    if (kokkos_flags.empty()) return only_methods ? list_methods() : list_problems();
  }

  if (report->parsed()) return write_report(files, out);
  for (auto* const command : {solve, show_config, check}) {
    if (!command->parsed()) continue;
    use_config(*command, request);
    if (request.problem.empty())
      throw std::invalid_argument(command->get_name() +
                                  ": PROBLEM is required (minfold list has all problems)");
  }

  Runtime const runtime(std::move(kokkos_flags));
  if (app.get_subcommands().empty()) return done;
  if (only_methods) return list_methods();
  if (doctor->parsed()) return run_doctor(as_json);
  if (list->parsed()) return request.problem.empty() ? list_problems() : list_keys(request);
  try {
    if (show_config->parsed()) return run_show_config(request);
    if (check->parsed()) return run_check(request, points);
    if (demo->parsed()) return run_demo(request);
    if (resume->parsed()) return run_resume(checkpoint, request);
    if (matrices.parsed()) return matrices.run();
    return run_solve(request);
  } catch (std::invalid_argument const& error) {
    throw std::invalid_argument(in_terms_of_the_file(request, error.what()));
  }
}

/// One sentence on stderr, in red on a terminal. Sentences from the library start with its name.
int complain(Exit status, std::string_view sentence) {
  std::string_view const name = "minfold: ";
  if (sentence.substr(0, name.size()) == name) sentence.remove_prefix(name.size());
  spdlog::error("minfold: {}{}", status == internal ? "internal error: " : "", sentence);
  return status;
}

/// Of what was started without one of the three streams a file would get its number, and what is said to
/// the stream would go into the file.
void require_streams() {
  for (int stream = 0; stream < 3; ++stream)
    if (fcntl(stream, F_GETFD) < 0) open("/dev/null", O_RDWR);
}

/// Results that nobody gets are no success.
int complain_unless_printed(int status) {
  bool const before = std::ferror(stdout) != 0;
  if (std::fflush(stdout) == 0 && !before) return status;
  std::string const reason = before ? "" : std::string(": ") + std::strerror(errno);
  complain(bad_input, "cannot write to the standard output" + reason);
  return status == done || status == not_solved ? int(bad_input) : status;
}

}  // namespace
}  // namespace minfold::cli

int main(int argc, char* argv[]) {
  namespace cli = minfold::cli;
  cli::require_streams();
  cli::wait_briefly(argv);
  auto const sink = std::make_shared<spdlog::sinks::stderr_color_sink_st>(
      cli::has_color(stderr) ? spdlog::color_mode::always : spdlog::color_mode::never);
  sink->set_color(spdlog::level::info, "");
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("minfold", sink));
  spdlog::set_pattern("%^%v%$");
  try {
    return cli::complain_unless_printed(cli::run(argc, argv));
  } catch (std::invalid_argument const& error) {
    return cli::complain(cli::bad_input, error.what());
  } catch (std::filesystem::filesystem_error const& error) {
    // Nobody but the user gives paths.
    return cli::complain(cli::bad_input, error.what());
  } catch (std::system_error const& error) {
    // fmt throws what it cannot write to stdout.
    if (std::ferror(stdout))
      return cli::complain(cli::bad_input, std::string("cannot write to the standard output: ") +
                                               error.code().message());
    return cli::complain(cli::internal, error.what());
  } catch (std::bad_alloc const&) {
    return cli::complain(cli::internal, "out of memory");
  } catch (std::exception const& error) {
    return cli::complain(cli::internal, error.what());
  } catch (...) {
    return cli::complain(cli::internal, "unknown");
  }
}
