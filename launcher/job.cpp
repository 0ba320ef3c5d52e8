#include "launcher/job.h"

#include "launcher/phase_runner.h"
#include "launcher/stage_end.h"

#include <algorithm>
#include <exception>

namespace slipway::launcher {

namespace {

using protocol::Outcome;
using protocol::StageEvent;
using protocol::WorkerPhase;
namespace worker = protocol::worker;

} // namespace

Job::Job(const JobServices& services, JobEntry entry, const protocol::WorkerStage& state, Origin origin,
    JobAbout about, JobCallbacks callbacks, const Logger& logger)
    : services_{services}
    , callbacks_{std::move(callbacks)}
    , logger_{logger.with("stage", entry.stage_id()).filtered([masks = late_masks_](std::string_view text) {
        return masks->text(text);
    })}
    , origin_{origin}
    , about_{std::move(about)}
    , stage_{std::move(entry), state, services.clock}
    , prepare_backoff_{services.clock, services.random}
    , nothing_made_{origin == Origin::offered}
{
    thread_ = std::jthread{[this](std::stop_token stop) { body(std::move(stop)); }};
}

Job::~Job()
{
    thread_.request_stop();
    control_.changed();
}

StageStatus Job::status() const
{
    const auto now = state();
    StageStatus status{.stage_id = stage_id(),
        .run_id = about_.run_id,
        .kind = now.kind,
        .phase = now.phase,
        .elapsed
        = std::chrono::duration_cast<std::chrono::milliseconds>(services_.clock.now() - about_.taken),
        .spool_bytes = Spool::bytes_in(stage_.entry().directory())};
    if (const auto progress = stage_.entry().progress(); progress && *progress && (*progress)->began != 0)
        status.elapsed = std::chrono::milliseconds{boot_millis(services_.clock) - (*progress)->began};
    return status;
}

void Job::renewed(protocol::Millis sent_at, protocol::Millis lease)
{
    if (const auto applied = apply(worker::Renewed{sent_at, lease}); !applied)
        logger_.warn("a renewed lease could not be written down", applied.error());
    control_.changed();
}

void Job::refused()
{
    if (const auto applied = apply(worker::Refused{}); !applied)
        logger_.warn("a refusal could not be written down; it will come again", applied.error());
    if (is_over(state()))
        control_.preparing().request_stop();
    control_.changed();
}

void Job::stop(StoppedBy by) { control_.ask(JobControl::Wish::stop, by); }

/// As somebody wants it now.
StageEnd Job::stopped(bool began) const
{
    return stopped_end(control_.wish() == JobControl::Wish::kill, began, control_.by());
}

void Job::leave() { control_.ask(JobControl::Wish::leave); }

void Job::kill() { control_.ask(JobControl::Wish::kill); }

void Job::look() { control_.changed(); }

/// Tells the protocol what the backend said to one of our calls.
Result<void> Job::ask(const Result<StageAnswer>& answer, const worker::Event& on_ok)
{
    if (!answer) {
        if (answer.error().code() == Errc::rejected)
            callbacks_.on_session_lost();
        return answer.error();
    }
    switch (answer->kind) {
    case StageAnswer::Kind::ok:
        return apply(on_ok);
    case StageAnswer::Kind::gone:
        logger_.info("the control plane has taken the stage back");
        return apply(worker::Refused{});
    case StageAnswer::Kind::not_yet:
        return apply(worker::LogAnswered{answer->expected});
    }
    return {};
}

void Job::body(std::stop_token stop)
{
    const std::stop_callback passes_on{stop, [this] {
                                           control_.preparing().request_stop();
                                           control_.changed();
                                       }};
    Backoff backoff{services_.clock, services_.random};
    bool opened = false;
    while (!stop.stop_requested() && !ended_) {
        Result<void> done;
        try {
            done = opened ? step(stop) : open(stop);
        } catch (const std::exception& failure) {
            done = Error{Errc::internal, failure.what()};
        }
        if (done) {
            opened = true;
            backoff.reset();
            continue;
        }
        if (done.error().code() == Errc::cancelled && (stop.stop_requested() || is_over(state())))
            continue;
        logger_.warn("a step of the stage failed and is repeated", done.error());
        if (state().phase == WorkerPhase::running) {
            control_.waits_in(nullptr);
            slot_.reset(); // taken over anew, from the output that is here
        }
        backoff.wait(stop);
    }
    control_.waits_in(nullptr);
    if (ended_)
        callbacks_.on_end();
}

/// Reads what the journal knows and starts the upload.
Result<void> Job::open(std::stop_token stop)
{
    auto assignment = SLIPWAY_TRY(stage_.entry().assignment());
    assignment_lost_ = !assignment.has_value();
    if (assignment)
        assignment_ = *std::move(assignment);
    assignment_.stage_id = stage_id();
    assignment_.kind = state().kind;
    // Nothing that is done here waits for the answer.
    const bool takes
        = origin_ == Origin::offered && !assignment_lost_ && control_.wish() == JobControl::Wish::none;
    if (takes && !accepting_.valid())
        accepting_ = std::async(std::launch::async, [this, stop] { return send_accept(stop); });
    if (assignment_lost_) // and with it what to mask in the spool
        SLIPWAY_TRY(Spool::remove(stage_.entry().directory()));
    if (!context_) {
        spool_ = SLIPWAY_TRY(Spool::open(stage_.entry().directory(), services_.settings.log_quota,
            [this](std::string_view step) { stage_.entry().passed(step); }));
        context_.emplace(JobContext{services_, assignment_, bounds_of(services_.settings.limits, assignment_),
            stage_, *spool_, *masks_, logger_});
    }
    SLIPWAY_TRY(in("working out what to mask", open_masks()));
    if (origin_ == Origin::offered) // the log's first line, if there is one
        SLIPWAY_TRY(warn_of_unmasked());
    if (takes)
        make_ready_ahead();
    if (origin_ == Origin::journal) {
        SLIPWAY_TRY(in("mending the log", mend_log(stop)));
        SLIPWAY_TRY(recover(stop));
    }
    uploader_ = std::make_unique<LogUploader>(UploadParts{.backend = services_.backend,
        .stage = stage_,
        .spool = *spool_,
        .filter = masks_->filter(),
        .copy = RunLogCopy{services_.run_logs, assignment_.run_id, assignment_.stack_id},
        .clock = services_.clock,
        .random = services_.random,
        .logger = logger_,
        .on_change = [this] { control_.changed(); },
        .on_session_lost = callbacks_.on_session_lost,
        .tally = services_.tally});
    upload_thread_ = std::jthread{[this](std::stop_token token) { upload(std::move(token)); }};
    return {};
}

Result<void> Job::open_masks()
{
    if (masks_made_)
        return {};
    auto made = JobMasks::make(stage_.entry(), assignment_, services_.settings, services_.vault);
    if (!made && !is_over(state())) // of what is over, nothing goes out
        return made.error();
    if (made)
        *masks_ = *std::move(made);
    masks_made_ = true;
    late_masks_->set(masks_);
    return {};
}

Result<void> Job::warn_of_unmasked()
{
    if (masks_->too_short().empty())
        return {};
    std::string names;
    for (const auto& name : masks_->too_short())
        names += (names.empty() ? "" : ", ") + name;
    return spool_->append_once(line_id(LogLine::unmasked),
        own_line("shorter than 4 bytes, so not masked in this log: " + names + "; use longer values"));
}

/// The top of the thread of the upload.
void Job::upload(std::stop_token stop)
{
    Backoff backoff{services_.clock, services_.random};
    for (;;) {
        try {
            uploader_->run(stop);
            return;
        } catch (const std::exception& failure) {
            logger_.error("the upload failed and is repeated", Error{Errc::internal, failure.what()});
        }
        backoff.wait(stop);
    }
}

/// What the protocol must know of an earlier life before anything else happens.
Result<void> Job::recover(std::stop_token stop)
{
    // The last process may not have seen to it.
    if (spool_->has(line_id(LogLine::stopped_here)))
        control_.ask(JobControl::Wish::stop, StoppedBy::operator_here);
    if (const auto end = SLIPWAY_TRY(stage_.entry().end())) { // the log says so already
        SLIPWAY_TRY(log_end(*end));
        SLIPWAY_TRY(apply(worker::PrepareFailed{end->outcome}));
        return apply(worker::Exited{end->outcome});
    }
    const auto before = state();
    auto found = worker::SlotFound::absent;
    std::string why = "the journal does not know its slot";
    const bool may_live = before.phase == WorkerPhase::starting || before.phase == WorkerPhase::running;
    const auto fact = SLIPWAY_TRY(stage_.entry().slot());
    if (may_live && fact && !assignment_lost_) {
        auto taken = services_.host.adopt(*fact, spool_->slot_end(), stop);
        if (!taken && taken.error().code() != Errc::not_found)
            return std::move(taken).error().in("taking the slot over");
        if (taken) {
            slot_ = *std::move(taken);
            logger_.info("the container was taken over");
            found = slot_->last_seq() > 0 ? worker::SlotFound::used : worker::SlotFound::idle;
        } else {
            why = taken.error().message();
        }
    }
    const auto progress = SLIPWAY_TRY(stage_.entry().progress());
    const bool known_end = progress && progress->over;
    if (before.phase == WorkerPhase::running && found == worker::SlotFound::absent) {
        if (known_end)
            return {}; // its phases are over: only the report is missing
        SLIPWAY_TRY(log_end(lost_end(why)));
    }
    return apply(worker::Restarted{found});
}

Result<void> Job::step(std::stop_token stop)
{
    switch (worker::next(state())) {
    case worker::Action::send_accept:
        return accept(stop);
    case worker::Action::prepare:
        return prepare(stop);
    case worker::Action::send_started:
        return confirm(stop);
    case worker::Action::follow:
        return run(stop);
    case worker::Action::deliver_log:
        return deliver_log(stop);
    case worker::Action::send_finished:
        return report_end(stop);
    case worker::Action::remove:
        return clean(stop);
    }
    return {};
}

Job::Accepted Job::send_accept(std::stop_token stop)
{
    const auto limit = longest_run(bounds_of(services_.settings.limits, assignment_));
    const auto sent_at = boot_millis(services_.clock);
    stage_.entry().passed("before accept");
    auto answer = services_.backend.accept(stage_.ref(), limit, std::move(stop));
    stage_.entry().passed("accept");
    return {sent_at, std::move(answer)};
}

Result<void> Job::accept(std::stop_token stop)
{
    if (assignment_lost_)
        return apply(worker::Refused{});
    if (control_.wish() == JobControl::Wish::leave && !accepting_.valid())
        return give_back("the worker stops", stop);
    const auto [sent_at, answer] = accepting_.valid() ? accepting_.get() : send_accept(stop);
    if (!answer && answer.error().code() == Errc::invalid_input) {
        logger_.error(
            "the control plane cannot take the accept; the stage is left to others", answer.error());
        return apply(worker::Refused{});
    }
    SLIPWAY_TRY(in("accepting", ask(answer, worker::AcceptAnswered{sent_at, answer ? answer->lease : 0})));
    if (answer->kind == StageAnswer::Kind::ok)
        ++services_.tally.accepts;
    return {};
}

/// Nothing of the stage runs before the control plane has written that it may.
Result<void> Job::confirm(std::stop_token stop)
{
    if (control_.wish() != JobControl::Wish::none)
        return give_up(stopped(false));
    const auto fact = SLIPWAY_TRY(stage_.entry().slot());
    const auto ref = stage_.ref();
    const protocol::StateReport report{.fence = ref.fence,
        .sequence = SLIPWAY_TRY(stage_.next_sequence()),
        .event = StageEvent::started,
        .image_id = fact ? fact->image_id : ""};
    // The processor is idle now, and is the job's from the run frame on.
    if (!working_out_.valid())
        working_out_ = std::async(std::launch::async, [this] { masks_->work_out(); });
    const auto sent_at = boot_millis(services_.clock);
    stage_.entry().passed("before started");
    const auto answer = services_.backend.report(ref, report, stop);
    stage_.entry().passed("started");
    if (!answer && answer.error().code() == Errc::invalid_input)
        return give_up(
            never_started("internal", Error{answer.error()}.in("the start could not be reported")));
    return in(
        "reporting the start", ask(answer, worker::StartedAnswered{sent_at, answer ? answer->lease : 0}));
}

Result<void> Job::run(std::stop_token stop)
{
    PhaseRunner runner{*context_, control_, *uploader_};
    const auto left = SLIPWAY_TRY(runner.run(slot_, stop));
    if (left == PhaseRunner::Left::elsewhere) {
        control_.waits_in(nullptr);
        slot_.reset(); // if it goes on, the slot is taken over anew
    }
    if (left != PhaseRunner::Left::over)
        return {};
    const auto progress = SLIPWAY_TRY(stage_.entry().progress());
    StageEnd end = progress ? progress->end : StageEnd{};
    if (end.outcome == Outcome::none)
        end = {
            .outcome = Outcome::succeeded, .exit_code = 0, .cause = "exit", .message = "", .workspace = ""};
    return settle(std::move(end), stop);
}

Result<void> Job::remove_containers(std::stop_token stop)
{
    for (const auto& found : SLIPWAY_TRY(services_.host.containers(stop)))
        if (found.stage_id == stage_id())
            SLIPWAY_TRY(services_.host.remove(found.id, stop));
    // What is left of one that someone else has removed.
    const auto named = SLIPWAY_TRY(stage_.entry().slot());
    return named ? services_.host.remove(named->container, stop) : Result<void>{};
}

} // namespace slipway::launcher
