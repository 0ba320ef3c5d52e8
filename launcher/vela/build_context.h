#pragma once

#include "common/clock.h"
#include "common/log.h"
#include "common/random.h"
#include "launcher/vela/build_host.h"
#include "launcher/vela/build_journal.h"
#include "launcher/vela/build_kits.h"
#include "launcher/vela/build_log.h"
#include "launcher/vela/log_shipper.h"
#include "launcher/vela/model.h"
#include "launcher/vela/options.h"
#include "launcher/vela/outbox.h"
#include "launcher/vela/prepare.h"
#include "launcher/vela/server.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

namespace slipway::vela {

/// What all builds work with; outlives them.
struct BuildServices {
    Server& server;
    BuildHost& host;
    BuildKits& kits;
    const Options& options;
    const Clock& clock;
    Random& random;
    HostFacts facts;
};

/// Values of `status`.
namespace status {
inline constexpr std::string_view kPending = "pending";
inline constexpr std::string_view kRunning = "running";
inline constexpr std::string_view kSuccess = "success";
inline constexpr std::string_view kFailure = "failure";
inline constexpr std::string_view kError = "error";
inline constexpr std::string_view kKilled = "killed";
inline constexpr std::string_view kCanceled = "canceled";
} // namespace status

/// What the original says of a build or a step whose time is over.
inline constexpr std::string_view kDeadlineWords = "context deadline exceeded";
/// And of a step that something else of its build has cut off.
inline constexpr std::string_view kCanceledWords = "context canceled";

/// Seconds of the Unix epoch.
[[nodiscard]] inline std::int64_t now_seconds(const Clock& clock)
{
    return std::chrono::duration_cast<std::chrono::seconds>(clock.wall().time_since_epoch()).count();
}

/// For ContainerLog::append: the same text of a build has the same name in every process.
[[nodiscard]] std::uint32_t text_identity(std::string_view key) noexcept;

/// Between INT and TERM for what is cancelled; with TERM's ten seconds it fits well into the 30 s that the
/// server waits for.
inline constexpr std::chrono::milliseconds kCancelGrace{5000};

/// How a build is to end before its time.
enum class Ending : std::uint8_t {
    no,
    canceled, ///< By a user: containers get the ladder.
    timed_out,
    failed, ///< Something of it could not be done: whatever runs beside it ends, too.
};

/// What the parts of one build share; outlives them. Members without a lock are set before the threads of
/// the build begin.
struct BuildContext {
    const BuildServices& services;
    BuildJournal& journal;
    Logger logger;
    Outbox& outbox;
    LogShipper& shipper;
    Secret token; ///< Of the build.
    std::string pipeline_id;
    Kit kit; ///< Where the build stands. Of its containers under the lock.
    std::chrono::system_clock::time_point deadline; ///< Of the build.
    std::vector<PipelineSecret> lazy_secrets; ///< To be fetched by the steps that want them.

    /// Ends what need not go on when the build ends early, or when this process leaves.
    std::stop_source work;

    mutable std::mutex mutex; ///< Guards what follows.
    Build build; ///< As the server last said, with our changes.
    Secret scm_token;
    std::int64_t scm_token_exp = 0;
    std::map<std::string, SecretValue> secrets; ///< Fetched, by name.
    std::vector<std::string> masked_outputs; ///< Values.
    std::map<std::string, BuildImage> images; ///< Fetched or found for this build, by reference.
    std::vector<std::function<void(std::chrono::milliseconds grace)>> stoppers; ///< Of running containers.
    Ending ending = Ending::no;
    std::string error; ///< The first failure: why the build ends with an error.

    [[nodiscard]] Ending how_it_ends() const;
    /// The first one counts. Ends what is under way.
    void end_early(Ending why);
    /// A container that stands ready, with this image.
    [[nodiscard]] std::optional<IdleContainer> take_idle(
        const std::string& reference, const std::string& image_id);
    /// Something of the build could not be done: it ends with this error.
    void fail(std::string words);
    /// Sends what the server takes of the build. `name` as in Outbox::send. A build that the server has
    /// cancelled by itself stays so, and ends if it had begun.
    void tell_build(const std::string& name);

private:
    Result<void> put_build(Build told, const std::stop_token& stop);
    [[nodiscard]] Result<std::string> server_says(const std::stop_token& stop) const;
};

} // namespace slipway::vela
