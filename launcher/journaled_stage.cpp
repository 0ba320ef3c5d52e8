#include "launcher/journaled_stage.h"

#include <chrono>

namespace slipway::launcher {

protocol::Millis boot_millis(const Clock& clock)
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(clock.now().time_since_epoch()).count();
}

bool is_over(const protocol::WorkerStage& state) noexcept
{
    return state.phase == protocol::WorkerPhase::gone || state.phase == protocol::WorkerPhase::done;
}

JournaledStage::JournaledStage(JobEntry entry, protocol::WorkerStage state, const Clock& clock)
    : entry_{std::move(entry)}
    , clock_{clock}
    , state_{state}
{
}

protocol::WorkerStage JournaledStage::state() const
{
    const std::lock_guard lock{mutex_};
    return state_;
}

Result<void> JournaledStage::apply(const protocol::worker::Event& event)
{
    const std::lock_guard lock{mutex_};
    const auto next = protocol::worker::step(state_, event, boot_millis(clock_));
    if (next != state_)
        SLIPWAY_TRY(in("writing the journal", entry_.write(next)));
    state_ = next;
    return {};
}

Result<std::int64_t> JournaledStage::next_sequence()
{
    const std::lock_guard lock{mutex_};
    return entry_.next_sequence();
}

} // namespace slipway::launcher
