#pragma once

#include "common/secret.h"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::launcher {

/// Who calls AWS.
struct AwsKeys {
    std::string id;
    Secret secret;
    Secret session_token; ///< Empty: the keys are permanent.
};

/// A request with an empty query.
struct AwsRequest {
    std::string_view method;
    std::string_view host;
    std::string_view path;
    std::vector<std::pair<std::string, std::string>> headers; ///< Names in lower case, without host and date.
    std::string_view body;
    std::string_view region;
    std::string_view service;
};

/// The headers that make it a signed one: X-Amz-Date, X-Amz-Security-Token if there is one, Authorization.
/// Signature Version 4 (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
/// libcurl's own was rejected: until its version 8 it signs the body only where it owns it.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> sign_aws_request(
    const AwsRequest& request, const AwsKeys& keys, std::chrono::system_clock::time_point now);

} // namespace slipway::launcher
