#include "launcher/phase_runner.h"

#include "common/secret.h"
#include "launcher/git_source.h"
#include "launcher/provider_cache/job_plugins.h"
#include "launcher/stage_end.h"
#include "launcher/state_file.h"
#include "launcher/workspace.h"

namespace slipway::launcher {

namespace {

using protocol::Millis;
using protocol::Outcome;
using protocol::StageKind;

/// The longest wait for the slot without a look around: a belt for a wake-up that nobody sent.
constexpr std::chrono::seconds kLook{2};

} // namespace

PhaseRunner::PhaseRunner(JobContext& context, JobControl& control, LogUploader& uploader)
    : context_{context}
    , control_{control}
    , uploader_{uploader}
    , units_{units_of(context.assignment)}
{
}

Result<PhaseRunner::Left> PhaseRunner::run(std::unique_ptr<JobSlot>& slot, std::stop_token stop)
{
    const auto known = SLIPWAY_TRY(context_.stage.entry().progress());
    progress_ = known.value_or(Progress{});
    if (progress_.over)
        return Left::over;
    SLIPWAY_TRY(attach(slot, stop));
    if (slot && progress_.seq == 0)
        SLIPWAY_TRY(advance({}));
    while (!progress_.over) {
        if (stop.stop_requested())
            return Left::stopped;
        if (protocol::worker::next(context_.stage.state()) != protocol::worker::Action::follow)
            return Left::elsewhere;
        SLIPWAY_TRY(follow(*slot, stop));
    }
    return Left::over;
}

/// A slot that cannot be found again is the end of the stage.
Result<void> PhaseRunner::attach(std::unique_ptr<JobSlot>& slot, std::stop_token stop)
{
    lease_pushed_ = 0;
    stop_sent_ = false;
    if (!slot) {
        const auto fact = SLIPWAY_TRY(context_.stage.entry().slot());
        if (!fact)
            return end_now(lost_end("the journal does not know it"));
        auto found = context_.services.host.adopt(*fact, context_.spool.slot_end(), stop);
        if (!found && found.error().code() == Errc::not_found)
            return end_now(lost_end(found.error().message()));
        if (!found)
            return std::move(found).error().in("taking the slot over");
        slot = *std::move(found);
    }
    control_.waits_in(slot.get());
    return {};
}

StageEnd PhaseRunner::stopped(bool killed, bool began) const
{
    return stopped_end(killed, began, control_.by());
}

bool PhaseRunner::fetches_now() const
{
    return unit().name == kPrepare && fetches_sources(context_.assignment);
}

/// The sources are fetched: notes their commit, and puts what has its place in them. May be repeated. What
/// fails the stage is in `sources_end_`.
Result<void> PhaseRunner::take_sources(JobSlot& slot, std::stop_token stop)
{
    const auto take = [&]() -> Result<void> {
        commit_ = SLIPWAY_TRY(fetched_commit(slot, stop));
        SLIPWAY_TRY(Workspace{context_}.put_into_sources(slot, stop));
        SLIPWAY_TRY(in("putting the state", StateFile{context_}.put(slot, stop)));
        JobPlugins{context_}.offer(slot, stop);
        return {};
    };
    sources_end_ = {};
    const auto taken = take();
    if (taken)
        return {};
    const Errc code = taken.error().code();
    if (code != Errc::invalid_input && code != Errc::rejected && code != Errc::conflict)
        return Error{taken.error()}.in("taking the sources over");
    sources_end_ = never_started("internal", Error{taken.error()}.in("the sources that were fetched"));
    return {};
}

/// An image without a shell and a command that is not found end with the same code: only a shell leaves its
/// mark. Where that cannot be seen the words are those for a shell.
void PhaseRunner::look_for_shell(JobSlot& slot, std::stop_token stop)
{
    const Sink nothing = [](std::string_view) { return Result<void>{}; };
    const auto mark = slot.get(kShellMark, nothing, std::move(stop));
    no_shell_ = !mark && mark.error().code() == Errc::conflict;
}

/// What runs after the end of the phases comes even after the run limit: it gets some time of its own.
Result<void> PhaseRunner::push_limits(JobSlot& slot)
{
    const auto& bounds = context_.bounds;
    Millis run = bounds.run;
    if ((unit().after_run || unit().always) && progress_.end.outcome != Outcome::none)
        run = std::max(run, boot_millis(context_.services.clock) - progress_.began + bounds.after);
    return slot.limits({.run = run, .silence = bounds.silence, .grace = bounds.grace});
}

/// Whether the current unit must not begin now; what follows from that is written down.
Result<PhaseRunner::HeldBack> PhaseRunner::hold_back()
{
    const auto state = context_.stage.state();
    const auto now = boot_millis(context_.services.clock);
    if (progress_.seq == 1 && control_.wish() != JobControl::Wish::none) {
        SLIPWAY_TRY(end_now(stopped(control_.wish() == JobControl::Wish::kill, false)));
        return HeldBack::yes;
    }
    if (progress_.seq == 1 && !protocol::worker::may_begin(state, now)) {
        SLIPWAY_TRY(context_.stage.apply(protocol::worker::Restarted{protocol::worker::SlotFound::idle}));
        return HeldBack::yes;
    }
    if (progress_.seq > 1 && state.kind == StageKind::read && now >= state.lease_until) {
        const SlotExit late{.seq = progress_.seq, .by = EndedBy::lease};
        SLIPWAY_TRY(end_now(end_of(unit().name, late, context_.assignment, context_.bounds)));
        return HeldBack::yes;
    }
    return HeldBack::no;
}

Result<void> PhaseRunner::send_unit(JobSlot& slot)
{
    if (const auto held_back = SLIPWAY_TRY(hold_back()); held_back == HeldBack::yes)
        return {};
    SLIPWAY_TRY(push_lease(slot));
    SLIPWAY_TRY(push_limits(slot));
    const auto directory
        = fetches_now() ? Result<std::string>{std::string{kWorkspace}} : directory_of(context_.assignment);
    if (!directory)
        return end_now(never_started("internal", directory.error()));
    const auto facts = run_facts(context_.assignment, unit(), progress_);
    auto environment = environment_of(context_.assignment, context_.services.settings.passed, facts,
        [this](const protocol::Variable& variable) { return context_.masks.open(variable); });
    if (!environment)
        return end_now(never_started("internal", environment.error()));
    SLIPWAY_TRY(context_.spool.append_once(
        line_id(LogLine::head, progress_.seq), head_of(unit(), context_.assignment.debug)));
    context_.stage.entry().passed("before run frame");
    const auto sent = slot.run({.seq = progress_.seq,
        .argv = {"/bin/sh", "-c", JobPlugins{context_}.words_of_shell() + script_of(unit(), facts)},
        .environment = *environment,
        .directory = *directory});
    for (auto& [name, value] : *environment)
        wipe(value);
    SLIPWAY_TRY(sent);
    context_.stage.entry().passed("run frame");
    uploader_.announce({.name = unit().name, .commit = progress_.commit});
    return {};
}

Result<void> PhaseRunner::follow(JobSlot& slot, std::stop_token stop)
{
    SLIPWAY_TRY(heed(slot, stop));
    if (progress_.over)
        return {};
    look_at_state(slot, stop);
    auto event = slot.next(kLook, stop);
    if (event) {
        const auto* const exited = std::get_if<SlotExit>(&*event);
        if (exited && exited->seq == progress_.seq && exited->code == 0 && fetches_now())
            SLIPWAY_TRY(take_sources(slot, stop));
        else if (exited && exited->seq == progress_.seq && exited->code == 0)
            JobPlugins{context_}.take(
                slot, [&] { return push_lease(slot); }, control_.preparing().get_token());
        if (exited && exited->seq == progress_.seq && (exited->code == 126 || exited->code == 127))
            look_for_shell(slot, stop);
        return take(slot, *std::move(event));
    }
    if (event.error().code() == Errc::cancelled)
        return {};
    if (event.error().code() == Errc::not_found)
        return end_now(lost_end(event.error().message()));
    return std::move(event).error().in("following the slot");
}

/// What a stage has changed so far must not go with this machine. The end of the stage takes what is missed
/// here.
void PhaseRunner::look_at_state(JobSlot& slot, std::stop_token stop)
{
    const auto now = context_.services.clock.now();
    if (!StateFile::is_kept(context_.assignment) || context_.assignment.kind != StageKind::write
        || now - state_looked_at_ < context_.services.settings.state_interval)
        return;
    const bool first = state_looked_at_ == BootClock::time_point{};
    state_looked_at_ = now;
    if (first)
        return; // nothing can have changed yet
    if (const auto taken = StateFile{context_}.take(slot, std::move(stop), Away::give_up); !taken)
        context_.logger.debug("the state was not taken this time", {{"error", taken.error().message()}});
}

/// What others want: a stop, a kill, a longer lease.
Result<void> PhaseRunner::heed(JobSlot& slot, std::stop_token stop)
{
    switch (control_.wish()) {
    case JobControl::Wish::none:
        break;
    case JobControl::Wish::leave:
    case JobControl::Wish::stop:
        if (stop_sent_ || progress_.end.cause == "stopped")
            break; // the last hooks of what was stopped run to their end
        SLIPWAY_TRY(context_.spool.append_once(
            line_id(control_.by() == StoppedBy::request ? LogLine::stopping : LogLine::stopped_here),
            own_line("stopping " + std::string{to_string(control_.by())} + ": INT now, TERM after "
                + in_words(context_.bounds.grace) + ", then KILL")));
        SLIPWAY_TRY(slot.stop_run(context_.bounds.grace));
        stop_sent_ = true;
        break;
    case JobControl::Wish::kill:
        SLIPWAY_TRY(context_.services.host.remove(slot.container(), stop));
        return end_now(stopped(true, true));
    }
    return push_lease(slot);
}

Result<void> PhaseRunner::push_lease(JobSlot& slot)
{
    const auto state = context_.stage.state();
    if (state.kind != StageKind::read || state.lease_until == lease_pushed_)
        return {};
    SLIPWAY_TRY(slot.lease(state.lease_until - boot_millis(context_.services.clock)));
    lease_pushed_ = state.lease_until;
    return {};
}

Result<void> PhaseRunner::take(JobSlot& slot, SlotEvent event)
{
    return std::visit([&](const auto& concrete) { return on(slot, concrete); }, event);
}

Result<void> PhaseRunner::on(JobSlot&, const Nothing&) { return {}; }

/// The slot is connected anew: what it was told may be lost.
Result<void> PhaseRunner::on(JobSlot& slot, const SlotReady& event)
{
    if (const auto known = context_.spool.slot_end(); event.output_begin > known) {
        const auto lost = event.output_begin - known;
        SLIPWAY_TRY(context_.spool.append_once(line_id(LogLine::gap, progress_.seq),
            own_line(std::to_string(lost) + " bytes of output were lost here")));
        SLIPWAY_TRY(context_.spool.append_gap(lost));
    }
    lease_pushed_ = 0;
    stop_sent_ = false;
    if (event.last_seq < progress_.seq)
        return send_unit(slot);
    SLIPWAY_TRY(push_limits(slot));
    return push_lease(slot);
}

Result<void> PhaseRunner::on(JobSlot& slot, const SlotOutput& event)
{
    SLIPWAY_TRY(context_.spool.append_output(event.bytes));
    context_.services.tally.spooled += event.bytes.size();
    context_.stage.entry().passed("output");
    if (context_.spool.dropped() != 0)
        SLIPWAY_TRY(context_.spool.append_once(line_id(LogLine::quota),
            own_line("the log has reached its limit; the command goes on, and what it writes from here is "
                     "dropped")));
    return slot.ack(context_.spool.slot_end(), progress_.seq - 1);
}

Result<void> PhaseRunner::on(JobSlot& slot, const SlotExit& event)
{
    if (event.seq != progress_.seq)
        return slot.ack(
            context_.spool.slot_end(), progress_.seq - 1); // repeated; its successor is known here
    auto end = end_of(unit().name, event, context_.assignment, context_.bounds, control_.by());
    if (end.outcome == Outcome::none && fetches_now())
        end = sources_end_;
    if (end.cause == "exit" && std::exchange(no_shell_, false))
        end = no_shell_end(unit().name, event, context_.assignment);
    const int next = next_unit(units_, event.seq, false);
    const bool more = next != 0 && !units_[static_cast<std::size_t>(next - 1)].after_run;
    if (end.outcome == Outcome::none && more && control_.wish() != JobControl::Wish::none)
        end = stopped(false, true); // it ended just before the signal came
    if (event.swept)
        SLIPWAY_TRY(context_.spool.append_once(line_id(LogLine::swept, event.seq),
            own_line("processes that " + unit().name
                + " left running in the background still held its output; they were ended")));
    if (!end.message.empty())
        SLIPWAY_TRY(context_.spool.append_once(line_id(LogLine::unit_end, event.seq), last_words(end)));
    const bool final = end.outcome == Outcome::lost;
    SLIPWAY_TRY(final ? end_now(end) : advance(end));
    SLIPWAY_TRY(slot.ack(context_.spool.slot_end(), event.seq));
    return progress_.over ? Result<void>{} : send_unit(slot);
}

/// Never asked for here.
Result<void> PhaseRunner::on(JobSlot&, const SlotExecuted&) { return {}; }

Result<void> PhaseRunner::on(JobSlot&, const SlotNotice& event)
{
    const auto id
        = event.silence ? line_id(LogLine::silence_warning, event.seq) : line_id(LogLine::run_warning);
    const std::string left = in_words(event.limit - event.elapsed);
    return context_.spool.append_once(id,
        own_line(event.silence
                ? "nothing was written for " + in_words(event.elapsed) + "; the command is stopped in " + left
                : "the stage has run for " + in_words(event.elapsed) + " of " + in_words(event.limit)
                    + "; it is stopped in " + left));
}

/// Writes down that the current unit ended so, and which one follows.
Result<void> PhaseRunner::advance(const StageEnd& end)
{
    Progress next = progress_;
    if (next.end.outcome == Outcome::none && end.outcome != Outcome::none)
        next.end = end;
    if (next.commit.empty())
        next.commit = commit_;
    if (next.seq == 0)
        next.began = boot_millis(context_.services.clock);
    const int seq = next_unit(units_, progress_.seq, next.end.outcome != Outcome::none);
    next.over = seq == 0;
    if (seq != 0)
        next.seq = seq;
    SLIPWAY_TRY(context_.stage.entry().write(next));
    progress_ = next;
    return {};
}

/// Nothing of the stage can run any more.
Result<void> PhaseRunner::end_now(const StageEnd& end)
{
    Progress next = progress_;
    if (next.end.outcome == Outcome::none || end.outcome == Outcome::lost)
        next.end = end;
    next.over = true;
    SLIPWAY_TRY(context_.stage.entry().write(next));
    progress_ = next;
    return {};
}

} // namespace slipway::launcher
