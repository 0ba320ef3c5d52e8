#pragma once

#include "common/clock.h"
#include "common/log.h"
#include "common/random.h"
#include "common/unique_fd.h"
#include "launcher/backend.h"
#include "launcher/engine_settings.h"
#include "launcher/job_host.h"
#include "launcher/job_masks.h"
#include "launcher/journaled_stage.h"
#include "launcher/limits.h"
#include "launcher/policy/verdict.h"
#include "launcher/provider_cache/lock_file.h"
#include "launcher/run_logs.h"
#include "launcher/spool.h"
#include "launcher/tally.h"
#include "launcher/vault.h"

#include <map>
#include <string>
#include <vector>

namespace slipway::launcher {

class ProviderStore;

/// What all jobs work with; outlives them.
struct JobServices {
    const EngineSettings& settings;
    Backend& backend;
    JobHost& host;
    Vault& vault;
    const Clock& clock;
    Random& random;
    Tally& tally;
    PolicyCheck policy; ///< Empty: every stage may run.
    RunLogs* run_logs = nullptr; ///< Null: run logs are not copied.
    ProviderStore* providers = nullptr; ///< Null: there is no provider cache.
};

/// What the parts of one job share; outlives them.
struct JobContext {
    const JobServices& services;
    const protocol::Assignment& assignment;
    StageBounds bounds;
    JournaledStage& stage;
    Spool& spool;
    const JobMasks& masks;
    Logger logger;
    std::string state_digest; ///< SHA-256 of the state file that the control plane has; of the job's thread.
    /// By the lock file, and not in the provider cache when the stage began; of the job's thread. Gone with
    /// the process: then the next job of the stack brings them.
    std::vector<LockedProvider> plugins_wanted;
    /// By name, what was fetched before it was wanted; of whoever makes the stage ready.
    std::map<std::string, UniqueFd> fetched;
};

/// Lines of the launcher that stand once in a log; see Spool::append_once.
enum class LogLine : std::uint32_t {
    ended = 1,
    quota = 2,
    dropped = 3,
    stopping = 4,
    run_warning = 6,
    cut = 7,
    keeping = 8,
    left_out = 9,
    state_kept = 10,
    state_lost = 11,
    keeping_state = 12,
    rescued = 13,
    unmasked = 14,
    stopped_here = 15, ///< In place of `stopping`: by the operator of this machine.
    outputs = 16,
    keeping_outputs = 17,
    plugins = 18,
    head = 1000, ///< + the number of the unit
    silence_warning = 1'000'000, ///< + the number of the unit
    unit_end = 2'000'000, ///< + the number of the unit
    gap = 3'000'000, ///< + the number of the unit
    swept = 4'000'000, ///< + the number of the unit
};

[[nodiscard]] constexpr std::uint32_t line_id(LogLine line, int seq = 0) noexcept
{
    return static_cast<std::uint32_t>(line) + static_cast<std::uint32_t>(seq);
}

/// A line of the launcher as it stands in a log.
[[nodiscard]] inline std::string own_line(std::string_view text)
{
    return "[slipway] " + std::string{text} + "\n";
}

} // namespace slipway::launcher
