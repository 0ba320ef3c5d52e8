#pragma once

#include "common/result.h"
#include "launcher/vela/options.h"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace slipway::vela {

/// What a variable that is there and empty means.
enum class Empty : std::uint8_t {
    value, ///< The empty text, which the reader takes or refuses.
    no, ///< "false"
    unset, ///< The default.
};

enum class Kind : std::uint8_t {
    plain,
    boolean, ///< Its flag needs no value.
    list, ///< Its flag may come more than once.
    secret, ///< Never shown.
};

/// One row of the table that makes reading and help.
struct OptionRow {
    std::string_view flag;
    std::array<std::string_view, 4> variables; ///< In the order in which they count; the rest is empty.
    std::string_view file; ///< May be empty.
    std::string_view argument; ///< How help calls the value.
    std::string_view help;
    Result<void> (*read)(Options& options, std::string_view text);
    /// The default as help shows it; may be null.
    std::string (*show)(const Options& options) = nullptr;
    Kind kind = Kind::plain;
    Empty empty = Empty::value;
    std::string_view group = {}; ///< Heading that begins before this row; empty: as the row before.
};

/// All rows, in the order of help. Of each the first variable is the one that messages name.
[[nodiscard]] std::span<const OptionRow> rows();

/// The row that has this flag or variable; null: none.
[[nodiscard]] const OptionRow* row_of_flag(std::string_view flag);
[[nodiscard]] const OptionRow* row_of_variable(std::string_view variable);

/// A name of the row that the installation instructions use: the one that begins with "VELA_", if any.
[[nodiscard]] std::string_view usual_name(const OptionRow& row);

} // namespace slipway::vela
