#pragma once

#include "common/unique_fd.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace slipway::test {

/// A reply taken apart just enough for assertions.
struct RawReply {
    int status = 0; ///< 0: the connection ended before a whole reply.
    std::string head; ///< Status line and headers.
    std::string body;
};

/// A client that sends exactly the bytes it is told to. Throws std::runtime_error when a wait takes longer
/// than 20 s, which is far beyond every deadline in the tests.
class RawClient {
public:
    explicit RawClient(std::uint16_t port, int receive_buffer = 0);

    /// As much as the peer takes; a peer that has closed is no failure.
    void send(std::string_view bytes);
    /// The next reply with its body; interim replies (1xx) are replies too.
    RawReply reply(bool to_head = false);
    /// Everything until the peer closes or resets.
    std::string rest();
    /// Sends no more, but still receives.
    void finish_sending();
    /// Closes with a reset.
    void abort();

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

private:
    bool receive();

    UniqueFd fd_;
    std::string in_;
};

/// A whole request without a body.
[[nodiscard]] std::string get(std::string_view path, std::string_view more_headers = {});

/// A whole request with a body of known length.
[[nodiscard]] std::string post(std::string_view path, std::string_view body);

} // namespace slipway::test
