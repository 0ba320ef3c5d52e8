#pragma once

#include "common/clock.h"
#include "docker-client/docker.h"
#include "launcher/job_host.h"
#include "launcher/slot/slot.h"

#include <memory>
#include <optional>
#include <string>

namespace slipway::launcher {

/// What the journal keeps of a slot, in `SlotFact::record`.
struct SlotRecord {
    std::string directory;
    Secret key; ///< Empty until slot-init has connected.
    docker::Strings environment; ///< The image's.
    std::string user; ///< The image's.
    bool stdio = false; ///< Its frames travel over stdin and stdout.

    [[nodiscard]] std::string to_text() const;
    static Result<SlotRecord> parse(std::string_view text);
};

/// One container as a job's slot. While its connection is broken the engine is asked whether the container
/// lives.
class DockerSlot final : public JobSlot {
public:
    /// `docker` is this slot's own.
    DockerSlot(
        std::unique_ptr<slot::Slot> slot, docker::Docker docker, SlotRecord record, const Clock& clock);

    /// Waits until slot-init is connected. `not_found` when the container ended instead.
    Result<void> wait_ready(std::stop_token stop);

    /// Of an idle slot: whether slot-init is still connected. Does not wait; nothing that `next` would tell
    /// is lost.
    [[nodiscard]] bool connected_now();

    [[nodiscard]] std::string container() const override { return slot_->container(); }

    [[nodiscard]] int last_seq() const override { return last_seq_; }

    [[nodiscard]] bool tells_executed() const override { return slot_->link().tells_executed(); }

    Result<void> put(std::string_view directory, const Producer& tar, std::stop_token stop) override;
    Result<std::string> get(std::string_view directory, const Sink& tar, std::stop_token stop) override;
    Result<void> run(const SlotRun& run) override;
    Result<SlotEvent> next(std::chrono::milliseconds at_most, std::stop_token stop) override;

    void wake() noexcept override { slot_->link().wake(); }

    Result<void> ack(std::uint64_t output_end, int seq) override;
    Result<void> lease(protocol::Millis left) override;
    Result<void> end_lease() override;
    Result<void> limits(const SlotLimits& limits) override;
    Result<void> stop_run(protocol::Millis grace) override;
    Result<void> dismiss() override;

private:
    Result<SlotEvent> wait_event(std::chrono::milliseconds at_most, std::stop_token stop);
    Result<SlotEvent> take(slot::Event event);
    Result<void> check_alive(std::stop_token stop);

    std::unique_ptr<slot::Slot> slot_;
    docker::Docker docker_;
    SlotRecord record_;
    const Clock& clock_;
    bool connected_ = false;
    int last_seq_ = 0;
    BootClock::time_point away_since_; ///< While not connected.
    std::optional<SlotReady> announced_; ///< Taken by `wait_ready`, still to be told by `next`.
    std::optional<BootClock::time_point> checked_; ///< When the engine was asked last.
};

} // namespace slipway::launcher
