// SPDX-License-Identifier: Apache-2.0
#include "checks.hpp"
#include "matrix_request.hpp"

namespace minfold::cli {
namespace {

char const* const files =
    "FILE is NPY, HDF5 or MatrixMarket, as its content says: one matrix n x n or a batch\n"
    "items x n x n, symmetric and positive semidefinite. FILE.h5:PATH names a dataset of an HDF5\n"
    "file that has several. NPY and MatrixMarket may be packed by gzip.\n"
    "\n";
char const* const status =
    "Exit status: 0 all converged (dimension, gap and residual are certain), 1 some did not, the\n"
    "table and the records say which and why, 2 bad usage or input, 3 internal error.\n"
    "Flags of Kokkos work too, --kokkos-num-threads=N for example; see --kokkos-help.";

void add_options(CLI::App& app, MatrixRequest& request) {
  app.add_option("FILE", request.file, "the matrices")->required();
  app.add_option("--json", request.json,
                 "write the records to this file; with --out FILE.npy they go to FILE.npy.json "
                 "otherwise")
      ->type_name("FILE");
  app.add_option("--tolerance", request.tolerance,
                 "eigenvalues up to T * ||H|| count as zero; 1e-6, in float 1e-3")
      ->check(positive_number)
      ->type_name("T");
  app.add_option("--precision", request.precision,
                 "float or double; the default is that of FILE, integers are double")
      ->check(CLI::IsMember({"float", "double"}))
      ->type_name("P");
  app.add_option("--max-dimension", request.max_dimension,
                 "only where H is multiplied: the largest kernel that is looked for")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str()
      ->type_name("K");
  app.add_option("--seed", request.seed, "of the random vectors")
      ->check(seed_number)
      ->capture_default_str()
      ->type_name("S");
  app.add_flag("--symmetrize", request.symmetrize,
               "take (H + H^T) / 2 of a matrix that is not symmetric, which is refused otherwise");
  app.add_flag("--quiet", request.quiet, "only one line");
}

}  // namespace

MatrixCommands::MatrixCommands(CLI::App& app) {
  tangent_ = app.add_subcommand("tangent", "basis of ker H for the matrices H of a file");
  add_options(*tangent_, request_);
  tangent_
      ->add_option("--method", request_.method,
                   "one of\n"
                   "automatic: factor; products for a sparse matrix of more than 1536 rows\n"
                   "factor: a Cholesky factorization that shows the kernel\n"
                   "spectral: all eigenvalues\n"
                   "products: H is only multiplied with random blocks")
      ->check(CLI::IsMember({"automatic", "factor", "spectral", "products"}))
      ->capture_default_str()
      ->type_name("M");
  tangent_
      ->add_option("--out", request_.out,
                   "write the bases: FILE.npy n x k, of a batch items x n x k, where k is the "
                   "largest\n"
                   "dimension and columns beyond an item's own are zero; FILE.h5 has the same as "
                   "basis,\n"
                   "with records/dimension, records/outcome and so on, and the options")
      ->type_name("FILE");
  tangent_->footer(
      std::string(files) +
      "The basis of each kernel is orthonormal, H Q = 0. Its dimension is the number of\n"
      "eigenvalues up to --tolerance * ||H||, and certain where a gap of at least 10\n"
      "separates them from the others.\n"
      "\n" +
      status);

  pinv_ = app.add_subcommand("pinv", "H^+ b, or H^+ itself, for the matrices H of a file");
  add_options(*pinv_, request_);
  pinv_
      ->add_option("--rhs", request_.rhs,
                   "file of b: n or n x r for one matrix; of a batch items x n, items x n x r,\n"
                   "or n for all items. Without it H^+ is computed, for n up to 2048")
      ->type_name("FILE");
  pinv_
      ->add_option("--method", request_.method,
                   "one of\n"
                   "automatic: factor; products for a sparse matrix of more than 1536 rows\n"
                   "factor: a Cholesky factorization that shows the kernel\n"
                   "spectral: all eigenvalues\n"
                   "products: a basis of the kernel by products, then conjugate gradients")
      ->check(CLI::IsMember({"automatic", "factor", "spectral", "products"}))
      ->capture_default_str()
      ->type_name("M");
  pinv_
      ->add_option("--out", request_.out,
                   "write H^+ b: FILE.npy in the shape of b (of n for all items: items x n), or "
                   "H^+ in\n"
                   "that of H; FILE.h5 has the same as solution, with records/..., solves/... and "
                   "the options")
      ->type_name("FILE");
  pinv_->footer(
      std::string(files) +
      "H^+ b is the vector of least norm with H z = P b, where P b is the part of b in the\n"
      "range of H: residual is ||H z - P b|| / ||P b|| and leakage ||b - P b|| / ||b||.\n"
      "\n" +
      status);
}

int MatrixCommands::run() const {
  return tangent_->parsed() ? run_tangent(request_) : run_pinv(request_);
}

}  // namespace minfold::cli
