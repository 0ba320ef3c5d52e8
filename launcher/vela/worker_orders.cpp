#include "launcher/drain_mark.h"
#include "launcher/vela/worker.h"

namespace slipway::vela {

void Worker::drain(launcher::DrainBy by)
{
    parts_.logger.info("draining: what runs goes on to its end, nothing more is taken");
    {
        const std::lock_guard lock{mutex_};
        draining_ = true;
        drains_.push_back({by, parts_.clock.wall()});
    }
    leave_if_done();
    poke();
}

/// One that waits to be registered, or for a server that is away, has nothing to finish but what an earlier
/// process has left.
void Worker::leave_if_done()
{
    const std::lock_guard lock{mutex_};
    if (draining_ && !works_ && running() + leaving_.size() == over_.size())
        leave_.request_stop();
}

void Worker::cancel_builds()
{
    std::vector<std::shared_ptr<BuildRun>> builds;
    {
        const std::lock_guard lock{mutex_};
        builds = builds_;
    }
    for (const auto& build : builds)
        if (build)
            (void)build->cancel(std::chrono::milliseconds{0});
}

void Worker::hand_over()
{
    parts_.logger.info("handing over: containers stay");
    {
        const std::lock_guard lock{mutex_};
        handing_over_ = true;
    }
    leave_.request_stop();
    poke();
}

Result<void> Worker::pause_intake()
{
    const auto since = parts_.clock.wall();
    {
        const std::lock_guard lock{mutex_};
        if (paused_)
            return {};
        SLIPWAY_TRY(launcher::set_drain_mark(parts_.directory, since));
        paused_ = since;
    }
    parts_.logger.info("drained by command: nothing is taken until undrain");
    poke();
    return {};
}

Result<void> Worker::resume_intake()
{
    {
        const std::lock_guard lock{mutex_};
        if (draining_)
            return Error{Errc::conflict, "the worker is told to end; start it again when it has ended"};
        SLIPWAY_TRY(launcher::clear_drain_mark(parts_.directory));
        paused_.reset();
    }
    parts_.logger.info("takes builds again");
    tell_change();
    return {};
}

} // namespace slipway::vela
