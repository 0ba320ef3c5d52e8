#include "launcher/blob_transfer.h"
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

/// Names of all that `fill` wants of the control plane.
std::vector<std::string> blobs_of(const protocol::Assignment& assignment)
{
    std::vector<std::string> names;
    for (const auto* name : {&assignment.workspace_in, &assignment.source_blob})
        if (!name->empty())
            names.push_back(*name);
    if (!assignment.state_in.empty() && !fetches_sources(assignment))
        names.push_back(assignment.state_in);
    for (const auto& file : assignment.files)
        if (!file.blob.empty())
            names.push_back(file.blob);
    return names;
}

Error cancelled() { return {Errc::cancelled, "stopped"}; }

} // namespace

Result<void> Job::prepare(std::stop_token stop)
{
    collect_ahead();
    if (control_.wish() == JobControl::Wish::leave)
        return leave_unprepared(stop);
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
    if (ready && control_.wish() != JobControl::Wish::leave) // which is heeded while it may be given back
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
        if (!worker::may_give_back(state()))
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

/// What was ready in an earlier life, and has lost its container since, has an end: it may be held as
/// started.
Result<void> Job::leave_unprepared(std::stop_token stop)
{
    if (worker::may_give_back(state()))
        return give_back("the worker stops", std::move(stop));
    return give_up(unknown_end(
        "its container is gone, and the worker stops before it makes another one: no command was run"));
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

Result<RunnerImage> Job::find_image(std::stop_token stop)
{
    const std::string& name = image_of(assignment_, services_.settings);
    if (name.empty())
        return Error{Errc::invalid_input,
            "the stack names no runner image and the launcher has no default: set one of them"};
    const auto progress = [this](std::string_view line) {
        if (const auto written = spool_->append_line(own_line(line)); !written)
            logger_.warn("a line could not be written to the log", written.error());
    };
    auto image = SLIPWAY_TRY(
        services_.host.image({.image = name, .id = assignment_.image_id}, progress, std::move(stop)));
    stage_.entry().passed("image");
    return image;
}

SlotRequest Job::request_for(const std::string& image_id) const
{
    return {.stage_id = stage_id(),
        .run_id = assignment_.run_id,
        .image = image_of(assignment_, services_.settings),
        .image_id = image_id,
        .kind = assignment_.kind,
        .applies = applies(assignment_),
        .limits = assignment_.limits};
}

/// The container of a grant that has none yet.
Result<std::unique_ptr<JobSlot>> Job::make_container(const RunnerImage& image, std::stop_token stop)
{
    const auto begin = services_.clock.now();
    const auto keep = [this, &image](SlotFact fact) {
        if (!image.reference.empty())
            fact.image_id = image.reference;
        return stage_.entry().write(fact);
    };
    auto slot = SLIPWAY_TRY(
        in("making the container", services_.host.create(request_for(image.id), keep, std::move(stop))));
    auto& starts = slot->was_warm() ? services_.tally.warm_starts : services_.tally.cold_starts;
    starts.add(services_.clock.now() - begin);
    stage_.entry().passed("slot");
    return slot;
}

Job::MadeSlot Job::make_slot(std::stop_token stop)
{
    MadeSlot made{.what = Making::image, .slot = Error{Errc::internal, "not made"}};
    const auto make = [&]() -> Result<std::unique_ptr<JobSlot>> {
        const auto image = SLIPWAY_TRY(find_image(stop));
        made.what = Making::slot;
        return make_container(image, stop);
    };
    made.slot = make();
    return made;
}

/// Sources, workspace and whatever else a phase finds in its slot.
Result<void> Job::fill(JobSlot& slot, std::stop_token stop)
{
    Workspace workspace{*context_};
    SLIPWAY_TRY(workspace.put(slot, stop));
    if (!fetches_sources(assignment_)) { // else they have their place when those are there
        SLIPWAY_TRY(in("putting the state", StateFile{*context_}.put(slot, stop)));
        JobPlugins{*context_}.offer(slot, stop);
    }
    SLIPWAY_TRY(
        in("putting the authorities' certificates", put_root_cas(slot, services_.settings, std::move(stop))));
    stage_.entry().passed("workspace");
    return {};
}

/// A container whose image has the right name, filled while it is found out what that name means today.
Job::Guess Job::guess_slot(std::future<Result<void>>& fetching, std::stop_token stop)
{
    Guess guess;
    const auto begin = services_.clock.now();
    const auto keep = [this, &guess](const SlotFact& fact) {
        guess.fact = fact;
        return stage_.entry().write(fact);
    };
    auto likely = services_.host.take_likely(request_for(""), keep);
    if (!likely || !*likely)
        return guess;
    guess.took = services_.clock.now() - begin;
    guess.image_id = (*likely)->image_id;
    guess.made = {.what = Making::slot, .slot = std::move((*likely)->slot)};
    stage_.entry().passed("slot");
    fill_if_fetched(guess.made, fetching, std::move(stop));
    return guess;
}

/// What is not given before the stage is accepted is fetched then.
void Job::fill_if_fetched(MadeSlot& made, std::future<Result<void>>& fetching, std::stop_token stop)
{
    const auto fetched = fetching.get();
    stage_.entry().passed("fetched");
    if (!fetched)
        return;
    made.what = Making::workspace;
    if (auto filled = fill(**made.slot, std::move(stop)); !filled)
        made.slot = std::move(filled).error();
    made.filled = made.slot.has_value();
}

/// Fetches, finds the image and fills a container at once.
Job::MadeSlot Job::make_filled(std::stop_token stop)
{
    auto fetching = std::async(
        std::launch::async, [this, stop] { return fetch_ahead(*context_, blobs_of(assignment_), stop); });
    auto finding = std::async(std::launch::async, [this, stop] { return find_image(stop); });
    auto guess = guess_slot(fetching, stop);
    const auto image = finding.get();
    if (!image)
        return {.what = Making::image, .slot = image.error()};
    if (guess.image_id == image->id) {
        if (!image->reference.empty()) {
            guess.fact.image_id = image->reference;
            if (auto written = stage_.entry().write(guess.fact); !written)
                return {.what = Making::slot, .slot = std::move(written).error()};
        }
        services_.tally.warm_starts.add(guess.took);
        return std::move(guess.made);
    }
    if (!guess.image_id.empty()) { // what was put into it has been taken from `fetched`, and is fetched again
        guess.made.slot = Error{Errc::conflict, "of another image"};
        services_.host.discard(guess.fact.container);
    }
    MadeSlot made{.what = Making::slot, .slot = make_container(*image, stop)};
    if (made.slot && fetching.valid())
        fill_if_fetched(made, fetching, std::move(stop));
    return made;
}

/// Makes ready what is not yet known to be ours, while the call that accepts it is under way. Nothing of it
/// is executed before that is answered; a container that is not wanted is removed. A policy comes first.
void Job::make_ready_ahead()
{
    if (services_.policy || !std::exchange(nothing_made_, false))
        return;
    making_ = std::async(
        std::launch::async, [this, stop = control_.preparing().get_token()] { return make_filled(stop); });
}

/// Ends at once when preparing is to end.
void Job::collect_ahead()
{
    if (making_.valid())
        made_ahead_ = making_.get();
}

/// Image, slot, workspace. Begins from nothing each time, but for what was made ahead: what an earlier
/// attempt left is removed.
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
    if (!made->filled)
        SLIPWAY_TRY(fill(*slot_, stop));
    context_->fetched.clear();
    SLIPWAY_TRY(masks_->learn_files(stage_.entry(), assignment_, services_.vault, spool_->size()));
    uploader_->refilter();
    return {};
}

} // namespace slipway::launcher
