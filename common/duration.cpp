#include "common/duration.h"

#include <array>
#include <cstdint>
#include <optional>

namespace slipway {

namespace {

__extension__ typedef __int128 Nanos; // NOLINT(modernize-use-using): `using` takes no __extension__

struct Unit {
    std::string_view name;
    std::int64_t nanos;
};

constexpr std::array<Unit, 8> kUnits{{{"ns", 1}, {"us", 1'000}, {"\xC2\xB5s", 1'000}, {"\xCE\xBCs", 1'000},
    {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000}}};

Error bad(std::string_view text)
{
    return {Errc::invalid_input, "\"" + std::string{text} + "\" is not a duration like 70m, 1h30m or 90s"};
}

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// A duration goes down to -2^63 ns.
constexpr Nanos kMost = Nanos{1} << 63;

/// One number with its unit, taken from the front of `rest`.
std::optional<Nanos> take_term(std::string_view& rest)
{
    Nanos whole = 0;
    Nanos fraction = 0;
    double scale = 1;
    bool digits = false;
    for (; !rest.empty() && is_digit(rest.front()); rest.remove_prefix(1), digits = true) {
        whole = whole * 10 + (rest.front() - '0');
        if (whole > kMost)
            return std::nullopt;
    }
    if (!rest.empty() && rest.front() == '.') {
        rest.remove_prefix(1);
        for (; !rest.empty() && is_digit(rest.front()); rest.remove_prefix(1), digits = true) {
            if (fraction <= (kMost - 1) / 10 - 1) {
                fraction = fraction * 10 + (rest.front() - '0');
                scale *= 10;
            }
        }
    }
    if (!digits)
        return std::nullopt;
    const std::size_t end = rest.find_first_of(".0123456789");
    const std::string_view name = rest.substr(0, end);
    for (const Unit& unit : kUnits) {
        if (name == unit.name) {
            rest.remove_prefix(name.size());
            // In floating point, as Go does it, so that 0.3333333333333333333h is 20 minutes.
            const double part = static_cast<double>(fraction) * (static_cast<double>(unit.nanos) / scale);
            return whole * unit.nanos + static_cast<std::int64_t>(part);
        }
    }
    return std::nullopt;
}

} // namespace

Result<std::chrono::nanoseconds> parse_duration(std::string_view text)
{
    std::string_view rest = text;
    bool negative = false;
    if (!rest.empty() && (rest.front() == '-' || rest.front() == '+')) {
        negative = rest.front() == '-';
        rest.remove_prefix(1);
    }
    if (rest == "0")
        return std::chrono::nanoseconds{0};
    if (rest.empty())
        return bad(text);
    Nanos total = 0;
    while (!rest.empty()) {
        const auto term = take_term(rest);
        if (!term)
            return bad(text);
        total += *term;
        if (total > (negative ? kMost : kMost - 1))
            return Error{
                Errc::invalid_input, "\"" + std::string{text} + "\" is longer than a duration can be"};
    }
    return std::chrono::nanoseconds{static_cast<std::int64_t>(negative ? -total : total)};
}

std::string format_duration(std::chrono::nanoseconds duration)
{
    std::int64_t nanos = duration.count();
    if (nanos == 0)
        return "0s";
    std::string text = nanos < 0 ? "-" : "";
    const auto magnitude
        = nanos < 0 ? 0 - static_cast<std::uint64_t>(nanos) : static_cast<std::uint64_t>(nanos);
    const auto with_fraction = [&text](std::uint64_t value, std::uint64_t unit, std::string_view name) {
        text += std::to_string(value / unit);
        if (std::uint64_t rest = value % unit; rest != 0) {
            std::string digits = std::to_string(unit + rest).substr(1);
            digits.erase(digits.find_last_not_of('0') + 1);
            text.append(".").append(digits);
        }
        text += name;
    };
    if (magnitude < 1'000) {
        with_fraction(magnitude, 1, "ns");
    } else if (magnitude < 1'000'000) {
        with_fraction(magnitude, 1'000, "\xC2\xB5s");
    } else if (magnitude < 1'000'000'000) {
        with_fraction(magnitude, 1'000'000, "ms");
    } else {
        const std::uint64_t seconds = magnitude / 1'000'000'000;
        if (seconds >= 3600)
            text.append(std::to_string(seconds / 3600)).append("h");
        if (seconds >= 60)
            text.append(std::to_string(seconds / 60 % 60)).append("m");
        with_fraction(magnitude % 60'000'000'000, 1'000'000'000, "s");
    }
    return text;
}

} // namespace slipway
