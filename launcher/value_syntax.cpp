#include "launcher/value_syntax.h"

#include "common/base64.h"
#include "common/http/url.h"
#include "common/json.h"
#include "crypto/certificate.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace slipway::launcher {

namespace {

constexpr std::string_view kBlank = " \t\r\n";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

Error no_size(std::string_view text)
{
    return {Errc::invalid_input,
        in_quotes(text) + " is no size: give a whole number with a unit, such as 512MiB or 2GiB, or none"};
}

/// The power of 1024 that a unit means; -1: no unit.
int power_of(std::string_view unit)
{
    std::string low;
    std::transform(unit.begin(), unit.end(), std::back_inserter(low), lower);
    if (low.empty() || low == "b")
        return 0;
    const auto at = std::string_view{"kmgt"}.find(low.front());
    const auto rest = std::string_view{low}.substr(1);
    if (at == std::string_view::npos || (!rest.empty() && rest != "b" && rest != "i" && rest != "ib"))
        return -1;
    return static_cast<int>(at) + 1;
}

/// One entry of caCertificates.
Result<std::string> read_certificate(const JsonValue& entry)
{
    const auto encoded = SLIPWAY_TRY(entry.string());
    auto pem = SLIPWAY_TRY(in(entry.path(), base64_decode(encoded)));
    SLIPWAY_TRY(in(entry.path(), crypto::Certificate::from_pem(pem)));
    if (!pem.ends_with('\n'))
        pem += '\n';
    return pem;
}

} // namespace

std::string in_quotes(std::string_view text) { return "\"" + std::string{text} + "\""; }

std::string_view trimmed(std::string_view text)
{
    const auto first = text.find_first_not_of(kBlank);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool is_variable_name(std::string_view text)
{
    return !text.empty() && is_letter(text.front())
        && std::ranges::all_of(text, [](char c) { return is_letter(c) || is_digit(c); });
}

std::vector<std::string_view> list_entries(std::string_view text)
{
    std::vector<std::string_view> entries;
    while (!text.empty()) {
        const auto comma = std::min(text.find(','), text.size());
        if (const auto entry = trimmed(text.substr(0, comma)); !entry.empty())
            entries.push_back(entry);
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return entries;
}

Result<std::int64_t> read_whole(std::string_view text, std::int64_t least, std::int64_t most)
{
    std::int64_t value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc{} || end != text.data() + text.size() || value < least || value > most)
        return Error{Errc::invalid_input,
            in_quotes(text) + " is no whole number from " + std::to_string(least) + " to "
                + std::to_string(most)};
    return value;
}

Result<std::uint64_t> read_size(std::string_view text)
{
    if (text == "none")
        return std::uint64_t{0};
    std::uint64_t number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    const int power = power_of(text.substr(static_cast<std::size_t>(end - text.data())));
    // The API counts in signed numbers of 64 bits.
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (failure != std::errc{} || power < 0 || number > most >> (10 * power))
        return no_size(text);
    return number << (10 * power);
}

std::string size_text(std::uint64_t bytes)
{
    if (bytes == 0)
        return "none";
    constexpr std::array<std::string_view, 5> units{"", "KiB", "MiB", "GiB", "TiB"};
    std::size_t power = 0;
    for (; power + 1 < units.size() && bytes % 1024 == 0; ++power)
        bytes /= 1024;
    return std::to_string(bytes) + std::string{units[power]};
}

Result<std::int64_t> read_cpus(std::string_view text)
{
    if (text == "none")
        return std::int64_t{0};
    double number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{} || end != text.data() + text.size() || !(number >= 0.01 && number <= 100'000))
        return Error{Errc::invalid_input,
            in_quotes(text) + " is no number of CPUs: give one such as 2 or 0.5, or none"};
    return static_cast<std::int64_t>(std::llround(number * 1e9));
}

std::string cpus_text(std::int64_t nano_cpus)
{
    constexpr std::int64_t whole = 1'000'000'000;
    if (nano_cpus == 0)
        return "none";
    std::string text = std::to_string(nano_cpus / whole);
    if (nano_cpus % whole == 0)
        return text;
    std::string fraction = std::to_string(whole + nano_cpus % whole).substr(1);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    return text + "." + fraction;
}

Result<int> read_percent(std::string_view text)
{
    if (text == "none" || text == "0" || text == "0%")
        return 0;
    const auto number = read_whole(text.ends_with('%') ? text.substr(0, text.size() - 1) : text, 1, 100);
    if (!number)
        return Error{Errc::invalid_input,
            in_quotes(text) + " is no part of a disk: give a percentage from 1 to 100, such as 80%, or none"};
    return static_cast<int>(*number);
}

Result<std::string> read_host_port(std::string_view given)
{
    const bool port_alone = read_whole(given, 1, 65535).has_value();
    const std::string text = (port_alone                      ? "127.0.0.1:"
                                     : given.starts_with(':') ? "127.0.0.1"
                                                              : "")
        + std::string{given};
    const auto colon = text.rfind(':');
    const auto url = http::parse_url("http://" + std::string{text});
    const bool has_port
        = colon != std::string::npos && read_whole(std::string_view{text}.substr(colon + 1), 1, 65535);
    if (!url || !has_port || url->path != "/" || text.ends_with('/') || !url->query.empty())
        return Error{Errc::invalid_input,
            in_quotes(given)
                + " is no address to listen on: give host:port, such as 127.0.0.1:9464, or a port"};
    return text;
}

Result<std::string> read_proxy(std::string_view text)
{
    const Error wrong{Errc::invalid_input,
        in_quotes(without_password(text))
            + " is no address of a proxy: give http://host:port; with a name and password, "
              "http://name:password@host:port"};
    std::string_view rest = text;
    if (const auto scheme = rest.find("://"); scheme != std::string_view::npos) {
        constexpr std::array<std::string_view, 6> known{
            "http", "https", "socks4", "socks4a", "socks5", "socks5h"};
        if (std::ranges::find(known, rest.substr(0, scheme)) == known.end())
            return wrong;
        rest.remove_prefix(scheme + 3);
    }
    if (const auto at = rest.rfind('@'); at != std::string_view::npos)
        rest.remove_prefix(at + 1);
    const auto url = http::parse_url("http://" + std::string{rest});
    if (!url || url->path != "/" || !url->query.empty())
        return wrong;
    return std::string{text};
}

std::string without_password(std::string_view url)
{
    const auto at = url.rfind('@');
    if (at == std::string_view::npos)
        return std::string{url};
    const auto scheme = url.find("://");
    const bool has_scheme = scheme != std::string_view::npos && scheme < at;
    return std::string{url.substr(0, has_scheme ? scheme + 3 : 0)} + "(hidden)" + std::string{url.substr(at)};
}

Result<std::string> read_root_cas(std::string_view text)
{
    constexpr std::string_view expected
        = R"(give base64 of {"caCertificates": ["base64 of a PEM certificate", ...]})";
    const auto decoded = base64_decode(text);
    if (!decoded)
        return Error{Errc::invalid_input, decoded.error().message() + ": " + std::string{expected}};
    const auto document = JsonDocument::parse(*decoded);
    if (!document)
        return Error{Errc::invalid_input,
            "it is base64, but not of JSON (" + document.error().message() + "): " + std::string{expected}};
    std::string all;
    for (const auto& [name, value] : SLIPWAY_TRY(document->root().members())) {
        if (name != "caCertificates")
            return Error{
                Errc::invalid_input, "it has the member " + in_quotes(name) + ": " + std::string{expected}};
        for (const auto& entry : SLIPWAY_TRY(value.elements()))
            all += SLIPWAY_TRY(read_certificate(entry));
    }
    if (all.empty())
        return Error{Errc::invalid_input, "it holds no certificate: " + std::string{expected}};
    return all;
}

} // namespace slipway::launcher
