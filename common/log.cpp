#include "common/log.h"

#include "common/json.h"
#include "common/utf8.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace slipway {

namespace {

std::string_view name_of(LogLevel level) noexcept
{
    switch (level) {
    case LogLevel::debug:
        return "debug";
    case LogLevel::info:
        return "info";
    case LogLevel::warn:
        return "warn";
    case LogLevel::error:
        return "error";
    }
    return "error";
}

bool is_plain(char c) noexcept
{
    return static_cast<unsigned char>(c) > 0x20 && c != '"' && c != '=' && c != '\\';
}

/// What is written of one value. The rest of a longer one is only counted, at a character's edge.
std::string capped(std::string_view value)
{
    if (value.size() <= kMaxLogValue)
        return std::string{value};
    std::size_t end = kMaxLogValue;
    while (end > kMaxLogValue - 3 && (static_cast<unsigned char>(value[end]) & 0xC0U) == 0x80)
        --end;
    return std::string{value.substr(0, end)} + " [" + std::to_string(value.size() - end) + " bytes more]";
}

/// logfmt: bare where that is unambiguous, else in quotes with escapes.
void append_value(std::string& line, std::string_view value)
{
    const std::string text = capped(value);
    const std::string shown = escape_controls(text);
    if (!text.empty() && shown == text && std::ranges::all_of(text, is_plain)) {
        line += text;
        return;
    }
    std::string quoted;
    for (const char c : text) {
        if (c == '"' || c == '\\')
            quoted += '\\';
        quoted += c;
    }
    line += '"' + escape_controls(quoted) + '"';
}

/// Writes a whole line. What a descriptor that does not block refuses for a second is lost, since a log that
/// nobody reads must not stop the process.
void write_line(int fd, std::string_view line)
{
    while (!line.empty()) {
        const ssize_t count = ::write(fd, line.data(), line.size());
        if (count >= 0) {
            line.remove_prefix(static_cast<std::size_t>(count));
        } else if (errno == EAGAIN) {
            pollfd writable{.fd = fd, .events = POLLOUT, .revents = 0};
            if (::poll(&writable, 1, 1000) == 0)
                return;
        } else if (errno != EINTR) {
            return;
        }
    }
}

} // namespace

std::string format_log_line(LogFormat format, std::string_view time, LogLevel level, std::string_view message,
    const std::vector<std::pair<std::string, std::string>>& context, LogFields fields)
{
    if (format == LogFormat::json) {
        JsonWriter json;
        json.begin_object().field("ts", time).field("level", name_of(level)).field("msg", capped(message));
        for (const auto& [name, value] : context)
            json.field(name, capped(value));
        for (const auto& [name, value] : fields)
            json.field(name, capped(value));
        json.end_object();
        return json.take() + "\n";
    }
    std::string line = "ts=" + std::string{time} + " level=" + std::string{name_of(level)} + " msg=";
    append_value(line, message);
    const auto append = [&line](std::string_view name, std::string_view value) {
        line += ' ';
        line += name;
        line += '=';
        append_value(line, value);
    };
    for (const auto& [name, value] : context)
        append(name, value);
    for (const auto& [name, value] : fields)
        append(name, value);
    return line + "\n";
}

LogSink::LogSink(int fd, LogFormat format, LogLevel least, const Clock& clock)
    : fd_{fd}
    , format_{format}
    , least_{least}
    , clock_{clock}
{
}

void LogSink::write(LogLevel level, std::string_view message,
    const std::vector<std::pair<std::string, std::string>>& context, LogFields fields)
{
    const std::string line
        = format_log_line(format_, format_rfc3339(clock_.wall()), level, message, context, fields);
    const std::lock_guard lock{mutex_};
    write_line(fd_, line);
}

Logger Logger::with(std::string_view name, std::string_view value) const
{
    Logger wider = *this;
    wider.context_.emplace_back(name, value);
    return wider;
}

Logger Logger::filtered(LogFilter filter) const
{
    Logger other = *this;
    other.filter_ = std::make_shared<const LogFilter>(std::move(filter));
    return other;
}

void Logger::warn(std::string_view message, const Error& cause) const
{
    line(LogLevel::warn, message, {{"cause", to_string(cause.code())}, {"error", cause.message()}});
}

void Logger::error(std::string_view message, const Error& cause) const
{
    line(LogLevel::error, message, {{"cause", to_string(cause.code())}, {"error", cause.message()}});
}

void Logger::line(LogLevel level, std::string_view message, LogFields fields) const
{
    if (!sink_->enabled(level))
        return;
    if (!filter_) {
        sink_->write(level, message, context_, fields);
        return;
    }
    auto context = context_;
    for (const auto& [name, value] : fields)
        context.emplace_back(name, (*filter_)(value));
    sink_->write(level, (*filter_)(message), context, {});
}

} // namespace slipway
