#pragma once

#include "common/clock.h"
#include "common/random.h"
#include "docker-client/docker.h"
#include "launcher/job_host.h"

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>

namespace slipway::launcher {

/// Labels of every container of ours.
inline constexpr std::string_view kInstanceLabel = "io.slipway.instance";
inline constexpr std::string_view kStageLabel = "io.slipway.stage";
inline constexpr std::string_view kRunLabel = "io.slipway.run";

struct DockerHostSettings {
    docker::Engine engine;
    std::string instance_id;
    std::filesystem::path state_directory; ///< Slots live in `slots/` in it, slot-init in `bin/`.
    std::string network; ///< Empty: the engine's default.
    std::string runtime; ///< Likewise.
};

/// Slots as containers of a Docker engine on this machine.
class DockerHost final : public JobHost {
public:
    /// Installs slot-init and removes the directories of slots whose container is gone. Fails with
    /// `invalid_input` when Docker does not know the network. `clock` and `random` outlive it.
    static Result<std::unique_ptr<DockerHost>> open(
        DockerHostSettings settings, const Clock& clock, Random& random, std::stop_token stop);

    Result<RunnerImage> image(const ImageRequest& request,
        const std::function<void(std::string_view)>& progress, std::stop_token stop) override;
    Result<std::unique_ptr<JobSlot>> create(
        const SlotRequest& request, const KeepSlot& keep, std::stop_token stop) override;
    Result<std::unique_ptr<JobSlot>> adopt(
        const SlotFact& slot, std::uint64_t have, std::stop_token stop) override;
    Result<std::vector<FoundContainer>> containers(std::stop_token stop) override;
    Result<void> remove(const std::string& container, std::stop_token stop) override;

private:
    DockerHost(DockerHostSettings settings, const Clock& clock, Random& random);
    [[nodiscard]] Result<void> check_network(std::stop_token stop) const;
    [[nodiscard]] Result<void> sweep(std::stop_token stop) const;

    DockerHostSettings settings_;
    const Clock& clock_;
    Random& random_;
    std::filesystem::path init_file_;
};

} // namespace slipway::launcher
