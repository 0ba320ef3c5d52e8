#pragma once

#include "common/random.h"
#include "common/result.h"
#include "docker-client/docker.h"
#include "launcher/slot/slot_link.h"
#include "launcher/slot/stdio_relay.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace slipway::slot {

/// What makes a slot fit for a job. User, working directory, environment and arguments come with each run
/// instead, so that they never show in `docker inspect`.
struct SlotSpec {
    std::string name; ///< Of the container; unique on the engine.
    std::string image; ///< Name, digest reference or id; must be there.
    docker::StringPairs labels;
    std::string runtime; ///< Empty: the engine's default.
    std::string network; ///< Empty: the engine's default.
    docker::Strings network_aliases; ///< Further names in `network`.
    bool privileged = false;
    std::vector<docker::Mount> mounts;
    docker::StringPairs tmpfs;
    docker::Strings cap_add;
    docker::Strings cap_drop{"NET_RAW", "MKNOD", "AUDIT_WRITE"};
    docker::Strings security_opt;
    std::optional<std::int64_t> pids_limit = 4096;
    std::optional<std::int64_t> memory_bytes;
    std::optional<std::int64_t> nano_cpus;
    std::optional<std::int64_t> shm_bytes;
    std::vector<docker::Ulimit> ulimits;
    /// Between INT and TERM: the engine's own stop (of the host, of `docker stop`) leaves the whole ladder
    /// its time.
    std::chrono::milliseconds grace{30'000};
};

/// For a slot that no socket reaches into.
struct StdioPlace {
    docker::Engine engine; ///< To attach to the container.
    std::string init_volume; ///< From `fill_init_volume`.
};

/// Where a slot lives on this machine.
struct SlotPlace {
    std::filesystem::path directory; ///< Of this slot alone; made by `create`, removed by `destroy`.
    std::filesystem::path host_directory; ///< The same as the engine's host names it; empty: as `directory`.
    std::filesystem::path init_file; ///< From `install_slot_init`; on the same file system as `directory`.
    std::optional<StdioPlace> stdio; ///< In place of the socket, which the container does not see then.
};

/// A container whose PID 1 is slot-init, and the link to it. The container outlives this object, so that a
/// launcher may die and adopt it again; `destroy` ends it. Threads: as `SlotLink`; the rest belongs to the
/// owner.
class Slot {
public:
    /// Makes the directory, listens, makes the container and starts it. Returns before slot-init is
    /// connected: the first event is `Ready`. On failure nothing is left behind. `random` outlives the slot.
    static Result<std::unique_ptr<Slot>> create(docker::Docker& docker, const SlotSpec& spec,
        const SlotPlace& place, KeepKey keep_key, Random& random, std::stop_token stop);

    /// Takes over a slot that an earlier process made: `key` as it was given to `KeepKey`, `have` as the
    /// output that is durable here, `stdio` when it was made with it. Does not ask the engine whether the
    /// container lives.
    static Result<std::unique_ptr<Slot>> adopt(
        std::string container, LinkSpec link, const std::optional<docker::Engine>& stdio, Random& random);

    [[nodiscard]] const std::string& container() const noexcept { return container_; } ///< Id or name.

    SlotLink* operator->() noexcept { return link_.get(); }

    [[nodiscard]] SlotLink& link() noexcept { return *link_; }

    /// Kills and removes the container with its anonymous volumes, then the directory. Things that are gone
    /// are a success.
    Result<void> destroy(docker::Docker& docker, std::stop_token stop);

private:
    Slot(std::string container, std::filesystem::path directory, std::unique_ptr<SlotLink> link);

    std::string container_;
    std::filesystem::path directory_;
    std::unique_ptr<SlotLink> link_;
    std::unique_ptr<StdioRelay> relay_; ///< Connects to the link.
};

} // namespace slipway::slot
