#include "launcher/registry/aws_keys.h"

#include "common/file.h"
#include "common/http/http_client.h"
#include "common/http/url.h"
#include "common/json.h"

namespace slipway::launcher {

namespace {

/// Both services are on this machine or next to it.
constexpr std::chrono::seconds kConnect{1};
constexpr std::chrono::seconds kAnswer{5};
constexpr std::size_t kMaxAnswer = 64 * 1024;
constexpr std::string_view kRolePath = "/latest/meta-data/iam/security-credentials/";
constexpr std::string_view kContainerHost = "http://169.254.170.2";

using Headers = std::vector<std::pair<std::string, std::string>>;

Result<std::string> ask(
    std::string method, const std::string& url, Headers headers, const std::stop_token& stop)
{
    const auto parts = SLIPWAY_TRY(http::parse_url(url));
    auto client = SLIPWAY_TRY(http::HttpClient::create({.base_url = parts.origin(),
        .tls = http::TlsOptions{},
        .direct = true,
        .connect_timeout = kConnect}));
    http::ClientRequest request;
    request.method = std::move(method);
    request.url = url;
    request.headers = std::move(headers);
    request.timeout = kAnswer;
    request.max_response_bytes = kMaxAnswer;
    auto response = client.send(request, stop);
    for (auto& [name, value] : request.headers)
        wipe(value);
    if (!response)
        return std::move(response).error();
    if (!response->ok())
        return Error{response->status == 404 ? Errc::not_found : Errc::internal,
            "it answers " + std::to_string(response->status)};
    return std::move(response->body);
}

Result<AwsKeys> keys_of(Result<std::string> answer)
{
    std::string text = SLIPWAY_TRY(std::move(answer));
    auto keys = parse_aws_keys(text);
    wipe(text);
    return keys;
}

Result<AwsKeys> container_keys(const AwsSettings& settings, const std::stop_token& stop)
{
    std::string token{settings.container_token.reveal()};
    if (!settings.container_token_file.empty())
        token = SLIPWAY_TRY(read_file(settings.container_token_file, kMaxAnswer));
    while (token.ends_with('\n') || token.ends_with('\r'))
        token.pop_back();
    Headers headers;
    if (!token.empty())
        headers.emplace_back("Authorization", std::move(token));
    return keys_of(ask("GET", settings.container_uri, std::move(headers), stop));
}

struct RoleAccess {
    std::string base;
    Headers headers; ///< Of each further call.
    std::string role;
};

/// docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html: version 2, with a token.
Result<RoleAccess> reach_role(const AwsSettings& settings, const std::stop_token& stop)
{
    RoleAccess access{.base = settings.metadata_endpoint, .headers = {}, .role = {}};
    while (access.base.ends_with('/'))
        access.base.pop_back();
    auto token = ask(
        "PUT", access.base + "/latest/api/token", {{"X-aws-ec2-metadata-token-ttl-seconds", "60"}}, stop);
    if (!token && token.error().code() == Errc::not_found)
        return Error{Errc::internal, "it gives no tokens: not a service of AWS"};
    access.headers = {{"X-aws-ec2-metadata-token", SLIPWAY_TRY(std::move(token))}};
    const auto roles = SLIPWAY_TRY(in("asking for the instance's role",
        ask("GET", access.base + std::string{kRolePath}, access.headers, stop)));
    access.role = roles.substr(0, roles.find('\n'));
    if (access.role.empty())
        return Error{Errc::not_found, "the instance has no role"};
    return access;
}

Result<AwsKeys> role_keys(const AwsSettings& settings, const std::stop_token& stop)
{
    const auto access = SLIPWAY_TRY(reach_role(settings, stop));
    return keys_of(ask("GET", access.base + std::string{kRolePath} + http::percent_encode(access.role),
        access.headers, stop));
}

} // namespace

AwsSettings read_aws_settings(const FindVariable& find)
{
    const auto text = [&find](std::string_view name) { return std::string{find(name).value_or("")}; };
    AwsSettings settings;
    settings.keys = {.id = text("AWS_ACCESS_KEY_ID"),
        .secret = Secret{find("AWS_SECRET_ACCESS_KEY").value_or("")},
        .session_token = Secret{find("AWS_SESSION_TOKEN").value_or("")}};
    settings.container_uri = text("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (const auto relative = find("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"))
        settings.container_uri = std::string{kContainerHost} + std::string{*relative};
    settings.container_token = Secret{find("AWS_CONTAINER_AUTHORIZATION_TOKEN").value_or("")};
    settings.container_token_file = text("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    if (const auto endpoint = find("AWS_EC2_METADATA_SERVICE_ENDPOINT"))
        settings.metadata_endpoint = *endpoint;
    settings.metadata_disabled = find("AWS_EC2_METADATA_DISABLED") == "true";
    settings.ecr_endpoint = text("AWS_ENDPOINT_URL_ECR");
    return settings;
}

Result<AwsKeys> parse_aws_keys(std::string_view json)
{
    const auto document = SLIPWAY_TRY(JsonDocument::parse(json, {.max_bytes = kMaxAnswer, .max_depth = 8}));
    auto secret = SLIPWAY_TRY(document.root().string("SecretAccessKey"));
    auto kept = Secret::take(secret);
    auto token = SLIPWAY_TRY(document.root().string_or("Token", ""));
    auto session = Secret::take(token);
    auto id = SLIPWAY_TRY(document.root().string("AccessKeyId"));
    AwsKeys keys{.id = std::move(id), .secret = std::move(kept), .session_token = std::move(session)};
    if (keys.id.empty() || keys.secret.empty())
        return Error{Errc::invalid_input, "it gives no keys"};
    return keys;
}

Result<AwsKeys> find_aws_keys(const AwsSettings& settings, std::stop_token stop)
{
    if (!settings.keys.id.empty() && !settings.keys.secret.empty())
        return settings.keys;
    const bool container = !settings.container_uri.empty();
    if (!container && settings.metadata_disabled)
        return Error{Errc::internal,
            "no AWS credentials: AWS_ACCESS_KEY_ID is not set, and AWS_EC2_METADATA_DISABLED forbids to ask "
            "for the instance's role"};
    auto keys = container ? container_keys(settings, stop) : role_keys(settings, stop);
    if (keys || stop.stop_requested())
        return keys;
    return Error{Errc::internal,
        "no AWS credentials: "
            + (container ? "the container's service at " + settings.container_uri
                         : "AWS_ACCESS_KEY_ID is not set, and the instance's role cannot be had from "
                        + settings.metadata_endpoint)
            + ": " + keys.error().message()};
}

Result<std::string> find_instance_role(const AwsSettings& settings, std::stop_token stop)
{
    return SLIPWAY_TRY(reach_role(settings, stop)).role;
}

} // namespace slipway::launcher
