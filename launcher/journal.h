#pragma once

#include "common/clock.h"
#include "common/protocol/assignment.h"
#include "common/protocol/worker_core.h"
#include "common/random.h"
#include "common/result.h"
#include "common/unique_fd.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::launcher {

/// Called with the name of each step that the journal or a job has just taken. Empty in production; a test
/// ends the process in it to prove that the next one carries on.
using StepHook = std::function<void(std::string_view step)>;

/// Why a stage ended, as it is reported. Kept, so that a launcher that dies before the report is answered
/// repeats the same words.
struct StageEnd {
    protocol::Outcome outcome = protocol::Outcome::none;
    int exit_code = -1; ///< As a shell shows it; -1: no process ran.
    std::string cause; ///< See protocol::StateReport.
    std::string message; ///< A sentence for people.
    std::string workspace; ///< Name of the uploaded envelope; empty: none.

    bool operator==(const StageEnd&) const = default;
};

/// How far the phases of a stage have come. Written before the run frame with number `seq` is sent.
struct Progress {
    int seq = 0; ///< Number of the newest run frame; 0: none yet.
    protocol::Millis began = 0; ///< Time since boot at the first run frame: the run limit counts from here.
    StageEnd end; ///< Of the phases before `seq`: the first failure, else none.
    bool over = false; ///< The last phase has ended and `end` is final, but for the workspace.
    std::string commit; ///< Of the sources, once they are fetched from git.

    bool operator==(const Progress&) const = default;
};

/// The container of a stage: all that is needed to find it again. `record` belongs to the slot's maker; it
/// holds the slot's key.
struct SlotFact {
    std::string record;
    std::string container;
    std::string image_id; ///< As it is reported: see protocol::StateReport.
};

/// What is known of one stage, in a directory of its own: one small file a fact, replaced by rename, so that
/// a reader sees the old or the new one. A fact that is missing, empty or torn (only a crash of the host can
/// tear one) reads as absent; torn means that it is no JSON. A fact that cannot be read, or is JSON of
/// another meaning, is an error: what it speaks of may be running. Not synced on the way; `sync` once before
/// the result is sent. Thread-safe, as long as no two threads write the same fact.
class JobEntry {
public:
    JobEntry(std::filesystem::path directory, std::string stage_id, std::string boot_id, StepHook hook);

    [[nodiscard]] const std::string& stage_id() const noexcept { return stage_id_; }

    [[nodiscard]] const std::filesystem::path& directory() const noexcept { return directory_; }

    Result<void> write(const protocol::Assignment& assignment) const;
    Result<void> write(const protocol::WorkerStage& stage) const;
    Result<void> write(const Progress& progress) const;
    Result<void> write(const StageEnd& end) const;
    Result<void> write(const SlotFact& slot) const;
    Result<void> clear_slot() const;
    /// The spool is as the launcher of this boot has left it.
    Result<void> write_boot() const;
    /// The number of the next report; it grows with each call.
    Result<std::int64_t> next_sequence() const;

    [[nodiscard]] Result<std::optional<protocol::Assignment>> assignment() const;
    /// The times of a stage that was written before the last boot read as 0: they belong to another clock.
    [[nodiscard]] Result<std::optional<protocol::WorkerStage>> stage() const;
    [[nodiscard]] Result<std::optional<Progress>> progress() const;
    [[nodiscard]] Result<std::optional<StageEnd>> end() const;
    [[nodiscard]] Result<std::optional<SlotFact>> slot() const;

    enum class Boot : std::uint8_t { same, earlier };
    /// When the spool was last known to be whole; after `earlier` its end may be missing.
    [[nodiscard]] Result<Boot> boot() const;

    /// Brings every fact and the spool to disk.
    [[nodiscard]] Result<void> sync() const;
    /// Forgets the stage. What a crash in the middle leaves has no stage fact and is removed at the next
    /// start.
    [[nodiscard]] Result<void> remove() const;

    /// Tells the hook that a step has been taken.
    void passed(std::string_view step) const;

private:
    Result<void> put(std::string_view fact, std::string_view content) const;
    [[nodiscard]] Result<std::optional<std::string>> get(std::string_view fact) const;

    std::filesystem::path directory_;
    std::string stage_id_;
    std::string boot_id_;
    StepHook hook_;
};

/// The highest served time that was heard of a control plane.
struct SeenTime {
    std::string server_id;
    protocol::Millis served = 0;
    std::string mark; ///< As it came with `served`.

    bool operator==(const SeenTime&) const = default;
};

/// The launcher's state directory (mode 0700):
///
///   lock       held with flock(2) for the life of the process; its content is the holder's pid
///   instance   ULID of this launcher, made at the first start
///   seen       SeenTime of the control plane that this instance knows
///   jobs/<stage>/{assignment,boot,masks,state,phase,slot,report,sequence,spool,segments}
///
/// Thread-safe.
class Journal {
public:
    /// Fails with `conflict` when another process holds the directory, and names its pid.
    static Result<Journal> open(
        const std::filesystem::path& directory, const Clock& clock, Random& random, StepHook hook = {});

    [[nodiscard]] const std::string& instance_id() const noexcept { return instance_id_; }

    /// Of the running kernel (/proc/sys/kernel/random/boot_id).
    [[nodiscard]] const std::string& boot_id() const noexcept { return boot_id_; }

    [[nodiscard]] const std::filesystem::path& directory() const noexcept { return directory_; }

    /// Writes a new stage down: the assignment, then the state, with which the entry counts. An older grant
    /// of the same stage must have been removed.
    Result<JobEntry> create(const protocol::Assignment& assignment, const protocol::WorkerStage& stage) const;

    /// All stages with a state; the remains of those without are removed. Fails when anything of a stage
    /// cannot be read: then nothing is known of what runs, and nothing may be removed.
    [[nodiscard]] Result<std::vector<JobEntry>> entries() const;

    /// Nothing of a control plane when it was never written or is torn.
    [[nodiscard]] SeenTime seen() const;
    Result<void> write_seen(const SeenTime& seen) const;

private:
    Journal() = default;

    std::filesystem::path directory_;
    UniqueFd lock_;
    std::string instance_id_;
    std::string boot_id_;
    StepHook hook_;
};

} // namespace slipway::launcher
