#pragma once

#include "common/result.h"
#include "launcher/slot-init/frames.h"

#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::slot {

/// One frame from slot-init. `payload` belongs to the reader and is valid until its next call.
struct Frame {
    FrameType type;
    std::string_view payload;
};

/// Cuts the bytes of a connection into frames. Only frames that slot-init sends are believed, with lengths up
/// to `kMaxReply`; before `admit` only a `ready` of its exact size is.
class FrameReader {
public:
    /// Takes the next bytes, split anywhere. At most `room()` of them.
    void feed(std::string_view bytes);
    /// The next whole frame, or nothing until more is fed. `invalid_input`: not our protocol; do not go on.
    Result<std::optional<Frame>> next();

    void admit() noexcept { admitted_ = true; }

    /// How many bytes may be fed now.
    [[nodiscard]] std::size_t room() const noexcept;

private:
    [[nodiscard]] bool believable(const FrameHeader& header) const noexcept;

    std::string buffer_;
    std::size_t used_ = 0; ///< Bytes of `buffer_` that were handed out.
    bool admitted_ = false;
};

/// The struct at the begin of a payload, and what follows it; nothing if the payload is too short.
template <class T> [[nodiscard]] std::optional<T> payload_head(std::string_view payload)
{
    static_assert(kIsWire<T>);
    T head{};
    if (payload.size() < sizeof head)
        return std::nullopt;
    std::memcpy(&head, payload.data(), sizeof head);
    return head;
}

/// A frame's bytes: header, `head`, `body`.
template <class T>
[[nodiscard]] std::string encode_frame(FrameType type, const T& head, std::string_view body = {})
{
    static_assert(kIsWire<T>);
    const FrameHeader header{.length = static_cast<std::uint32_t>(sizeof head + body.size()), .type = type};
    std::string bytes;
    bytes.reserve(sizeof header + sizeof head + body.size());
    bytes.append(reinterpret_cast<const char*>(&header), sizeof header);
    bytes.append(reinterpret_cast<const char*>(&head), sizeof head);
    return bytes.append(body);
}

} // namespace slipway::slot
