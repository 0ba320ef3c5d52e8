#pragma once

#include "common/clock.h"
#include "common/error.h"

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {

enum class LogLevel : unsigned char { debug, info, warn, error };
enum class LogFormat : unsigned char { logfmt, json };

/// One named value of a log line. Numbers are written by `std::to_string` at the call.
using LogField = std::pair<std::string_view, std::string_view>;
using LogFields = std::initializer_list<LogField>;

/// Of one value in a line; a longer one is cut and the cut is marked.
inline constexpr std::size_t kMaxLogValue = 8 * 1024;

/// Where log lines end. Lines of threads never mix; those of two processes on one pipe may if they are longer
/// than PIPE_BUF. Thread-safe. Outlives every `Logger` made from it.
class LogSink {
public:
    LogSink(int fd, LogFormat format, LogLevel least, const Clock& clock);

    void write(LogLevel level, std::string_view message,
        const std::vector<std::pair<std::string, std::string>>& context, LogFields fields);

    [[nodiscard]] bool enabled(LogLevel level) const noexcept { return level >= least_; }

private:
    const int fd_;
    const LogFormat format_;
    const LogLevel least_;
    const Clock& clock_;
    std::mutex mutex_; // Held for a write.
};

/// What a text becomes before it is written.
using LogFilter = std::function<std::string(std::string_view text)>;

/// Writes structured lines that all carry the same context (a run id, a worker id). Newlines, controls and
/// bytes that are no UTF-8 are escaped in values, so no value can forge a line. Cheap to copy. Thread-safe.
class Logger {
public:
    explicit Logger(LogSink& sink)
        : sink_{&sink}
    {
    }

    /// A logger whose lines carry one field more.
    [[nodiscard]] Logger with(std::string_view name, std::string_view value) const;

    /// A logger of which every message and value goes through `filter`, which is called by any thread that
    /// logs.
    [[nodiscard]] Logger filtered(LogFilter filter) const;

    void debug(std::string_view message, LogFields fields = {}) const
    {
        line(LogLevel::debug, message, fields);
    }

    void info(std::string_view message, LogFields fields = {}) const
    {
        line(LogLevel::info, message, fields);
    }

    void warn(std::string_view message, LogFields fields = {}) const
    {
        line(LogLevel::warn, message, fields);
    }

    void error(std::string_view message, LogFields fields = {}) const
    {
        line(LogLevel::error, message, fields);
    }

    /// A failure that is survived.
    void warn(std::string_view message, const Error& cause) const;
    void error(std::string_view message, const Error& cause) const;

private:
    void line(LogLevel level, std::string_view message, LogFields fields) const;

    LogSink* sink_;
    std::vector<std::pair<std::string, std::string>> context_;
    std::shared_ptr<const LogFilter> filter_; ///< Null: none.
};

/// One line as the sink writes it, for tests and for callers with a sink of their own.
[[nodiscard]] std::string format_log_line(LogFormat format, std::string_view time, LogLevel level,
    std::string_view message, const std::vector<std::pair<std::string, std::string>>& context,
    LogFields fields);

} // namespace slipway
