// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/team.hpp>

#include "compare/problem.hpp"

#if defined(KOKKOS_ENABLE_CUDA)
#include <cublas_v2.h>
#include <cusolverDn.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#endif

/// cuSOLVER and cuBLAS, on the stream of the default space.
namespace minfold::bench {

#if defined(KOKKOS_ENABLE_CUDA)
namespace {

using Matrices = Blocks<double, Space>;
using Vectors2 = Vectors<double, Space>;

constexpr double zero_below = 1e-10;

template <class Status>
void require(Status status, char const* what) {
  if (int(status) != 0)
    throw std::runtime_error(std::string(what) + " ends with " + std::to_string(int(status)));
}

/// Handles, which are not to be made in every call.
struct Handles {
  cublasHandle_t blas;
  cusolverDnHandle_t solver;
  Handles(Space const& space) {
    require(cublasCreate(&blas), "cublasCreate");
    require(cusolverDnCreate(&solver), "cusolverDnCreate");
    require(cublasSetStream(blas, space.cuda_stream()), "cublasSetStream");
    require(cusolverDnSetStream(solver, space.cuda_stream()), "cusolverDnSetStream");
  }
  ~Handles() {
    cublasDestroy(blas);
    cusolverDnDestroy(solver);
  }
  Handles(Handles const&) = delete;
};

struct Device {
  Space space;
  Shape shape;
  std::shared_ptr<Handles> handles;
  Matrices h, work_matrix;  ///< work_matrix: overwritten, its rows become eigenvectors
  Vectors2 b, values, scaled, z;
  Scalars<int, Space> info;
};

Device make_device(Problem const& p) {
  Space const space;
  Shape const s = p.what.shape;
  return {space,
          s,
          std::make_shared<Handles>(space),
          p.matrix,
          Matrices("bench::cuda::matrix", s.items, s.n, s.n),
          Vectors2(p.rhs.data(), s.items, s.n),
          Vectors2("bench::cuda::values", s.items, s.n),
          Vectors2("bench::cuda::scaled", s.items, s.n),
          Vectors2("bench::cuda::z", s.items, s.n),
          Scalars<int, Space>("bench::cuda::info", s.items)};
}

void divide_by_values(Space const& space, Vectors2 const& v, Vectors2 const& values) {
  int const n = int(v.extent(1));
  for_each_item(
      "bench::cuda::divide", space, int(v.extent(0)), n,
      KOKKOS_LAMBDA(TeamMember<Space> const& team, int item) {
        double const top = values(item, n - 1);
        team_for(team, n, [&](int j) {
          double const w = values(item, j);
          v(item, j) = w <= zero_below * top ? 0 : v(item, j) / w;
        });
      });
}

/// z := V (V^T b / values) for eigenvectors in the rows of work_matrix.
void apply_inverse(Device const& d) {
  int const n = d.shape.n, items = d.shape.items;
  long const step = long(n) * n;
  double const one = 1, zero = 0;
  require(cublasDgemvStridedBatched(d.handles->blas, CUBLAS_OP_T, n, n, &one, d.work_matrix.data(),
                                    n, step, d.b.data(), 1, n, &zero, d.scaled.data(), 1, n, items),
          "cublasDgemvStridedBatched");
  divide_by_values(d.space, d.scaled, d.values);
  require(cublasDgemvStridedBatched(d.handles->blas, CUBLAS_OP_N, n, n, &one, d.work_matrix.data(),
                                    n, step, d.scaled.data(), 1, n, &zero, d.z.data(), 1, n, items),
          "cublasDgemvStridedBatched");
}

/// The answer of an eigensolver: the vectors whose values count as zero.
Answer eigen_answer(Device const& d) {
  Shape const s = d.shape;
  Answer a;
  a.basis = HostBlocks("bench::answer", s.items, s.kernel, s.n);
  a.z = HostBlocks("bench::answer", s.items, 1, s.n);
  auto const vectors = to_host(d.space, d.work_matrix),
             z = to_host(d.space, Matrices(d.z.data(), s.items, 1, s.n));
  auto const values = to_host(d.space, d.values);
  auto const info = to_host(d.space, d.info);
  for (int item = 0; item < s.items; ++item) {
    int k = 0;
    while (k < s.n && values(item, k) <= zero_below * values(item, s.n - 1)) ++k;
    a.dimension.push_back(k);
    for (int j = 0; j < k && j < s.kernel; ++j)
      for (int i = 0; i < s.n; ++i) a.basis(item, j, i) = vectors(item, j, i);
    for (int i = 0; i < s.n; ++i) a.z(item, 0, i) = z(item, 0, i);
    if (info(item)) a.complaint = "info = " + std::to_string(info(item));
  }
  return a;
}

/// `factor` finds values and vectors of work_matrix in place.
template <class Factor>
Contender eigen_peer(std::string name, Device const& d, Factor const& factor) {
  return {std::move(name),
          [=] {
            Kokkos::deep_copy(d.space, d.work_matrix, d.h);
            factor(d);
            apply_inverse(d);
            d.space.fence("bench::cuda::eigen");
          },
          [=] { return eigen_answer(d); }};
}

Contender syevd(Problem const& p) {
  auto const d = make_device(p);
  int words = 0;
  require(cusolverDnDsyevd_bufferSize(d.handles->solver, CUSOLVER_EIG_MODE_VECTOR,
                                      CUBLAS_FILL_MODE_LOWER, d.shape.n, d.work_matrix.data(),
                                      d.shape.n, d.values.data(), &words),
          "cusolverDnDsyevd_bufferSize");
  Scalars<double, Space> const work("bench::cuda::work", words);
  return eigen_peer("cusolver_syevd", d, [=](Device const& on) {
    int const n = on.shape.n;
    for (int item = 0; item < on.shape.items; ++item)
      require(cusolverDnDsyevd(on.handles->solver, CUSOLVER_EIG_MODE_VECTOR, CUBLAS_FILL_MODE_LOWER,
                               n, on.work_matrix.data() + std::size_t(item) * n * n, n,
                               on.values.data() + std::size_t(item) * n, work.data(), words,
                               on.info.data() + item),
              "cusolverDnDsyevd");
  });
}

Contender syevj_batched(Problem const& p) {
  auto const d = make_device(p);
  syevjInfo_t raw = nullptr;
  require(cusolverDnCreateSyevjInfo(&raw), "cusolverDnCreateSyevjInfo");
  std::shared_ptr<syevjInfo> const params(
      raw, [](syevjInfo_t info) { cusolverDnDestroySyevjInfo(info); });
  int words = 0;
  require(cusolverDnDsyevjBatched_bufferSize(
              d.handles->solver, CUSOLVER_EIG_MODE_VECTOR, CUBLAS_FILL_MODE_LOWER, d.shape.n,
              d.work_matrix.data(), d.shape.n, d.values.data(), &words, raw, d.shape.items),
          "cusolverDnDsyevjBatched_bufferSize");
  Scalars<double, Space> const work("bench::cuda::work", words);
  return eigen_peer("cusolver_syevjBatched", d, [=](Device const& on) {
    require(cusolverDnDsyevjBatched(on.handles->solver, CUSOLVER_EIG_MODE_VECTOR,
                                    CUBLAS_FILL_MODE_LOWER, on.shape.n, on.work_matrix.data(),
                                    on.shape.n, on.values.data(), work.data(), words,
                                    on.info.data(), params.get(), on.shape.items),
            "cusolverDnDsyevjBatched");
  });
}

#if CUSOLVER_VERSION >= 11701
Contender syev_batched(Problem const& p) {
  auto const d = make_device(p);
  std::size_t on_device = 0, on_host = 0;
  require(cusolverDnXsyevBatched_bufferSize(
              d.handles->solver, nullptr, CUSOLVER_EIG_MODE_VECTOR, CUBLAS_FILL_MODE_LOWER,
              d.shape.n, CUDA_R_64F, d.work_matrix.data(), d.shape.n, CUDA_R_64F, d.values.data(),
              CUDA_R_64F, &on_device, &on_host, d.shape.items),
          "cusolverDnXsyevBatched_bufferSize");
  Scalars<char, Space> const work("bench::cuda::work", on_device);
  auto const host_work = std::make_shared<std::vector<char>>(on_host + 1);
  return eigen_peer("cusolver_syevBatched", d, [=](Device const& on) {
    require(cusolverDnXsyevBatched(on.handles->solver, nullptr, CUSOLVER_EIG_MODE_VECTOR,
                                   CUBLAS_FILL_MODE_LOWER, on.shape.n, CUDA_R_64F,
                                   on.work_matrix.data(), on.shape.n, CUDA_R_64F, on.values.data(),
                                   CUDA_R_64F, work.data(), on_device, host_work->data(), on_host,
                                   on.info.data(), on.shape.items),
            "cusolverDnXsyevBatched");
  });
}
#endif

/// H^+ b with the kernel given for nothing: Cholesky of H + N^T N, formed outside the timed part. There
/// is no batched route of cuSOLVER to the kernel itself but through eigenvectors.
Contender potrf_batched(Problem const& p) {
  auto const d = make_device(p);
  Shape const s = d.shape;
  HostBlocks const lifted("bench::cuda::lifted", s.items, s.n, s.n),
      projected("bench::cuda::projected", s.items, 1, s.n);
  for (int item = 0; item < s.items; ++item) {
    for (int i = 0; i < s.n; ++i) {
      projected(item, 0, i) = p.planted.rhs(item, 0, i);
      for (int j = 0; j < s.n; ++j) {
        double sum = p.planted.matrix(item, i, j);
        for (int c = 0; c < s.kernel; ++c)
          sum += p.planted.vectors(item, c, i) * p.planted.vectors(item, c, j);
        lifted(item, i, j) = sum;
      }
    }
    for (int c = 0; c < s.kernel; ++c) {
      double overlap = 0;
      for (int i = 0; i < s.n; ++i)
        overlap += p.planted.vectors(item, c, i) * p.planted.rhs(item, 0, i);
      for (int i = 0; i < s.n; ++i)
        projected(item, 0, i) -= overlap * p.planted.vectors(item, c, i);
    }
  }
  auto const a = on_device(lifted), right = on_device(projected);
  // A View of pointers would be one of another rank.
  Scalars<std::uintptr_t, Space> const matrices("bench::cuda::pointers", s.items),
      vectors("bench::cuda::pointers", s.items);
  auto const host_matrices = Kokkos::create_mirror_view(matrices),
             host_vectors = Kokkos::create_mirror_view(vectors);
  for (int item = 0; item < s.items; ++item) {
    host_matrices(item) = std::uintptr_t(d.work_matrix.data() + std::size_t(item) * s.n * s.n);
    host_vectors(item) = std::uintptr_t(d.z.data() + std::size_t(item) * s.n);
  }
  Kokkos::deep_copy(matrices, host_matrices);
  Kokkos::deep_copy(vectors, host_vectors);
  auto* const matrix_pointers = reinterpret_cast<double**>(matrices.data());
  auto* const vector_pointers = reinterpret_cast<double**>(vectors.data());
  Vectors2 const start(right.data(), s.items, s.n);
  auto const solve = [=, keep_matrices = matrices, keep_vectors = vectors] {
    Kokkos::deep_copy(d.space, d.work_matrix, a);
    Kokkos::deep_copy(d.space, d.z, start);
    require(cusolverDnDpotrfBatched(d.handles->solver, CUBLAS_FILL_MODE_LOWER, s.n, matrix_pointers,
                                    s.n, d.info.data(), s.items),
            "cusolverDnDpotrfBatched");
    require(
        cusolverDnDpotrsBatched(d.handles->solver, CUBLAS_FILL_MODE_LOWER, s.n, 1, matrix_pointers,
                                s.n, vector_pointers, s.n, d.info.data(), s.items),
        "cusolverDnDpotrsBatched");
    d.space.fence("bench::cuda::potrf");
  };
  auto const answer = [=] {
    Answer result;
    result.z = to_host(d.space, Matrices(d.z.data(), s.items, 1, s.n));
    return result;
  };
  return {"cusolver_potrfBatched", solve, answer};
}

/// What CG on cuBLAS keeps of an item.
struct CgState {
  Vectors2 r, p, hp;
  Scalars<double, Space> rr, goal;
};

void start_cg(Space const& space, CgState const& c, Vectors2 const& b, Vectors2 const& z) {
  int const n = int(b.extent(1));
  for_each_item(
      "bench::cuda::cg_start", space, int(b.extent(0)), n,
      KOKKOS_LAMBDA(TeamMember<Space> const& team, int item) {
        team_for(team, n, [&](int i) {
          z(item, i) = 0;
          c.r(item, i) = c.p(item, i) = b(item, i);
        });
        double const rr = team_sum(team, n, [&](int i) { return b(item, i) * b(item, i); });
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          c.rr(item) = rr;
          c.goal(item) = cg_tolerance * cg_tolerance * rr;
        });
      });
}

/// All of an iteration but the product; an item that is done stands still.
void step_cg(Space const& space, CgState const& c, Vectors2 const& z) {
  int const n = int(z.extent(1));
  for_each_item(
      "bench::cuda::cg_step", space, int(z.extent(0)), n,
      KOKKOS_LAMBDA(TeamMember<Space> const& team, int item) {
        double const rr = c.rr(item);
        if (rr <= c.goal(item)) return;
        double const step =
            rr / team_sum(team, n, [&](int i) { return c.p(item, i) * c.hp(item, i); });
        team_for(team, n, [&](int i) {
          z(item, i) += step * c.p(item, i);
          c.r(item, i) -= step * c.hp(item, i);
        });
        team.team_barrier();
        double const next = team_sum(team, n, [&](int i) { return c.r(item, i) * c.r(item, i); });
        team_for(team, n, [&](int i) { c.p(item, i) = c.r(item, i) + next / rr * c.p(item, i); });
        Kokkos::single(Kokkos::PerTeam(team), [&] { c.rr(item) = next; });
      });
}

int unfinished(Space const& space, CgState const& c) {
  int count = 0;
  Kokkos::parallel_reduce(
      "bench::cuda::cg_poll", Kokkos::RangePolicy<Space>(space, 0, int(c.rr.extent(0))),
      KOKKOS_LAMBDA(int item, int& part) { part += c.rr(item) > c.goal(item); }, count);
  return count;
}

Contender cublas_cg(Problem const& p) {
  auto const d = make_device(p);
  Shape const s = d.shape;
  CgState const c{
      Vectors2("bench::cuda::r", s.items, s.n), Vectors2("bench::cuda::p", s.items, s.n),
      Vectors2("bench::cuda::hp", s.items, s.n), Scalars<double, Space>("bench::cuda::rr", s.items),
      Scalars<double, Space>("bench::cuda::goal", s.items)};
  auto const left = std::make_shared<int>(0);
  auto const solve = [=] {
    double const one = 1, zero = 0;
    start_cg(d.space, c, d.b, d.z);
    *left = s.items;
    for (int i = 0; i < 10 * s.n + 100 && *left > 0; ++i) {
      require(cublasDgemvStridedBatched(d.handles->blas, CUBLAS_OP_T, s.n, s.n, &one, d.h.data(),
                                        s.n, long(s.n) * s.n, c.p.data(), 1, s.n, &zero,
                                        c.hp.data(), 1, s.n, s.items),
              "cublasDgemvStridedBatched");
      step_cg(d.space, c, d.z);
      if (i % 10 == 9) *left = unfinished(d.space, c);  // waits, so not every time
    }
    d.space.fence("bench::cuda::cg");
  };
  auto const answer = [=] {
    Answer a;
    a.z = to_host(d.space, Matrices(d.z.data(), s.items, 1, s.n));
    if (*left > 0) a.complaint = "not converged";
    return a;
  };
  return {"cublas_cg", solve, answer};
}

}  // namespace

void add_cuda_peers(Problem const& p, Contenders& peers) {
  if (p.what.job == Job::kernel_and_pinv) {
    peers.push_back(syevd(p));
    if (p.what.shape.n <= 128) peers.push_back(syevj_batched(p));
#if CUSOLVER_VERSION >= 11701
    peers.push_back(syev_batched(p));
#endif
    peers.push_back(potrf_batched(p));
  }
  if (p.what.job == Job::cg) peers.push_back(cublas_cg(p));
}

#else
void add_cuda_peers(Problem const&, Contenders&) {}
#endif

}  // namespace minfold::bench
