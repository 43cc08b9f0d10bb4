! SPDX-License-Identifier: Apache-2.0
! From Fortran by iso_c_binding: the kernel and the pseudoinverse of a singular matrix, and a
! hypergradient by callbacks. A Fortran array (n, columns, items) is what minfold calls (items, columns, n).
module minfold
  use, intrinsic :: iso_c_binding
  implicit none

  integer(c_int32_t), parameter :: minfold_ok = 0, minfold_double = 0

  type, bind(c) :: minfold_array
    type(c_ptr) :: data
    integer(c_int32_t) :: precision
    integer(c_size_t) :: extent(3)
    integer(c_intptr_t) :: stride(3)
  end type

  type, bind(c) :: minfold_solve_record
    integer(c_int32_t) :: outcome, iterations, products
    real(c_double) :: rhs_norm, residual, leakage, operator_norm
  end type

  type, bind(c) :: minfold_kernel_record
    integer(c_int32_t) :: outcome, dimension, vectors, products
    real(c_double) :: norm_estimate, kernel_residual, orthogonality, gap, smallest_kept, most_negative
  end type

  type, bind(c) :: minfold_points
    type(c_ptr) :: context
    integer(c_size_t) :: items, dim_x, dim_y, x_rows
    type(c_ptr) :: x, y, target
  end type

  type, bind(c) :: minfold_problem
    type(c_ptr) :: user = c_null_ptr
    integer(c_size_t) :: targets = 0, dim_x = 0, dim_y = 0
    integer(c_int32_t) :: own_upper = 0
    real(c_double) :: length_scale = 0
    type(c_funptr) :: upper_value = c_null_funptr, lower_value = c_null_funptr
    type(c_funptr) :: upper_gradient = c_null_funptr, lower_gradient = c_null_funptr
    type(c_funptr) :: lower_hessian = c_null_funptr, mixed_transpose = c_null_funptr
    type(c_funptr) :: upper_hessian = c_null_funptr, third_product = c_null_funptr
    type(c_funptr) :: project_upper = c_null_funptr
  end type

  type, bind(c) :: minfold_iteration
    integer(c_int32_t) :: iteration, verdict, certified, uncertain, refused, tied
    real(c_double) :: upper, hypergradient_norm, tolerance, step
    integer(c_int64_t) :: values, gradients, hessian_products, mixed_products, second_products
    real(c_double) :: seconds
  end type

  type, bind(c) :: minfold_solve_result
    integer(c_int32_t) :: outcome
    type(minfold_iteration) :: last
  end type

  interface
    function minfold_initialize(threads, device) bind(c) result(status)
      import :: c_int32_t
      integer(c_int32_t), value :: threads, device
      integer(c_int32_t) :: status
    end function
    function minfold_finalize() bind(c) result(status)
      import :: c_int32_t
      integer(c_int32_t) :: status
    end function
    function minfold_context_create(stream, context) bind(c) result(status)
      import :: c_int32_t, c_ptr
      type(c_ptr), value :: stream
      type(c_ptr), intent(out) :: context
      integer(c_int32_t) :: status
    end function
    subroutine minfold_context_destroy(context) bind(c)
      import :: c_ptr
      type(c_ptr), value :: context
    end subroutine
    function minfold_last_error() bind(c) result(text)
      import :: c_ptr
      type(c_ptr) :: text
    end function
    function minfold_contiguous(precision, data, items, rows, columns) bind(c) result(array)
      import :: c_int32_t, c_ptr, c_size_t, minfold_array
      integer(c_int32_t), value :: precision
      type(c_ptr), value :: data
      integer(c_size_t), value :: items, rows, columns
      type(minfold_array) :: array
    end function
    function minfold_kernel_and_pinv(context, a, b, z, basis, solves, kernels, options) bind(c) result(status)
      import :: c_int32_t, c_ptr, minfold_array, minfold_solve_record, minfold_kernel_record
      type(c_ptr), value :: context, options
      type(minfold_array), intent(in) :: a, b, z, basis
      type(minfold_solve_record), intent(out) :: solves(*)
      type(minfold_kernel_record), intent(out) :: kernels(*)
      integer(c_int32_t) :: status
    end function
    function minfold_hgms(context, problem, x, y, hypergradient, certificates, result, options) bind(c) &
        result(status)
      import :: c_int32_t, c_ptr, minfold_array, minfold_problem, minfold_solve_result
      type(c_ptr), value :: context, hypergradient, certificates, options
      type(minfold_problem), intent(in) :: problem
      type(minfold_array), intent(in) :: x, y
      type(minfold_solve_result), intent(out) :: result
      integer(c_int32_t) :: status
    end function
  end interface

contains

  ! Ends the program with the sentence of minfold unless a call has succeeded.
  subroutine require(status)
    integer(c_int32_t), intent(in) :: status
    character(kind=c_char), pointer :: text(:)
    integer :: length
    if (status == minfold_ok) return
    call c_f_pointer(minfold_last_error(), text, [2048])
    do length = 0, 2047
      if (text(length + 1) == c_null_char) exit
    end do
    print '(*(a))', text(1:length)
    error stop 1
  end subroutine
end module

! g = 1/4 (|y|^2 - x^2)^2 and f = 1/2 |y - (3, 4)|^2 + 1/2 x^2: the optimum is x = 5/2, F = 25/4.
module ring
  use minfold
  implicit none
  real(c_double), parameter :: center(2) = [3, 4]

contains

  ! The points of a callback: y(:, item), and the x that all share.
  subroutine open_points(at, x, y)
    type(minfold_points), intent(in) :: at
    real(c_double), intent(out) :: x
    real(c_double), pointer, intent(out) :: y(:, :)
    real(c_double), pointer :: row(:)
    call c_f_pointer(at%x, row, [1])
    call c_f_pointer(at%y, y, [2, int(at%items)])
    x = row(1)
  end subroutine

  function f(user, at, values) bind(c) result(code)
    type(c_ptr), value :: user
    type(minfold_points), intent(in) :: at
    real(c_double), intent(out) :: values(at%items)
    integer(c_int32_t) :: code
    real(c_double), pointer :: y(:, :)
    real(c_double) :: x
    integer :: i
    call open_points(at, x, y)
    values = [(0.5d0 * sum((y(:, i) - center)**2) + 0.5d0 * x**2, i = 1, int(at%items))]
    code = 0
  end function

  function g(user, at, values) bind(c) result(code)
    type(c_ptr), value :: user
    type(minfold_points), intent(in) :: at
    real(c_double), intent(out) :: values(at%items)
    integer(c_int32_t) :: code
    real(c_double), pointer :: y(:, :)
    real(c_double) :: x
    call open_points(at, x, y)
    values = 0.25d0 * (sum(y**2, dim=1) - x**2)**2
    code = 0
  end function

  function f_gradient(user, at, gx, gy) bind(c) result(code)
    type(c_ptr), value :: user
    type(minfold_points), intent(in) :: at
    real(c_double), intent(out) :: gx(at%items), gy(2, at%items)
    integer(c_int32_t) :: code
    real(c_double), pointer :: y(:, :)
    real(c_double) :: x
    call open_points(at, x, y)
    gx = x
    gy(1, :) = y(1, :) - center(1)
    gy(2, :) = y(2, :) - center(2)
    code = 0
  end function

  function g_gradient(user, at, gy) bind(c) result(code)
    type(c_ptr), value :: user
    type(minfold_points), intent(in) :: at
    real(c_double), intent(out) :: gy(2, at%items)
    integer(c_int32_t) :: code
    real(c_double), pointer :: y(:, :)
    real(c_double) :: x
    integer :: i
    call open_points(at, x, y)
    do i = 1, int(at%items)
      gy(:, i) = (sum(y(:, i)**2) - x**2) * y(:, i)
    end do
    code = 0
  end function

  ! H v = s v + 2 (y^T v) y,  s = |y|^2 - x^2
  function g_hessian(user, at, columns, v, products) bind(c) result(code)
    type(c_ptr), value :: user
    type(minfold_points), intent(in) :: at
    integer(c_size_t), value :: columns
    real(c_double), intent(in) :: v(2, columns, at%items)
    real(c_double), intent(out) :: products(2, columns, at%items)
    integer(c_int32_t) :: code
    real(c_double), pointer :: y(:, :)
    real(c_double) :: x
    integer :: i, c
    call open_points(at, x, y)
    do i = 1, int(at%items)
      do c = 1, int(columns)
        products(:, c, i) = (sum(y(:, i)**2) - x**2) * v(:, c, i) &
                            + 2 * dot_product(y(:, i), v(:, c, i)) * y(:, i)
      end do
    end do
    code = 0
  end function

  ! G^T z = -2 x (y^T z)
  function g_mixed(user, at, z, products) bind(c) result(code)
    type(c_ptr), value :: user
    type(minfold_points), intent(in) :: at
    real(c_double), intent(in) :: z(2, at%items)
    real(c_double), intent(out) :: products(at%items)
    integer(c_int32_t) :: code
    real(c_double), pointer :: y(:, :)
    real(c_double) :: x
    call open_points(at, x, y)
    products = -2 * x * sum(y * z, dim=1)
    code = 0
  end function
end module

program example
  use ring
  implicit none
  integer(c_size_t), parameter :: one = 1, two = 2, three = 3
  type(c_ptr) :: context
  type(minfold_problem) :: problem
  type(minfold_solve_result) :: found
  type(minfold_solve_record) :: solve(1)
  type(minfold_kernel_record) :: kernel(1)
  real(c_double), target :: a(3, 3), b(3), z(3), q(3), x(1), y(2)
  integer(c_int32_t) :: status

  call require(minfold_initialize(0_c_int32_t, -1_c_int32_t))
  call require(minfold_context_create(c_null_ptr, context))

  ! The Laplacian of a path of three nodes; its kernel is the constant vector.
  a = reshape([real(c_double) :: 1, -1, 0, -1, 2, -1, 0, -1, 1], [3, 3])
  b = [1, 0, -1]
  call require(minfold_kernel_and_pinv(context, &
               minfold_contiguous(minfold_double, c_loc(a), one, three, three), &
               minfold_contiguous(minfold_double, c_loc(b), one, one, three), &
               minfold_contiguous(minfold_double, c_loc(z), one, one, three), &
               minfold_contiguous(minfold_double, c_loc(q), one, one, three), &
               solve, kernel, c_null_ptr))
  print '(a, i0, a, 3f9.5)', "dim ker A = ", kernel(1)%dimension, ", A^+ b =", z
  if (kernel(1)%dimension /= 1 .or. any(abs(z - b) > 1d-12)) error stop 1

  problem%targets = 1
  problem%dim_x = 1
  problem%dim_y = 2
  problem%upper_value = c_funloc(f)
  problem%lower_value = c_funloc(g)
  problem%upper_gradient = c_funloc(f_gradient)
  problem%lower_gradient = c_funloc(g_gradient)
  problem%lower_hessian = c_funloc(g_hessian)
  problem%mixed_transpose = c_funloc(g_mixed)
  x = 1
  ! Without second-order products (09_c.c has them) the point is found but not certified, status 1.
  status = minfold_hgms(context, problem, minfold_contiguous(minfold_double, c_loc(x), one, one, one), &
                        minfold_contiguous(minfold_double, c_loc(y), one, one, two), &
                        c_null_ptr, c_null_ptr, found, c_null_ptr)
  if (status > 1) call require(status)
  print '(a, f9.6, a, 2f9.6, a, f9.6)', "x =", x, ", y =", y, ", F =", found%last%upper
  if (found%outcome /= 0 .or. abs(x(1) - 2.5d0) > 1d-6) error stop 1

  call minfold_context_destroy(context)
  call require(minfold_finalize())
end program
