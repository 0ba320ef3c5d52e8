#include "common/http/retry.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace slipway::http {

namespace {

using std::chrono::milliseconds;

std::optional<int> number(std::string_view text) noexcept
{
    int value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc{} || end != text.data() + text.size() || text.empty() || text.front() == '-')
        return {};
    return value;
}

/// "Sun, 06 Nov 1994 08:49:37 GMT" (IMF-fixdate, RFC 9110 section 5.6.7). Fixed positions, so no locale is
/// involved.
std::optional<std::chrono::system_clock::time_point> parse_http_date(std::string_view text)
{
    constexpr std::array<std::string_view, 12> months
        = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    if (text.size() != 29 || text.substr(3, 2) != ", " || !text.ends_with(" GMT") || text[7] != ' '
        || text[11] != ' ' || text[16] != ' ' || text[19] != ':' || text[22] != ':')
        return {};
    const auto* const month = std::find(months.begin(), months.end(), text.substr(8, 3));
    const auto day = number(text.substr(5, 2));
    const auto year = number(text.substr(12, 4));
    const auto hour = number(text.substr(17, 2));
    const auto minute = number(text.substr(20, 2));
    const auto second = number(text.substr(23, 2));
    if (month == months.end() || !day || !year || !hour || !minute || !second)
        return {};
    const std::chrono::year_month_day date{std::chrono::year{*year},
        std::chrono::month{static_cast<unsigned>(month - months.begin()) + 1},
        std::chrono::day{static_cast<unsigned>(*day)}};
    if (*year < 1970 || *year > 2200 || !date.ok() || *hour > 23 || *minute > 59 || *second > 60)
        return {};
    return std::chrono::sys_days{date} + std::chrono::hours{*hour} + std::chrono::minutes{*minute}
    + std::chrono::seconds{*second};
}

milliseconds up_to(milliseconds bound, Random& random)
{
    return milliseconds{
        static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(bound.count()) + 1))};
}

} // namespace

milliseconds next_delay(
    const RetryPolicy& policy, int attempt, std::optional<milliseconds> retry_after, Random& random)
{
    if (retry_after)
        return std::min<milliseconds>(*retry_after, kLongestRetryAfter) + up_to(policy.base, random);
    milliseconds bound = std::min(policy.base, policy.cap);
    for (int i = 1; i < attempt && bound < policy.cap; ++i)
        bound = std::min(bound * 2, policy.cap);
    return up_to(bound, random);
}

std::optional<milliseconds> parse_retry_after(
    std::string_view value, std::chrono::system_clock::time_point now)
{
    if (!value.empty()
        && std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; })) {
        // More digits than a number holds ask for the longest time there is.
        return std::chrono::seconds{number(value).value_or(std::numeric_limits<int>::max())};
    }
    const auto date = parse_http_date(value);
    if (!date)
        return {};
    return std::max(milliseconds{0}, std::chrono::duration_cast<milliseconds>(*date - now));
}

bool is_retryable(const Error& error) noexcept
{
    return error.code() == Errc::unreachable || error.code() == Errc::timed_out;
}

} // namespace slipway::http
