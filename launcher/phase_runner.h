#pragma once

#include "launcher/job_context.h"
#include "launcher/job_control.h"
#include "launcher/job_settings.h"
#include "launcher/log_uploader.h"

#include <memory>
#include <stop_token>
#include <vector>

namespace slipway::launcher {

/// Runs the phases of one stage in its slot, from wherever the journal says it is: every frame, every byte of
/// output and every end is written down before the next step, so that `run` may be left at any point and
/// begun again by another process. One thread.
class PhaseRunner {
public:
    PhaseRunner(JobContext& context, JobControl& control, LogUploader& uploader);

    /// Until all phases are over, the protocol wants something else (its grant is gone, or must be confirmed
    /// again), or a stop is requested. `slot` is what the stage
    /// runs in; empty: the one of the journal is taken over. The end is in the journal when `over` is true. A
    /// failure means that nothing was lost: call it again with an empty slot.
    enum class Left { over, elsewhere, stopped };
    Result<Left> run(std::unique_ptr<JobSlot>& slot, std::stop_token stop);

private:
    Result<void> attach(std::unique_ptr<JobSlot>& slot, std::stop_token stop);
    enum class HeldBack : bool { no, yes };
    Result<HeldBack> hold_back();
    Result<void> send_unit(JobSlot& slot);
    Result<void> follow(JobSlot& slot, std::stop_token stop);
    Result<void> heed(JobSlot& slot, std::stop_token stop);
    void look_at_state(JobSlot& slot, std::stop_token stop);
    Result<void> push_lease(JobSlot& slot);
    Result<void> push_limits(JobSlot& slot);
    Result<void> take(JobSlot& slot, SlotEvent event);
    Result<void> on(JobSlot& slot, const Nothing& event);
    Result<void> on(JobSlot& slot, const SlotReady& event);
    Result<void> on(JobSlot& slot, const SlotOutput& event);
    Result<void> on(JobSlot& slot, const SlotExecuted& event);
    Result<void> on(JobSlot& slot, const SlotExit& event);
    Result<void> on(JobSlot& slot, const SlotNotice& event);
    Result<void> advance(const StageEnd& end);
    Result<void> end_now(const StageEnd& end);

    [[nodiscard]] StageEnd stopped(bool killed, bool began) const;
    [[nodiscard]] bool fetches_now() const;
    void look_for_shell(JobSlot& slot, std::stop_token stop);
    Result<void> take_sources(JobSlot& slot, std::stop_token stop);

    [[nodiscard]] const Unit& unit() const { return units_[static_cast<std::size_t>(progress_.seq - 1)]; }

    JobContext& context_;
    JobControl& control_;
    LogUploader& uploader_;
    std::vector<Unit> units_;
    Progress progress_;
    protocol::Millis lease_pushed_ = 0; ///< The end of the lease that the slot was told last.
    bool stop_sent_ = false;
    std::string commit_; ///< That the unit which fetches the sources has fetched.
    bool no_shell_ = false; ///< None of the image ran the unit.
    StageEnd sources_end_; ///< What the sources are unfit for.
    BootClock::time_point state_looked_at_{};
};

} // namespace slipway::launcher
