// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_PLAIN_SUPPORT_HPP
#define MINFOLD_DRIVERS_PLAIN_SUPPORT_HPP

#include <minfold/core/status.hpp>
#include <minfold/plain.h>

#include <exception>
#include <new>
#include <stdexcept>
#include <string>

struct minfold_context {
  Kokkos::DefaultExecutionSpace space;
  void* stream;
};

/// What the C functions share: the boundary that no exception crosses, and arguments as Views.
namespace minfold::impl::plain {

using Space = Kokkos::DefaultExecutionSpace;

/// Ends a call with a status of its own.
struct Failure : std::runtime_error {
  minfold_status status;
  Failure(minfold_status s, std::string const& sentence)
      : std::runtime_error("minfold: " + sentence), status(s) {}
};

void set_error(char const* sentence) noexcept;

/// body() with exceptions turned into statuses.
template <class Body>
minfold_status guarded(Body const& body) noexcept {
  set_error("");
  try {
    return body();
  } catch (Failure const& failure) {
    set_error(failure.what());
    return failure.status;
  } catch (std::invalid_argument const& error) {
    set_error(error.what());
    return MINFOLD_INVALID_ARGUMENT;
  } catch (std::bad_alloc const&) {
    set_error("minfold: there is no memory left");
    return MINFOLD_NO_MEMORY;
  } catch (std::exception const& error) {
    set_error(error.what());
    // Kokkos throws a runtime_error, or before 5.1 a type of its own; they have this text in common.
    bool const memory = std::string_view(error.what()).find("allocat") != std::string_view::npos;
    return memory ? MINFOLD_NO_MEMORY : MINFOLD_INTERNAL;
  } catch (...) {
    set_error("minfold: something that is no std::exception was thrown");
    return MINFOLD_INTERNAL;
  }
}

/// Throws MINFOLD_NOT_INITIALIZED unless minfold is initialized and Kokkos runs.
void require_running(char const* function);
/// The space of a context, both being fit for use.
Space const& enter(char const* function, minfold_context const* context);

/// Throws unless a callback has returned 0.
void require_success(char const* callback, std::int32_t returned);

/// Before a callback reads what host kernels wrote. On a device the stream is the order.
inline void before_callback(Space const& space) {
  if constexpr (Kokkos::SpaceAccessibility<Kokkos::HostSpace, Space::memory_space>::accessible)
    space.fence("minfold::plain::callback");
}

/// Checks pointer, precision, extents and strides. `distinct`: entries must be (outputs).
void check_array(char const* what, minfold_array const* array, minfold_precision precision,
                 bool distinct);
void check_extents(char const* what, minfold_array const& array, size_t items, size_t rows,
                   size_t columns);
/// Refuses right-hand sides, (items, columns, n), whose number is not an int: each has a record.
void check_sides(char const* function, minfold_array const* b);
/// Items one after the other, i fastest.
bool in_house_layout(minfold_array const& array);
/// The same with rows and columns exchanged.
bool in_exchanged_layout(minfold_array const& array);
/// Refuses arrays whose ranges of addresses meet, unless neither is worked in place: in strided arrays
/// entries may lie between one another.
void refuse_overlap(char const* what, minfold_array const& one, char const* other_what,
                    minfold_array const& other);

template <class T>
inline constexpr minfold_precision precision_of =
    std::is_same_v<T, float> ? MINFOLD_FLOAT : MINFOLD_DOUBLE;

/// Between a strided array and a view in the house layout.
template <class T>
struct CopyStrided {
  Blocks<T, Space> house;
  T* strided;
  std::int64_t rows, columns, stride0, stride1, stride2;
  bool gather;

  KOKKOS_FUNCTION void operator()(std::int64_t t) const {
    std::int64_t const i = t % columns, j = t / columns % rows, item = t / columns / rows;
    T& there = strided[item * stride0 + j * stride1 + i * stride2];
    T& here = house(item, j, i);
    if (gather)
      here = there;
    else
      there = here;
  }
};

template <class T>
void copy_strided(Space const& space, minfold_array const& array, Blocks<T, Space> const& house,
                  bool gather) {
  if (house.size() == 0) return;
  CopyStrided<T> const copy{house,
                            static_cast<T*>(array.data),
                            std::int64_t(array.extent[1]),
                            std::int64_t(array.extent[2]),
                            std::int64_t(array.stride[0]),
                            std::int64_t(array.stride[1]),
                            std::int64_t(array.stride[2]),
                            gather};
  Kokkos::parallel_for(
      gather ? "minfold::plain::gather" : "minfold::plain::scatter",
      Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>(space, 0, house.size()), copy);
}

template <class T>
Blocks<T, Space> in_place(minfold_array const& array) {
  return Blocks<T, Space>(static_cast<T*>(array.data), array.extent[0], array.extent[1],
                          array.extent[2]);
}

/// A checked input in the house layout: the caller's memory, or a copy.
template <class T>
Blocks<T, Space> input(Space const& space, char const* what, minfold_array const* array,
                       bool symmetric = false) {
  check_array(what, array, precision_of<T>, false);
  if (in_house_layout(*array) || (symmetric && in_exchanged_layout(*array)))
    return in_place<T>(*array);
  auto const copy = make_blocks<T>(space, "minfold::plain::input", int(array->extent[0]),
                                   int(array->extent[1]), int(array->extent[2]));
  copy_strided(space, *array, copy, true);
  return copy;
}

/// An output in the house layout; what is in a copy goes to the caller with `deliver`.
template <class T>
struct Output {
  minfold_array const* array;
  Blocks<T, Space> view;

  Output(Space const& space, char const* what, minfold_array const* a) : array(a) {
    check_array(what, a, precision_of<T>, true);
    view = in_house_layout(*a) ? in_place<T>(*a)
                               : make_blocks<T>(space, "minfold::plain::output", int(a->extent[0]),
                                                int(a->extent[1]), int(a->extent[2]));
  }
  void deliver(Space const& space) const {
    if (view.data() != array->data) copy_strided(space, *array, view, false);
  }
};

/// Options with nothing given.
inline minfold_options given(minfold_options const* options) {
  return options ? *options : minfold_options{};
}
void check_options(char const* function, minfold_options const& options);
template <class T>
void set(T& member, double value) {
  if (value != 0) member = T(value);
}

/// Counts outcomes: MINFOLD_OK where all have converged, else MINFOLD_NOT_CERTIFIED and a sentence.
class Verdicts {
 public:
  explicit Verdicts(char const* function) : function_(function) {}
  void add(char const* what, int item, Outcome outcome);
  minfold_status status() const;

 private:
  char const* function_;
  int total_ = 0, bad_ = 0;
  std::string first_;
};

template <class T>
void give(Space const& space, Scalars<SolveRecord<T>, Space> const& from, minfold_solve_record* to,
          Verdicts& verdicts) {
  auto const host = to_host(space, from);
  for (int i = 0; i < int(host.extent(0)); ++i) {
    auto const& r = host(i);
    to[i] = {minfold_outcome(r.outcome), r.iterations,       r.products,
             double(r.rhs_norm),         double(r.residual), double(r.leakage),
             double(r.operator_norm)};
    verdicts.add("solve", i, r.outcome);
  }
}

template <class T>
void give(Space const& space, Scalars<KernelRecord<T>, Space> const& from, int capacity,
          minfold_kernel_record* to, Verdicts& verdicts) {
  auto const host = to_host(space, from);
  for (int i = 0; i < int(host.extent(0)); ++i) {
    auto const& r = host(i);
    to[i] = {minfold_outcome(r.outcome),      r.dimension,
             std::min(r.dimension, capacity), r.products,
             double(r.norm_estimate),         double(r.kernel_residual),
             double(r.orthogonality),         double(r.gap),
             double(r.smallest_kept),         double(r.most_negative)};
    verdicts.add("kernel", i, r.outcome);
  }
}

template <class T>
void give(Space const& space, Scalars<RangeRecord<T>, Space> const& from, minfold_range_record* to,
          Verdicts& verdicts) {
  auto const host = to_host(space, from);
  for (int i = 0; i < int(host.extent(0)); ++i) {
    auto const& r = host(i);
    to[i] = {minfold_outcome(r.outcome),
             r.rank,
             r.products,
             double(r.norm_estimate),
             double(r.range_residual),
             double(r.orthogonality),
             double(r.gap)};
    verdicts.add("range", i, r.outcome);
  }
}

}  // namespace minfold::impl::plain

#endif
