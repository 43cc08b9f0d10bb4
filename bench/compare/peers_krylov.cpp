// SPDX-License-Identifier: Apache-2.0
#include "compare/lobpcg.hpp"
#include "compare/problem.hpp"
#include "support/host_loop.hpp"
#include <cblas.h>

#include <algorithm>
#include <cmath>

namespace minfold::bench {
namespace {

struct CgWork {
  std::vector<double> r, p, hp;
};

/// Textbook CG with the vector work in two passes. multiply(x, y): y := H x. Number of products, or -1
/// where it has not got there.
template <class Multiply>
long plain_cg(int n, double const* b, double* z, CgWork& w, Multiply const& multiply) {
  double *const r = w.r.data(), *const p = w.p.data(), *const hp = w.hp.data();
  double rr = 0;
  for (int i = 0; i < n; ++i) {
    z[i] = 0;
    r[i] = p[i] = b[i];
    rr += b[i] * b[i];
  }
  double const goal = cg_tolerance * cg_tolerance * rr;
  for (long products = 0; products <= 10 * n + 100; ++products) {
    if (rr <= goal) return products;
    multiply(p, hp);
    double php = 0;
#pragma omp simd reduction(+ : php)
    for (int i = 0; i < n; ++i) php += p[i] * hp[i];
    double const step = rr / php;
    double next = 0;
#pragma omp simd reduction(+ : next)
    for (int i = 0; i < n; ++i) {
      z[i] += step * p[i];
      r[i] -= step * hp[i];
      next += r[i] * r[i];
    }
    double const beta = next / rr;
#pragma omp simd
    for (int i = 0; i < n; ++i) p[i] = r[i] + beta * p[i];
    rr = next;
  }
  return -1;
}

template <class Multiply>
Contender cg_peer(std::string name, Problem const& p, Multiply const& multiply) {
  auto const output = make_output(p.what, false, true);
  auto const h = p.planted.matrix, b = p.planted.rhs;
  Shape const s = p.what.shape;
  std::vector<double> const v(s.n);
  auto const works = std::make_shared<std::vector<CgWork>>(per_thread(CgWork{v, v, v}));
  auto const solve = [=] {
    host_loop(s.items, *works, [&](int item, CgWork& w) {
      output->products[item] = 0;
      for (int c = 0; c < s.columns; ++c) {
        long const products =
            plain_cg(s.n, &b(item, c, 0), &output->z(item, c, 0), w,
                     [&](double const* x, double* y) { multiply(s.n, &h(item, 0, 0), x, y); });
        if (products < 0) output->info[item] = 1;
        output->products[item] += products;
      }
    });
  };
  return {std::move(name), solve, [=] { return answer_of(*output); }};
}

}  // namespace

void add_krylov_peers(Problem const& p, Contenders& peers) {
  if (p.what.job == Job::cg || p.what.job == Job::cg_block) {
    // Column-major and transposed: the form in which gemv reads H as dot products is the faster one.
    peers.push_back(cg_peer("gemv_cg", p, [](int n, double const* h, double const* x, double* y) {
      cblas_dgemv(CblasColMajor, CblasTrans, n, n, 1, h, n, x, 1, 0, y, 1);
    }));
    peers.push_back(cg_peer("symv_cg", p, [](int n, double const* h, double const* x, double* y) {
      cblas_dsymv(CblasColMajor, CblasLower, n, 1, h, n, x, 1, 0, y, 1);
    }));
  }
  if (p.what.job == Job::matrix_free_kernel) peers.push_back(lobpcg(p));
}

}  // namespace minfold::bench
