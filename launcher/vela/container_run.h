#pragma once

#include "launcher/job_host.h"
#include "launcher/spool.h"
#include "launcher/vela/build_context.h"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

namespace slipway::vela {

/// How a container's command ended.
struct RunEnd {
    int code = 0; ///< As a shell shows it.
    bool oom = false;
    bool timed_out = false; ///< By the build's time limit.
    bool never_executed = false; ///< There is no such program, user or directory.
    bool lost = false; ///< The container went away by itself; `words` says how.
    std::string words;
};

/// Whether a container that was made for any build does. One that others find by its name does not: it must
/// be told the engine when it is made.
[[nodiscard]] bool fits_any(const Container& container, bool privileged);

/// One container of a build from its making to its end: made or taken over, told to run once, its output
/// brought to the spool byte by byte, and removed. Every step is in the journal before the next one, so that
/// another process goes on where this one was. One thread; `stop_soon` from any.
class ContainerRun {
public:
    /// `container` need not be whole before `start`. The referents outlive it.
    ContainerRun(BuildContext& context, Container& container, launcher::Spool& spool);

    /// How it ended, when an earlier process has seen that.
    [[nodiscard]] std::optional<RunEnd> known_end() const;
    /// Whether an earlier process has told it to run.
    [[nodiscard]] bool was_started() const;

    /// Makes the container, or takes it over when it was told to run. Nothing when that was done already.
    Result<void> prepare(const BuildImage& image, bool privileged, std::stop_token stop);
    /// Tells it to run what the container says, or the image.
    Result<void> start(std::stop_token stop);
    /// Of what is detached: until its command runs; with its end when that came first. A container of an
    /// older process is not waited for.
    Result<std::optional<RunEnd>> await_executed(std::stop_token stop);
    /// Until the command is over. `cancelled` when stopped: then another process goes on.
    Result<RunEnd> follow(std::stop_token stop);
    /// The ladder, soon: INT, `grace`, TERM, ten seconds, KILL.
    void stop_soon(std::chrono::milliseconds grace);
    /// Its output is wanted until here: takes what is there, and says whether the command is still running.
    enum class Still : std::uint8_t { runs, ended };
    Result<Still> look(std::stop_token stop);
    /// Lets go of the container, so that it can be removed.
    void release();
    /// Kills and removes the container.
    Result<void> remove(std::stop_token stop);

    [[nodiscard]] const std::string& id() const noexcept { return name_; }

private:
    Result<void> adopt(std::stop_token stop);
    Result<void> send();
    Result<std::optional<RunEnd>> take(const launcher::SlotEvent& event);
    Result<RunEnd> ended(RunEnd end);
    [[nodiscard]] std::string key(std::string_view what) const;
    [[nodiscard]] protocol::Millis time_left() const;

    BuildContext& context_;
    Container& container_;
    launcher::Spool& spool_;
    const std::string name_; ///< As the journal and the engine have it, whatever is substituted later.
    BuildImage image_;
    std::mutex mutex_; ///< Guards `slot_` against `stop_soon`.
    std::unique_ptr<launcher::JobSlot> slot_;
    std::atomic<protocol::Millis> stop_grace_{-1};
    bool stop_sent_ = false;
    bool sent_ = false; ///< In the journal.
    bool executed_ = false;
};

} // namespace slipway::vela
