#pragma once

#include "common/result.h"
#include "launcher/vela/option_rows.h"
#include "launcher/vela/options.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::vela {

/// A text and the name under which it was given: "--build.limit", "VELA_BUILD_LIMIT", "/vela/queue/addr".
struct GivenText {
    std::string text;
    std::string name;
};

/// Flags, variables and those of ".env", taken apart.
struct Inputs {
    std::vector<std::pair<const OptionRow*, std::string>> flags; ///< In their order.
    std::vector<std::string> unknown_flags; ///< And words that belong to none.
    std::optional<std::string> backend; ///< "--backend", else SLIPWAY_BACKEND.
    std::vector<std::pair<std::string, std::string>> dotenv; ///< Of ".env": what the environment lacks.
    std::vector<std::string> warnings;
    const Sources* sources = nullptr;

    /// The first variable of that name; an empty value is a value. Valid while this and the sources live.
    [[nodiscard]] std::optional<std::string_view> variable(std::string_view name) const;

    /// What counts for an option: the flag, else the first variable that there is, else the file.
    [[nodiscard]] std::optional<GivenText> given(const OptionRow& row) const;
};

/// `sources` outlives the result.
[[nodiscard]] Inputs take_apart(const Sources& sources);

} // namespace slipway::vela
