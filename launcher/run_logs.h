#pragma once

#include "common/clock.h"
#include "common/log.h"

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace slipway::launcher {

/// Copies of run logs on a descriptor, such as standard output: one line of JSON for each line of a log,
///
///   {"ts":"…","run_ulid":"…","stack_id":"…","msg":"…"}
///
/// Whoever reads there never holds up anything else: lines wait in a queue of kQueue bytes for a thread of
/// its own, and what does not fit is dropped; a line of its log then says how many. Thread-safe.
class RunLogs {
public:
    static constexpr std::size_t kQueue = 4 * 1024 * 1024;

    /// `clock` outlives this object.
    RunLogs(int fd, const Clock& clock, Logger logger);
    RunLogs(const RunLogs&) = delete;
    RunLogs& operator=(const RunLogs&) = delete;
    /// Writes what waits, as long as it is read: for a second at most.
    ~RunLogs();

    enum class Took : std::uint8_t { line, nothing };
    /// Never waits.
    Took write(std::string_view run_id, std::string_view stack_id, std::string_view message);

private:
    void run(std::stop_token stop);
    bool write_out(std::string_view text, std::stop_token stop);

    int fd_;
    const Clock& clock_;
    Logger logger_;
    std::mutex mutex_;
    std::condition_variable_any filled_;
    std::string queue_; ///< Guarded by mutex_, as what follows.
    bool told_ = false; ///< The launcher's log says that lines are dropped.
    bool closed_ = false; ///< Nobody reads any more.
    std::jthread thread_; ///< Last: it uses everything above.
};

/// The log of one stage on its way to `RunLogs`, cut into lines. One thread.
class RunLogCopy {
public:
    /// A longer line is cut.
    static constexpr std::size_t kLongestLine = 16 * 1024;

    /// `logs` outlives this object; null: nothing is copied.
    RunLogCopy(RunLogs* logs, std::string run_id, std::string stack_id)
        : logs_{logs}
        , run_id_{std::move(run_id)}
        , stack_id_{std::move(stack_id)}
    {
    }

    /// Bytes of the log from `offset` on; those that were here before are not copied again.
    void take(std::uint64_t offset, std::string_view bytes);
    /// The log has ended: the last line need not have an end.
    void finish();

private:
    void line(std::string_view text);

    RunLogs* logs_;
    std::string run_id_;
    std::string stack_id_;
    bool begun_ = false;
    std::uint64_t next_ = 0; ///< Offset of the byte that is copied next.
    std::string begin_; ///< Of a line that has not ended.
    std::uint64_t dropped_ = 0; ///< Lines, since the last one that was taken.
};

} // namespace slipway::launcher
