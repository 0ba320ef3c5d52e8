#include "launcher/option_values.h"

#include "common/duration.h"
#include "launcher/value_syntax.h"

#include <algorithm>
#include <array>
#include <utility>

namespace slipway::launcher {

namespace {

template <class T, std::size_t N> using Names = std::array<std::pair<std::string_view, T>, N>;

constexpr Names<LogFormat, 2> kLogFormats{{{"logfmt", LogFormat::logfmt}, {"json", LogFormat::json}}};
constexpr Names<LogLevel, 4> kLogLevels{{{"debug", LogLevel::debug}, {"info", LogLevel::info},
    {"warn", LogLevel::warn}, {"error", LogLevel::error}}};
constexpr Names<Pull, 3> kPulls{
    {{"always", Pull::always}, {"if-missing", Pull::if_missing}, {"never", Pull::never}}};
constexpr Names<SlotTransport, 3> kTransports{
    {{"auto", SlotTransport::automatic}, {"socket", SlotTransport::socket}, {"stdio", SlotTransport::stdio}}};
constexpr Names<JobMetadata, 2> kJobMetadata{{{"allow", JobMetadata::allow}, {"deny", JobMetadata::deny}}};

template <class T, std::size_t N>
Result<void> read_choice(std::string_view text, T& value, const Names<T, N>& names)
{
    std::string known;
    for (const auto& [name, meaning] : names) {
        if (name == text) {
            value = meaning;
            return {};
        }
        known += (known.empty() ? "" : ", ") + std::string{name};
    }
    return Error{Errc::invalid_input, in_quotes(text) + " is none of " + known};
}

template <class T, std::size_t N> std::string name_of(T value, const Names<T, N>& names)
{
    return std::string{std::ranges::find(names, value, [](const auto& row) { return row.second; })->first};
}

} // namespace

Result<void> read_value(std::string_view text, std::string& value)
{
    value = text;
    return {};
}

Result<void> read_value(std::string_view text, std::filesystem::path& value)
{
    value = text;
    return {};
}

Result<void> read_value(std::string_view text, bool& value)
{
    if (text != "true" && text != "false")
        return Error{Errc::invalid_input, in_quotes(text) + " is neither true nor false"};
    value = text == "true";
    return {};
}

Result<void> read_value(std::string_view text, protocol::Millis& value)
{
    const auto duration = parse_duration(text);
    if (!duration || *duration <= std::chrono::nanoseconds::zero())
        return Error{Errc::invalid_input,
            in_quotes(text)
                + " is no duration above zero: give a number with a unit, such as 90s, 70m or 1h30m"};
    value = std::chrono::ceil<std::chrono::milliseconds>(*duration).count();
    return {};
}

Result<void> read_value(std::string_view text, std::uint64_t& value)
{
    value = SLIPWAY_TRY(read_size(text));
    return {};
}

Result<void> read_value(std::string_view text, LogFormat& value)
{
    return read_choice(text, value, kLogFormats);
}

Result<void> read_value(std::string_view text, LogLevel& value)
{
    return read_choice(text, value, kLogLevels);
}

Result<void> read_value(std::string_view text, Pull& value) { return read_choice(text, value, kPulls); }

Result<void> read_value(std::string_view text, SlotTransport& value)
{
    return read_choice(text, value, kTransports);
}

Result<void> read_value(std::string_view text, JobMetadata& value)
{
    return read_choice(text, value, kJobMetadata);
}

std::string text_of(const std::string& value) { return value; }

std::string text_of(const std::filesystem::path& value) { return value.string(); }

std::string text_of(bool value) { return value ? "true" : "false"; }

std::string text_of(protocol::Millis value)
{
    constexpr protocol::Millis minute = 60'000;
    return value % minute == 0 ? std::to_string(value / minute) + "m"
                               : format_duration(std::chrono::milliseconds{value});
}

std::string text_of(std::uint64_t value) { return size_text(value); }

std::string text_of(LogFormat value) { return name_of(value, kLogFormats); }

std::string text_of(LogLevel value) { return name_of(value, kLogLevels); }

std::string text_of(Pull value) { return name_of(value, kPulls); }

std::string text_of(SlotTransport value) { return name_of(value, kTransports); }

std::string text_of(JobMetadata value) { return name_of(value, kJobMetadata); }

} // namespace slipway::launcher
