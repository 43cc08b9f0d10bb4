// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_WAITING_HPP
#define MINFOLD_CLI_WAITING_HPP

namespace minfold::cli {

/// Makes waiting OpenMP threads sleep instead of spin, unless the user has said how they shall wait.
///
/// GNU's OpenMP lets a thread spin for milliseconds at the end of every loop. On a machine with other
/// work it spins in the time of the very thread it waits for: with one other busy process on two
/// cores a solve of 1.2 s took 70 s. The policy is read from the environment before main starts, so
/// the process replaces itself, once, by the same program with OMP_WAIT_POLICY=passive: the same
/// process id, arguments, files and exit status. Returns where that is not needed or not possible.
void wait_passively(char** argv);

}  // namespace minfold::cli

#endif
