// SPDX-License-Identifier: Apache-2.0
#include <minfold/drivers/hgms.hpp>

MINFOLD_IMPL_HGMS(, float)
MINFOLD_IMPL_HGMS(, double)
