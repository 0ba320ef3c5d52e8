#include "launcher/job.h"
#include "launcher/stage_end.h"
#include "launcher/workspace.h"

namespace slipway::launcher {

using protocol::StageEvent;
using protocol::WorkerPhase;
namespace worker = protocol::worker;

namespace {

Error cancelled() { return {Errc::cancelled, "stopped"}; }

} // namespace

Result<void> Job::report_preparing(std::stop_token stop)
{
    const auto ref = stage_.ref();
    const protocol::StateReport report{
        .fence = ref.fence, .sequence = SLIPWAY_TRY(stage_.next_sequence()), .event = StageEvent::preparing};
    const auto sent_at = boot_millis(services_.clock);
    const auto answer = services_.backend.report(ref, report, std::move(stop));
    // For people only: what matters is asked for again before the first command.
    return answer ? ask(answer, worker::Renewed{sent_at, answer->lease}) : Result<void>{};
}

Result<void> Job::prepare(std::stop_token stop)
{
    if (control_.wish() != JobControl::Wish::none)
        return give_up(stopped_end(control_.wish() == JobControl::Wish::kill, false));
    if (assignment_lost_)
        return give_up(unknown_end("the journal of the stage was torn by a crash of the host"));
    SLIPWAY_TRY(report_preparing(stop));
    if (state().phase != WorkerPhase::accepted)
        return {};
    std::string_view cause = "image";
    const auto ready = make_ready(cause, control_.preparing().get_token());
    if (ready)
        return apply(worker::Prepared{});
    if (stop.stop_requested() || is_over(state()))
        return cancelled();
    if (control_.wish() != JobControl::Wish::none)
        return {};
    return give_up(never_started(cause, ready.error()));
}

/// Image, slot, workspace; `cause`: of a failure. Begins from nothing each time: what an earlier attempt left
/// is removed.
Result<void> Job::make_ready(std::string_view& cause, std::stop_token stop)
{
    control_.waits_in(nullptr);
    slot_.reset();
    SLIPWAY_TRY(remove_containers(stop));
    const auto progress = [this](std::string_view line) {
        if (const auto written = spool_->append_line(own_line(line)); !written)
            logger_.warn("a line could not be written to the log", written.error());
    };
    const std::string& name
        = assignment_.image.empty() ? services_.settings.default_image : assignment_.image;
    if (name.empty())
        return Error{Errc::invalid_input,
            "the stack names no runner image and the launcher has no default: set one of them"};
    const auto image
        = SLIPWAY_TRY(services_.host.image({.image = name, .id = assignment_.image_id}, progress, stop));
    stage_.entry().passed("image");
    cause = "internal";
    const SlotRequest request{.stage_id = stage_id(),
        .run_id = assignment_.run_id,
        .image_id = image.id,
        .kind = assignment_.kind,
        .limits = assignment_.limits};
    slot_ = SLIPWAY_TRY(in("making the container",
        services_.host.create(
            request, [this](const SlotFact& fact) { return stage_.entry().write(fact); }, stop)));
    stage_.entry().passed("slot");
    Workspace workspace{*context_};
    SLIPWAY_TRY(workspace.put(*slot_, stop));
    stage_.entry().passed("workspace");
    return {};
}

} // namespace slipway::launcher
