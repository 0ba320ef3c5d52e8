#include "common/http/request.h"

#include "common/ascii.h"

#include <algorithm>
#include <cstdint>

namespace slipway::http {

namespace {

constexpr std::size_t kMaxTarget = 8 * 1024;
constexpr std::size_t kMaxSegments = 64;
constexpr std::size_t kMaxQuery = 128;

int hex_value(char c) noexcept
{
    if (c >= '0' && c <= '9')
        return c - '0';
    const char letter = lower(c);
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

struct Utf8Lead {
    std::size_t length;
    std::uint32_t bits;
    std::uint32_t least;
};

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text) noexcept
{
    for (std::size_t i = 0; i < text.size();) {
        const auto first = static_cast<unsigned char>(text[i]);
        Utf8Lead lead{};
        if (first < 0x80)
            lead = {1, first, 0};
        else if (first >= 0xC2 && first < 0xE0)
            lead = {2, first & 0x1FU, 0x80};
        else if (first >= 0xE0 && first < 0xF0)
            lead = {3, first & 0x0FU, 0x800};
        else if (first >= 0xF0 && first < 0xF5)
            lead = {4, first & 0x07U, 0x10000};
        if (lead.length == 0 || i + lead.length > text.size())
            return false;
        std::uint32_t point = lead.bits;
        for (std::size_t k = 1; k < lead.length; ++k) {
            const auto next = static_cast<unsigned char>(text[i + k]);
            if ((next & 0xC0U) != 0x80)
                return false;
            point = (point << 6U) | (next & 0x3FU);
        }
        if (point < lead.least || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000))
            return false;
        i += lead.length;
    }
    return true;
}

Result<std::string> percent_decode(std::string_view text, bool plus_is_space)
{
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus_is_space) {
            out += ' ';
        } else if (text[i] != '%') {
            out += text[i];
        } else {
            const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
            const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return Error{Errc::invalid_input, "wrong percent-encoding"};
            out += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    if (!is_utf8(out))
        return Error{Errc::invalid_input, "not valid UTF-8"};
    return out;
}

bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

Result<void> parse_path(std::string_view path, Target& target)
{
    std::size_t begin = 1;
    while (true) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        auto segment = SLIPWAY_TRY(percent_decode(path.substr(begin, end - begin), false));
        if (std::any_of(segment.begin(), segment.end(), is_control))
            return Error{Errc::invalid_input, "a control character in the path"};
        if (segment == "." || segment == "..")
            return Error{Errc::invalid_input, "a dot segment in the path"};
        if (target.segments.size() == kMaxSegments)
            return Error{Errc::invalid_input, "too many segments in the path"};
        target.path.append("/").append(segment);
        target.segments.push_back(std::move(segment));
        if (end == path.size())
            return {};
        begin = end + 1;
    }
}

Result<Fields> parse_query(std::string_view query)
{
    Fields fields;
    while (!query.empty()) {
        const std::string_view part = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(part.size() + 1, query.size()));
        if (part.empty())
            continue;
        if (fields.size() == kMaxQuery)
            return Error{Errc::invalid_input, "too many query parameters"};
        const std::size_t equals = std::min(part.find('='), part.size());
        auto name = SLIPWAY_TRY(percent_decode(part.substr(0, equals), true));
        auto value = SLIPWAY_TRY(percent_decode(part.substr(std::min(equals + 1, part.size())), true));
        if (name.find('\0') != std::string::npos || value.find('\0') != std::string::npos)
            return Error{Errc::invalid_input, "a NUL in the query"};
        fields.emplace_back(std::move(name), std::move(value));
    }
    return fields;
}

} // namespace

std::string_view Request::parameter(std::string_view name) const noexcept
{
    for (const auto& [key, value] : parameters) {
        if (key == name)
            return value;
    }
    return {};
}

std::optional<std::string_view> Request::header(std::string_view name) const noexcept
{
    for (const auto& [key, value] : headers) {
        if (same_header_name(key, name))
            return value;
    }
    return std::nullopt;
}

std::string_view Request::bearer() const noexcept
{
    constexpr std::string_view kScheme = "Bearer ";
    const auto value = header("Authorization").value_or("");
    return same_header_name(value.substr(0, kScheme.size()), kScheme) ? value.substr(kScheme.size())
                                                                      : std::string_view{};
}

std::optional<std::string_view> Request::query_value(std::string_view name) const noexcept
{
    for (const auto& [key, value] : query) {
        if (key == name)
            return value;
    }
    return std::nullopt;
}

bool same_header_name(std::string_view a, std::string_view b) noexcept { return equal_ignoring_case(a, b); }

Result<Target> parse_target(std::string_view target)
{
    if (target.size() > kMaxTarget)
        return Error{Errc::invalid_input, "the request target is too long"};
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (same_header_name(target.substr(0, scheme.size()), scheme)) {
            target.remove_prefix(scheme.size());
            target.remove_prefix(std::min(target.find_first_of("/?"), target.size()));
            if (target.empty() || target.front() == '?')
                return Error{Errc::invalid_input, "the request target has no path"};
            break;
        }
    }
    if (target.empty() || target.front() != '/')
        return Error{Errc::invalid_input, "the request target does not start with '/'"};
    if (target.find('#') != std::string_view::npos)
        return Error{Errc::invalid_input, "a fragment in the request target"};
    const std::size_t mark = std::min(target.find('?'), target.size());
    Target out;
    SLIPWAY_TRY(parse_path(target.substr(0, mark), out));
    out.query = SLIPWAY_TRY(parse_query(target.substr(std::min(mark + 1, target.size()))));
    return out;
}

} // namespace slipway::http
