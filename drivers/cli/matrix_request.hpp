// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_MATRIX_REQUEST_HPP
#define MINFOLD_CLI_MATRIX_REQUEST_HPP

#include <CLI/CLI.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace minfold::cli {

/// What is asked for on the command line of tangent and pinv.
struct MatrixRequest {
  std::string file, method = "automatic";
  std::optional<std::string> rhs, out, json, precision;
  std::optional<double> tolerance;
  int max_dimension = 1024;
  std::uint64_t seed = 1;
  bool symmetrize = false, quiet = false;
};

/// The commands that run a kernel on the matrices of a file.
class MatrixCommands {
 public:
  explicit MatrixCommands(CLI::App& app);
  MatrixCommands(MatrixCommands const&) = delete;
  MatrixCommands& operator=(MatrixCommands const&) = delete;

  bool parsed() const { return tangent_->parsed() || pinv_->parsed(); }
  /// Needs Kokkos. Gives the exit status: 0 all converged, 1 some not; errors are exceptions.
  int run() const;

 private:
  MatrixRequest request_;
  CLI::App* tangent_;
  CLI::App* pinv_;
};

int run_tangent(MatrixRequest const& request);
int run_pinv(MatrixRequest const& request);

}  // namespace minfold::cli

#endif
