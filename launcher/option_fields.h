#pragma once

#include "launcher/option_table.h"
#include "launcher/option_values.h"
#include "launcher/value_syntax.h"

/// Makes the fields of the table's rows. `Path` leads from a Config to what is set:
/// `field<&Config::engine, &EngineSettings::capacity>()`.
namespace slipway::launcher {

/// Read and shown by its type.
template <auto... Path> constexpr ValueField field()
{
    return {
        .read = [](Config& config, std::string_view text) { return read_value(text, (config.*....*Path)); },
        .show = [](const Config& config) { return text_of((config.*....*Path)); }};
}

/// Of a string that is shown as it is.
inline std::string as_it_is(const std::string& text) { return text; }

/// Read and shown by functions: `Result<T> Read(std::string_view)` and `std::string Show(T)`.
template <auto Read, auto Show, auto... Path> constexpr ValueField via()
{
    return {.read = [](Config& config, std::string_view text) -> Result<void> {
                (config.*....*Path) = SLIPWAY_TRY(Read(text));
                return {};
            },
        .show = [](const Config& config) { return std::string{Show((config.*....*Path))}; }};
}

/// A whole number within bounds.
template <std::int64_t least, std::int64_t most, auto... Path> constexpr ValueField number()
{
    return {.read = [](Config& config, std::string_view text) -> Result<void> {
                auto& value = (config.*....*Path);
                value = static_cast<std::remove_reference_t<decltype(value)>>(
                    SLIPWAY_TRY(read_whole(text, least, most)));
                return {};
            },
        .show = [](const Config& config) { return std::to_string((config.*....*Path)); }};
}

} // namespace slipway::launcher
