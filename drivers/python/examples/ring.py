# SPDX-License-Identifier: Apache-2.0
"""A bilevel problem in Python: S(x) is the circle of radius x, and f selects one of its points.

    g = 1/4 (|y|^2 - x^2)^2,  f = 1/2 |y - (3, 4)|^2 + 1/2 x^2

so y*(x) = x (3, 4) / 5 and F = 1/2 (5 - x)^2 + 1/2 x^2: the optimum is x = 5/2, F = 25/4.
"""

import minfold
import numpy as np

CENTER = np.array([3.0, 4.0])


def dot(a, b):
    return np.sum(a * b, axis=-1, keepdims=True)


class Ring:
    """x is (1, 1), y (points, 2), v (points, columns, 2): y[:, None] goes with v."""

    dim_x, dim_y = 1, 2

    def upper_value(self, x, y):
        return 0.5 * np.sum((y - CENTER) ** 2, axis=-1) + 0.5 * x[:, 0] ** 2

    def lower_value(self, x, y):
        return 0.25 * (dot(y, y) - x**2)[:, 0] ** 2

    def upper_gradient(self, x, y):
        return np.broadcast_to(x, (len(y), 1)), y - CENTER

    def lower_gradient(self, x, y):
        return (dot(y, y) - x**2) * y

    def lower_hessian(self, x, y, v):  # s v + 2 (y^T v) y,  s = |y|^2 - x^2
        y = y[:, None]
        return (dot(y, y) - x[:, None] ** 2) * v + 2 * dot(y, v) * y

    def mixed_transpose(self, x, y, z):  # -2 x (y^T z)
        return -2 * x * dot(y, z)

    def upper_hessian(self, x, y, v):
        return v

    def third_product(self, x, y, l, v):  # 2 (y^T v) l + 2 (l^T v) y + 2 (y^T l) v
        y, l = y[:, None], l[:, None]
        return 2 * (dot(y, v) * l + dot(l, v) * y + dot(y, l) * v)


def main():
    check = minfold.check(Ring(), x0=[1.0])
    print(check)

    solution = minfold.solve(
        Ring(), x0=[1.0], callback=lambda it, x, y: print(it["iteration"], x, it["upper"])
    )
    print(f"x = {solution.x}, y = {solution.y[0]}, F = {solution.upper}: {solution.verdict}")

    # At the solution the lower Hessian is singular, and its kernel is the tangent of the circle.
    y = solution.y[0]
    hessian = 2 * np.outer(y, y)
    tangent = minfold.kernel_basis(hessian).require().basis[0]
    print(f"tangent {tangent}, H^+ grad f = {minfold.pinv_solve(hessian, y - CENTER).require().x}")

    assert check.ok and solution.certified
    assert abs(solution.x[0] - 2.5) < 1e-7 and abs(solution.upper - 6.25) < 1e-12
    assert abs(tangent @ y) < 1e-7


if __name__ == "__main__":
    main()
