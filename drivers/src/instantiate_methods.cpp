// SPDX-License-Identifier: Apache-2.0
#include <minfold/drivers/method.hpp>

MINFOLD_IMPL_METHOD(, float)
MINFOLD_IMPL_METHOD(, double)
