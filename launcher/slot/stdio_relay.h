#pragma once

#include "common/random.h"
#include "common/result.h"
#include "common/unique_fd.h"
#include "docker-client/attached.h"
#include "docker-client/engine.h"

#include <array>
#include <chrono>
#include <filesystem>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

namespace slipway::slot {

/// Finds the nonce with which slot-init begins on stdout; what came before is older and is dropped.
class NonceFinder {
public:
    explicit NonceFinder(std::string nonce)
        : nonce_{std::move(nonce)}
    {
    }

    /// Takes the next bytes, split anywhere, and leaves those that follow on the nonce. True: it was found.
    bool take(std::string& bytes);

private:
    std::string nonce_;
    std::string tail_; ///< The last bytes, where a nonce may have begun.
};

/// Stands in the place of slot-init at a slot's own socket, where no socket reaches into the container:
/// carries the frames between it and the stdin and stdout of the container. Attaches again for as long as it
/// lives; each connection of the socket is one attachment, so that who listens there sees a slot that left
/// and came back.
class StdioRelay {
public:
    /// Starts the thread. `random` outlives the relay.
    StdioRelay(docker::Engine engine, std::string container, std::filesystem::path directory, Random& random);
    StdioRelay(const StdioRelay&) = delete;
    StdioRelay& operator=(const StdioRelay&) = delete;
    ~StdioRelay();

private:
    void run(std::stop_token stop);
    Result<void> carry(std::stop_token stop);
    Result<std::string> attach(docker::AttachedStreams& streams, std::stop_token stop);
    Result<void> pump(
        docker::AttachedStreams& streams, int socket, std::string from_slot, std::stop_token stop);

    docker::Engine engine_;
    std::string container_;
    std::filesystem::path directory_;
    Random& random_;
    UniqueFd wake_;
    std::jthread thread_; ///< Last: it uses everything above.
};

} // namespace slipway::slot
