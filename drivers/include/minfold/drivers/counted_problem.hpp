// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_COUNTED_PROBLEM_HPP
#define MINFOLD_DRIVERS_COUNTED_PROBLEM_HPP

#include <minfold/drivers/archive_records.hpp>
#include <minfold/drivers/counters.hpp>
#include <minfold/drivers/problem.hpp>

#include <cmath>
#include <optional>

namespace minfold {

namespace impl {

/// pending(:, stage) += what was done at all points.
template <ExecutionSpace E, class Pending>
void add_pending(E const& space, Scalars<LowerEvaluations, E> const& done, Pending const& pending,
                 int stage) {
  Kokkos::parallel_for(
      "minfold::counted_problem::add", Kokkos::RangePolicy<E>(space, 0, int(done.extent(0))),
      KOKKOS_LAMBDA(int item) {
        Kokkos::atomic_add(&pending(0, stage), (unsigned long long)(done(item).values));
        Kokkos::atomic_add(&pending(1, stage), (unsigned long long)(done(item).gradients));
        Kokkos::atomic_add(&pending(2, stage), (unsigned long long)(done(item).hessian_products));
      });
}

}  // namespace impl

/// A problem that counts what is asked of it, by stage. Every method works through one of these,
/// so that no product can escape the count. It keeps the sizes that the problem had at first: one that
/// changes them while a method runs is refused with a sentence at the next call.
template <class T, ExecutionSpace E>
class CountedProblem final : public AnyProblem<T, E> {
  struct Sampled {
    double values = 0, gradients = 0, hessian_products = 0, mixed_products = 0;
  };
  /// Rows: values, gradients, Hessian products; columns: stages.
  using Pending = Vectors<unsigned long long, E>;
  struct Books {
    StageCounters counters{};
    std::array<Sampled, stage_count> sampled{};
    Stage stage = Stage::lower_solve;
    bool mixed_product = false;  ///< was asked for and is there
    /// What launches counted themselves, and the space they ran on; not in the counters yet.
    Pending pending;
    std::optional<E> space;

    void drop() {
      if (!space) return;
      Kokkos::deep_copy(*space, pending, 0ULL);
      space.reset();
    }
    /// Waits where there is something pending.
    void collect() {
      if (!space) return;
      auto const host = to_host(*space, pending);
      drop();
      for (int s = 0; s < stage_count; ++s) {
        counters[s].values += std::int64_t(host(0, s));
        counters[s].gradients += std::int64_t(host(1, s));
        counters[s].hessian_products += std::int64_t(host(2, s));
      }
    }
  };

 public:
  using typename AnyProblem<T, E>::ConstVectors;
  using typename AnyProblem<T, E>::ConstBlocks;

  explicit CountedProblem(AnyProblem<T, E> const& problem)
      : problem_(problem), books_(std::make_shared<Books>()), sizes_(problem) {}

  /// What was asked of samples of the data is counted by their share, rounded.
  StageCounters counters() const {
    books_->collect();
    StageCounters all = books_->counters;
    for (int stage = 0; stage < stage_count; ++stage) {
      auto const& part = books_->sampled[stage];
      all[stage].gradients += std::llround(part.gradients);
      all[stage].values += std::llround(part.values);
      all[stage].hessian_products += std::llround(part.hessian_products);
      all[stage].mixed_products += std::llround(part.mixed_products);
    }
    return all;
  }

  /// Whether G u, which not every problem offers, was asked for in this run.
  bool used_mixed_product() const { return books_->mixed_product; }

  /// Books the work and the seconds of a scope to a stage.
  class Scope {
   public:
    Scope(CountedProblem const& problem, E const& space, Stage stage)
        : problem_(problem), space_(space), before_(problem.books_->stage) {
      problem_.books_->stage = stage;
    }
    ~Scope() {
      space_.fence("minfold::counted_problem::stage");
      auto& books = *problem_.books_;
      books.counters[int(books.stage)].seconds += timer_.seconds();
      books.stage = before_;
    }
    Scope(Scope const&) = delete;
    Scope& operator=(Scope const&) = delete;

   private:
    CountedProblem const& problem_;
    E space_;
    Stage before_;
    Kokkos::Timer timer_;
  };

  /// What is asked in such a scope is for the records of a method, not for its steps: not counted.
  class Aside {
   public:
    explicit Aside(CountedProblem const& problem) : books_(problem.books_) {
      books_->collect();
      before_ = books_->counters;
      sampled_ = books_->sampled;
    }
    ~Aside() {
      books_->drop();
      // The seconds of a stage are booked at its end, so there are none of this scope yet.
      books_->counters = before_;
      books_->sampled = sampled_;
    }
    Aside(Aside const&) = delete;
    Aside& operator=(Aside const&) = delete;

   private:
    std::shared_ptr<Books> books_;
    StageCounters before_;
    std::array<Sampled, stage_count> sampled_;
  };

  void archive(StateArchive& a) const {
    books_->collect();
    auto const in = a.group("counters");
    a.row("whole", books_->counters);
    for (int s = 0; s < stage_count; ++s) {
      auto const stage = a.group("sampled_" + std::to_string(s));
      auto& part = books_->sampled[s];
      a("values", part.values);
      a("gradients", part.gradients);
      a("hessian_products", part.hessian_products);
      a("mixed_products", part.mixed_products);
    }
  }

  int batch_size() const override { return sizes_.targets; }
  int dim_x() const override { return sizes_.x; }
  int dim_y() const override { return sizes_.y; }
  bool shared_upper() const override { return problem_.shared_upper(); }
  bool has_second_order() const override { return problem_.has_second_order(); }
  T length_scale() const override { return problem_.length_scale(); }
  /// Counts into the same books.
  std::unique_ptr<AnyProblem<T, E>> for_items(E const& space,
                                              Scalars<int const, E> target_of) const override {
    auto part = problem_.for_items(space, target_of);
    if (!part) return nullptr;
    std::unique_ptr<CountedProblem> counted(new CountedProblem(std::move(part), books_));
    counted->share_ = share_;
    return counted;
  }
  /// Counted where it happens, since nothing else knows.
  bool lower_solve_by_teams(E const& space, ConstVectors x, Vectors<T, E> y,
                            Scalars<LowerRecord<T>, E> records, Scalars<LowerEvaluations, E> done,
                            LowerSolveOptions<T> const& options) const override {
    require_same_sizes();
    if (share_ != 1 || !problem_.lower_solve_by_teams(space, x, y, records, done, options))
      return false;
    auto& books = *books_;
    if (!books.pending.data()) {
      books.pending = make_vectors<unsigned long long>(space, "minfold::counted_problem::pending",
                                                       3, stage_count);
      Kokkos::deep_copy(space, books.pending, 0ULL);
    }
    // Another instance would not wait for what is pending on this one.
    if (books.space && !(*books.space == space)) books.collect();
    books.space = space;
    impl::add_pending(space, done, books.pending, int(books.stage));
    return true;
  }
  int samples() const override { return problem_.samples(); }
  /// Counts into the same books, what concerns g by the share of the data.
  std::unique_ptr<AnyProblem<T, E>> on_sample(E const& space, Place place,
                                              int count) const override {
    auto part = problem_.on_sample(space, place, count);
    if (!part) return nullptr;
    std::unique_ptr<CountedProblem> counted(new CountedProblem(std::move(part), books_));
    counted->share_ = double(count) / problem_.samples();
    return counted;
  }
  std::optional<Smoothness> smoothness(E const& space, ConstVectors x,
                                       ConstVectors y) const override {
    return problem_.smoothness(space, x, y);
  }
  void project_upper(E const& space, Vectors<T, E> x) const override {
    problem_.project_upper(space, x);
  }
  void random_lower(E const& space, Place place, Vectors<T, E> y) const override {
    problem_.random_lower(space, place, y);
  }

  void upper_value(E const& space, ConstVectors x, ConstVectors y,
                   Scalars<T, E> out) const override {
    now().values += items(y);
    problem_.upper_value(space, x, y, out);
  }
  void lower_value(E const& space, ConstVectors x, ConstVectors y,
                   Scalars<T, E> out) const override {
    count(&Counters::values, &Sampled::values, items(y));
    problem_.lower_value(space, x, y, out);
  }
  void upper_gradient(E const& space, ConstVectors x, ConstVectors y, Vectors<T, E> gx,
                      Vectors<T, E> gy) const override {
    now().gradients += items(y);
    problem_.upper_gradient(space, x, y, gx, gy);
  }
  void lower_gradient(E const& space, ConstVectors x, ConstVectors y,
                      Vectors<T, E> gy) const override {
    count(&Counters::gradients, &Sampled::gradients, items(y));
    problem_.lower_gradient(space, x, y, gy);
  }
  void lower_hessian(E const& space, ConstVectors x, ConstVectors y, ConstBlocks v,
                     Blocks<T, E> out) const override {
    count(&Counters::hessian_products, &Sampled::hessian_products,
          items(y) * std::int64_t(v.extent(1)));
    problem_.lower_hessian(space, x, y, v, out);
  }
  void mixed_transpose(E const& space, ConstVectors x, ConstVectors y, ConstVectors z,
                       Vectors<T, E> out) const override {
    count(&Counters::mixed_products, &Sampled::mixed_products, items(y));
    problem_.mixed_transpose(space, x, y, z, out);
  }
  void lower_gradient_x(E const& space, ConstVectors x, ConstVectors y,
                        Vectors<T, E> out) const override {
    count(&Counters::gradients, &Sampled::gradients, items(y));
    problem_.lower_gradient_x(space, x, y, out);
  }
  void mixed_product(E const& space, ConstVectors x, ConstVectors y, ConstVectors u,
                     Vectors<T, E> out) const override {
    count(&Counters::mixed_products, &Sampled::mixed_products, items(y));
    problem_.mixed_product(space, x, y, u, out);
    books_->mixed_product = true;
  }
  void upper_hessian(E const& space, ConstVectors x, ConstVectors y, ConstBlocks v,
                     Blocks<T, E> out) const override {
    now().second_products += items(y) * std::int64_t(v.extent(1));
    problem_.upper_hessian(space, x, y, v, out);
  }
  void third_product(E const& space, ConstVectors x, ConstVectors y, ConstVectors lambda,
                     ConstBlocks v, Blocks<T, E> out) const override {
    now().second_products += items(y) * std::int64_t(v.extent(1));
    problem_.third_product(space, x, y, lambda, v, out);
  }

 private:
  CountedProblem(std::unique_ptr<AnyProblem<T, E>> part, std::shared_ptr<Books> books)
      : owned_(std::move(part)), problem_(*owned_), books_(std::move(books)), sizes_(problem_) {}

  struct Sizes {
    int targets, x, y;
    explicit Sizes(AnyProblem<T, E> const& of)
        : targets(of.batch_size()), x(of.dim_x()), y(of.dim_y()) {}
    bool operator==(Sizes const&) const = default;
  };
  void require_same_sizes() const {
    Sizes const are(problem_);
    MINFOLD_REQUIRE(are == sizes_, "the problem has changed its sizes while it is solved: from ",
                    sizes_.targets, " targets, dim_x ", sizes_.x, ", dim_y ", sizes_.y, " to ",
                    are.targets, ", ", are.x, ", ", are.y);
  }

  Counters& now() const {
    require_same_sizes();
    return books_->counters[int(books_->stage)];
  }
  void count(std::int64_t Counters::* whole, double Sampled::* part, std::int64_t amount) const {
    require_same_sizes();
    if (share_ == 1)
      books_->counters[int(books_->stage)].*whole += amount;
    else
      books_->sampled[int(books_->stage)].*part += share_ * double(amount);
  }
  static std::int64_t items(ConstVectors const& y) { return std::int64_t(y.extent(0)); }

  std::unique_ptr<AnyProblem<T, E>> owned_;
  AnyProblem<T, E> const& problem_;
  std::shared_ptr<Books> books_;
  Sizes sizes_;
  double share_ = 1;  ///< of the data terms of g
};

}  // namespace minfold

#endif
