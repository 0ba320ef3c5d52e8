#pragma once

#include "common/http/upgraded_stream.h"
#include "common/result.h"
#include "docker-client/engine.h"
#include "docker-client/stdcopy.h"

#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

namespace slipway::docker {

/// Stdin and stdout of a container that was made with `ContainerSpec::open_stdin` and has no terminal,
/// attached over one hijacked connection (API 1.41, "Hijacking" of ContainerAttach). Output from before is
/// not seen; closing does not end the container's stdin. One thread at a time.
class AttachedStreams {
public:
    /// Ready when it returns: the container's output is seen from now on. Errors as those of `Docker`.
    static Result<AttachedStreams> open(
        const Engine& engine, std::string_view container, std::stop_token stop);

    /// To wait with poll(2); bytes may be here already without it.
    [[nodiscard]] int fd() const noexcept { return stream_.fd(); }

    /// Appends what stdout has for now, at most about 64 KiB; stderr is dropped. `unreachable`: the stream
    /// has ended.
    Result<void> read(std::string& into);

    /// How many of the bytes were taken; 0: none for now.
    Result<std::size_t> write(std::string_view bytes) { return stream_.write(bytes); }

private:
    AttachedStreams(http::UpgradedStream stream, std::unique_ptr<std::string> read);

    http::UpgradedStream stream_;
    std::unique_ptr<std::string> read_; ///< At a fixed place, for the reader's handler.
    StdcopyReader reader_;
};

} // namespace slipway::docker
