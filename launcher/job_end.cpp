#include "launcher/job.h"
#include "launcher/job_settings.h"
#include "launcher/mask_fact.h"
#include "launcher/outputs_file.h"
#include "launcher/stage_end.h"
#include "launcher/state_file.h"
#include "launcher/workspace.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string_view>

namespace slipway::launcher {

using protocol::Outcome;
using protocol::StageEvent;
using protocol::WorkerPhase;
namespace worker = protocol::worker;

namespace {

/// The longest wait without a look at the state: a belt for a wake-up that nobody sent.
constexpr std::chrono::seconds kLook{2};
/// How long keeping the workspace is tried while this machine or the container is what fails.
constexpr std::chrono::minutes kKeepFor{15};
constexpr std::string_view kUnreportable = "the end could not be reported";
/// Of a report; the log has the whole.
constexpr std::size_t kMaxMessage = 4096;

} // namespace

/// The phases are over: keeps the workspace, then writes the end down.
Result<void> Job::settle(StageEnd end, std::stop_token stop)
{
    if (StateFile::is_kept(assignment_) && assignment_.kind == protocol::StageKind::write)
        SLIPWAY_TRY(keep_state(end, stop));
    if (end.outcome == Outcome::succeeded && applies(assignment_))
        SLIPWAY_TRY(keep_outputs(stop));
    if (end.outcome == Outcome::succeeded && assignment_.keep_workspace) {
        auto kept = keep_workspace(control_.preparing().get_token());
        if (kept)
            end.workspace = *std::move(kept);
        else
            end = SLIPWAY_TRY(end_without_workspace(std::move(kept).error(), stop));
    }
    SLIPWAY_TRY(log_end(end));
    return apply(worker::Exited{end.outcome});
}

Result<void> Job::hold_slot(std::stop_token stop)
{
    if (slot_)
        return {};
    const auto fact = SLIPWAY_TRY(stage_.entry().slot());
    if (!fact)
        return Error{Errc::not_found, "the journal does not know it"};
    slot_ = SLIPWAY_TRY(services_.host.adopt(*fact, spool_->slot_end(), std::move(stop)));
    return {};
}

/// Whatever came of the stage, what it has changed is in its state file. A failure is to be tried once more;
/// one that is for good changes `end`.
Result<void> Job::keep_state(StageEnd& end, std::stop_token stop)
{
    if (spool_->has(line_id(LogLine::state_kept)))
        return {};
    StateFile state_file{*context_};
    auto kept = hold_slot(stop);
    if (kept)
        kept = state_file.take(*slot_, stop);
    if (kept)
        return spool_->append_once(line_id(LogLine::state_kept), own_line("the state is kept"));
    const Error& error = kept.error();
    if (stop.stop_requested() || worker::next(state()) != worker::Action::follow)
        return kept;
    const auto now = services_.clock.now();
    keeping_since_ = keeping_since_.value_or(now);
    const bool final = error.code() == Errc::not_found || error.code() == Errc::invalid_input
        || error.code() == Errc::rejected || now - *keeping_since_ >= kKeepFor;
    if (!final) {
        SLIPWAY_TRY(spool_->append_once(line_id(LogLine::keeping_state),
            own_line("keeping the state failed and is tried again: " + error.message())));
        return Error{error}.in("keeping the state");
    }
    if (slot_) {
        const auto rescued = state_file.rescue(*slot_, stop);
        SLIPWAY_TRY(spool_->append_once(line_id(LogLine::rescued),
            own_line(rescued ? "what could be had of it is kept as the run's rescue: slipway run rescue "
                        + assignment_.run_id
                             : "nothing of it could be rescued: " + rescued.error().message())));
    }
    const StageEnd lost = never_started("state", Error{error}.in("the state could not be kept"));
    if (end.outcome != Outcome::succeeded)
        return spool_->append_once(line_id(LogLine::state_lost), last_words(lost));
    end = lost; // whose words end the log
    return {};
}

/// What was applied stays applied: outputs that cannot be kept are told, and no more. A failure is to be
/// tried again.
Result<void> Job::keep_outputs(std::stop_token stop)
{
    if (spool_->has(line_id(LogLine::outputs)))
        return {};
    auto told = Result<std::string>{std::string{}};
    if (const auto held = hold_slot(stop); held)
        told = OutputsFile{*context_}.take(*slot_, stop);
    else
        told = held.error();
    if (told && told->empty())
        return {};
    if (told)
        return spool_->append_once(line_id(LogLine::outputs), own_line(*told));
    const Error& error = told.error();
    if (stop.stop_requested() || worker::next(state()) != worker::Action::follow)
        return error;
    const auto now = services_.clock.now();
    keeping_since_ = keeping_since_.value_or(now);
    const bool final = error.code() == Errc::not_found || error.code() == Errc::invalid_input
        || error.code() == Errc::rejected || now - *keeping_since_ >= kKeepFor
        || control_.wish() != JobControl::Wish::none;
    if (!final) {
        SLIPWAY_TRY(spool_->append_once(line_id(LogLine::keeping_outputs),
            own_line("keeping the outputs failed and is tried again: " + error.message())));
        return Error{error}.in("keeping the outputs");
    }
    return spool_->append_once(line_id(LogLine::outputs),
        own_line("the outputs in " + std::string{OutputsFile::kPath} + " are not kept: " + error.message()));
}

Result<std::string> Job::keep_workspace(std::stop_token stop)
{
    SLIPWAY_TRY(hold_slot(stop));
    if (assignment_.kind == protocol::StageKind::read)
        SLIPWAY_TRY(slot_->end_lease()); // nothing of the job runs any more, and this may take long
    return Workspace{*context_}.keep(*slot_, std::move(stop));
}

/// What a failure to keep the workspace means; a failure again when it is to be tried once more.
Result<StageEnd> Job::end_without_workspace(Error error, std::stop_token stop)
{
    if (stop.stop_requested() || worker::next(state()) != worker::Action::follow)
        return error;
    if (control_.wish() != JobControl::Wish::none)
        return stopped(true);
    if (error.code() == Errc::not_found)
        return unknown_end(
            "the workspace could not be kept, since its container is gone: " + error.message());
    const bool refused = error.code() == Errc::invalid_input || error.code() == Errc::rejected;
    const auto now = services_.clock.now();
    keeping_since_ = keeping_since_.value_or(now);
    if (!refused && now - *keeping_since_ < kKeepFor) {
        SLIPWAY_TRY(spool_->append_once(line_id(LogLine::keeping),
            own_line("keeping the workspace failed and is tried again: " + error.message())));
        return std::move(error).in("keeping the workspace");
    }
    return never_started("internal", std::move(error).in("the workspace could not be kept"));
}

Result<void> Job::give_up(const StageEnd& end)
{
    SLIPWAY_TRY(log_end(end));
    return apply(worker::PrepareFailed{end.outcome});
}

/// Writes the end down, closes the log with its words, and tells the protocol how long it has become.
Result<void> Job::log_end(StageEnd end)
{
    end.message = SLIPWAY_TRY(FilteredLog::text(*spool_, masks_->filter(), end.message));
    SLIPWAY_TRY(stage_.entry().write(end));
    const auto progress = SLIPWAY_TRY(stage_.entry().progress());
    const bool told = progress && spool_->has(line_id(LogLine::unit_end, progress->seq));
    if (const auto dropped = spool_->dropped(); dropped != 0)
        SLIPWAY_TRY(spool_->append_once(line_id(LogLine::dropped),
            own_line(std::to_string(dropped) + " bytes of output were dropped above the log's limit")));
    if (!told && !end.message.empty())
        SLIPWAY_TRY(spool_->append_once(line_id(LogLine::ended), last_words(end)));
    return apply(worker::LogGrew{SLIPWAY_TRY(FilteredLog::length(*spool_, masks_->filter()))});
}

/// A crash of the host may have taken the end of the spool, and the journal may be newer or older than it:
/// the log goes on where the control plane has it to, and says what is known to be missing.
Result<void> Job::mend_log(std::stop_token stop)
{
    if (SLIPWAY_TRY(stage_.entry().boot()) == JobEntry::Boot::same)
        return {};
    if (const auto before = state(); worker::may_send_log(before)) {
        const auto answer = services_.backend.append_log(stage_.ref(), 0, {}, std::move(stop));
        if (!answer || answer->kind == StageAnswer::Kind::gone)
            return ask(answer, worker::Refused{});
        const auto left = SLIPWAY_TRY(FilteredLog::length(*spool_, masks_->filter()));
        const auto known = std::max(left, answer->expected);
        if (known > left)
            SLIPWAY_TRY(spool_->append_hole(known - left));
        if (before.log_end > known)
            SLIPWAY_TRY(spool_->append_once(line_id(LogLine::cut),
                own_line(
                    std::to_string(before.log_end - known) + " bytes were lost when the host restarted")));
        const auto end = SLIPWAY_TRY(FilteredLog::length(*spool_, masks_->filter()));
        SLIPWAY_TRY(apply(worker::LogCut{.durable = answer->expected, .end = end}));
        logger_.warn("the host has restarted; the log was mended",
            {{"left", std::to_string(left)}, {"durable", std::to_string(answer->expected)}});
    }
    return stage_.entry().write_boot();
}

/// Everything is written: what the filter held back goes out too, and all of it outlives a crash of the host.
Result<void> Job::close_log()
{
    uploader_->complete();
    if (synced_)
        return {};
    SLIPWAY_TRY(stage_.entry().sync());
    synced_ = true;
    return {};
}

Result<void> Job::deliver_log(std::stop_token stop)
{
    SLIPWAY_TRY(close_log());
    control_.wait(kLook, stop);
    return {};
}

Result<void> Job::report_end(std::stop_token stop)
{
    SLIPWAY_TRY(close_log());
    const auto now = state();
    StageEnd end
        = SLIPWAY_TRY(stage_.entry().end()).value_or(unknown_end("how the stage ended is not known"));
    const auto progress = SLIPWAY_TRY(stage_.entry().progress());
    const auto ref = stage_.ref();
    const protocol::StateReport report{.fence = ref.fence,
        .sequence = SLIPWAY_TRY(stage_.next_sequence()),
        .event = StageEvent::finished,
        .phase = "",
        .image_id = "",
        .outcome = end.outcome,
        .exit_code = end.exit_code,
        .cause = end.cause,
        .message = end.message.substr(0, kMaxMessage),
        .workspace = end.workspace,
        .log_end = now.log_end,
        .commit = progress ? progress->commit : ""};
    stage_.entry().passed("before finished");
    const auto answer = services_.backend.report(ref, report, stop);
    stage_.entry().passed("finished");
    if (!answer && answer.error().code() == Errc::invalid_input)
        return refused_end(end, answer.error());
    SLIPWAY_TRY(in("reporting the end", ask(answer, worker::FinishAnswered{})));
    if (answer->kind == StageAnswer::Kind::not_yet) {
        spool_->wake();
        if (state().log_acked == state().log_end)
            return Error{
                Errc::conflict, "the control plane lacks a part of the log that it has acknowledged"};
    }
    if (state().phase != WorkerPhase::done)
        return {};
    services_.tally.ended(end.outcome);
    logger_.info("the stage has ended",
        {{"outcome", protocol::to_string(end.outcome)}, {"cause", end.cause}, {"message", end.message}});
    return {};
}

/// The control plane cannot take the report, however often it is sent: a plain failure takes its place.
Result<void> Job::refused_end(const StageEnd& end, const Error& error)
{
    logger_.error("the control plane cannot take the end of the stage", error);
    if (end.message.starts_with(kUnreportable))
        return apply(worker::Refused{});
    StageEnd plain = never_started("internal", Error{error}.in(kUnreportable));
    plain.message = masks_->text(plain.message);
    return stage_.entry().write(plain);
}

Result<void> Job::clean(std::stop_token stop)
{
    control_.waits_in(nullptr);
    collect_ahead();
    made_ahead_.reset();
    // An engine that is shut down, or comes back, waits for its containers before it answers anybody.
    if (slot_ && state().phase == WorkerPhase::done)
        (void)slot_->dismiss();
    slot_.reset();
    // One that may still run something is gone before anyone may think so. Else nobody waits for it.
    const auto named = SLIPWAY_TRY(stage_.entry().slot());
    if (state().phase == WorkerPhase::done && named)
        services_.host.discard(named->container);
    else
        SLIPWAY_TRY(in("removing the container", remove_containers(stop)));
    stage_.entry().passed("container removed");
    upload_thread_ = {};
    SLIPWAY_TRY(wipe_masks(stage_.entry()));
    SLIPWAY_TRY(stage_.entry().remove());
    ended_ = true;
    return {};
}

} // namespace slipway::launcher
