#pragma once

#include "common/clock.h"
#include "common/log.h"
#include "common/random.h"
#include "docker-client/docker.h"
#include "launcher/call_gate.h"
#include "launcher/docker_slot.h"
#include "launcher/engine_settings.h"
#include "launcher/job_host.h"
#include "launcher/slot/slot.h"
#include "launcher/transport_check.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>

namespace slipway::launcher {

struct SlotSiteSettings {
    docker::Engine engine;
    std::filesystem::path state_directory; ///< Slots live in `slots/` in it, slot-init in `bin/`.
    SlotTransport transport = SlotTransport::automatic;
    std::string runtime; ///< Of the containers; empty: the engine's default.
    std::string boot_id;
    docker::StringPairs labels; ///< Of the containers that a check of the transport makes.
};

/// What runs in a slot comes from the image.
struct SlotImage {
    std::string id;
    docker::Strings environment;
    std::string user;
};

/// Where a machine's slots are made: slot-init, the directories, and the way by which frames reach them. Each
/// slot's directory is named as its container. Thread-safe.
class SlotSite {
public:
    /// Installs slot-init. `on_known` is called once, from a thread, when it is known how slots are reached;
    /// at once, within this call, never. `clock`, `random` and the logger's sink outlive it.
    static Result<std::unique_ptr<SlotSite>> open(SlotSiteSettings settings, const Clock& clock,
        Random& random, const Logger& logger, std::function<void()> on_known, std::stop_token stop);

    /// Makes and starts a container and waits until it listens. `keep`: see JobHost::create. `conflict`: the
    /// name is taken, and nothing was made.
    [[nodiscard]] Result<std::unique_ptr<DockerSlot>> make(
        const slot::SlotSpec& spec, const SlotImage& image, const KeepSlot& keep, std::stop_token stop);
    /// See JobHost::adopt; to be followed by DockerSlot::wait_ready.
    [[nodiscard]] Result<std::unique_ptr<DockerSlot>> adopt(
        const SlotFact& slot, std::uint64_t have, std::stop_token stop);

    [[nodiscard]] std::filesystem::path directory_of(std::string_view container) const
    {
        return settings_.state_directory / "slots" / container;
    }

    [[nodiscard]] const TransportCheck& transport() const { return *transport_; }

private:
    SlotSite(SlotSiteSettings settings, const Clock& clock, Random& random);

    const SlotSiteSettings settings_;
    const Clock& clock_;
    Random& random_;
    std::filesystem::path init_file_;
    std::filesystem::path state_on_host_;
    CallGate gate_;
    std::unique_ptr<TransportCheck> transport_;
};

/// Removes the directories of slots below `state_directory` that are not in `names` and that `is_ours` takes.
[[nodiscard]] Result<void> remove_stale_slots(const std::filesystem::path& state_directory,
    const std::set<std::string>& names, const std::function<bool(const std::string& name)>& is_ours);

} // namespace slipway::launcher
