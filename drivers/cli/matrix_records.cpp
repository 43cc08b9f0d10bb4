// SPDX-License-Identifier: Apache-2.0
#include "matrix_records.hpp"

#include <minfold/core/version.hpp>

#include "build_facts.hpp"

#include <algorithm>
#include <cmath>

namespace minfold::cli {
namespace {

using Json = nlohmann::ordered_json;

Json finite(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

/// Words joined by underscores, as in the report of a solve.
std::string identifier(Outcome outcome) {
  std::string text = to_string(outcome);
  std::replace_if(text.begin(), text.end(), [](char c) { return c == ' ' || c == '-'; }, '_');
  return text;
}

/// A number of a record by its name: what JSON and HDF5 have in common.
template <class Record>
struct Field {
  char const* name;
  ElementType type;
  double (*value)(Record const&);
};
template <class Record>
using Fields = std::vector<Field<Record>>;

using Kernel = KernelRecord<double>;
using Solve = SolveRecord<double>;
constexpr auto integer = ElementType::int64;
constexpr auto real = ElementType::float64;

Fields<Kernel> const& kernel_fields() {
  static Fields<Kernel> const fields = {
      {"dimension", integer, [](Kernel const& r) { return double(r.dimension); }},
      {"gap", real, [](Kernel const& r) { return r.gap; }},
      {"kernel_residual", real, [](Kernel const& r) { return r.kernel_residual; }},
      {"orthogonality", real, [](Kernel const& r) { return r.orthogonality; }},
      {"norm_estimate", real, [](Kernel const& r) { return r.norm_estimate; }},
      {"smallest_kept", real, [](Kernel const& r) { return r.smallest_kept; }},
      {"most_negative", real, [](Kernel const& r) { return r.most_negative; }},
      {"products", integer, [](Kernel const& r) { return double(r.products); }},
  };
  return fields;
}
Fields<Solve> const& solve_fields() {
  static Fields<Solve> const fields = {
      {"residual", real, [](Solve const& r) { return r.residual; }},
      {"leakage", real, [](Solve const& r) { return r.leakage; }},
      {"rhs_norm", real, [](Solve const& r) { return r.rhs_norm; }},
      {"iterations", integer, [](Solve const& r) { return double(r.iterations); }},
      {"products", integer, [](Solve const& r) { return double(r.products); }},
  };
  return fields;
}

template <class Record>
void add_fields(Json& json, Record const& record, Fields<Record> const& fields) {
  json["outcome"] = identifier(record.outcome);
  for (auto const& field : fields) {
    double const value = field.value(record);
    if (field.type == integer)
      json[field.name] = std::int64_t(value);
    else
      json[field.name] = finite(value);
  }
}

template <class Record>
void add_datasets(Hdf5Content& content, std::string const& group,
                  std::vector<std::uint64_t> const& shape, std::vector<Record> const& records,
                  Fields<Record> const& fields) {
  std::vector<std::string> outcomes;
  for (auto const& record : records) outcomes.push_back(identifier(record.outcome));
  content.datasets.emplace_back(group + "/outcome", TextArray{shape, std::move(outcomes)});
  for (auto const& field : fields) {
    Array array{field.type, shape, {}};
    for (auto const& record : records) array.values.push_back(field.value(record));
    content.datasets.emplace_back(group + "/" + field.name, std::move(array));
  }
}

Json options_json(MatrixResult const& r) {
  auto const& q = r.request;
  double const usual =
      r.matrices.single ? default_kernel_tolerance<float> : default_kernel_tolerance<double>;
  return {{"method", q.method},
          {"tolerance", q.tolerance.value_or(usual)},
          {"seed", q.seed},
          {"max_dimension", q.max_dimension},
          {"symmetrize", q.symmetrize}};
}

}  // namespace

WorstSolve worst_solve(MatrixResult const& r, std::size_t item) {
  std::size_t const columns = r.found.solves.size() / r.found.kernels.size();
  WorstSolve worst;
  for (std::size_t c = 0; c < columns; ++c) {
    auto const& s = r.found.solves[item * columns + c];
    // Not std::max: a NaN stays.
    if (!(s.residual <= worst.residual)) worst.residual = s.residual;
    if (!(s.leakage <= worst.leakage)) worst.leakage = s.leakage;
  }
  return worst;
}

Json records_json(MatrixResult const& r) {
  Json json = {{"schema", "minfold-" + r.command + "-1"},
               {"version", version},
               {"commit", build_commit},
               {"file", r.request.file},
               {"rhs", nullptr},
               {"items", r.matrices.items},
               {"n", r.matrices.n},
               {"precision", r.matrices.single ? "float" : "double"},
               {"backend", Kokkos::DefaultExecutionSpace::name()},
               {"threads", Kokkos::DefaultHostExecutionSpace().concurrency()},
               {"options", options_json(r)},
               {"method", r.found.method},
               {"seconds", finite(r.found.seconds)},
               {"converged", r.all_converged()}};
  if (r.request.rhs) json["rhs"] = *r.request.rhs;
  std::size_t const columns = r.found.solves.size() / r.found.kernels.size();
  json["records"] = Json::array();
  for (std::size_t i = 0; i < r.found.kernels.size(); ++i) {
    Json record = {{"item", i}};
    add_fields(record, r.found.kernels[i], kernel_fields());
    record["asymmetry"] = finite(r.matrices.asymmetry[i]);
    if (columns > 0) record["solves"] = Json::array();
    for (std::size_t c = 0; c < columns; ++c) {
      Json solve;
      add_fields(solve, r.found.solves[i * columns + c], solve_fields());
      record["solves"].push_back(std::move(solve));
    }
    json["records"].push_back(std::move(record));
  }
  return json;
}

void add_records(MatrixResult const& r, Hdf5Content& content) {
  auto const items = std::uint64_t(r.found.kernels.size());
  add_datasets(content, "records", {items}, r.found.kernels, kernel_fields());
  content.datasets.emplace_back("records/asymmetry", Array{real, {items}, r.matrices.asymmetry});
  if (!r.found.solves.empty())
    add_datasets(content, "solves", {items, r.found.solves.size() / items}, r.found.solves,
                 solve_fields());
}

std::vector<std::pair<std::string, std::string>> attributes(MatrixResult const& r) {
  std::vector<std::pair<std::string, std::string>> list = {
      {"schema", "minfold-" + r.command + "-1"},
      {"version", version},
      {"file", r.request.file},
      {"precision", r.matrices.single ? "float" : "double"},
      {"backend", Kokkos::DefaultExecutionSpace::name()},
      {"method", r.found.method},
      {"options", options_json(r).dump(-1, ' ', false, Json::error_handler_t::replace)}};
  if (r.request.rhs) list.emplace_back("rhs", *r.request.rhs);
  return list;
}

}  // namespace minfold::cli
