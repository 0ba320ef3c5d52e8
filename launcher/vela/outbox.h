#pragma once

#include "common/clock.h"
#include "common/log.h"
#include "common/random.h"
#include "common/result.h"
#include "launcher/vela/build_journal.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

namespace slipway::vela {

/// What a build tells the server while it goes on: calls that nothing waits for, made one after another in
/// the order in which they were given, each repeated until the server has taken or refused it. A call that
/// the journal knows as made is not made again. Thread-safe.
class Outbox {
public:
    using Call = std::function<Result<void>(std::stop_token stop)>;

    /// Starts the thread. The referents outlive it.
    Outbox(BuildJournal& journal, const Clock& clock, Random& random, Logger logger);
    Outbox(const Outbox&) = delete;
    Outbox& operator=(const Outbox&) = delete;
    ~Outbox();

    /// Ends the thread, before what its calls use goes; what is left in it is made by the next process. The
    /// destructor does it, too.
    void end();

    /// `name` tells this call from every other one of the build.
    void send(std::string name, Call call);

    enum class Flushed : bool { no, yes };
    /// Waits until everything was made or refused, `most` at longest.
    Flushed flush(std::chrono::milliseconds most, std::stop_token stop);

private:
    struct Entry {
        std::string name;
        Call call;
    };

    void run(std::stop_token stop);

    BuildJournal& journal_;
    const Clock& clock_;
    Random& random_;
    Logger logger_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<Entry> entries_; ///< The first one is under way.
    std::jthread thread_; ///< Last: it uses everything above.
};

} // namespace slipway::vela
