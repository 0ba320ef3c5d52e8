#pragma once

#include "common/http/http_client.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace slipway::http {

/// What can be told about options and requests before anything is sent.
[[nodiscard]] Result<void> check(const ClientOptions& options);
[[nodiscard]] Result<void> check(const ClientRequest& request);

/// The state of one request and its response, fed by the transfer that carries them: caps, callbacks, the
/// place in the body to send. Private to the client; knows nothing of libcurl. Functions that return false,
/// or nothing, have set `failure`, and the transfer must end.
class Exchange {
public:
    /// `request` outlives this object.
    Exchange(const ClientRequest& request, std::size_t max_header_bytes);
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    /// Called each time the request is about to go out on a connection.
    bool begin_request();
    /// One line of a response's head, line end included.
    bool take_header(std::string_view line);
    bool take_body(std::string_view bytes);
    /// The next bytes of the request's body; 0 at its end.
    std::optional<std::size_t> give_body(std::span<char> buffer);
    /// Goes back to `offset`. False when the body cannot be made again; sets no failure.
    [[nodiscard]] bool rewind_body(std::uint64_t offset);

    /// Empty: known only at its end.
    [[nodiscard]] std::optional<std::uint64_t> body_length() const noexcept { return body_length_; }

    /// Whether the final response's head came to its end.
    [[nodiscard]] bool head_done() const noexcept { return head_done_; }

    void moved() { last_move_ = std::chrono::steady_clock::now(); }

    /// When a byte last moved in either direction.
    [[nodiscard]] std::chrono::steady_clock::time_point last_move() const noexcept { return last_move_; }

    [[nodiscard]] const std::optional<Error>& failure() const noexcept { return failure_; }

    [[nodiscard]] ClientResponse& response() noexcept { return response_; }

private:
    bool end_head();
    [[nodiscard]] Result<std::size_t> read_body(std::span<char> buffer) const;
    bool fail(Error error);

    const ClientRequest& request_;
    std::size_t max_header_bytes_;
    std::optional<std::uint64_t> body_length_;
    std::uint64_t body_offset_ = 0;
    int begun_ = 0;
    std::size_t header_bytes_ = 0;
    std::uint64_t received_ = 0;
    bool head_done_ = false;
    ClientResponse response_;
    std::optional<Error> failure_;
    std::chrono::steady_clock::time_point last_move_;
};

} // namespace slipway::http
