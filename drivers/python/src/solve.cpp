// SPDX-License-Identifier: Apache-2.0
#include <minfold/drivers/check.hpp>
#include <minfold/drivers/method_catalog.hpp>
#include <minfold/drivers/report.hpp>

#include "python_problem.hpp"
#include "rows.hpp"
#include "runtime.hpp"
#if defined(MINFOLD_PYTHON_FILES)
#include <minfold/files/atomic_file.hpp>
#include <minfold/files/checkpoint.hpp>
#endif
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace minfold::python {

namespace {

/// What the Python side hands on.
struct Request {
  std::string method;
  std::vector<std::string> sets;
  std::uint64_t seed;
  std::optional<int> max_iterations;
  std::optional<double> tolerance;
  int record_every;
  std::string data;
  nb::object name;      ///< of a problem of the catalog, or None
  nb::object adapter;   ///< a problem in Python, or None
  nb::object x0, y0;    ///< (rows, dim) arrays of the precision, or None
  nb::object callback;  ///< takes (iteration as bytes, x, y) and returns whether to go on, or None
  std::string checkpoint, resume;       ///< files, or empty
  std::optional<int> checkpoint_every;  ///< iterations; by time without
  nb::object warn;                      ///< takes a sentence
};

#if defined(MINFOLD_PYTHON_FILES)
constexpr bool has_files = true;
#else
constexpr bool has_files = false;
#endif

/// Between two checkpoints where checkpoint_every says nothing, as for the executable.
constexpr double seconds_between = 30;

/// Snapshots to and from the files of a request. A file that cannot be written in mid-run is a warning, since
/// the next attempt may succeed and the last good file is still there.
class Files {
 public:
  explicit Files(Request const& request) : request_(request) {
    bool const asked = !request.checkpoint.empty() || !request.resume.empty();
    MINFOLD_REQUIRE(has_files || !asked,
                    "solve: checkpoints are HDF5 files, and this package was built without HDF5");
#if defined(MINFOLD_PYTHON_FILES)
    if (!request.checkpoint.empty()) require_writable(request.checkpoint);
    if (!request.resume.empty()) from_ = read_checkpoint_file(request.resume);
#endif
  }
  bool resumes() const { return from_.has_value(); }

  Checkpoints policy(std::string const& problem) {
    Checkpoints policy;
    policy.identity["problem"] = problem;
    if (from_) policy.resume_from = &*from_;
    if (request_.checkpoint.empty()) return policy;
    policy.every = request_.checkpoint_every.value_or(0);
    if (!request_.checkpoint_every) policy.seconds = seconds_between;
    policy.sink = [this](Snapshot const& snapshot) { write(snapshot); };
    return policy;
  }

  /// Inside a turn.
  void warn_if_behind() {
    if (!failure_.empty()) warn(failure_ + "; what it has is not the end of this solve");
  }

 private:
  void write([[maybe_unused]] Snapshot const& snapshot) {
#if defined(MINFOLD_PYTHON_FILES)
    try {
      write_checkpoint_file(request_.checkpoint, snapshot);
      failure_.clear();
    } catch (std::invalid_argument const& error) {
      bool const first = failure_.empty();
      failure_ = error.what();
      if (first) warn(failure_ + "; the solve goes on, and will try again");
    }
#endif
  }
  void warn(std::string const& sentence) {
    Interlude const interlude;
    in_python([&] { request_.warn(sentence); });
  }

  Request const& request_;
  std::optional<Snapshot> from_;
  std::string failure_;
};

/// body() outside the GIL; what it throws, as Python sees it.
template <class Body>
auto in_turn(Body const& body) {
  try {
    Turn const turn;
    return body();
  } catch (nb::python_error const&) {
    throw;
  } catch (std::invalid_argument const&) {
    throw;
  } catch (std::bad_alloc const&) {
    throw;
  } catch (std::exception const& error) {
    throw Internal(error.what());
  }
}

[[maybe_unused]] void refuse_python(char const* function) {
  impl::refuse_with(function, ": problems in Python are for a minfold that works on the host");
}

template <class T>
NamedProblem<T> make(Request const& request, std::string const& name, Settings& settings) {
  if (name.empty()) {
    if constexpr (on_host)
      return {std::make_unique<PythonProblem<T>>(request.adapter), {}, {}, {}, {}, {}};
    else
      refuse_python("solve");
  }
  auto const& entry = find_problem(name);
  ProblemContext const context{request.seed, request.data};
  if constexpr (std::is_same_v<T, float>)
    return entry.make_float(settings, context);
  else
    return entry.make_double(settings, context);
}

/// A start that was given, (rows, dim) as checked against the problem.
template <class T>
std::vector<T> start_of(nb::object const& given, char const* what, int rows, int dim) {
  std::vector<T> numbers;
  if (given.is_none()) return numbers;
  auto const array = nb::cast<Numbers<T>>(given);
  if (array.ndim() != 2 || array.shape(0) != std::size_t(rows) ||
      array.shape(1) != std::size_t(dim)) {
    std::string shape;
    for (std::size_t d = 0; d < array.ndim(); ++d)
      shape += (d ? " x " : "") + std::to_string(array.shape(d));
    impl::refuse_with("solve: ", what, " is ", shape, ", expected ", rows, " x ", dim);
  }
  numbers.assign(array.data(), array.data() + array.size());
  for (std::size_t i = 0; i < numbers.size(); ++i)
    MINFOLD_REQUIRE(std::isfinite(double(numbers[i])), "solve: ", what, "[", i / std::size_t(dim),
                    ", ", i % std::size_t(dim), "] is not finite");
  return numbers;
}

template <class T>
void put(Space const& space, Vectors<T, Space> const& to, std::vector<T> const& from) {
  auto const host = Kokkos::create_mirror_view(to);
  std::copy(from.begin(), from.end(), host.data());
  Kokkos::deep_copy(space, to, host);
  space.fence("minfold::python::put");
}

template <class T>
nb::object numpy(Vectors<T, Space> const& v) {
  auto const host = to_host(Space(), v);
  return new_array<T>(host.data(), {v.extent(0), v.extent(1)});
}

template <class T>
std::vector<double> doubles(Vectors<T, Space> const& v) {
  auto const host = to_host(Space(), v);
  return {host.data(), host.data() + host.size()};
}

template <class T>
nb::dict solve_in(Request const& request) {
  context("solve");
  Space const space;
  Settings settings(request.sets);
  std::string const name = request.name.is_none() ? "" : nb::cast<std::string>(request.name);
  auto const named = name.empty() ? make<T>(request, name, settings)
                                  : in_turn([&] { return make<T>(request, name, settings); });
  auto const& problem = *named.problem;
  auto x0 = start_of<T>(request.x0, "x0", problem.upper_rows(), problem.dim_x());
  auto const y0 = start_of<T>(request.y0, "y0", problem.batch_size(), problem.dim_y());
  if (x0.empty()) x0.assign(named.start.begin(), named.start.end());

  NamedRun run;
  run.method = request.method;
  run.seed = request.seed;
  run.max_iterations = request.max_iterations;
  run.tolerance = request.tolerance;
  run.record_every = request.record_every;

  Files files(request);
  BilevelState<T, Space> state(space, problem);
  space.fence("minfold::python::solve");
  put(space, state.x, x0);
  if (!y0.empty()) {
    put(space, state.y, y0);
    state.warm = true;
  }
  SolveReport report;
  Solution start;
  Seen first;
  std::vector<char> rows;
  bool const calls = !request.callback.is_none();
  auto const observer = [&](Iteration const& it) {
    space.fence("minfold::python::observer");
    if (rows.empty()) {
      first = {doubles(state.x), doubles(state.hypergradient), it.upper};
      start = {first.x, doubles(state.y)};
    }
    report.iterations.push_back(it);
    append(rows, it);
    Interlude const interlude;
    return in_python([&] {
      if (PyErr_CheckSignals() != 0) nb::raise_python_error();
      return !calls || nb::cast<bool>(request.callback(as_bytes(row_of(it).bytes()), numpy(state.x),
                                                       numpy(state.y)));
    });
  };
  report.result = in_turn([&] {
    auto const result = minimize<T>(space, problem, state, run, settings, observer,
                                    files.policy(name.empty() ? "python" : name));
    space.fence("minfold::python::solve");
    files.warn_if_behind();
    return result;
  });

  bool const usable = !rows.empty() && report.result.outcome != SolveOutcome::failed;
  report.problem = name.empty() ? "python" : name;
  report.method = request.method;
  report.backend = Space::name();
  report.threads = space.concurrency();
  report.precision = std::is_same_v<T, float> ? "float" : "double";
  report.seed = request.seed;
  report.options = options_json(settings);
  report.options["max_iterations"] = *run.max_iterations;
  report.options["tolerance"] = *run.tolerance;
  report.x = doubles(state.x);
  report.certificates = state.certificates;
  double const upper =
      report.result.assessment ? report.result.assessment->upper : report.result.last.upper;
  if (usable && named.metrics) report.metrics = named.metrics(start, {report.x, doubles(state.y)});
  if (usable && named.truth) {
    report.truth =
        compare_with_truth(named, first, {report.x, doubles(state.hypergradient), upper});
    if (request.method != "hgms") report.truth->gradient_error = Iteration::unknown;
  }
  std::vector<char> certificates;
  for (auto const& c : state.certificates) append(certificates, c);

  nb::dict d;
  d["x"] = numpy(state.x);
  d["y"] = numpy(state.y);
  d["hypergradient"] = numpy(state.hypergradient);
  d["upper"] = upper;
  d["outcome"] = to_string(report.result.outcome);
  d["verdict"] = to_string(report.result.last.certificate.verdict);
  d["reasons"] = nb::cast(report.result.last.certificate.reasons);
  d["solved"] = report.result.solved();
  d["iterations"] = as_bytes(rows);
  d["certificates"] = as_bytes(certificates);
  d["report"] = report_json(report).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return d;
}

nb::dict solve(nb::object name, nb::object adapter, std::string const& method,
               std::vector<std::string> const& sets, std::string const& precision, nb::object x0,
               nb::object y0, std::uint64_t seed, std::optional<int> max_iterations,
               std::optional<double> tolerance, int record_every, std::string const& data,
               nb::object callback, std::string const& checkpoint, std::string const& resume,
               std::optional<int> checkpoint_every, nb::object warn) {
  Request const request{
      method, sets, seed,     max_iterations, tolerance, record_every,     data, name, adapter,
      x0,     y0,   callback, checkpoint,     resume,    checkpoint_every, warn};
  return precision == "float" ? solve_in<float>(request) : solve_in<double>(request);
}

/// [(what, error, tolerance, slope, ok, note)]
nb::list check(nb::object adapter, nb::object x0, std::uint64_t seed, int points) {
  context("check");
  nb::list lines;
  if constexpr (on_host) {
    PythonProblem<double> const problem(adapter);
    auto const start = start_of<double>(x0, "x0", problem.upper_rows(), problem.dim_x());
    CheckOptions options;
    options.points = points;
    options.seed = seed;
    auto const found =
        in_turn([&] { return check_derivatives<double, Space>(Space(), problem, start, options); });
    for (auto const& line : found.lines)
      lines.append(
          nb::make_tuple(line.what, line.error, line.tolerance, line.slope, line.ok, line.note));
  } else {
    refuse_python("check");
  }
  return lines;
}

}  // namespace

void bind_solve(nb::module_& module) {
  module.attr("certificate_layout") = row_of(ItemCertificate{}).layout();
  module.attr("iteration_layout") = row_of(Iteration{}).layout();
  module.def("solve", &solve, nb::arg("name").none(), nb::arg("adapter").none(), nb::arg("method"),
             nb::arg("sets"), nb::arg("precision"), nb::arg("x0").none(), nb::arg("y0").none(),
             nb::arg("seed"), nb::arg("max_iterations").none(), nb::arg("tolerance").none(),
             nb::arg("record_every"), nb::arg("data"), nb::arg("callback").none(),
             nb::arg("checkpoint"), nb::arg("resume"), nb::arg("checkpoint_every").none(),
             nb::arg("warn"));
  module.attr("has_checkpoints") = has_files;
  module.def("check", &check, nb::arg("adapter"), nb::arg("x0"), nb::arg("seed"),
             nb::arg("points"));
  module.def("problems", [] {
    nb::dict d;
    for (auto const& entry : catalog()) d[entry.name.c_str()] = entry.summary;
    return d;
  });
  module.def("methods", [] {
    nb::dict d;
    for (auto const& entry : methods()) d[entry.name.c_str()] = entry.summary;
    return d;
  });
}

}  // namespace minfold::python
