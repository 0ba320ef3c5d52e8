#pragma once

#include "common/http/http_client.h"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

namespace slipway::http {

/// The head of an answer to a request for an upgrade.
struct UpgradeHead {
    int status = 0;
    std::size_t size = 0; ///< Of the head; what follows is the other protocol's.
};

/// Reads the head at the begin of `bytes`; nothing until it is whole. Fails with `invalid_input` on what is
/// no HTTP/1.1, and with `exhausted` over 16 KiB.
[[nodiscard]] Result<std::optional<UpgradeHead>> parse_upgrade_head(std::string_view bytes);

/// A connection that began as an HTTP/1.1 request and carries bytes both ways from its answer on (RFC 9110
/// section 7.8). One thread at a time.
class UpgradedStream {
public:
    /// POSTs to `path` and waits for the head of the answer. Whether it is an upgrade the status says: 101,
    /// or what else the server means by it. Fails as `HttpClient::send`.
    static Result<UpgradedStream> open(const ClientOptions& options, const std::string& path,
        std::string_view protocol, std::chrono::milliseconds timeout, std::stop_token stop);

    UpgradedStream(UpgradedStream&&) noexcept;
    UpgradedStream& operator=(UpgradedStream&&) noexcept;
    ~UpgradedStream();

    [[nodiscard]] int status() const noexcept;
    /// What came with the head, and is not read yet; of a refusal, the begin of its words.
    [[nodiscard]] std::string_view early() const noexcept;
    /// To wait with poll(2). Bytes may be here already without it: read until there is nothing.
    [[nodiscard]] int fd() const noexcept;
    /// How many bytes came; nothing: none for now; 0: the other side has ended the stream. `unreachable` when
    /// it broke.
    [[nodiscard]] Result<std::optional<std::size_t>> read(std::span<char> into);
    /// How many of the bytes were taken; 0: none for now.
    [[nodiscard]] Result<std::size_t> write(std::string_view bytes);

private:
    struct Impl;
    explicit UpgradedStream(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace slipway::http
