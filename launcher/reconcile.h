#pragma once

#include "common/protocol/worker_core.h"
#include "launcher/job_host.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::launcher {

/// A stage as the journal has it.
struct JournalRecord {
    std::string stage_id;
    protocol::WorkerPhase phase = protocol::WorkerPhase::offered;
    std::optional<std::string> container; ///< Empty text: none yet; none: it cannot be read.
    bool has_job = false; ///< A job of this process carries it.
};

/// What the backend said of a stage in its newest answer.
enum class BackendWord : std::uint8_t { nothing, renewed, gone };

/// The three records of one stage.
struct Records {
    std::optional<JournalRecord> journal;
    std::vector<FoundContainer> containers; ///< Of this instance, that name the stage.
    BackendWord backend = BackendWord::nothing;
    bool docker_answers = true; ///< Else nothing is known of containers.
};

enum class RepairKind : std::uint8_t {
    adopt, ///< A job takes the stage over and carries on.
    finish, ///< A job delivers what is known of its end, and forgets it.
    kill, ///< The backend has given the stage away: what runs is stopped and removed.
    remove, ///< A container that no stage needs.
    report_lost, ///< The stage ran in a container that is gone.
};

[[nodiscard]] std::string_view to_string(RepairKind kind) noexcept;

/// One difference and what is done about it.
struct Repair {
    RepairKind kind = RepairKind::adopt;
    std::string stage_id;
    std::string container; ///< For `remove`.
    std::string journal_says; ///< Words for the log.
    std::string docker_says;
    std::string backend_says;
};

/// Compares what the journal, Docker and the backend say of one stage. No difference: no repair. Start-up is
/// the round in which no stage has a job yet. While it cannot be read which container is the stage's, none is
/// removed.
[[nodiscard]] std::vector<Repair> compare(const std::string& stage_id, const Records& records);

} // namespace slipway::launcher
