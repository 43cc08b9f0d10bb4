// SPDX-License-Identifier: Apache-2.0
#include <minfold/drivers/hgms.hpp>
#include <minfold/drivers/impl/plain_snapshot.hpp>

#include "plain_support.hpp"

#include <climits>
#include <cmath>
#include <limits>
#include <sstream>

namespace minfold::impl::plain {

static_assert(int(Verdict::certified) == MINFOLD_CERTIFIED &&
              int(Verdict::uncertain) == MINFOLD_UNCERTAIN &&
              int(Verdict::refused) == MINFOLD_REFUSED);
static_assert(int(SolveOutcome::converged) == MINFOLD_SOLVE_CONVERGED &&
              int(SolveOutcome::iteration_limit) == MINFOLD_SOLVE_ITERATION_LIMIT &&
              int(SolveOutcome::stalled) == MINFOLD_SOLVE_STALLED &&
              int(SolveOutcome::stopped) == MINFOLD_SOLVE_STOPPED &&
              int(SolveOutcome::failed) == MINFOLD_SOLVE_FAILED);

/// item -> the target it belongs to: item % targets, or map(item).
struct FillTargets {
  Scalars<int, Space> to;
  Scalars<int const, Space> rows, map;
  int targets;

  KOKKOS_FUNCTION void operator()(int item) const {
    int const row = rows.data() ? rows(item) : item % targets;
    to(item) = map.data() ? map(row) : row;
  }
};

namespace {

template <class V>
typename V::pointer_type contiguous(V const& view) {
  if (!view.span_is_contiguous())
    throw std::logic_error("minfold: a view that is not contiguous was handed to a callback");
  return view.data();
}

/// A problem whose values and products are callbacks.
class CallbackProblem final : public AnyProblem<double, Space> {
 public:
  CallbackProblem(minfold_problem const& problem, minfold_context const* context)
      : problem_(problem), context_(context) {}

  int batch_size() const override { return part_.data() ? int(part_.extent(0)) : targets(); }
  int dim_x() const override { return int(problem_.dim_x); }
  int dim_y() const override { return int(problem_.dim_y); }
  bool shared_upper() const override { return problem_.own_upper == 0; }
  bool has_second_order() const override { return problem_.upper_hessian != nullptr; }
  double length_scale() const override {
    return problem_.length_scale > 0 ? problem_.length_scale : 1;
  }

  void upper_value(Space const& space, ConstVectors x, ConstVectors y,
                   Scalars<double, Space> out) const override {
    auto const p = at(space, x, y);
    require_success("upper_value", problem_.upper_value(problem_.user, &p, out.data()));
  }
  void lower_value(Space const& space, ConstVectors x, ConstVectors y,
                   Scalars<double, Space> out) const override {
    auto const p = at(space, x, y);
    require_success("lower_value", problem_.lower_value(problem_.user, &p, out.data()));
  }
  void upper_gradient(Space const& space, ConstVectors x, ConstVectors y, Vectors<double, Space> gx,
                      Vectors<double, Space> gy) const override {
    auto const p = at(space, x, y);
    require_success("upper_gradient",
                    problem_.upper_gradient(problem_.user, &p, contiguous(gx), contiguous(gy)));
  }
  void lower_gradient(Space const& space, ConstVectors x, ConstVectors y,
                      Vectors<double, Space> gy) const override {
    auto const p = at(space, x, y);
    require_success("lower_gradient", problem_.lower_gradient(problem_.user, &p, contiguous(gy)));
  }
  void lower_hessian(Space const& space, ConstVectors x, ConstVectors y, ConstBlocks v,
                     Blocks<double, Space> out) const override {
    auto const p = at(space, x, y);
    require_success("lower_hessian", problem_.lower_hessian(problem_.user, &p, v.extent(1),
                                                            contiguous(v), contiguous(out)));
  }
  void mixed_transpose(Space const& space, ConstVectors x, ConstVectors y, ConstVectors z,
                       Vectors<double, Space> out) const override {
    auto const p = at(space, x, y);
    require_success("mixed_transpose",
                    problem_.mixed_transpose(problem_.user, &p, contiguous(z), contiguous(out)));
  }
  void upper_hessian(Space const& space, ConstVectors x, ConstVectors y, ConstBlocks v,
                     Blocks<double, Space> out) const override {
    auto const p = at(space, x, y);
    require_success("upper_hessian", problem_.upper_hessian(problem_.user, &p, v.extent(1),
                                                            contiguous(v), contiguous(out)));
  }
  void third_product(Space const& space, ConstVectors x, ConstVectors y, ConstVectors lambda,
                     ConstBlocks v, Blocks<double, Space> out) const override {
    auto const p = at(space, x, y);
    require_success("third_product",
                    problem_.third_product(problem_.user, &p, contiguous(lambda), v.extent(1),
                                           contiguous(v), contiguous(out)));
  }
  void project_upper(Space const& space, Vectors<double, Space> x) const override {
    if (!problem_.project_upper) return;
    before_callback(space);
    require_success("project_upper",
                    problem_.project_upper(problem_.user, context_, x.extent(0), contiguous(x)));
  }
  std::unique_ptr<AnyProblem> for_items(Space const& space,
                                        Scalars<int const, Space> target_of) const override {
    auto part = std::make_unique<CallbackProblem>(problem_, context_);
    if (target_of.data()) {
      auto const composed =
          make_scalars<int>(space, "minfold::plain::part", int(target_of.extent(0)));
      fill(space, composed, target_of);
      part->part_ = composed;
    }
    return part;
  }

 private:
  int targets() const { return int(problem_.targets); }

  void fill(Space const& space, Scalars<int, Space> const& to,
            Scalars<int const, Space> const& rows) const {
    Kokkos::parallel_for("minfold::plain::targets",
                         Kokkos::RangePolicy<Space>(space, 0, int(to.extent(0))),
                         FillTargets{to, rows, part_, batch_size()});
  }

  minfold_points at(Space const& space, ConstVectors const& x, ConstVectors const& y) const {
    int const items = int(y.extent(0));
    if (int(target_.extent(0)) < items) {
      target_ = make_scalars<int>(space, "minfold::plain::target", items);
      fill(space, target_, {});
    }
    before_callback(space);
    return {context_,    std::size_t(items), problem_.dim_x, problem_.dim_y,
            x.extent(0), contiguous(x),      contiguous(y),  target_.data()};
  }

  minfold_problem problem_;
  minfold_context const* context_;
  Scalars<int const, Space> part_;      ///< targets of the rows of a part; empty: the whole
  mutable Scalars<int, Space> target_;  ///< for as many points as were ever asked about
};

void check_problem(minfold_problem const* p) {
  MINFOLD_REQUIRE(p, "minfold_hgms: the problem is NULL");
  auto const extent = [](char const* name, std::size_t value) {
    MINFOLD_REQUIRE(value > 0 && value <= INT_MAX, "minfold_hgms: ", name, " is ", value,
                    ", must be from 1 to ", INT_MAX);
  };
  extent("targets", p->targets);
  extent("dim_x", p->dim_x);
  extent("dim_y", p->dim_y);
  auto const callback = [](char const* name, bool there) {
    MINFOLD_REQUIRE(there, "minfold_hgms: the problem has no callback ", name);
  };
  callback("upper_value", p->upper_value);
  callback("lower_value", p->lower_value);
  callback("upper_gradient", p->upper_gradient);
  callback("lower_gradient", p->lower_gradient);
  callback("lower_hessian", p->lower_hessian);
  callback("mixed_transpose", p->mixed_transpose);
  MINFOLD_REQUIRE(
      (p->upper_hessian == nullptr) == (p->third_product == nullptr),
      "minfold_hgms: the problem needs both upper_hessian and third_product, or neither");
  MINFOLD_REQUIRE(p->own_upper == 0 || p->own_upper == 1, "minfold_hgms: own_upper is ",
                  p->own_upper, ", must be 0 or 1");
  MINFOLD_REQUIRE(std::isfinite(p->length_scale) && p->length_scale >= 0,
                  "minfold_hgms: length_scale is ", p->length_scale,
                  ", must be positive, or 0 for 1");
}

HgmsOptions<double> options_of(minfold_hgms_options const& given) {
  std::istringstream words(given.settings ? given.settings : "");
  std::vector<std::string> texts;
  for (std::string word; words >> word;) texts.push_back(word);
  Settings settings(texts);
  auto o = HgmsOptions<double>::from(settings);
  settings.refuse_unknown();
  MINFOLD_REQUIRE(given.max_iterations >= -1, "minfold_hgms: max_iterations is ",
                  given.max_iterations, ", must be positive, 0 for the default or -1 for none");
  MINFOLD_REQUIRE(std::isfinite(given.tolerance) && given.tolerance >= 0,
                  "minfold_hgms: tolerance is ", given.tolerance,
                  ", must be positive, or 0 for the default");
  if (given.max_iterations != 0) o.max_iterations = std::max(given.max_iterations, 0);
  set(o.tolerance, given.tolerance);
  if (given.seed) o.seed = given.seed;
  return o;
}

/// A sentence without the name of the library before it.
std::string without_name(std::string const& sentence) {
  std::string const name = "minfold: ";
  return sentence.rfind(name, 0) == 0 ? sentence.substr(name.size()) : sentence;
}

Checkpoints checkpoints_of(minfold_hgms_options const& given) {
  MINFOLD_REQUIRE(given.snapshot_every >= 0, "minfold_hgms: snapshot_every is ",
                  given.snapshot_every, ", must not be negative");
  MINFOLD_REQUIRE(std::isfinite(given.snapshot_seconds) && given.snapshot_seconds >= 0,
                  "minfold_hgms: snapshot_seconds is ", given.snapshot_seconds,
                  ", must not be negative");
  Checkpoints c;
  c.every = given.snapshot_every;
  c.seconds = given.snapshot_seconds;
  c.identity["method"] = "hgms";
  auto& settings = c.identity["settings"];
  std::istringstream words(given.settings ? given.settings : "");
  for (std::string word; words >> word;) settings += settings.empty() ? word : " " + word;
  if (given.resume_from) c.resume_from = &given.resume_from->state;
  if (given.snapshot_sink)
    c.sink = [given](Snapshot state) {
      minfold_snapshot const handle{std::move(state)};
      set_error("");
      auto const returned = given.snapshot_sink(given.snapshot_user, &handle);
      std::string const why = without_name(minfold_last_error());
      set_error("");
      if (returned != 0)
        throw Failure(MINFOLD_CALLBACK_FAILED, "the callback snapshot_sink returned " +
                                                   std::to_string(returned) +
                                                   (why.empty() ? "" : ": " + why));
    };
  return c;
}

minfold_iteration plain_iteration(Iteration const& line) {
  auto const work = total(line.counters);
  auto const& c = line.certificate;
  return {line.iteration,
          minfold_verdict(c.verdict),
          c.certified,
          c.uncertain,
          c.refused,
          line.tied,
          line.upper,
          line.hypergradient_norm,
          line.target,
          line.step,
          work.values,
          work.gradients,
          work.hessian_products,
          work.mixed_products,
          work.second_products,
          line.seconds};
}

minfold_certificate plain_certificate(ItemCertificate const& c) {
  return {minfold_verdict(c.verdict),
          c.kernel_dimension,
          c.candidates,
          c.rival ? 1 : 0,
          c.lower_residual,
          c.distance_bound,
          c.gap,
          c.tangential_residual,
          c.nondegeneracy,
          c.smallest_curvature,
          c.uniqueness_margin,
          c.solve_residual,
          c.leakage};
}

/// (rows, columns) seen as the caller's (rows, 1, columns).
Blocks<double, Space> as_plain(Vectors<double, Space> const& v) {
  return Blocks<double, Space>(v.data(), v.extent(0), 1, v.extent(1));
}

void require_finite(Space const& space, char const* what, Vectors<double, Space> const& view) {
  auto const host = to_host(space, view);
  for (std::size_t row = 0; row < host.extent(0); ++row)
    for (std::size_t j = 0; j < host.extent(1); ++j)
      MINFOLD_REQUIRE(std::isfinite(host(row, j)), "minfold_hgms: ", what, "(", row, ", ", j,
                      ") is not finite");
}

minfold_status solve(Space const& space, minfold_context const* context,
                     minfold_problem const* given_problem, minfold_array const* x,
                     minfold_array const* y, minfold_array const* hypergradient,
                     minfold_certificate* certificates, minfold_solve_result* result,
                     minfold_hgms_options const& given) {
  check_problem(given_problem);
  auto const& p = *given_problem;
  std::size_t const rows = p.own_upper ? p.targets : 1;
  auto const check = [&](char const* what, minfold_array const* array, std::size_t r,
                         std::size_t dim) {
    check_array(what, array, MINFOLD_DOUBLE, true);
    check_extents(what, *array, r, 1, dim);
  };
  check("x", x, rows, p.dim_x);
  check("y", y, p.targets, p.dim_y);
  refuse_overlap("x", *x, "y", *y);
  if (hypergradient) {
    check("hypergradient", hypergradient, rows, p.dim_x);
    refuse_overlap("hypergradient", *hypergradient, "x", *x);
    refuse_overlap("hypergradient", *hypergradient, "y", *y);
  }
  MINFOLD_REQUIRE(result, "minfold_hgms: result is NULL");
  MINFOLD_REQUIRE(given.warm == 0 || given.warm == 1, "minfold_hgms: warm is ", given.warm,
                  ", must be 0 or 1");
  auto const options = options_of(given);
  auto const checkpoints = checkpoints_of(given);

  CallbackProblem const problem(p, context);
  BilevelState<double, Space> state(space, problem);
  if (!given.resume_from) {
    copy_strided(space, *x, as_plain(state.x), true);
    require_finite(space, "x", state.x);
  }
  if (given.warm && !given.resume_from) {
    copy_strided(space, *y, as_plain(state.y), true);
    require_finite(space, "y", state.y);
    state.warm = true;
  }
  Observer observer;
  if (given.observer)
    observer = [&](Iteration const& line) {
      auto const shown = plain_iteration(line);
      return given.observer(given.observer_user, &shown) == 0;
    };
  auto const solved =
      minimize_hgms<double, Space>(space, problem, state, options, observer, checkpoints);

  copy_strided(space, *x, as_plain(state.x), false);
  copy_strided(space, *y, as_plain(state.y), false);
  if (hypergradient) copy_strided(space, *hypergradient, as_plain(state.hypergradient), false);
  space.fence("minfold::plain::hgms");
  if (certificates)
    for (std::size_t t = 0; t < state.certificates.size(); ++t)
      certificates[t] = plain_certificate(state.certificates[t]);
  *result = {minfold_solve_outcome(solved.outcome), plain_iteration(solved.last)};
  if (solved.solved()) return MINFOLD_OK;
  std::string sentence = std::string("minfold: minfold_hgms: ") + to_string(solved.outcome) + ", " +
                         to_string(solved.last.certificate.verdict);
  for (auto const& reason : solved.last.certificate.reasons) sentence += "; " + reason;
  set_error(sentence.c_str());
  return MINFOLD_NOT_CERTIFIED;
}

}  // namespace

}  // namespace minfold::impl::plain

char const* minfold_verdict_name(minfold_verdict verdict) {
  if (verdict < MINFOLD_CERTIFIED || verdict > MINFOLD_REFUSED) return "unknown verdict";
  return minfold::to_string(minfold::Verdict(verdict));
}

char const* minfold_solve_outcome_name(minfold_solve_outcome outcome) {
  if (outcome < MINFOLD_SOLVE_CONVERGED || outcome > MINFOLD_SOLVE_FAILED) return "unknown outcome";
  return minfold::to_string(minfold::SolveOutcome(outcome));
}

std::int32_t minfold_snapshot_iteration(minfold_snapshot const* snapshot) {
  if (!snapshot || snapshot->state.entries.count("run/iteration") == 0) return -1;
  return snapshot->state.iteration();
}

void minfold_snapshot_destroy(minfold_snapshot* snapshot) {
  delete snapshot;
}

minfold_status minfold_hgms(minfold_context const* context, minfold_problem const* problem,
                            minfold_array const* x, minfold_array const* y,
                            minfold_array const* hypergradient, minfold_certificate* certificates,
                            minfold_solve_result* result, minfold_hgms_options const* options) {
  using namespace minfold::impl::plain;
  return guarded([&] {
    auto const& space = enter("minfold_hgms", context);
    return solve(space, context, problem, x, y, hypergradient, certificates, result,
                 options ? *options : minfold_hgms_options{});
  });
}
