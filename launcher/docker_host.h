#pragma once

#include "common/clock.h"
#include "common/random.h"
#include "docker-client/docker.h"
#include "launcher/call_gate.h"
#include "launcher/container_settings.h"
#include "launcher/image_store.h"
#include "launcher/job_host.h"
#include "launcher/slot/slot.h"
#include "launcher/slot_site.h"
#include "launcher/warm_pool.h"

#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>

namespace slipway::launcher {

/// Label of every container of ours.
inline constexpr std::string_view kInstanceLabel = "io.slipway.instance";
/// Of one that was made before a stage wanted it. Labels cannot change: which stage it serves is in the
/// journal alone.
inline constexpr std::string_view kWarmLabel = "io.slipway.warm";
/// Of one that was made for a stage.
inline constexpr std::string_view kStageLabel = "io.slipway.stage";
inline constexpr std::string_view kRunLabel = "io.slipway.run";

struct DockerHostSettings {
    docker::Engine engine;
    std::string instance_id;
    std::filesystem::path state_directory; ///< Slots live in `slots/` in it, slot-init in `bin/`.
    ContainerSettings containers;
    int warm_slots = 0; ///< Kept idle; 0: none.
    SlotTransport slot_transport = SlotTransport::automatic;
    std::string boot_id;
    /// Of the longest ladder, for a stop that comes from the engine.
    std::chrono::milliseconds grace{30'000};
};

/// Slots as containers of a Docker engine on this machine.
class DockerHost final : public JobHost, private SlotMaker {
public:
    /// Installs slot-init and removes the directories of slots whose container is gone. Fails with
    /// `not_found` or `invalid_input` when Docker does not take such containers. `clock`, `random` and the
    /// logger's sink outlive it.
    static Result<std::unique_ptr<DockerHost>> open(DockerHostSettings settings,
        std::unique_ptr<ImageStore> images, const Clock& clock, Random& random, const Logger& logger,
        std::stop_token stop);

    Result<RunnerImage> image(const ImageRequest& request,
        const std::function<void(std::string_view)>& progress, std::stop_token stop) override;
    Result<std::unique_ptr<JobSlot>> create(
        const SlotRequest& request, const KeepSlot& keep, std::stop_token stop) override;
    Result<std::optional<LikelySlot>> take_likely(const SlotRequest& request, const KeepSlot& keep) override;
    Result<std::unique_ptr<JobSlot>> adopt(
        const SlotFact& slot, std::uint64_t have, std::stop_token stop) override;
    Result<void> make_room(std::stop_token stop) override;
    Result<std::vector<FoundContainer>> containers(std::stop_token stop) override;
    Result<void> remove(const std::string& container, std::stop_token stop) override;
    void discard(const std::string& container) override;
    void keep_warm(Warm warm) override;
    void settle(std::stop_token stop) override;
    [[nodiscard]] std::size_t idle_slots() const override;
    [[nodiscard]] bool ready() const override;
    [[nodiscard]] std::string transport() const override;
    void on_ready(std::function<void()> call) override;
    /// Ids of images that are in use for warm slots: not to be removed.
    [[nodiscard]] std::set<std::string> warm_images() const;

private:
    Result<std::unique_ptr<JobSlot>> give(IdleSlot idle, const KeepSlot& keep);
    DockerHost(
        DockerHostSettings settings, std::unique_ptr<ImageStore> images, const Clock& clock, Random& random);
    /// Removes what belongs to no container; returns those that there are.
    [[nodiscard]] Result<std::vector<docker::ContainerSummary>> sweep(std::stop_token stop) const;
    Result<void> remove_from_engine(const std::string& container, std::stop_token stop);
    Result<std::vector<docker::ContainerSummary>> list(std::stop_token stop);
    [[nodiscard]] Result<void> close_metadata(const std::string& container, std::stop_token stop) const;
    Result<std::unique_ptr<JobSlot>> make(
        slot::SlotSpec spec, const SlotClass& wanted, const KeepSlot& keep, std::stop_token stop);

    Result<IdleSlot> make_idle(const SlotClass& wanted, std::stop_token stop) override;
    bool lives(JobSlot& slot) override;
    Result<void> remove_idle(const std::string& container, std::stop_token stop) override;
    void set_own(const std::string& container, bool own);
    [[nodiscard]] std::set<std::string> own() const;
    void tell_ready();

    DockerHostSettings settings_;
    std::unique_ptr<ImageStore> images_;
    const Clock& clock_;
    Random& random_;
    mutable std::mutex mutex_;
    std::function<void()> on_ready_;
    std::set<std::string> own_; ///< Containers that the host makes, keeps idle or removes.
    /// What the sweep found: the answer to the first question, which comes at once and would be the same.
    std::optional<std::vector<docker::ContainerSummary>> swept_;
    /// One at a time: when two containers leave one network at once, Docker Engine 20.10 may wait for itself
    /// (libnetwork locks a network and its controller in both orders), and answers no call about networks
    /// from then on.
    CallGate removals_{1};
    std::unique_ptr<SlotSite> site_;
    std::unique_ptr<WarmPool> pool_; ///< Last: its thread uses everything above.
};

} // namespace slipway::launcher
