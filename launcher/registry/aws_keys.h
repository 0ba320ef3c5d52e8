#pragma once

#include "common/result.h"
#include "launcher/registry/aws_signature.h"

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace slipway::launcher {

/// What AWS's own tools read from the environment
/// (docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html). Empty: not set.
struct AwsSettings {
    AwsKeys keys; ///< AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
    std::string container_uri; ///< AWS_CONTAINER_CREDENTIALS_FULL_URI, or the address of the relative one.
    Secret container_token; ///< AWS_CONTAINER_AUTHORIZATION_TOKEN
    std::string container_token_file; ///< AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE; read at each use.
    std::string metadata_endpoint = "http://169.254.169.254"; ///< AWS_EC2_METADATA_SERVICE_ENDPOINT
    bool metadata_disabled = false; ///< AWS_EC2_METADATA_DISABLED
    std::string ecr_endpoint; ///< AWS_ENDPOINT_URL_ECR; empty: the region's.
};

/// Looks a variable up; nothing when it is not set.
using FindVariable = std::function<std::optional<std::string_view>(std::string_view name)>;

[[nodiscard]] AwsSettings read_aws_settings(const FindVariable& find);

/// Keys from the environment, else from the container's credential service (ECS, EKS), else from the role of
/// the instance (IMDSv2). Fails with `internal` or `cancelled`; the message says what was tried.
[[nodiscard]] Result<AwsKeys> find_aws_keys(const AwsSettings& settings, std::stop_token stop);

/// The name of the instance's role (IMDSv2), without asking for its keys. Fails with `not_found` (AWS, and
/// the instance has no role), `internal` (something answers, in another way), others: nobody answers.
[[nodiscard]] Result<std::string> find_instance_role(const AwsSettings& settings, std::stop_token stop);

/// The answer of a credential service. Fails with `invalid_input` and repeats no value.
[[nodiscard]] Result<AwsKeys> parse_aws_keys(std::string_view json);

} // namespace slipway::launcher
