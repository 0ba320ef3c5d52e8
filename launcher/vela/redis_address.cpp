#include "launcher/vela/redis_address.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

namespace slipway::vela {

namespace {

constexpr std::uint16_t kRedisPort = 6379;
constexpr std::uint16_t kSentinelPort = 26379;
constexpr std::size_t kMaxAddress = 8192;

/// About go-redis' pool and its repeats.
constexpr std::array kWithoutMeaning = std::to_array<std::string_view>({"max_retries", "min_retry_backoff",
    "max_retry_backoff", "read_timeout", "write_timeout", "context_timeout_enabled", "pool_fifo", "pool_size",
    "pool_timeout", "min_idle_conns", "max_idle_conns", "max_active_conns", "conn_max_idle_time",
    "conn_max_lifetime", "max_conn_age", "idle_timeout", "idle_check_frequency", "client_name", "protocol"});

Error wrong(std::string_view what)
{
    return {Errc::invalid_input, "the address of the queue " + std::string{what}};
}

std::optional<unsigned> hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return static_cast<unsigned>(c - '0');
    const char lower = static_cast<char>(c | 0x20);
    if (lower >= 'a' && lower <= 'f')
        return static_cast<unsigned>(lower - 'a' + 10);
    return std::nullopt;
}

Result<std::string> decoded(std::string_view text, std::string_view part)
{
    std::string out;
    out.reserve(text.size()); // Never moved: the caller may wipe it.
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const auto high = i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
        const auto low = i + 2 < text.size() ? hex_digit(text[i + 2]) : std::nullopt;
        if (!high || !low) {
            wipe(out);
            return wrong("has a '%' without two hexadecimal digits in the " + std::string{part}
                + ": write %25 for the character itself");
        }
        out += static_cast<char>(*high * 16 + *low);
        i += 2;
    }
    return out;
}

template <class T> std::optional<T> number(std::string_view text, T least, T most)
{
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most)
        return std::nullopt;
    return value;
}

std::pair<std::string_view, std::string_view> split(std::string_view text, char at)
{
    const auto found = text.find(at);
    if (found == std::string_view::npos)
        return {text, {}};
    return {text.substr(0, found), text.substr(found + 1)};
}

Result<RedisHost> parse_host(std::string_view text, std::uint16_t default_port)
{
    RedisHost host{.name = {}, .port = default_port};
    std::string_view port;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos || (end + 1 < text.size() && text[end + 1] != ':'))
            return wrong("has a '[' that is no IPv6 address in brackets");
        host.name = text.substr(1, end - 1);
        port = text.substr(std::min(end + 2, text.size()));
    } else {
        const auto [name, rest] = split(text, ':');
        host.name = SLIPWAY_TRY(decoded(name, "host"));
        port = rest;
    }
    if (host.name.empty())
        host.name = "localhost";
    if (host.name.starts_with('/')
        || std::ranges::any_of(host.name, [](unsigned char c) { return c <= ' ' || c == 0x7f || c == '\\'; }))
        return wrong("has a host that is none");
    if (!port.empty()) {
        const auto value = number<std::uint16_t>(port, 1, std::numeric_limits<std::uint16_t>::max());
        if (!value)
            return wrong("has a port outside 1-65535");
        host.port = *value;
    }
    return host;
}

Result<void> parse_sentinels(std::string_view text, RedisAddress& address)
{
    if (text.starts_with('[') && text.ends_with(']'))
        text = text.substr(1, text.size() - 2);
    auto [master, rest] = split(text, ',');
    address.master = SLIPWAY_TRY(decoded(master, "name of the master"));
    while (!rest.empty()) {
        const auto [one, others] = split(rest, ',');
        if (!one.empty())
            address.hosts.push_back(SLIPWAY_TRY(parse_host(one, kSentinelPort)));
        rest = others;
    }
    if (address.master.empty() || address.hosts.empty())
        return wrong("must name a master and its Sentinels where VELA_QUEUE_CLUSTER is set: "
                     "redis://master,sentinel1:26379,sentinel2:26379");
    return {};
}

Result<void> parse_user(std::string_view text, RedisAddress& address)
{
    const auto [user, password] = split(text, ':');
    address.user = SLIPWAY_TRY(decoded(user, "user"));
    auto plain = SLIPWAY_TRY(decoded(password, "password"));
    address.password = Secret::take(plain);
    if (!address.user.empty() && address.password.empty())
        return wrong("names a user without a password: write redis://user:password@host, or "
                     "redis://:password@host");
    return {};
}

Result<void> set_database(std::string_view text, RedisAddress& address)
{
    const auto value = number<int>(text, 0, std::numeric_limits<int>::max());
    if (!value)
        return wrong("has a database that is no number");
    address.database = *value;
    return {};
}

/// Seconds without a unit, as go-redis has it, or with "ms", "s" or "m".
Result<std::chrono::milliseconds> parse_timeout(std::string_view text)
{
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto value = number<std::int64_t>(text.substr(0, digits), 1, 3'600'000);
    const std::string_view unit = text.substr(digits);
    if (value && unit == "ms")
        return std::chrono::milliseconds{*value};
    if (value && (unit.empty() || unit == "s"))
        return std::chrono::seconds{*value};
    if (value && unit == "m")
        return std::chrono::minutes{*value};
    return wrong("has a dial_timeout that is no time: write 5s");
}

Result<void> parse_option(std::string_view text, RedisAddress& address)
{
    const auto [name, raw] = split(text, '=');
    const auto value = SLIPWAY_TRY(decoded(raw, "options"));
    if (name == "db")
        return value.empty() ? Result<void>{} : set_database(value, address);
    if (name == "dial_timeout") {
        if (!value.empty())
            address.dial_timeout = SLIPWAY_TRY(parse_timeout(value));
        return {};
    }
    if (name == "skip_verify")
        return wrong("has the option skip_verify, which is refused: a certificate is always verified; name "
                     "its authority with SSL_CERT_FILE");
    if (std::ranges::find(kWithoutMeaning, name) != kWithoutMeaning.end())
        return {};
    // A name is shown only where it can be one: a password with a '?' in it ends here too.
    const bool plain = name.size() <= 32 && text.find('@') == std::string_view::npos
        && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos;
    return wrong("has an unknown option" + (plain ? " " + std::string{name} : std::string{})
        + " (in a password, '?' is written %3F)");
}

Result<void> parse_path(std::string_view path, RedisAddress& address)
{
    while (path.starts_with('/'))
        path.remove_prefix(1);
    while (path.ends_with('/'))
        path.remove_suffix(1);
    return path.empty() ? Result<void>{} : set_database(path, address);
}

} // namespace

std::string RedisHost::text() const
{
    if (port == 0)
        return name;
    const bool brackets = name.find(':') != std::string::npos;
    return (brackets ? "[" + name + "]" : name) + ":" + std::to_string(port);
}

Result<RedisAddress> parse_redis_address(std::string_view text, bool sentinel)
{
    if (text.size() > kMaxAddress)
        return wrong("is longer than 8192 bytes");
    if (text.find('\0') != std::string_view::npos)
        return wrong("has a NUL");
    if (text.find('#') != std::string_view::npos)
        return wrong("has a '#': in a password it is written %23");
    RedisAddress address;
    const auto colon = text.find("://");
    const std::string_view scheme = text.substr(0, std::min(colon, text.size()));
    if (colon == std::string_view::npos || (scheme != "redis" && scheme != "rediss" && scheme != "unix"))
        return wrong("must begin with redis://, rediss:// or unix://");
    auto [rest, options] = split(text.substr(colon + 3), '?');
    const auto slash = std::min(rest.find('/'), rest.size());
    std::string_view authority = rest.substr(0, slash);
    const std::string_view path = rest.substr(slash);
    if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
        SLIPWAY_TRY(parse_user(authority.substr(0, at), address));
        authority.remove_prefix(at + 1);
    }
    address.tls = scheme == "rediss";
    if (scheme == "unix") {
        if (sentinel)
            return wrong("cannot be a Unix socket where VELA_QUEUE_CLUSTER is set");
        auto name = SLIPWAY_TRY(decoded(path, "path"));
        if (!authority.empty() || name.size() < 2 || name.find('\0') != std::string::npos)
            return wrong("must give the path of a socket: unix:///run/redis/redis.sock");
        address.hosts.push_back({.name = std::move(name), .port = 0});
    } else {
        if (sentinel)
            SLIPWAY_TRY(parse_sentinels(authority, address));
        else
            address.hosts.push_back(SLIPWAY_TRY(parse_host(authority, kRedisPort)));
        SLIPWAY_TRY(parse_path(path, address));
    }
    while (!options.empty()) {
        const auto [one, others] = split(options, '&');
        if (!one.empty())
            SLIPWAY_TRY(parse_option(one, address));
        options = others;
    }
    return address;
}

} // namespace slipway::vela
