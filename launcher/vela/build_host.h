#pragma once

#include "common/clock.h"
#include "common/log.h"
#include "common/random.h"
#include "docker-client/docker.h"
#include "launcher/job_host.h"
#include "launcher/vela/model.h"
#include "launcher/vela/options.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::vela {

/// Label of everything of ours in the engine, with the instance; and of what stands in a place, with its
/// name.
inline constexpr std::string_view kVelaLabel = "io.slipway.vela";
inline constexpr std::string_view kPlaceLabel = "io.slipway.vela.place";

struct BuildHostSettings {
    docker::Engine engine;
    std::string instance_id;
    std::filesystem::path state_directory; ///< Slots live in `slots/` in it, slot-init in `bin/`.
    std::vector<HostVolume> volumes;
    std::vector<std::string> drop_capabilities;
    std::filesystem::path docker_config_dir; ///< Credentials of registries; empty: none.
    /// What credential helpers and logins at Amazon's registries read: PATH, HOME, AWS_…
    std::vector<std::pair<std::string, std::string>> environment;
    std::chrono::milliseconds pull_timeout{std::chrono::minutes{15}};
};

/// An image as a container needs it.
struct BuildImage {
    std::string id; ///< "sha256:…"
    std::vector<std::string> entrypoint;
    std::vector<std::string> cmd;
    std::string user;
    std::string working_dir;
    std::string shown; ///< Its inspection as JSON, for the init log.
};

/// When the image is fetched.
enum class Fetch : std::uint8_t {
    always,
    when_missing,
    never,
};

/// A container to be made: the parts of `container` that the engine is told (id, image, ulimits, user), and
/// where it stands. Its command, variables and directory come with the run.
struct ContainerWish {
    const Container& container;
    std::string image_id;
    std::string place;
    bool privileged = false;
};

/// The engine's side of builds: images, networks, volumes and containers whose PID 1 is slot-init, so that
/// their output survives a crash and a command starts without waiting for the engine. Thread-safe. Every
/// call has a deadline; making what is there already, and removing what is gone, is a success.
class BuildHost {
public:
    static Result<std::unique_ptr<BuildHost>> open(BuildHostSettings settings, const Clock& clock,
        Random& random, const Logger& logger, std::stop_token stop);
    virtual ~BuildHost() = default;

    /// The place of a build: a bridge network and a local volume of that name. Return their inspection as
    /// JSON, for the init log.
    [[nodiscard]] virtual Result<std::string> make_network(const std::string& place, std::stop_token stop)
        = 0;
    [[nodiscard]] virtual Result<std::string> make_volume(const std::string& place, std::stop_token stop) = 0;
    /// Removes both, with the containers in them.
    virtual Result<void> remove_place(const std::string& place, std::stop_token stop) = 0;
    /// The same, but the network stays, for a build that comes later.
    virtual Result<void> empty_place(const std::string& place, std::stop_token stop) = 0;

    /// `progress` gets lines for people. Fails with the engine's or the registry's words.
    [[nodiscard]] virtual Result<BuildImage> image(const std::string& reference, Fetch fetch,
        const std::function<void(std::string_view)>& progress, std::stop_token stop)
        = 0;

    /// Makes and starts a container and waits until its slot-init listens; as JobHost::create. The container
    /// has the name `container.id`, the volume at /vela, the host's volumes, the network with its name as
    /// alias. A container of ours with that name that no journal knows is removed first.
    [[nodiscard]] virtual Result<std::unique_ptr<launcher::JobSlot>> create(
        const ContainerWish& wish, const launcher::KeepSlot& keep, std::stop_token stop)
        = 0;
    /// Whether a container that has run nothing is still connected. Does not wait.
    [[nodiscard]] virtual bool lives(launcher::JobSlot& slot) = 0;
    /// As JobHost::adopt.
    [[nodiscard]] virtual Result<std::unique_ptr<launcher::JobSlot>> adopt(
        const launcher::SlotFact& slot, std::uint64_t have, std::stop_token stop)
        = 0;
    virtual Result<void> remove(const std::string& container, std::stop_token stop) = 0;

    /// A file of a container, whose bytes `content` gets as they come, and its size; nothing: there is none.
    /// `exhausted`: larger than `most`.
    [[nodiscard]] virtual Result<std::optional<std::uint64_t>> read_file(const std::string& container,
        const std::string& path, std::uint64_t most, const launcher::Sink& content, std::stop_token stop)
        = 0;

    /// Removes containers, networks and volumes of this instance in places that are neither in `kept` nor
    /// this object's own: where it has made something, or was told here to keep it, and has not been told to
    /// remove it; and directories of slots that are gone. Goes on after a failure, and returns the first. At
    /// any time. Never touches what is not ours.
    virtual Result<void> sweep(const std::set<std::string>& kept, std::stop_token stop) = 0;
};

} // namespace slipway::vela
