// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_SETTINGS_HPP
#define MINFOLD_DRIVERS_SETTINGS_HPP

#include <map>
#include <string>
#include <vector>

namespace minfold {

/// key=value settings as given by a user. Whoever understands a key asks for it by name, with its
/// default, its range and what it means; what nobody asked for is refused at the end.
///
/// Errors: std::invalid_argument with one sentence that names the key and what was expected.
class Settings {
 public:
  struct Entry {
    std::string value, fallback, meaning;
    bool given = false;
  };

  Settings() = default;
  /// "key=value" texts; a key given twice is refused.
  explicit Settings(std::vector<std::string> const& texts);

  /// A default that outranks the fallback of later questions but not what the user gave.
  void prefer(std::string const& key, std::string const& value);
  /// Only these defaults, without what the user gave.
  Settings preferences() const;

  int integer(std::string const& key, int fallback, int low, int high, std::string const& meaning);
  /// Requires low <= value <= high and a finite value.
  double number(std::string const& key, double fallback, double low, double high,
                std::string const& meaning);
  bool flag(std::string const& key, bool fallback, std::string const& meaning);
  std::string choice(std::string const& key, std::string const& fallback,
                     std::vector<std::string> const& choices, std::string const& meaning);
  std::string text(std::string const& key, std::string const& fallback, std::string const& meaning);
  /// Comma-separated numbers; `count` of them (a single one is repeated), any number if count < 0.
  std::vector<double> numbers(std::string const& key, std::vector<double> const& fallback,
                              int count, std::string const& meaning);

  /// Refuses keys that were given and never asked for, naming the nearest known one.
  void refuse_unknown() const;

  /// Everything that was asked for, with the value in force.
  std::map<std::string, Entry> const& known() const { return known_; }

 private:
  std::string const& look_up(std::string const& key, std::string const& fallback,
                             std::string const& meaning);

  std::map<std::string, std::string> given_, preferred_;
  std::map<std::string, Entry> known_;
};

}  // namespace minfold

#endif
