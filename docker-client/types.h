#pragma once

#include "common/secret.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Values of the Docker Engine API, version 1.41 and newer
/// (https://docs.docker.com/reference/api/engine/version/v1.41/). Field names follow the API.
namespace slipway::docker {

/// "name=value" entries where the API wants them so; names and values apart for labels.
using Strings = std::vector<std::string>;
using StringPairs = std::vector<std::pair<std::string, std::string>>;
using TimePoint = std::chrono::system_clock::time_point;

struct EngineInfo {
    std::string name; ///< The engine's host name.
    std::string server_version; ///< e.g. "20.10.24"
    std::string operating_system;
    std::string architecture; ///< As uname -m says: "x86_64".
    std::string kernel_version;
    Strings runtimes; ///< Names for `ContainerSpec::runtime`.
    std::string default_runtime;
    std::string cgroup_version; ///< "1" or "2"
    Strings security_options; ///< e.g. "name=rootless", "name=userns"
    std::string docker_root_dir;
    std::int64_t cpus = 0;
    std::int64_t memory_bytes = 0;
};

struct Image {
    std::string id; ///< "sha256:…"
    Strings repo_tags;
    Strings repo_digests; ///< Empty for an image that no registry knows, e.g. an imported one.
    std::string architecture; ///< As Go says: "amd64".
    std::string os;
    std::int64_t size_bytes = 0;
    Strings env; ///< "NAME=value"
    Strings entrypoint;
    Strings cmd;
    std::string user; ///< As in the Dockerfile, not resolved; empty: root.
    std::string working_dir; ///< Empty: "/".
    Strings volumes; ///< Mount points the image declares.
    StringPairs labels;
    bool has_healthcheck = false; ///< One that runs a command.
};

/// An image and the engine's whole answer about it.
struct DescribedImage {
    Image image;
    std::string json;
};

/// What `Docker::import_image` makes of a tar stream.
struct ImportSpec {
    std::string repository; ///< Name of the image without its tag.
    std::string tag;
    Strings changes; ///< Dockerfile instructions: CMD, ENTRYPOINT, ENV, EXPOSE, USER, VOLUME, WORKDIR …
};

/// One line of a pull's progress.
struct PullProgress {
    std::string id; ///< The layer; empty for lines about the whole image.
    std::string status; ///< For people.
    std::optional<std::int64_t> current; ///< Bytes of this step so far.
    std::optional<std::int64_t> total; ///< Bytes of this step.
};

/// What `Docker::pull_image` fetches.
struct PullSpec {
    std::string image; ///< "name", "name:tag" or "name@sha256:…"; no tag means "latest".
    /// The JSON AuthConfig for the registry ({"username", "password"} or {"identitytoken"}, with
    /// "serveraddress"). Empty: anonymous.
    Secret auth;
    std::chrono::milliseconds timeout{0}; ///< Zero: `deadlines::kPull`.
    std::chrono::milliseconds stall_timeout{0}; ///< Zero: `deadlines::kPullStall`.
};

/// What `Docker::ask_registry` asks for.
struct RegistryQuestion {
    std::string image; ///< As in `PullSpec`.
    Secret auth; ///< As in `PullSpec`.
    std::chrono::milliseconds timeout{0}; ///< Must be set.
};

enum class MountKind : std::uint8_t {
    bind, ///< `source` is an absolute path on the engine's host that exists.
    volume, ///< `source` is a volume's name; the engine makes it when it is new.
};

struct Mount {
    MountKind kind = MountKind::bind;
    std::string source;
    std::string target;
    bool read_only = false;
};

struct Ulimit {
    std::string name; ///< "nofile", "core" …
    std::int64_t soft = 0;
    std::int64_t hard = 0;
};

/// What a new container is to be. Members left empty take the image's or the engine's default.
struct ContainerSpec {
    std::string name;
    std::string image; ///< Name, digest reference or id.
    std::optional<Strings> entrypoint; ///< Absent: the image's.
    std::optional<Strings> cmd; ///< Absent: the image's, unless `entrypoint` is given.
    Strings env; ///< "NAME=value", added to the image's.
    std::string user;
    std::string working_dir;
    StringPairs labels;
    std::vector<Mount> mounts;
    StringPairs tmpfs; ///< Path and mount options, e.g. {"/run", "size=64m"}.
    std::string network_mode; ///< "none", "bridge", "host", "container:<id>" or a network's name.
    Strings network_aliases; ///< Further names of the container in that network, which must be one of ours.
    std::string runtime;
    Strings cap_add;
    Strings cap_drop;
    Strings security_opt; ///< e.g. "no-new-privileges"
    bool privileged = false;
    std::optional<std::int64_t> pids_limit;
    std::optional<std::int64_t> memory_bytes;
    std::optional<std::int64_t> nano_cpus; ///< 1e9 is one CPU.
    std::optional<std::int64_t> shm_bytes; ///< Of /dev/shm.
    std::vector<Ulimit> ulimits;
    std::string log_driver; ///< "none", "local" …
    StringPairs log_options;
    std::optional<bool> init; ///< The engine's own init as PID 1.
    bool no_healthcheck
        = false; ///< Switches off the image's health check, which runs before anyone asks for it.
    std::string stop_signal; ///< Of the engine's stop; empty: the image's.
    std::optional<std::chrono::seconds> stop_timeout;
    bool open_stdin = false;
};

struct CreatedContainer {
    std::string id;
    Strings warnings; ///< For people.
};

enum class Started : bool { already = false, now = true };

enum class WaitCondition : std::uint8_t {
    not_running, ///< Returns at once for a container that was never started.
    next_exit, ///< The next exit after the call was received; see `WaitSpec::on_armed`.
};

enum class ContainerStatus : std::uint8_t {
    created,
    running,
    paused,
    restarting,
    removing,
    exited,
    dead,
    unknown
};

struct ContainerState {
    ContainerStatus status
        = ContainerStatus::unknown; ///< `unknown`: a word that this version has not heard of.
    bool running = false; ///< True while paused, too.
    std::int64_t pid = 0; ///< On the engine's host; 0 when not running.
    std::int64_t exit_code = 0;
    bool oom_killed = false;
    std::optional<TimePoint> started_at; ///< Absent: never.
    std::optional<TimePoint> finished_at;
    std::string error; ///< Why it could not be started.
};

struct MountPoint {
    std::string type; ///< "bind", "volume", "tmpfs"
    std::string name; ///< Of a volume.
    std::string source; ///< On the engine's host.
    std::string destination;
    bool writable = false;
};

struct Container {
    std::string id;
    std::string name; ///< Without the API's leading '/'.
    std::string image_id;
    ContainerState state;
    StringPairs labels;
    std::vector<MountPoint> mounts;
    StringPairs networks; ///< Network name and the container's IPv4 address in it; empty while not running.
};

struct ContainerSummary {
    std::string id;
    Strings names; ///< Without the API's leading '/'.
    std::string image; ///< As it was named at the creation.
    std::string image_id;
    StringPairs labels;
    ContainerStatus status = ContainerStatus::unknown;
    TimePoint created;
};

struct Network {
    std::string id;
    std::string name;
    std::string driver;
    bool internal = false;
    StringPairs labels;
};

struct Volume {
    std::string name;
    StringPairs labels;
};

struct RemoveContainer {
    bool force = false; ///< Kills it first if it runs.
    bool volumes = false; ///< Its anonymous volumes with it.
};

} // namespace slipway::docker
