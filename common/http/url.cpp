#include "common/http/url.h"

#include "common/ascii.h"

#include <algorithm>
#include <charconv>

namespace slipway::http {

namespace {

constexpr std::size_t kMaxUrl = 8192;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_hex(char c) noexcept { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

std::string lowered(std::string_view text)
{
    std::string result{text};
    std::transform(result.begin(), result.end(), result.begin(), [](char c) { return lower(c); });
    return result;
}

Error wrong(std::string_view what) { return {Errc::invalid_input, "not a usable URL: " + std::string{what}}; }

std::uint16_t own_port(std::string_view scheme) noexcept { return scheme == "https" ? 443 : 80; }

Result<std::uint16_t> parse_port(std::string_view text)
{
    std::uint16_t port = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (code != std::errc{} || end != text.data() + text.size() || port == 0)
        return wrong("the port must be a number from 1 to 65535");
    return port;
}

/// Takes the host off the front of `authority`; what is left is empty or starts with ':'.
Result<std::string> take_host(std::string_view& authority)
{
    if (authority.starts_with('[')) {
        const std::size_t end = authority.find(']');
        if (end == std::string_view::npos)
            return wrong("the IPv6 address has no closing bracket");
        const std::string host = lowered(authority.substr(1, end - 1));
        authority.remove_prefix(end + 1);
        const bool valid = host.find(':') != std::string::npos
            && std::all_of(
                host.begin(), host.end(), [](char c) { return is_hex(c) || c == ':' || c == '.'; });
        if (!valid || (!authority.empty() && authority.front() != ':'))
            return wrong("the host in brackets is not an IPv6 address");
        return host;
    }
    const std::string host = lowered(authority.substr(0, authority.find(':')));
    authority.remove_prefix(host.size());
    if (host.empty())
        return wrong("the host is empty");
    for (const char c : host) {
        if (!is_letter(c) && !is_digit(c) && c != '.' && c != '-' && c != '_')
            return wrong("the host has a character that names do not have");
    }
    return host;
}

Result<void> check_bytes(std::string_view text)
{
    if (text.size() > kMaxUrl)
        return wrong("it is over " + std::to_string(kMaxUrl) + " bytes");
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c <= ' ' || c > '~' || std::string_view{"\"<>\\^`{|}"}.find(c) != std::string_view::npos)
            return wrong("byte " + std::to_string(i + 1) + " must be percent-encoded");
        if (c == '%' && (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])))
            return wrong(
                "'%' at byte " + std::to_string(i + 1) + " is not followed by two hexadecimal digits");
        if (c == '#')
            return wrong("it has a fragment ('#')");
    }
    return {};
}

} // namespace

std::string percent_encode(std::string_view text)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string encoded;
    encoded.reserve(text.size());
    for (const char c : text) {
        if (is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            encoded += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            encoded += '%';
            encoded += digits[byte >> 4U];
            encoded += digits[byte & 15U];
        }
    }
    return encoded;
}

std::string query_string(const std::vector<std::pair<std::string, std::string>>& parameters)
{
    std::string query;
    for (const auto& [name, value] : parameters) {
        if (!query.empty())
            query += '&';
        query += percent_encode(name) + '=' + percent_encode(value);
    }
    return query;
}

std::string Url::origin() const
{
    const bool is_ipv6 = host.find(':') != std::string::npos;
    std::string text = scheme + "://" + (is_ipv6 ? '[' + host + ']' : host);
    if (port != own_port(scheme))
        text += ':' + std::to_string(port);
    return text;
}

Result<Url> parse_url(std::string_view text)
{
    SLIPWAY_TRY(check_bytes(text));
    const std::size_t colon = text.find("://");
    if (colon == std::string_view::npos)
        return wrong("it must start with https:// or http://");
    Url url;
    url.scheme = lowered(text.substr(0, colon));
    if (url.scheme != "http" && url.scheme != "https")
        return wrong("the scheme must be https or http");
    text.remove_prefix(colon + 3);

    std::string_view authority = text.substr(0, text.find_first_of("/?"));
    text.remove_prefix(authority.size());
    if (authority.find('@') != std::string_view::npos)
        return wrong("it has a user name or password");
    url.host = SLIPWAY_TRY(take_host(authority));
    url.port = authority.empty() ? own_port(url.scheme) : SLIPWAY_TRY(parse_port(authority.substr(1)));

    const std::size_t question = text.find('?');
    url.path = question == 0 || text.empty() ? "/" : std::string{text.substr(0, question)};
    if (question != std::string_view::npos)
        url.query = text.substr(question + 1);
    return url;
}

} // namespace slipway::http
