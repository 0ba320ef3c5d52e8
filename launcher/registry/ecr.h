#pragma once

#include "common/clock.h"
#include "common/result.h"
#include "common/secret.h"
#include "launcher/registry/aws_keys.h"
#include "launcher/registry/docker_config.h"

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace slipway::launcher {

/// The region of an Amazon registry, "123456789012.dkr.ecr.eu-west-1.amazonaws.com"; empty: it is none.
[[nodiscard]] std::string ecr_region(std::string_view registry);

struct EcrToken {
    StoredLogin login;
    std::chrono::system_clock::time_point expires;
};

/// The answer of GetAuthorizationToken (docs.aws.amazon.com/AmazonECR/latest/APIReference). Fails with
/// `invalid_input` and repeats no value.
[[nodiscard]] Result<EcrToken> parse_ecr_answer(std::string_view json);

/// Logins at Amazon's registries by the role of this machine. A token is kept until five minutes before it
/// expires (AWS: after 12 hours). Thread-safe. `clock` outlives it.
class EcrLogins {
public:
    EcrLogins(AwsSettings settings, const Clock& clock)
        : settings_{std::move(settings)}
        , clock_{clock}
    {
    }

    /// Fails with `internal` or `cancelled`.
    [[nodiscard]] Result<StoredLogin> login(const std::string& region, std::stop_token stop);
    /// A registry of the region has refused it.
    void forget(const std::string& region);

private:
    [[nodiscard]] Result<EcrToken> fetch(const std::string& region, std::stop_token stop) const;

    const AwsSettings settings_;
    const Clock& clock_;
    std::mutex mutex_;
    std::map<std::string, EcrToken> tokens_;
};

} // namespace slipway::launcher
