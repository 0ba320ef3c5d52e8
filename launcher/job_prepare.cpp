#include "launcher/git_source.h"
#include "launcher/job.h"
#include "launcher/job_settings.h"
#include "launcher/policy/policy_input.h"
#include "launcher/provider_cache/job_plugins.h"
#include "launcher/root_cas.h"
#include "launcher/stage_end.h"
#include "launcher/state_file.h"
#include "launcher/workspace.h"

namespace slipway::launcher {

using protocol::WorkerPhase;
namespace worker = protocol::worker;

namespace {

/// The stack's image, or the default of what the stack is.
const std::string& image_of(const protocol::Assignment& assignment, const EngineSettings& settings)
{
    if (!assignment.image.empty())
        return assignment.image;
    return assignment.workflow == "ansible" ? settings.default_ansible_image : settings.default_image;
}

Error cancelled() { return {Errc::cancelled, "stopped"}; }

} // namespace

Result<void> Job::prepare(std::stop_token stop)
{
    collect_ahead();
    if (control_.wish() == JobControl::Wish::leave)
        return give_back("the worker stops", stop);
    if (control_.wish() != JobControl::Wish::none)
        return give_up(stopped(false));
    if (assignment_lost_)
        return give_up(unknown_end("the journal of the stage was torn by a crash of the host"));
    if (!prepare_until_)
        prepare_until_ = services_.clock.now() + services_.settings.prepare_limit;
    Making what = Making::slot;
    const auto ready = make_ready(what, control_.preparing().get_token());
    if (state().phase != WorkerPhase::accepted)
        return {};
    if (ready)
        return apply(worker::Prepared{});
    if (stop.stop_requested() || is_over(state()))
        return cancelled();
    if (control_.wish() != JobControl::Wish::none)
        return {};
    return prepare_failed(what, ready.error(), std::move(stop));
}

/// As in protocol::StateReport.
std::string_view Job::cause_of(Making what)
{
    switch (what) {
    case Making::policy:
        return "policy";
    case Making::image:
        return "image";
    case Making::slot:
    case Making::workspace:
        break;
    }
    return "internal";
}

/// Whether it is the stage that is at fault, so that it would fail on every worker: no such image, or one
/// that is not the plan's; an envelope or a setting that is refused.
bool Job::fails_the_run(Making what, Errc code)
{
    if (code == Errc::invalid_input)
        return true;
    return what != Making::slot && what != Making::policy
        && (code == Errc::not_found || code == Errc::rejected || code == Errc::conflict);
}

/// Fails what fails everywhere. Anything else may pass: it is repeated for a while, then another worker may
/// try.
Result<void> Job::prepare_failed(Making what, const Error& error, std::stop_token stop)
{
    if (fails_the_run(what, error.code()))
        return give_up(never_started(cause_of(what), error));
    if (services_.clock.now() >= *prepare_until_) {
        if (start_reported_)
            return give_up(never_started("internal", error));
        return give_back("it could not be made ready: " + error.message(), std::move(stop));
    }
    if (what != Making::workspace && what != Making::policy)
        ++services_.tally.docker_errors;
    logger_.warn("making the stage ready failed and is repeated", error);
    if (prepare_failure_ != error.message())
        SLIPWAY_TRY(spool_->append_line(own_line("not ready yet, trying again: " + error.message())));
    prepare_failure_ = error.message();
    prepare_backoff_.wait(control_.preparing().get_token());
    return {};
}

/// Nothing of it has run here: another worker may take it at once.
Result<void> Job::give_back(std::string_view reason, std::stop_token stop)
{
    logger_.warn("giving the stage back", {{"reason", reason}});
    stage_.entry().passed("before decline");
    const auto declined = services_.backend.decline(stage_.ref(), masks_->text(reason), std::move(stop));
    stage_.entry().passed("decline");
    if (declined)
        services_.tally.declined(DeclineCause::given_back);
    if (!declined && declined.error().code() == Errc::rejected)
        callbacks_.on_session_lost();
    SLIPWAY_TRY(in("giving the stage back", declined));
    return apply(worker::Refused{});
}

/// Before anything of the stage is fetched.
Result<void> Job::check_policy(const std::string& image, std::stop_token stop)
{
    if (allowed_ || !services_.policy)
        return {};
    const auto& settings = services_.settings;
    const auto input = policy_input(assignment_, image,
        {.pool = settings.pool_id,
            .hostname = settings.hostname,
            .version = settings.version,
            .metadata = settings.metadata});
    const auto denials = SLIPWAY_TRY(services_.policy(input, std::move(stop)));
    stage_.entry().passed("policy");
    if (!denials.empty()) {
        std::string words = "the run initialization policy of this worker denies it: ";
        for (const auto& denial : denials)
            words += (&denial == &denials.front() ? "" : "; ") + denial;
        return Error{Errc::invalid_input, words};
    }
    allowed_ = true;
    return {};
}

/// Image and container of a grant that has none yet.
Job::MadeSlot Job::make_slot(std::stop_token stop)
{
    MadeSlot made{.what = Making::image, .slot = Error{Errc::internal, "not made"}};
    const auto make = [&]() -> Result<std::unique_ptr<JobSlot>> {
        const std::string& name = image_of(assignment_, services_.settings);
        if (name.empty())
            return Error{Errc::invalid_input,
                "the stack names no runner image and the launcher has no default: set one of them"};
        const auto progress = [this](std::string_view line) {
            if (const auto written = spool_->append_line(own_line(line)); !written)
                logger_.warn("a line could not be written to the log", written.error());
        };
        const auto image
            = SLIPWAY_TRY(services_.host.image({.image = name, .id = assignment_.image_id}, progress, stop));
        stage_.entry().passed("image");
        made.what = Making::slot;
        const auto begin = services_.clock.now();
        const SlotRequest request{.stage_id = stage_id(),
            .run_id = assignment_.run_id,
            .image = name,
            .image_id = image.id,
            .kind = assignment_.kind,
            .applies = applies(assignment_),
            .limits = assignment_.limits};
        const auto keep = [this, &image](SlotFact fact) {
            if (!image.reference.empty())
                fact.image_id = image.reference;
            return stage_.entry().write(fact);
        };
        auto slot = SLIPWAY_TRY(in("making the container", services_.host.create(request, keep, stop)));
        auto& starts = slot->was_warm() ? services_.tally.warm_starts : services_.tally.cold_starts;
        starts.add(services_.clock.now() - begin);
        stage_.entry().passed("slot");
        return slot;
    };
    made.slot = make();
    return made;
}

/// Begins with the container before the stage is accepted, if that is under way: one that is not wanted is
/// removed. A policy comes first.
void Job::make_slot_ahead()
{
    if (!accepting_.valid() || services_.policy || !std::exchange(nothing_made_, false))
        return;
    making_slot_ = std::async(
        std::launch::async, [this, stop = control_.preparing().get_token()] { return make_slot(stop); });
}

/// Ends at once when preparing is to end.
void Job::collect_ahead()
{
    if (making_slot_.valid())
        made_ahead_ = making_slot_.get();
}

/// Image, slot, workspace. Begins from nothing each time, but for the slot that was made ahead: what an
/// earlier attempt left is removed.
Result<void> Job::make_ready(Making& what, std::stop_token stop)
{
    what = Making::policy;
    SLIPWAY_TRY(check_policy(image_of(assignment_, services_.settings), stop));
    what = Making::slot;
    control_.waits_in(nullptr);
    slot_.reset();
    auto made = std::exchange(made_ahead_, {});
    if (!made) {
        if (std::exchange(nothing_made_, false) == false)
            SLIPWAY_TRY(remove_containers(stop));
        made = make_slot(stop);
    }
    what = made->what;
    slot_ = SLIPWAY_TRY(std::move(made->slot));
    what = Making::workspace;
    Workspace workspace{*context_};
    SLIPWAY_TRY(workspace.put(*slot_, stop));
    if (!fetches_sources(assignment_)) { // else they have their place when those are there
        SLIPWAY_TRY(in("putting the state", StateFile{*context_}.put(*slot_, stop)));
        JobPlugins{*context_}.offer(*slot_, stop);
    }
    SLIPWAY_TRY(in("putting the authorities' certificates", put_root_cas(*slot_, services_.settings, stop)));
    SLIPWAY_TRY(masks_->learn_files(stage_.entry(), assignment_, services_.vault, spool_->size()));
    uploader_->refilter();
    stage_.entry().passed("workspace");
    return {};
}

} // namespace slipway::launcher
