#include "mothership/cli/table.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

namespace slipway::cli {

std::string printable(std::string_view text)
{
    std::string safe;
    // In UTF-8 the control characters of ISO 6429 are C2 80 to C2 9F: a terminal obeys them like ESC.
    const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool pair = at(i) == 0xC2 && at(i + 1) >= 0x80 && at(i + 1) <= 0x9F;
        if (!pair && at(i) >= 0x20 && at(i) != 0x7F) {
            safe += text[i];
            continue;
        }
        std::array<char, 8> escape{};
        std::snprintf(escape.data(), escape.size(), "\\x%02x", at(pair ? ++i : i));
        safe += pair ? std::string{"\\xc2"} + escape.data() : escape.data();
    }
    return safe;
}

namespace {

/// Columns that a cell takes, counting UTF-8 sequences as one.
std::size_t width_of(std::string_view text)
{
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string with_unit(double value, const char* unit)
{
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), value < 10 ? "%.1f %s" : "%.0f %s", value, unit);
    return text.data();
}

} // namespace

std::string format_table(const std::vector<std::vector<std::string>>& rows)
{
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], width_of(row[i]));
    }
    std::string text;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += row[i];
            if (i + 1 < row.size())
                line += std::string(widths[i] - width_of(row[i]) + 2, ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    }
    return text;
}

std::string format_age(std::int64_t then_ms, std::int64_t now_ms)
{
    if (then_ms == 0)
        return "never";
    const std::int64_t seconds = std::max<std::int64_t>(0, now_ms - then_ms) / 1000;
    if (seconds < 120)
        return std::to_string(seconds) + " s ago";
    if (seconds < 7200)
        return std::to_string(seconds / 60) + " min ago";
    if (seconds < 172'800)
        return std::to_string(seconds / 3600) + " h ago";
    return std::to_string(seconds / 86'400) + " days ago";
}

std::string format_span(std::int64_t milliseconds)
{
    if (milliseconds < 1000)
        return std::to_string(milliseconds) + " ms";
    if (milliseconds < 120'000)
        return with_unit(static_cast<double>(milliseconds) / 1000, "s");
    return std::to_string(milliseconds / 60'000) + " min " + std::to_string(milliseconds / 1000 % 60) + " s";
}

std::string format_size(std::uint64_t bytes)
{
    if (bytes < 1000)
        return std::to_string(bytes) + " B";
    constexpr std::array<const char*, 4> units{"kB", "MB", "GB", "TB"};
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (value /= 1000; value >= 1000 && unit + 1 < units.size(); ++unit)
        value /= 1000;
    return with_unit(value, units[unit]);
}

std::string coloured_state(std::string_view state)
{
    std::string text = printable(state);
    if (::isatty(STDOUT_FILENO) == 0 || std::getenv("NO_COLOR") != nullptr) // NOLINT(concurrency-mt-unsafe)
        return text;
    const char* colour = "36";
    if (state == "FINISHED" || state == "IDLE")
        colour = "32";
    else if (state == "FAILED" || state == "STOPPED")
        colour = "31";
    else if (state == "UNCONFIRMED" || state == "DRAINED")
        colour = "33";
    return std::string{"\033["} + colour + "m" + text + "\033[0m";
}

} // namespace slipway::cli
