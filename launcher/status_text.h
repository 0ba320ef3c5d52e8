#pragma once

#include "common/result.h"

#include <string>
#include <string_view>

/// A launcher's status, which came over its control socket, for people.
namespace slipway::launcher {

enum class Paint : bool { no, yes };

/// One screen. `paint`: with the colours of a terminal. Fails on what is no status.
[[nodiscard]] Result<std::string> status_text(std::string_view json, Paint paint);

/// What holds the queue back, the likeliest first, each with its remedy.
struct Why {
    bool ready = false; ///< Nothing: it takes the next stage that it is offered.
    std::string text;
};

[[nodiscard]] Result<Why> why_text(std::string_view json, Paint paint);

/// How many stages a status names.
[[nodiscard]] Result<std::size_t> stages_held(std::string_view json);
/// The same in words: "1 stage", "2 builds".
[[nodiscard]] Result<std::string> held_text(std::string_view json);

} // namespace slipway::launcher
