// SPDX-License-Identifier: Apache-2.0
#include "progress.hpp"

#include "terminal.hpp"
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string_view>

namespace minfold::cli {
namespace {

int columns_of(std::FILE* stream) {
  winsize size{};
  return ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/// The parts one after the other, without those of the lowest worth that would make the line longer
/// than `columns`: a longer one would wrap, and only its last row could be rewritten.
struct Part {
  int worth;
  std::string text;
};
std::string fitted(std::vector<Part> parts, std::size_t columns) {
  std::string line;
  for (;;) {
    line.clear();
    for (auto const& part : parts) line += part.text;
    if (line.size() <= columns || parts.size() == 1) break;
    parts.erase(std::min_element(parts.begin(), parts.end(),
                                 [](Part const& a, Part const& b) { return a.worth < b.worth; }));
  }
  return line.substr(0, columns);
}

}  // namespace

bool is_terminal(std::FILE* stream) {
  char const* const term = std::getenv("TERM");
  return isatty(fileno(stream)) && !(term && std::string_view(term) == "dumb");
}

bool has_color(std::FILE* stream) {
  char const* const refused = std::getenv("NO_COLOR");
  return is_terminal(stream) && !(refused && *refused);
}

std::string painted(std::string const& text, Tone tone, std::FILE* stream) {
  if (tone == Tone::plain || !has_color(stream)) return text;
  char const* const code = tone == Tone::strong     ? "1"
                           : tone == Tone::good     ? "32"
                           : tone == Tone::doubtful ? "33"
                                                    : "31";
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

std::string duration(double seconds) {
  if (!(seconds >= 0)) return "?";
  if (seconds < 9.95) return fmt::format("{:.1f} s", seconds);
  long const s = std::lround(std::min(seconds, 1e9));
  if (s < 120) return fmt::format("{} s", s);
  if (s < 7200) return fmt::format("{} min {:02} s", s / 60, s % 60);
  return fmt::format("{} h {:02} min", s / 3600, s / 60 % 60);
}

Progress::Progress(std::string name, int max_iterations, bool quiet)
    : name_(std::move(name)),
      max_iterations_(max_iterations),
      quiet_(quiet),
      rewrites_(is_terminal(stderr)) {}

double Progress::left(Iteration const& it) const {
  double const unknown = std::numeric_limits<double>::quiet_NaN();
  // Rates over the last ten iterations: the first ones cost more and gain less.
  int const back = std::min<int>(10, int(norms_.size()) - 1);
  if (back < 1) return unknown;
  double const then = norms_[norms_.size() - 1 - back];
  double const pace = (seconds_.back() - seconds_[seconds_.size() - 1 - back]) / back;
  double iterations = max_iterations_ - it.iteration;
  double const gain = std::log(then / norms_.back()) / back;
  if (gain > 0) iterations = std::min(iterations, std::log(norms_.back() / it.target) / gain);
  return std::max(0.0, iterations) * pace;
}

void Progress::update(Iteration const& it) {
  if (quiet_) return;
  norms_.push_back(it.hypergradient_norm);
  seconds_.push_back(it.seconds);
  auto const now = Clock::now();
  // A terminal need not be written to more than ten times a second, nor a log file more often than
  // every two seconds.
  auto const pause = std::chrono::milliseconds(rewrites_ ? 100 : 2000);
  if (norms_.size() > (rewrites_ ? 1u : 3u) && now - shown_ < pause) return;
  shown_ = now;
  double const rest = left(it);
  // Methods other than HG-MS have a measure of their own, after their first step, and a verdict at the end.
  bool const own = std::isfinite(it.lower_gradient_norm);
  std::vector<Part> const parts = {
      {6, name_},
      {5, fmt::format("  {}/{}", it.iteration, max_iterations_)},
      {1, fmt::format("  {} {:.6g}", own ? "f" : "F", it.upper)},
      {3, own ? (it.iteration == 0 ? std::string()
                                   : fmt::format("  stationarity {:.2e}", it.hypergradient_norm))
              : fmt::format("  |grad F| {:.2e}", it.hypergradient_norm)},
      {0, own ? std::string() : fmt::format("  {}", to_string(it.certificate.verdict))},
      {2, "  " + duration(it.seconds)},
      {4, std::isfinite(rest) ? ", about " + duration(rest) + " left" : ""}};
  if (rewrites_) {
    // The last column stays free: there some terminals wrap early.
    auto const line = fitted(parts, std::size_t(columns_of(stderr) - 1));
    std::fprintf(stderr, "\r\x1b[2K%s", line.c_str());
    std::fflush(stderr);
    open_ = true;
  } else {
    spdlog::info("{}", fitted(parts, std::string::npos));
  }
}

void Progress::finish() {
  if (open_) {
    std::fprintf(stderr, "\r\x1b[2K");
    std::fflush(stderr);
  }
  open_ = false;
}

}  // namespace minfold::cli
