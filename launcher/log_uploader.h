#pragma once

#include "common/clock.h"
#include "common/log.h"
#include "common/random.h"
#include "launcher/backend.h"
#include "launcher/backoff.h"
#include "launcher/filtered_log.h"
#include "launcher/journaled_stage.h"
#include "launcher/run_logs.h"
#include "launcher/spool.h"
#include "launcher/tally.h"

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

namespace slipway::launcher {

/// Bytes of the log in one call.
inline constexpr std::size_t kLogChunk = protocol::kMaxLogChunkBytes;

/// What an uploader works with; everything outlives it.
struct UploadParts {
    Backend& backend;
    JournaledStage& stage;
    const Spool& spool;
    FilterMaker filter;
    RunLogCopy copy; ///< Gets what is delivered.
    const Clock& clock;
    Random& random;
    Logger logger;
    /// The stage's state has changed: the log is acknowledged to its end, or the grant is gone. Any thread.
    std::function<void()> on_change;
    /// The backend says that the session is over.
    std::function<void()> on_session_lost;
    Tally& tally; ///< Outlives the uploader.
};

/// Brings the filtered log of one stage to the backend, from the acknowledged offset on and as soon as bytes
/// are there. Goes back when the backend asks for it; waits and repeats while it is away. Has a thread of its
/// own.
class LogUploader {
public:
    explicit LogUploader(UploadParts parts);

    /// The thread's body: until the grant is gone or a stop is requested.
    void run(std::stop_token stop);

    /// The spool does not grow any more: what the filter held back goes out too. Any thread.
    void complete();

    /// The filter's maker has changed. When this returns, nothing more is read by the one of before. Any
    /// thread.
    void refilter();

    struct Begun {
        std::string name;
        std::string commit; ///< As in protocol::StateReport.
    };

    /// A phase begins: people are told when the backend can be reached, and only of the newest. Any thread.
    void announce(Begun phase);

private:
    enum class Sent { all, some, failed };
    Sent send_some(std::stop_token stop);
    Result<std::string_view> read(std::uint64_t offset);
    Sent take(const StageAnswer& answer, std::uint64_t sent_to);
    Sent failed(const Error& error);
    void report_phase(std::stop_token stop);

    UploadParts parts_;
    std::mutex log_mutex_; ///< Held while the log is read.
    bool refilter_ = false; ///< Guarded by log_mutex_.
    FilteredLog log_;
    Backoff backoff_;
    std::atomic<bool> complete_{false};
    std::mutex mutex_;
    std::optional<Begun> phase_; ///< To be announced. Guarded by mutex_.
    std::optional<Error> reported_; ///< The failure that was logged last.
};

} // namespace slipway::launcher
