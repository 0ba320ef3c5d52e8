#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slipway::test {

/// What a token of a Vela server says.
struct VelaClaims {
    std::string kind; ///< "WorkerRegister", "WorkerAuth", "WorkerBuild", "IDRequest"; "ServerWorker": the
                      ///< shared secret.
    std::string subject;
    std::int64_t build_id = 0;
    std::string repo; ///< "org/name"
    std::int64_t expires = 0; ///< Seconds of the Unix epoch.
};

/// Mints and verifies tokens (JWT, HS256) by one key. Thread-safe.
class VelaTokens {
public:
    explicit VelaTokens(std::string key)
        : key_{std::move(key)}
    {
    }

    [[nodiscard]] std::string mint(VelaClaims claims, std::chrono::seconds lifetime) const;
    /// Nothing: not signed by this key, or over.
    [[nodiscard]] std::optional<VelaClaims> verify(std::string_view token) const;

private:
    [[nodiscard]] std::string sign(std::string_view text) const;

    std::string key_;
};

} // namespace slipway::test
