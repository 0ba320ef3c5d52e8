#include "docker-client/engine.h"

#include "common/http/http_client.h"
#include "docker-client/deadlines.h"
#include "docker-client/parse.h"

#include <algorithm>
#include <charconv>

namespace slipway::docker {

Result<Endpoint> Endpoint::parse(std::string_view docker_host)
{
    constexpr std::string_view scheme = "unix://";
    if (docker_host.empty())
        return Endpoint{std::string{kDefaultSocket}};
    if (!docker_host.starts_with(scheme))
        return Error{Errc::invalid_input,
            "DOCKER_HOST: only a Unix socket is supported (unix:///path), not \"" + std::string{docker_host}
                + '"'};
    const std::string_view path = docker_host.substr(scheme.size());
    if (!path.starts_with('/') || path.find('\0') != std::string_view::npos)
        return Error{
            Errc::invalid_input, "DOCKER_HOST: the path of the socket must be absolute (unix:///path)"};
    return Endpoint{std::string{path}};
}

Result<ApiVersion> ApiVersion::parse(std::string_view text)
{
    ApiVersion version;
    const char* const end = text.data() + text.size();
    const auto major = std::from_chars(text.data(), end, version.major);
    if (major.ec == std::errc{} && major.ptr != end && *major.ptr == '.') {
        const auto minor = std::from_chars(major.ptr + 1, end, version.minor);
        if (minor.ec == std::errc{} && minor.ptr == end && version.major >= 0 && version.minor >= 0)
            return version;
    }
    return Error{Errc::invalid_input, "\"" + std::string{text.substr(0, 32)} + "\" is not an API version"};
}

Result<Engine> connect(const Endpoint& endpoint, std::stop_token stop)
{
    http::ClientOptions options;
    options.base_url = "http://localhost";
    options.unix_socket = endpoint.socket_path();
    options.connect_timeout = deadlines::kPing;
    http::HttpClient client = SLIPWAY_TRY(http::HttpClient::create(std::move(options)));

    http::ClientRequest request;
    request.url = "/_ping";
    request.timeout = deadlines::kPing;
    const auto response = SLIPWAY_TRY(in("docker", client.send(request, stop)));
    const auto text = response.header("Api-Version");
    if (!response.ok()) {
        const std::string words = parse_message(response.body);
        return Error{response.status >= 500 ? Errc::unreachable : Errc::invalid_input,
            "docker: " + endpoint.text() + " answers " + std::to_string(response.status)
                + (words.empty() ? "" : ": " + words)};
    }
    if (!text)
        return Error{Errc::invalid_input,
            "docker: " + endpoint.text() + " answers without an API version: not a Docker engine"};
    const ApiVersion theirs = SLIPWAY_TRY(in("docker: " + endpoint.text(), ApiVersion::parse(*text)));
    if (theirs < kOldestApi)
        return Error{Errc::invalid_input,
            "docker: the engine at " + endpoint.text() + " is too old: it speaks API " + theirs.text()
                + ", the oldest supported is " + kOldestApi.text() + " (Docker 20.10)"};
    return Engine{endpoint, std::min(theirs, kNewestApi)};
}

} // namespace slipway::docker
