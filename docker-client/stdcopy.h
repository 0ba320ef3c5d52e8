#pragma once

#include "common/result.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace slipway::docker {

enum class Stream : std::uint8_t { out, err };

/// Takes output of a container as it arrives; a failure ends the stream.
using OutputHandler = std::function<Result<void>(Stream, std::string_view)>;

/// Splits the stream of a container without a terminal into stdout and stderr. Each frame is a byte for the
/// stream (0 and 1 stdout, 2 stderr, 3 an error of the engine), three zero bytes, the length as a big-endian
/// 32-bit number, and that many bytes (API 1.41, "Stream format" of ContainerAttach). Payload is passed on as
/// it comes, never collected.
class StdcopyReader {
public:
    /// Longest frame that is believed; real ones hold one read of the engine, at most 64 KiB so far.
    static constexpr std::uint32_t kMaxFrame = 16 * 1024 * 1024;
    /// Longest error text that is kept of the engine's own frames.
    static constexpr std::size_t kMaxErrorText = 4096;

    explicit StdcopyReader(OutputHandler handler)
        : handler_{std::move(handler)}
    {
    }

    /// Takes the next bytes, split anywhere. Fails with `invalid_input` on what is no frame (a container with
    /// a terminal sends none), `internal` with the engine's text on an error frame, or what the handler
    /// failed with; the reader must not be used after that.
    Result<void> feed(std::string_view bytes);

    /// Call at the end of the stream: `unreachable` if it broke off within a frame.
    [[nodiscard]] Result<void> finish() const;

private:
    static constexpr unsigned char kErrorStream = 3;

    Result<void> begin_frame();
    Result<void> take_payload(std::string_view payload);

    OutputHandler handler_;
    std::array<unsigned char, 8> head_{};
    std::size_t head_size_ = 0;
    std::uint32_t remaining_ = 0;
    std::string error_text_;
};

} // namespace slipway::docker
