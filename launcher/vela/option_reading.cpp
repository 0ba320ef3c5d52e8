#include "launcher/vela/option_reading.h"

#include "common/duration.h"
#include "common/http/url.h"
#include "launcher/job_values.h"
#include "launcher/value_syntax.h"

#include <algorithm>
#include <array>

namespace slipway::vela {

namespace {

using launcher::in_quotes;

constexpr std::chrono::hours kLongest{10 * 366 * 24};

Error wrong(std::string message) { return {Errc::invalid_input, std::move(message)}; }

bool is_printable(std::string_view text)
{
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

/// The host part as it is written, without an IPv6 address's brackets: the worker's name, case and all.
std::string_view host_of(std::string_view address)
{
    auto rest = address.substr(address.find("://") + 3);
    if (rest.starts_with('['))
        return rest.substr(1, rest.find(']') - 1);
    return rest.substr(0, rest.find(':'));
}

/// What http::parse_url does not see: an address ends after the port.
bool has_path(std::string_view address)
{
    return address.substr(address.find("://") + 3).find_first_of("/?") != std::string_view::npos;
}

Result<HostVolume> read_volume(std::string_view text)
{
    std::array<std::string_view, 3> parts;
    std::size_t count = 0;
    for (std::string_view rest = text;; ++count) {
        if (count == parts.size())
            return wrong(
                in_quotes(text) + " has too many parts: give source, source:target or source:target:ro");
        const auto end = rest.find(':');
        parts[count] = rest.substr(0, end);
        if (end == std::string_view::npos)
            break;
        rest.remove_prefix(end + 1);
    }
    const auto target = count == 0 ? parts[0] : parts[1];
    for (const auto path : {parts[0], target})
        if (!path.starts_with('/'))
            return wrong(in_quotes(text)
                + " names no absolute path: give source, source:target or source:target:ro, paths of the "
                  "host "
                  "and of the container");
    if (count == 2 && parts[2] != "ro" && parts[2] != "rw")
        return wrong(in_quotes(text) + " has the mode " + in_quotes(parts[2]) + ": give ro or rw");
    return HostVolume{.source = std::string{parts[0]},
        .target = std::string{target},
        .read_only = count < 2 || parts[2] == "ro"};
}

} // namespace

Result<void> read_worker_address(Options& options, std::string_view text)
{
    constexpr std::string_view form = ": give the address at which the server reaches this worker, such as "
                                      "http://worker-1:8080";
    if (text.find("://") == std::string_view::npos)
        return wrong(in_quotes(text) + " is no address" + std::string{form});
    if (text.ends_with('/'))
        return wrong(in_quotes(text) + " ends in a slash: leave it out");
    const auto url = http::parse_url(text);
    if (!url || has_path(text))
        return wrong("this is no address" + (url ? std::string{" alone, there is a path or a query"} : "")
            + std::string{form} + (url ? "" : " (" + url.error().message() + ")"));
    options.worker_address = text;
    options.hostname = host_of(text);
    options.port = url->port;
    options.https = url->scheme == "https";
    return {};
}

Result<void> read_server_address(Options& options, std::string_view text)
{
    if (text.empty())
        return wrong("it is empty: give the address of the Vela server, such as https://vela.example.com");
    const auto url = http::parse_url(text);
    if (!url)
        return wrong("give the address of the Vela server, such as https://vela.example.com ("
            + url.error().message() + ")");
    if (!url->query.empty())
        return wrong("the address of the Vela server has no query: leave out what follows the question mark");
    options.server_address = text;
    return {};
}

Result<void> read_queue_address(Options& options, std::string_view text)
{
    // It may hold a password: no message repeats it.
    constexpr std::array<std::string_view, 3> schemes{"redis://", "rediss://", "unix://"};
    const auto scheme = std::ranges::find_if(schemes, [text](auto known) { return text.starts_with(known); });
    if (!text.empty() && (scheme == schemes.end() || text.size() == scheme->size()))
        return wrong("give the queue as redis://, rediss:// or unix:// with what follows, such as "
                     "redis://queue:6379, or leave it out to ask the server");
    if (text.ends_with('/'))
        return wrong("the address of the queue ends in a slash: leave it out");
    if (!is_printable(text))
        return wrong("the address of the queue holds a blank or another byte that is not printable ASCII: "
                     "percent-encode it");
    options.queue_address = Secret{text};
    return {};
}

Result<void> read_queue_driver(Options& options, std::string_view text)
{
    if (text != "redis")
        return wrong(in_quotes(text) + " is no queue that this worker takes builds from: set it to redis");
    options.queue_driver = text;
    return {};
}

Result<void> read_executor_driver(Options& /*options*/, std::string_view text)
{
    if (text == "linux")
        return {};
    return wrong(in_quotes(text) + " is no executor of this worker: set it to linux, or leave it out");
}

Result<void> read_runtime_driver(Options& /*options*/, std::string_view text)
{
    if (text == "docker")
        return {};
    if (text == "kubernetes")
        return wrong(
            "this worker runs builds with Docker and has no Kubernetes runtime: set it to docker, or "
            "keep the workers of that cluster as they are");
    return wrong(in_quotes(text) + " is no runtime of this worker: set it to docker, or leave it out");
}

Result<void> read_volumes(Options& options, std::string_view text)
{
    for (const auto& entry : read_list(text))
        options.volumes.push_back(SLIPWAY_TRY(read_volume(entry)));
    return {};
}

Result<void> read_dropped_capabilities(Options& options, std::string_view text)
{
    auto names = SLIPWAY_TRY(launcher::read_capabilities(text));
    options.drop_capabilities.insert(options.drop_capabilities.end(), names.begin(), names.end());
    return {};
}

LogFormat read_log_format(std::string_view text)
{
    const bool is_text = text == "t" || text == "text" || text == "Text" || text == "TEXT";
    return is_text ? LogFormat::logfmt : LogFormat::json;
}

namespace {

struct LevelName {
    std::string_view low;
    std::string_view capitalised;
    std::string_view upper;
    LogLevel level;
};

constexpr std::array kLevels{LevelName{"trace", "Trace", "TRACE", LogLevel::debug},
    LevelName{"debug", "Debug", "DEBUG", LogLevel::debug}, LevelName{"info", "Info", "INFO", LogLevel::info},
    LevelName{"warn", "Warn", "WARN", LogLevel::warn}, LevelName{"error", "Error", "ERROR", LogLevel::error},
    LevelName{"fatal", "Fatal", "FATAL", LogLevel::error},
    LevelName{"panic", "Panic", "PANIC", LogLevel::error}};

const LevelName* level_of(std::string_view text)
{
    const auto* found = std::ranges::find_if(kLevels, [text](const LevelName& level) {
        return text == level.low || text == level.low.substr(0, 1) || text == level.capitalised
            || text == level.upper;
    });
    return found == kLevels.end() ? nullptr : found;
}

} // namespace

LogLevel read_log_level(std::string_view text)
{
    const auto* level = level_of(text);
    return level == nullptr ? LogLevel::info : level->level;
}

bool is_log_level(std::string_view text) { return level_of(text) != nullptr; }

bool is_tls_version(std::string_view text)
{
    return text == "1.0" || text == "1.1" || text == "1.2" || text == "1.3";
}

Result<Truth> read_truth(std::string_view text)
{
    constexpr std::array<std::string_view, 6> yes{"1", "t", "T", "true", "True", "TRUE"};
    constexpr std::array<std::string_view, 6> no{"0", "f", "F", "false", "False", "FALSE"};
    if (std::ranges::find(yes, text) != yes.end())
        return Truth::yes;
    if (std::ranges::find(no, text) != no.end())
        return Truth::no;
    return wrong(in_quotes(text) + " is neither yes nor no: set it to true or false");
}

Result<std::chrono::milliseconds> read_time_span(std::string_view text, std::chrono::milliseconds least)
{
    const auto span = SLIPWAY_TRY(parse_duration(text));
    if (span < least || span > kLongest)
        return wrong(in_quotes(text) + " is out of range: give "
            + (least.count() > 0 ? format_duration(least) : std::string{"0s"})
            + " or more, at most ten years");
    return std::chrono::duration_cast<std::chrono::milliseconds>(span);
}

Result<std::int64_t> read_number(std::string_view text, std::int64_t least, std::int64_t most)
{
    return launcher::read_whole(text, least, most);
}

std::vector<std::string> read_list(std::string_view text)
{
    std::vector<std::string> entries;
    while (!text.empty()) {
        const auto end = std::min(text.find(','), text.size());
        if (end > 0)
            entries.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return entries;
}

} // namespace slipway::vela
