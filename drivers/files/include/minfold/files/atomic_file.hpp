// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_FILES_ATOMIC_FILE_HPP
#define MINFOLD_FILES_ATOMIC_FILE_HPP

#include <string>

namespace minfold {

/// Says early whether a file could be written, before hours of work depend on it. Leaves nothing.
///
/// Errors of both: std::invalid_argument with one sentence that names the file.
void require_writable(std::string const& path);

/// The file has the old content or all of the new one, never a part: written to another file in the same folder,
/// which is then renamed over it. The permissions stay, and a file that must not be written to is refused. A
/// link is followed. Threads may write to different files at once.
void write_whole_file(std::string const& path, std::string const& content);

}  // namespace minfold

#endif
