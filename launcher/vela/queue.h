#pragma once

#include "common/log.h"
#include "common/result.h"
#include "common/secret.h"

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::vela {

struct QueueOptions {
    /// redis://, rediss://, unix://; user, password and database as in the address.
    Secret address;
    bool sentinel = false; ///< The host part is "master,sentinel1:port,sentinel2:port".
    /// Key of this worker's list, where elements lie that are not done, the oldest at its head. Made from
    /// what stays the same over restarts and is no other worker's (the hostname): of two workers with one
    /// key, each finds the other's builds at its start and after a broken connection. No route may have this
    /// name.
    std::string own_list;
};

/// An element that was moved to this worker's list.
struct Taken {
    std::string route; ///< Empty when it was found in the list, at the start or after a broken connection.
    std::string element; ///< Signature and message.
};

/// A Vela server's Redis queue. An element is moved to this worker's own list (LMOVE, BLMOVE) and stays
/// there until `done`, so that no crash loses it. Where Redis refuses LMOVE it is popped (BLPOP), with one
/// warning: then a crash between that and the caller's journal loses an element. Connects when first used and
/// again after a failure; calls fail with `unreachable` (Redis is away), `rejected` (its password, its ACL),
/// `timed_out` or `cancelled`. A stop ends a call within a round trip, and a second where Redis is silent.
/// Thread-safe.
class Queue {
public:
    /// Checks the address; connects to nothing. `invalid_input` names what is wrong with it.
    static Result<std::unique_ptr<Queue>> open(QueueOptions options, const Logger& logger);
    virtual ~Queue() = default;

    /// The next element, in the order of `routes`; waits up to `wait`, in which it also tries again where
    /// Redis is away (a refusal is returned at once). Nothing: there was none. When several routes got one at
    /// the same time, all but the first go back to the head of theirs; so does one that came with a stop.
    /// With BLPOP the wait is in whole seconds, one at least. One thread.
    [[nodiscard]] virtual Result<std::optional<Taken>> take(
        const std::vector<std::string>& routes, std::chrono::milliseconds wait, std::stop_token stop)
        = 0;
    /// Forgets an element; one that is forgotten already is no error. Worth repeating after a failure.
    [[nodiscard]] virtual Result<void> done(const Taken& taken, std::stop_token stop) = 0;
    /// Gives it back to the head of its route, once however often this is called. `invalid_input`: its route
    /// is not known.
    [[nodiscard]] virtual Result<void> give_back(const Taken& taken, std::stop_token stop) = 0;
    /// What an earlier process left in this worker's list, the oldest first: each element once. One over 16
    /// MiB is dropped with an error in the log.
    [[nodiscard]] virtual Result<std::vector<Taken>> left_over(std::stop_token stop) = 0;
    [[nodiscard]] virtual Result<void> ping(std::stop_token stop) = 0;
};

/// The message of an element: what follows its 64 bytes of signature, once that was verified (Ed25519,
/// RFC 8032; NaCl's combined form). `public_key`: base64 of 32 bytes. `rejected`: the signature is another
/// key's; `invalid_input`: no such thing at all.
[[nodiscard]] Result<std::string> verified_message(std::string_view element, std::string_view public_key);

} // namespace slipway::vela
