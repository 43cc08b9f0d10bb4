// SPDX-License-Identifier: Apache-2.0
#include "gnuplot.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>

extern char** environ;

namespace minfold::cli {
namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

/// Without a name: nothing is left behind, and neither side waits for the other as with pipes.
File temporary() {
  File file(std::tmpfile(), std::fclose);
  if (!file) throw std::runtime_error(std::string("no temporary file: ") + std::strerror(errno));
  return file;
}

std::string content(std::FILE* file) {
  std::string text;
  char block[1 << 14];
  std::rewind(file);
  for (std::size_t n; (n = std::fread(block, 1, sizeof block, file)) > 0;) text.append(block, n);
  return text;
}

/// Warnings come first; the last line is why it ended.
std::string last_line(std::string const& text) {
  auto const end = text.find_last_not_of(" \t\r\n");
  if (end == std::string::npos) return "it does not say why";
  auto const begin = text.rfind('\n', end);
  auto const line = text.substr(begin == std::string::npos ? 0 : begin + 1);
  auto const first = line.find_first_not_of(" \t");
  return line.substr(first, line.find_last_not_of(" \t\r\n") + 1 - first);
}

/// The exit status as waitpid() has it.
int wait_a_minute(pid_t child) {
  for (int tenth = 0; tenth < 600; ++tenth) {
    int status = 0;
    pid_t const ended = waitpid(child, &status, WNOHANG);
    if (ended == child) return status;
    if (ended < 0 && errno != EINTR) break;
    usleep(tenth < 10 ? 10000 : 100000);
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  throw std::runtime_error("gnuplot did not end within a minute");
}

}  // namespace

std::string find_gnuplot() {
  char const* const path = std::getenv("PATH");
  if (!path) return "";
  for (std::string const name : {"gnuplot", "gnuplot-nox", "gnuplot-qt", "gnuplot-x11"}) {
    std::string const folders = path;
    for (std::size_t begin = 0; begin <= folders.size();) {
      auto const end = std::min(folders.find(':', begin), folders.size());
      // An empty entry would be the current folder: not searched for programs to run.
      if (end > begin) {
        auto const candidate = folders.substr(begin, end - begin) + "/" + name;
        if (access(candidate.c_str(), X_OK) == 0) return candidate;
      }
      begin = end + 1;
    }
  }
  return "";
}

std::string run_gnuplot(std::string const& program, std::string const& script) {
  auto const input = temporary(), output = temporary(), errors = temporary();
  if (std::fwrite(script.data(), 1, script.size(), input.get()) != script.size() ||
      std::fflush(input.get()) != 0)
    throw std::runtime_error(std::string("cannot write for gnuplot: ") + std::strerror(errno));
  std::rewind(input.get());

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fileno(input.get()), 0);
  posix_spawn_file_actions_adddup2(&actions, fileno(output.get()), 1);
  posix_spawn_file_actions_adddup2(&actions, fileno(errors.get()), 2);
  std::string name = program, no_settings = "-d", from_stdin = "-";
  char* const arguments[] = {name.data(), no_settings.data(), from_stdin.data(), nullptr};
  pid_t child = 0;
  int const failed = posix_spawn(&child, program.c_str(), &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed) throw std::runtime_error("cannot run " + program + ": " + std::strerror(failed));
  int const status = wait_a_minute(child);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw std::runtime_error("gnuplot failed: " + last_line(content(errors.get())).substr(0, 300));
  }
  return content(output.get());
}

}  // namespace minfold::cli
