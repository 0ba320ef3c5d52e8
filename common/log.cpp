#include "common/log.h"

#include "common/json.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

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
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7F && c != '"' && c != '=' && c != '\\';
}

/// logfmt: bare where that is unambiguous, else in quotes with escapes.
void append_value(std::string& line, std::string_view value)
{
    if (!value.empty() && std::ranges::all_of(value, is_plain)) {
        line += value;
        return;
    }
    line += '"';
    for (const char c : value) {
        if (c == '"' || c == '\\') {
            line += '\\';
            line += c;
        } else if (c == '\n') {
            line += "\\n";
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
            std::array<char, 8> escape{};
            std::snprintf(escape.data(), escape.size(), "\\x%02x",
                static_cast<unsigned>(static_cast<unsigned char>(c)));
            line += escape.data();
        } else {
            line += c;
        }
    }
    line += '"';
}

} // namespace

std::string format_log_line(LogFormat format, std::string_view time, LogLevel level, std::string_view message,
    const std::vector<std::pair<std::string, std::string>>& context, LogFields fields)
{
    if (format == LogFormat::json) {
        JsonWriter json;
        json.begin_object().field("ts", time).field("level", name_of(level)).field("msg", message);
        for (const auto& [name, value] : context)
            json.field(name, value);
        for (const auto& [name, value] : fields)
            json.field(name, value);
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
    while (::write(fd_, line.data(), line.size()) < 0 && errno == EINTR) { }
}

Logger Logger::with(std::string_view name, std::string_view value) const
{
    Logger wider = *this;
    wider.context_.emplace_back(name, value);
    return wider;
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
    if (sink_->enabled(level))
        sink_->write(level, message, context_, fields);
}

} // namespace slipway
