// SPDX-License-Identifier: Apache-2.0
#include "compare/targets.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <string_view>

/// What is promised, as data: ratios on two cores in double precision, in one run.
namespace minfold::bench {
namespace {

constexpr std::string_view fastest = "the fastest peer", ceiling = "of the ceiling",
                           products_of = "products of ";

struct Target {
  Job job;
  std::string_view name;     ///< of the case
  std::string_view subject;  ///< a peer: time ratio at least; or one of the words above;
                             ///< products of ...: those of the peer / those of minfold
  double at_least;
};

/// "Never slower than the fastest peer by more than 5 %".
constexpr double five_percent = 1 / 1.05;

constexpr Target targets[] = {
    {Job::kernel_and_pinv, "1000x32k4", "dsyevd", 18},
    {Job::kernel_and_pinv, "1000x32k4", "dpstrf", 2.2},
    {Job::kernel_and_pinv, "200x128k4", "dsyevd", 15},
    {Job::kernel_and_pinv, "200x128k4", "dpstrf", 1.7},
    {Job::kernel_and_pinv, "32x512k4", "dsyevd", 10},
    {Job::kernel_and_pinv, "32x512k4", "dpstrf", 1.8},
    {Job::kernel_and_pinv, "4x2048k4", "dsyevd", 16},
    {Job::kernel_and_pinv, "4x2048k4", "dpstrf", 1.4},
    {Job::kernel_and_pinv, "1000x32k8", fastest, five_percent},
    {Job::kernel_and_pinv, "200x128k32", fastest, five_percent},
    {Job::kernel_and_pinv, "32x512k128", fastest, five_percent},
    {Job::kernel_and_pinv, "4x2048k512", fastest, five_percent},
    {Job::range_basis, "4x2048r16", "dsyevr", 500},
    {Job::range_basis, "4x2048r16", "gaussian_sketch", 10},
    {Job::cg, "1000x32c1e2", "gemv_cg", 4},
    {Job::cg, "1000x32c1e2", "eigen_cg", 1.8},
    {Job::cg, "1000x32c1e2", "kokkos_kernels_cg", 5},
    {Job::cg, "200x128c1e2", "gemv_cg", 1.5},
    {Job::cg, "200x128c1e2", "eigen_cg", 1.3},
    {Job::cg, "200x128c1e2", "kokkos_kernels_cg", 1.5},
    {Job::cg, "4x2048c1e2", "gemv_cg", 1.8},
    {Job::cg, "4x2048c1e2", ceiling, 0.85},
    {Job::cg_block, "4x2048c1e2", "single_solves", 5},
    {Job::matrix_free_kernel, "1x100000k4", "products of lobpcg", 1 / 1.2},
    {Job::matrix_free_kernel, "1x100000m2000", "products of lobpcg", 1 / 1.2},
    {Job::matrix_free_kernel, "1x100000m2000", ceiling, 0.8},
    {Job::nystrom, "16x512d0.9", "plain_cg", 3},
    {Job::nystrom, "16x512d0.9", "products of plain_cg", 5},
};

template <class Number>
std::string text(Number value) {
  std::ostringstream stream;
  stream.precision(2);
  stream << value;
  return stream.str();
}

/// Products, and those at the common tolerance where it was asked for more than that.
std::string counted(Measured const& m) {
  std::string const products = std::to_string(m.answer.products);
  if (m.asked_products == 0) return products;
  return products + " (" + std::to_string(m.asked_products) + " to " + text(m.asked_error) + ")";
}

bool is_for(Target const& t, Row const& row) {
  return t.job == row.what.job && t.name == row.what.name;
}

}  // namespace

std::vector<Judged> judge_peer(Row const& row, Measured const& peer) {
  std::vector<Judged> judged;
  for (auto const& t : targets) {
    if (!is_for(t, row)) continue;
    // No time of a wrong peer counts, and none is wanted.
    if (t.subject == peer.name && !peer.verdict.wrong)
      judged.push_back({">= " + text(t.at_least) + "x", peer.ratio >= t.at_least});
    if (t.subject == std::string(products_of) + peer.name && peer.answer.products > 0 &&
        !peer.verdict.wrong) {
      double const ratio = double(peer.answer.products) / double(row.minfold.answer.products);
      judged.push_back({"products " + counted(row.minfold) + ", its " + counted(peer) +
                            ", ratio >= " + text(t.at_least),
                        ratio >= t.at_least});
    }
  }
  return judged;
}

std::vector<Judged> judge_row(Row const& row) {
  std::vector<Judged> judged;
  double const kappa = row.what.shape.condition, eps = std::numeric_limits<double>::epsilon();
  if (row.what.job == Job::kernel_and_pinv)
    judged.push_back({"error <= 10 kappa eps = " + text(10 * kappa * eps),
                      row.minfold.verdict.error <= 10 * kappa * eps});
  for (auto const& t : targets) {
    if (!is_for(t, row)) continue;
    if (t.subject == ceiling)
      judged.push_back({">= " + text(100 * t.at_least) + " % of the ceiling",
                        row.ceiling_fraction >= t.at_least});
    if (t.subject == fastest) {
      double least = std::numeric_limits<double>::infinity();
      for (auto const& peer : row.peers)
        if (!peer.verdict.wrong) least = std::min(least, peer.ratio);
      judged.push_back({"at most 5 % slower than the fastest peer", least >= t.at_least});
    }
  }
  return judged;
}

}  // namespace minfold::bench
