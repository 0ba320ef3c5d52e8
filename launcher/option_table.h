#pragma once

#include "launcher/config.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace slipway::launcher {

/// A value that is written and shown as text. `show` gives it for people, without passwords; empty: nothing
/// is set. Of a default it gives what `read` takes.
struct ValueField {
    Result<void> (*read)(Config& config, std::string_view text);
    std::string (*show)(const Config& config);
};

/// One that is never shown. Its flag names a file that holds it.
struct SecretField {
    void (*keep)(Config& config, Secret secret);
};

/// A family of variables with one prefix; `suffix` is what follows it. Its flag takes NAME=VALUE, and it is a
/// section of the configuration file.
struct FamilyField {
    using Reader = Result<void> (*)(Config& config, std::string_view name, std::string_view text);
    Reader read; ///< The name is the suffix.
    Reader read_flag = nullptr; ///< Where the flag's and section's names are something else.
};

/// What a second name of a variable is.
enum class Alias : std::uint8_t {
    equal,
    slip, ///< Known from elsewhere and misspelt: taken, with a warning that names the right one.
};

/// How often a flag may be given.
enum class Times : std::uint8_t {
    once,
    many, ///< The values are one list, or several secrets.
};

/// One row of the table from which parsing, help, --print-config and docs/reference.md are made.
struct Option {
    std::string_view variable; ///< Of a family: its prefix.
    std::string_view alias; ///< Another name of the variable; may be empty.
    std::string_view flag; ///< Without "--"; may be empty.
    std::string_view argument; ///< How help calls the value.
    std::string_view help;
    std::variant<ValueField, SecretField, FamilyField> field;
    Alias alias_kind = Alias::equal;
    Times times = Times::once;
    std::string_view group = {}; ///< Heading that begins before this row; empty: as the row before.

    [[nodiscard]] bool is_secret() const { return std::holds_alternative<SecretField>(field); }

    [[nodiscard]] bool is_family() const { return std::holds_alternative<FamilyField>(field); }
};

/// All rows, in the order of help and reference.
[[nodiscard]] std::span<const Option> options();

/// The default of an option as text, for people; empty: none, or one that is worked out at the start.
[[nodiscard]] std::string default_of(const Option& option);

} // namespace slipway::launcher
