// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_WAITING_HPP
#define MINFOLD_CLI_WAITING_HPP

namespace minfold::cli {

/// Makes waiting OpenMP threads spin for some microseconds and then sleep, unless the user has said how
/// they shall wait.
///
/// GNU's OpenMP lets a thread spin for milliseconds at the end of every loop. On a machine with other
/// work it spins in the time of the very thread it waits for; with OMP_WAIT_POLICY=passive it has to be
/// woken for every short loop. Measured, one solve on two cores, with 0 and with 4 other busy processes:
///     default 0.4 s and 9 to 25 s, passive 3.2 s and 1.7 s, GOMP_SPINCOUNT=2000 0.4 s and 4 to 5 s.
/// The environment is read before main starts, so the process replaces itself, once, by the same program
/// with that count: the same process id, arguments, files and exit status. Returns where that is not
/// needed or not possible.
void wait_briefly(char** argv);

}  // namespace minfold::cli

#endif
