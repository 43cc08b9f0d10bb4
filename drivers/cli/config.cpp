// SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include "run_options.hpp"
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.hpp>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>

namespace minfold::cli {
namespace {

/// Sentences are one line; a key may hold any character, and as many as it likes.
std::string printable(std::string text, std::size_t most = 2000) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  if (text.size() > most) text = text.substr(0, most) + "...";
  return text;
}

[[noreturn]] void refuse(std::string const& name, toml::source_region const& where,
                         std::string const& what) {
  throw std::invalid_argument(
      printable(fmt::format("{}:{}:{}: {}", name, where.begin.line, where.begin.column, what)));
}

/// What a value is, in words.
char const* kind_of(toml::node const& node) {
  switch (node.type()) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "an array";
    case toml::node_type::string: return "a string";
    case toml::node_type::integer: return "an integer";
    case toml::node_type::floating_point: return "a number with a fraction";
    case toml::node_type::boolean: return "true or false";
    case toml::node_type::none: break;
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time: return "a date or a time";
  }
  return "nothing";
}

char const* expectation(OptionKind kind) {
  switch (kind) {
    case OptionKind::text: return "a string in quotation marks";
    case OptionKind::integer: return "an integer";
    case OptionKind::number: return "a number";
    case OptionKind::flag: return "true or false";
  }
  return "";
}

/// The value as --set and the other options have it; empty where the file has something else.
std::optional<std::string> scalar(toml::node const& node) {
  if (auto const* const v = node.as_integer()) return std::to_string(v->get());
  if (auto const* const v = node.as_boolean()) return v->get() ? "true" : "false";
  if (auto const* const v = node.as_floating_point(); v && std::isfinite(v->get()))
    return fmt::format("{}", v->get());
  if (auto const* const v = node.as_string(); v && v->get().find('\0') == std::string::npos)
    return v->get();
  return std::nullopt;
}

class Reader {
 public:
  explicit Reader(std::string const& name) : name_(name) { config_.name = name; }

  Config read(toml::table const& root) {
    for (auto const& [key, node] : root) {
      if (key.str() != "set") {
        option(key, node);
        continue;
      }
      auto const* const settings = node.as_table();
      if (!settings)
        refuse(name_, node.source(),
               fmt::format("set: expected a table, [set], got {}", kind_of(node)));
      for (auto const& [k, value] : *settings) setting(k, value);
    }
    auto const by_place = [](ConfigEntry const& a, ConfigEntry const& b) {
      return std::pair(a.line, a.column) < std::pair(b.line, b.column);
    };
    std::sort(config_.run.begin(), config_.run.end(), by_place);
    std::sort(config_.set.begin(), config_.set.end(), by_place);
    return std::move(config_);
  }

 private:
  void option(toml::key const& key, toml::node const& node) {
    std::string const text(key.str());
    auto const* const known = find_run_option(text);
    if (!known) unknown(key);
    // 2^63 and more are no integers of TOML, but seeds.
    bool const large = text == "seed" && node.is_string();
    bool const right = known->kind == OptionKind::text      ? node.is_string()
                       : known->kind == OptionKind::integer ? node.is_integer() || large
                       : known->kind == OptionKind::number  ? node.is_number()
                                                            : node.is_boolean();
    if (!right)
      refuse(name_, node.source(),
             fmt::format("{}: expected {}, got {}", text, expectation(known->kind), kind_of(node)));
    auto const value = scalar(node);
    if (!value) unusable(text, node);
    SolveRequest scratch;
    try {
      known->assign(scratch, *value);
    } catch (std::invalid_argument const& error) {
      refuse(name_, node.source(), text + ": " + error.what());
    }
    add(config_.run, text, *value, node);
  }

  [[noreturn]] void unknown(toml::key const& key) {
    std::vector<std::string> keys = {"[set]"};
    for (auto const& o : run_options()) keys.push_back(o.key);
    std::string const text(key.str());
    auto const nearest = nearest_key(text, keys);
    refuse(name_, key.source(),
           fmt::format("{}: unknown key; {}", printable(text, 60),
                       nearest.empty()
                           ? fmt::format("a run has {}; the keys of a problem or a method are for "
                                         "the table [set]",
                                         fmt::join(keys, ", "))
                           : "did you mean " + nearest + "?"));
  }

  void setting(toml::key const& key, toml::node const& node) {
    std::string const text(key.str());
    if (text.empty() || text.find_first_of(std::string_view("=\0", 2)) != std::string::npos)
      refuse(name_, key.source(), "[set]: a key is empty or has an equals sign");
    if (auto const* const array = node.as_array()) {
      std::string list;
      for (auto const& element : *array) {
        auto const value = element.is_number() ? scalar(element) : std::nullopt;
        if (!value)
          refuse(name_, element.source(),
                 fmt::format("{}: expected finite numbers in the array, got {}", text,
                             element.is_number() ? "one that is not finite" : kind_of(element)));
        if (!list.empty()) list += ',';
        list += *value;
      }
      add(config_.set, text, list, node);
      return;
    }
    auto const value = scalar(node);
    if (!value) unusable(text, node);
    add(config_.set, text, *value, node);
  }

  [[noreturn]] void unusable(std::string const& key, toml::node const& node) {
    if (node.is_floating_point()) refuse(name_, node.source(), key + ": expected a finite number");
    if (node.is_string())
      refuse(name_, node.source(), key + ": the string holds a character of code 0");
    refuse(
        name_, node.source(),
        fmt::format("{}: expected a number, a string, true or false, or an array of numbers, got "
                    "{}",
                    key, kind_of(node)));
  }

  void add(std::vector<ConfigEntry>& list, std::string key, std::string value,
           toml::node const& node) {
    auto const& at = node.source().begin;
    list.push_back({std::move(key), std::move(value), int(at.line), int(at.column)});
  }

  std::string const& name_;
  Config config_;
};

}  // namespace

Config read_config(std::string_view text, std::string const& name) {
  toml::table table;
  try {
    table = toml::parse(text, std::string_view(name));
  } catch (toml::parse_error const& error) {
    refuse(name, error.source(), std::string(error.description()));
  }
  return Reader(name).read(table);
}

Config read_config_file(std::string const& path) {
  auto const refuse_file = [&](std::string const& why) {
    throw std::invalid_argument("cannot read " + path + ": " + why);
  };
  constexpr std::size_t most = 1 << 20;
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) refuse_file("it is a directory");
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> const file(std::fopen(path.c_str(), "rb"),
                                                             std::fclose);
  if (!file) refuse_file(std::strerror(errno));
  std::string text(most + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get())) refuse_file(std::strerror(errno));
  if (text.size() > most) refuse_file("a description of a run has at most 1 MiB");
  return read_config(text, path);
}

}  // namespace minfold::cli
