#pragma once

#include "common/result.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// What is said over the socket `control` in a launcher's state directory: one line of JSON to the launcher,
/// one document of JSON back, and the connection is closed. Only the launcher's own user and root are heard.
///
///   {"do":"status"}                  status.h as JSON, see status_json.h
///   {"do":"drain"}                   takes nothing more until undrain, also after a restart
///   {"do":"drain","exit":true}       takes nothing more and ends with what it holds
///   {"do":"undrain"}
///   {"do":"stop","job":"ULID"}       stops a stage, named by its own id or its run's, or a build of a Vela
///                                    server, named "ORG/REPO/NUMBER"
///
/// The last four are answered with the status that follows; a failure with {"error":"a sentence"}.
namespace slipway::launcher {

/// Of a request, its line end included.
inline constexpr std::size_t kMaxControlRequest = 4096;
/// Of an answer: 256 stages and their names fit many times.
inline constexpr std::size_t kMaxControlAnswer = 1024 * 1024;

struct ControlRequest {
    enum class Do : std::uint8_t { status, drain, leave, undrain, stop };
    Do what = Do::status;
    std::string job; ///< Of `stop`.

    bool operator==(const ControlRequest&) const = default;
};

/// Fails with `invalid_input` on what is no request of this version: an unknown word or member, too, since a
/// newer client that means more must not be half obeyed.
[[nodiscard]] Result<ControlRequest> read_control_request(std::string_view line);

/// One line, its end included.
[[nodiscard]] std::string to_json(const ControlRequest& request);

} // namespace slipway::launcher
