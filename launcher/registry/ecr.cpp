#include "launcher/registry/ecr.h"

#include "common/base64.h"
#include "common/http/http_client.h"
#include "common/http/url.h"
#include "common/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>

namespace slipway::launcher {

namespace {

constexpr std::chrono::minutes kEarly{5};
constexpr std::chrono::seconds kDeadline{10};
constexpr std::size_t kMaxAnswer = 64 * 1024;
constexpr std::string_view kBody = "{}";

struct Place {
    std::string_view middle;
    std::string_view end;
};

constexpr std::array kPlaces{Place{".dkr.ecr.", ".amazonaws.com"}, Place{".dkr.ecr.", ".amazonaws.com.cn"},
    Place{".dkr.ecr-fips.", ".amazonaws.com"}, Place{".dkr-ecr.", ".on.aws"}};

bool is_region(std::string_view text)
{
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

std::string endpoint_of(std::string_view region)
{
    return "https://api.ecr." + std::string{region} + ".amazonaws.com"
        + (region.starts_with("cn-") ? ".cn" : "");
}

/// Seconds since 1970, with a fraction.
Result<std::chrono::system_clock::time_point> read_time(const JsonValue& json)
{
    constexpr double kMost = 9e9; // the clock counts nanoseconds in 64 bits, until 2262
    const std::string text = json.dump();
    double seconds = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (failure != std::errc{} || end != text.data() + text.size() || !(seconds >= 0 && seconds < kMost))
        return Error{Errc::invalid_input, json.path() + ": expected a time"};
    return std::chrono::system_clock::time_point{std::chrono::seconds{static_cast<std::int64_t>(seconds)}};
}

Result<StoredLogin> read_token(const JsonValue& json)
{
    auto encoded = SLIPWAY_TRY(json.string("authorizationToken"));
    auto decoded = base64_decode(encoded);
    wipe(encoded);
    const auto colon = decoded ? decoded->find(':') : std::string::npos;
    if (colon == std::string::npos)
        return Error{
            Errc::invalid_input, json.path() + ".authorizationToken: expected the base64 of name:password"};
    StoredLogin login{.username = decoded->substr(0, colon),
        .password = Secret{std::string_view{*decoded}.substr(colon + 1)},
        .identity_token = {},
        .registry_token = {}};
    wipe(*decoded);
    return login;
}

} // namespace

std::string ecr_region(std::string_view registry)
{
    for (const auto& place : kPlaces) {
        const auto account = registry.substr(0, registry.find('.'));
        auto rest = registry.substr(account.size());
        if (account.size() != 12 || account.find_first_not_of("0123456789") != std::string_view::npos
            || !rest.starts_with(place.middle) || !rest.ends_with(place.end)
            || rest.size() < place.middle.size() + place.end.size())
            continue;
        rest.remove_prefix(place.middle.size());
        rest.remove_suffix(place.end.size());
        if (is_region(rest))
            return std::string{rest};
    }
    return {};
}

Result<EcrToken> parse_ecr_answer(std::string_view json)
{
    const auto document = SLIPWAY_TRY(JsonDocument::parse(json, {.max_bytes = kMaxAnswer, .max_depth = 8}));
    const auto list = SLIPWAY_TRY(document.root().at("authorizationData"));
    const auto data = SLIPWAY_TRY(list.elements());
    if (data.empty())
        return Error{Errc::invalid_input, "$.authorizationData: it is empty"};
    const auto expires = SLIPWAY_TRY(data.front().at("expiresAt"));
    const auto time = SLIPWAY_TRY(read_time(expires));
    auto login = SLIPWAY_TRY(read_token(data.front()));
    return EcrToken{.login = std::move(login), .expires = time};
}

Result<EcrToken> EcrLogins::fetch(const std::string& region, std::stop_token stop) const
{
    const auto keys = SLIPWAY_TRY(find_aws_keys(settings_, stop));
    const std::string base = settings_.ecr_endpoint.empty() ? endpoint_of(region) : settings_.ecr_endpoint;
    const auto url = SLIPWAY_TRY(in("AWS_ENDPOINT_URL_ECR", http::parse_url(base)));
    auto client
        = SLIPWAY_TRY(http::HttpClient::create({.base_url = url.origin(), .tls = http::TlsOptions{}}));
    const std::string origin = url.origin();
    const std::string host = origin.substr(origin.find("://") + 3);
    http::ClientRequest request;
    request.method = "POST";
    request.url = "/";
    request.timeout = kDeadline;
    request.max_response_bytes = kMaxAnswer;
    request.body = std::string{kBody};
    request.headers = {{"content-type", "application/x-amz-json-1.1"},
        {"x-amz-target", "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"}};
    auto signature = sign_aws_request({.method = "POST",
                                          .host = host,
                                          .path = "/",
                                          .headers = request.headers,
                                          .body = kBody,
                                          .region = region,
                                          .service = "ecr"},
        keys, clock_.wall());
    std::ranges::move(signature, std::back_inserter(request.headers));
    auto response = client.send(request, std::move(stop));
    for (auto& [name, value] : request.headers)
        wipe(value);
    if (!response)
        return std::move(response).error().in(origin);
    if (!response->ok()) // AWS says why in words that hold no secret
        return Error{Errc::internal,
            origin + " answers " + std::to_string(response->status) + ": " + response->body.substr(0, 512)};
    auto token = parse_ecr_answer(response->body);
    wipe(response->body);
    return in(origin, std::move(token));
}

Result<StoredLogin> EcrLogins::login(const std::string& region, std::stop_token stop)
{
    const std::lock_guard lock{mutex_}; // held while one asks: the others wait for the same token
    const auto kept = tokens_.find(region);
    if (kept != tokens_.end() && clock_.wall() + kEarly < kept->second.expires)
        return kept->second.login;
    auto token = fetch(region, stop);
    if (!token && !stop.stop_requested())
        return Error{Errc::internal, "asking ECR for a login: " + token.error().message()};
    tokens_[region] = SLIPWAY_TRY(std::move(token));
    return tokens_[region].login;
}

void EcrLogins::forget(const std::string& region)
{
    const std::lock_guard lock{mutex_};
    tokens_.erase(region);
}

} // namespace slipway::launcher
