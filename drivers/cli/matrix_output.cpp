// SPDX-License-Identifier: Apache-2.0
#include "matrix_output.hpp"

#include <minfold/core/require.hpp>
#include <minfold/files/atomic_file.hpp>
#include <minfold/files/hdf5.hpp>
#include <minfold/files/npy.hpp>

#include "matrix_records.hpp"
#include "output_names.hpp"
#include "terminal.hpp"
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <iterator>

namespace minfold::cli {
namespace {

bool ends_with(std::string const& text, std::string const& ending) {
  return text.size() > ending.size() &&
         text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
}
bool is_npy(std::string const& path) {
  return ends_with(path, ".npy");
}

/// Where the records go as JSON; nowhere is empty.
std::string json_path(MatrixRequest const& request) {
  if (request.json) return *request.json;
  return request.out && is_npy(*request.out) ? *request.out + ".json" : "";
}

/// 12 rows at most, those that have not converged first.
std::vector<std::size_t> shown_items(MatrixResult const& r) {
  std::vector<std::size_t> items;
  for (bool const converged : {false, true})
    for (std::size_t i = 0; i < r.found.kernels.size() && items.size() < 12; ++i)
      if ((r.outcome(i) == Outcome::converged) == converged) items.push_back(i);
  std::sort(items.begin(), items.end());
  return items;
}

std::string outcome_counts(MatrixResult const& r) {
  int count[outcome_count] = {};
  for (std::size_t i = 0; i < r.found.kernels.size(); ++i) ++count[int(r.outcome(i))];
  std::string text;
  auto const add = [&](Outcome outcome) {
    if (count[int(outcome)] == 0) return;
    bool const good = outcome == Outcome::converged;
    text += (text.empty() ? "" : ", ") +
            painted(fmt::format("{} {}", count[int(outcome)], to_string(outcome)),
                    good ? Tone::good : Tone::doubtful);
  };
  add(Outcome::converged);
  for (int o = 0; o < outcome_count; ++o)
    if (Outcome(o) != Outcome::converged) add(Outcome(o));
  return text;
}

std::string table(MatrixResult const& r) {
  bool const solves = !r.found.solves.empty();
  int const items = r.matrices.items;
  std::string text;
  auto const out = std::back_inserter(text);
  fmt::format_to(out, "{}: {}{} of order {}, {}, {}: {}, {}\n", painted(r.command, Tone::strong),
                 items, items == 1 ? " matrix" : " matrices", r.matrices.n,
                 r.matrices.single ? "float" : "double", r.found.method, outcome_counts(r),
                 duration(r.found.seconds));
  if (r.request.quiet) return text;
  fmt::format_to(out, "  {:>7}  {:>9}  {:>9}  {:>9}  {:>9}  {}{}\n", "item", "dimension", "gap",
                 "|H Q|/|H|", "~|H|", solves ? " residual    leakage  " : "", "outcome");
  for (auto const i : shown_items(r)) {
    auto const& k = r.found.kernels[i];
    fmt::format_to(out, "  {:>7}  {:>9}  {:>9.2g}  {:>9.2g}  {:>9.3g}  ", i, k.dimension, k.gap,
                   k.kernel_residual, k.norm_estimate);
    if (solves) {
      auto const worst = worst_solve(r, i);
      fmt::format_to(out, "{:>9.2g}  {:>9.2g}  ", worst.residual, worst.leakage);
    }
    auto const outcome = r.outcome(i);
    fmt::format_to(
        out, "{}\n",
        painted(to_string(outcome), outcome == Outcome::converged ? Tone::good : Tone::doubtful));
  }
  if (items > 12) fmt::format_to(out, "  and {} more, see --json or --out\n", items - 12);
  bool const varies = std::any_of(r.found.kernels.begin(), r.found.kernels.end(),
                                  [&](auto const& k) { return k.dimension != r.found.capacity; });
  if (r.request.out && !solves && varies && items > 1)
    fmt::format_to(out, "  each basis has {} columns in {}: zeros beyond its dimension\n",
                   r.found.capacity, *r.request.out);
  return text;
}

std::string file_bytes(MatrixResult const& r) {
  if (is_npy(*r.request.out)) return npy_bytes(r.array);
  Hdf5Content content;
  content.datasets.emplace_back(r.array_name, r.array);
  add_records(r, content);
  content.attributes = attributes(r);
  return hdf5_bytes(content);
}

}  // namespace

Outcome MatrixResult::outcome(std::size_t item) const {
  auto const kernel = found.kernels[item].outcome;
  if (kernel != Outcome::converged) return kernel;
  std::size_t const columns = found.solves.size() / found.kernels.size();
  for (std::size_t c = 0; c < columns; ++c) {
    auto const solve = found.solves[item * columns + c].outcome;
    if (solve != Outcome::converged) return solve;
  }
  return Outcome::converged;
}

bool MatrixResult::all_converged() const {
  for (std::size_t i = 0; i < found.kernels.size(); ++i)
    if (outcome(i) != Outcome::converged) return false;
  return true;
}

void require_output(MatrixRequest const& request) {
  if (request.out) {
    auto const& out = *request.out;
    MINFOLD_REQUIRE(is_npy(out) || ends_with(out, ".h5") || ends_with(out, ".hdf5"), "--out ", out,
                    ": expected a name that ends in .npy, .h5 or .hdf5");
    require_two_files("--out", out, "--json", request.json.value_or(""));
    require_writable(out);
  }
  auto const json = json_path(request);
  if (request.json || !json.empty()) require_writable(json);
}

void write_result(MatrixResult const& r) {
  // First: a disk that is full by now must not take the result with it.
  std::fputs(table(r).c_str(), stdout);
  std::fflush(stdout);
  if (r.request.out) write_whole_file(*r.request.out, file_bytes(r));
  auto const json = json_path(r.request);
  if (!json.empty())
    // Names of files need not be UTF-8.
    write_whole_file(
        json, records_json(r).dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace minfold::cli
