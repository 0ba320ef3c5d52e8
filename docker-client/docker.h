#pragma once

#include "common/http/http_client.h"
#include "common/result.h"
#include "docker-client/engine.h"
#include "docker-client/stdcopy.h"
#include "docker-client/types.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::docker {

struct WaitSpec {
    WaitCondition condition = WaitCondition::not_running;
    std::chrono::milliseconds timeout{0}; ///< Must be set.
    /// Called when the engine has begun to wait: an exit from now on is not missed. May be empty. A failure
    /// ends the wait.
    std::function<Result<void>()> on_armed;
};

struct AttachSpec {
    std::chrono::milliseconds timeout{0}; ///< Of the whole stream; must be set.
    /// Called when the engine listens: output of a start from now on is complete. A start in parallel with an
    /// attach loses first lines. May be empty. A failure ends the stream.
    std::function<Result<void>()> on_attached;
    OutputHandler on_output;
};

/// The calls of a Docker engine (API 1.41 to 1.51) as functions on values. Containers are named by id or
/// name.
///
/// Every call ends by its deadline (see deadlines.h) and promptly when a stop is requested. Errors read
/// "docker: 404: No such image: x": the HTTP status and the engine's words, which are never interpreted.
/// Their codes: `not_found` 404, `conflict` 409, `invalid_input` 400, `rejected` 401 and 403, `internal` 500
/// (the engine or the runtime failed), `unreachable` (also 502 and 503, and a socket that is missing or not
/// permitted: `not_found` and `rejected` are the engine's word always), `timed_out`, `cancelled`, `exhausted`
/// (an answer over its cap).
///
/// One thread at a time, and one call at a time: the callbacks of a call must not use the same object. Make
/// one object for each thread and each open stream; it costs a connection when first used.
class Docker {
public:
    static Result<Docker> open(const Engine& engine);

    [[nodiscard]] Result<EngineInfo> info(std::stop_token stop);

    [[nodiscard]] Result<Image> inspect_image(std::string_view image, std::stop_token stop);

    /// The same with all that the engine says of it.
    [[nodiscard]] Result<DescribedImage> describe_image(std::string_view image, std::stop_token stop);

    /// Makes an image of one layer from the tar file `tar_fd` (from its begin, whatever its position).
    /// Returns the id.
    [[nodiscard]] Result<std::string> import_image(const ImportSpec& spec, int tar_fd, std::stop_token stop);

    /// Asks the image's registry, through the engine, for the digest that its name means now ("sha256:…", of
    /// the index where there is one). `not_found`: the registry has no such image; `rejected`: it does not
    /// let these credentials see it; everything else: it could not be asked.
    [[nodiscard]] Result<std::string> ask_registry(const RegistryQuestion& question, std::stop_token stop);

    /// Fetches from the image's registry. `on_progress` may be empty; a failure of it ends the pull. The
    /// engine goes on with a pull for a moment after its client left. An error in mid-stream is `unreachable`
    /// unless the engine gives a status with it.
    [[nodiscard]] Result<void> pull_image(const PullSpec& spec,
        const std::function<Result<void>(const PullProgress&)>& on_progress, std::stop_token stop);

    /// Removes the name, and with the last name the image. `conflict` while a container uses it.
    [[nodiscard]] Result<void> remove_image(std::string_view image, std::stop_token stop);

    /// `not_found`: no such image; `conflict`: the name is taken.
    [[nodiscard]] Result<CreatedContainer> create_container(const ContainerSpec& spec, std::stop_token stop);

    [[nodiscard]] Result<Started> start_container(std::string_view container, std::stop_token stop);

    /// Waits until a container exits; returns its exit code.
    [[nodiscard]] Result<std::int64_t> wait_container(
        std::string_view container, const WaitSpec& spec, std::stop_token stop);

    /// Sends a signal, "TERM" or "9", to PID 1. `conflict`: it does not run.
    [[nodiscard]] Result<void> kill_container(
        std::string_view container, std::string_view signal, std::stop_token stop);

    [[nodiscard]] Result<Container> inspect_container(std::string_view container, std::stop_token stop);

    /// All containers, running or not, that carry every one of `labels`; an empty value asks for the name
    /// alone.
    [[nodiscard]] Result<std::vector<ContainerSummary>> list_containers(
        const StringPairs& labels, std::stop_token stop);

    [[nodiscard]] Result<void> remove_container(
        std::string_view container, RemoveContainer how, std::stop_token stop);

    /// Streams the output of a container without a terminal from now on, until it exits (then a success) or a
    /// callback fails. An engine that dies between two frames looks the same as an exit: ask
    /// `inspect_container` where it matters. Works with every log driver, "none" too. Input is not attached.
    [[nodiscard]] Result<void> attach(
        std::string_view container, const AttachSpec& spec, std::stop_token stop);

    /// Unpacks a tar archive into a directory of a container, which need not run; what it mounts is there.
    [[nodiscard]] Result<void> put_archive(
        std::string_view container, std::string_view directory, std::string_view tar, std::stop_token stop);

    /// The size of a file of a container, which need not run; nothing when there is none.
    [[nodiscard]] Result<std::optional<std::int64_t>> file_size(
        std::string_view container, std::string_view path, std::stop_token stop);

    /// By exact name or id; empty when there is none.
    [[nodiscard]] Result<std::optional<Network>> find_network(std::string_view name, std::stop_token stop);

    /// All networks that carry every one of `labels`.
    [[nodiscard]] Result<std::vector<Network>> list_networks(const StringPairs& labels, std::stop_token stop);

    /// A bridge network. `conflict`: the name is taken.
    [[nodiscard]] Result<void> create_network(
        std::string_view name, const StringPairs& labels, std::stop_token stop);

    /// One that is gone already is a success; `rejected`: a container uses it.
    [[nodiscard]] Result<void> remove_network(std::string_view name, std::stop_token stop);

    /// All that the engine says of a network, as JSON.
    [[nodiscard]] Result<std::string> describe_network(std::string_view name, std::stop_token stop);

    /// A local volume. One of that name that is there already is returned as it is, with labels of its own.
    [[nodiscard]] Result<Volume> create_volume(
        std::string_view name, const StringPairs& labels, std::stop_token stop);

    /// All that the engine says of a volume, as JSON.
    [[nodiscard]] Result<std::string> describe_volume(std::string_view name, std::stop_token stop);

    /// All volumes that carry every one of `labels`.
    [[nodiscard]] Result<std::vector<Volume>> list_volumes(const StringPairs& labels, std::stop_token stop);

    /// One that is gone already is a success; `conflict`: a container uses it.
    [[nodiscard]] Result<void> remove_volume(std::string_view name, std::stop_token stop);

    /// A file or directory of a container, which need not run, as a tar archive that `tar` gets in pieces.
    /// `not_found`: there is none; `exhausted`: the archive has more than `most` bytes; or as `tar` fails.
    [[nodiscard]] Result<void> get_archive(std::string_view container, std::string_view path,
        std::uint64_t most, std::function<Result<void>(std::string_view)> tar, std::stop_token stop);

private:
    Docker(http::HttpClient client, ApiVersion api);

    [[nodiscard]] http::ClientRequest request(std::string method, std::string_view path) const;
    [[nodiscard]] Result<http::ClientResponse> call(http::ClientRequest&& request, std::stop_token stop);

    http::HttpClient client_;
    std::string prefix_;
};

} // namespace slipway::docker
