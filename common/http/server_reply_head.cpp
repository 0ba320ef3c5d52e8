#include "common/http/server_reply_head.h"

#include <array>
#include <string_view>

namespace slipway::http {

namespace {

void append_two(std::string& out, unsigned number)
{
    out += static_cast<char>('0' + number / 10 % 10);
    out += static_cast<char>('0' + number % 10);
}

void append_clean(std::string& out, std::string_view value)
{
    for (const char c : value)
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
}

} // namespace

bool status_has_body(int status) noexcept { return status >= 200 && status != 204 && status != 304; }

std::string format_http_date(std::chrono::system_clock::time_point time)
{
    static constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array<std::string_view, 12> kMonths{
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{std::chrono::floor<std::chrono::seconds>(time - day)};
    std::string out{kDays[std::chrono::weekday{day}.c_encoding()]};
    out += ", ";
    append_two(out, static_cast<unsigned>(date.day()));
    out.append(" ").append(kMonths[static_cast<unsigned>(date.month()) - 1]).append(" ");
    out.append(std::to_string(static_cast<int>(date.year()))).append(" ");
    append_two(out, static_cast<unsigned>(clock.hours().count()));
    out += ':';
    append_two(out, static_cast<unsigned>(clock.minutes().count()));
    out += ':';
    append_two(out, static_cast<unsigned>(clock.seconds().count()));
    return out + " GMT";
}

std::string format_head(const Reply& reply, const ReplyHead& head)
{
    std::string out;
    out.reserve(512);
    out.append("HTTP/1.1 ")
        .append(std::to_string(reply.status))
        .append(" ")
        .append(reason_phrase(reply.status));
    out.append("\r\nDate: ").append(format_http_date(head.date));
    for (const auto& [name, value] : reply.headers) {
        out += "\r\n";
        append_clean(out, name);
        out += ": ";
        append_clean(out, value);
    }
    if (status_has_body(reply.status))
        out.append("\r\nContent-Length: ").append(std::to_string(head.content_length));
    if (head.close)
        out += "\r\nConnection: close";
    return out + "\r\n\r\n";
}

} // namespace slipway::http
