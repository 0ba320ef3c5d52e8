#include "launcher/registry/aws_signature.h"

#include "common/base64.h"
#include "crypto/digest.h"

#include <algorithm>
#include <ctime>

namespace slipway::launcher {

namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

std::string format_time(std::chrono::system_clock::time_point now)
{
    const auto seconds = std::chrono::system_clock::to_time_t(now);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::string text(32, '\0');
    text.resize(std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &parts));
    return text;
}

crypto::Digest signing_key(std::string_view secret, std::string_view day, const AwsRequest& request)
{
    std::string first = "AWS4" + std::string{secret};
    auto key = crypto::hmac_sha256(first, day);
    wipe(first);
    for (const auto part : {request.region, request.service, std::string_view{"aws4_request"}})
        key = crypto::hmac_sha256(key.view(), part);
    return key;
}

} // namespace

std::vector<std::pair<std::string, std::string>> sign_aws_request(
    const AwsRequest& request, const AwsKeys& keys, std::chrono::system_clock::time_point now)
{
    const std::string time = format_time(now);
    const std::string day = time.substr(0, 8);
    std::vector<std::pair<std::string, std::string>> added{{"X-Amz-Date", time}};
    auto headers = request.headers;
    headers.emplace_back("host", request.host);
    headers.emplace_back("x-amz-date", time);
    if (!keys.session_token.empty()) {
        headers.emplace_back("x-amz-security-token", keys.session_token.reveal());
        added.emplace_back("X-Amz-Security-Token", keys.session_token.reveal());
    }
    std::ranges::sort(headers);
    std::string lines;
    std::string names;
    for (auto& [name, value] : headers) {
        lines += name + ":" + value + "\n";
        names += (names.empty() ? "" : ";") + name;
        wipe(value);
    }
    std::string canonical = std::string{request.method} + "\n" + std::string{request.path} + "\n\n" + lines
        + "\n" + names + "\n" + crypto::sha256(request.body).hex();
    wipe(lines);
    const std::string scope
        = day + "/" + std::string{request.region} + "/" + std::string{request.service} + "/aws4_request";
    const std::string to_sign
        = std::string{kAlgorithm} + "\n" + time + "\n" + scope + "\n" + crypto::sha256(canonical).hex();
    wipe(canonical);
    const auto key = signing_key(keys.secret.reveal(), day, request);
    added.emplace_back("Authorization",
        std::string{kAlgorithm} + " Credential=" + keys.id + "/" + scope + ", SignedHeaders=" + names
            + ", Signature=" + crypto::hmac_sha256(key.view(), to_sign).hex());
    return added;
}

} // namespace slipway::launcher
