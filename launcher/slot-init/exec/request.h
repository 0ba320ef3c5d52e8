#pragma once

#include <cstddef>
#include <cstdint>

/// The payloads of `run`, `put` and `get`, read by the children that they make. No memory is allocated
/// anywhere.
namespace slipway::slot {

/// A `run` payload in place: the texts stay where they are, the tables point at them.
struct RunRequest {
    static constexpr std::size_t kMaxTexts = 8192;
    std::uint32_t seq = 0;
    const char* user = nullptr;
    const char* cwd = nullptr;
    char* argv[kMaxTexts + 1];
    char* env[kMaxTexts + 2]; ///< One place for HOME.
    std::size_t env_count = 0;
};

/// False if the payload breaks the layout.
[[nodiscard]] bool parse_run(char* payload, std::size_t size, RunRequest& request);

/// Two texts that fill a payload. False if it breaks the layout.
[[nodiscard]] bool parse_texts(
    const char* payload, std::size_t size, const char*& first, const char*& second);

} // namespace slipway::slot
