#include "docker-client/engine.h"

#include "common/file.h"
#include "common/http/url.h"
#include "docker-client/deadlines.h"
#include "docker-client/parse.h"

#include <algorithm>
#include <charconv>

namespace slipway::docker {

namespace {

constexpr std::size_t kMaxPem = 256 * 1024;

Result<Endpoint> unknown(std::string_view docker_host)
{
    return Error{Errc::invalid_input,
        "DOCKER_HOST: give unix:///path of a socket or tcp://host:port, not \"" + std::string{docker_host}
            + '"'};
}

} // namespace

Result<Endpoint> Endpoint::parse(std::string_view docker_host)
{
    constexpr std::string_view unix_scheme = "unix://";
    constexpr std::string_view tcp_scheme = "tcp://";
    Endpoint endpoint;
    endpoint.text_ = docker_host.empty() ? "unix://" + std::string{kDefaultSocket} : std::string{docker_host};
    const std::string_view text = endpoint.text_;
    if (text.starts_with(unix_scheme)) {
        endpoint.socket_path_ = text.substr(unix_scheme.size());
        if (!endpoint.socket_path_.starts_with('/') || text.find('\0') != std::string_view::npos)
            return Error{
                Errc::invalid_input, "DOCKER_HOST: the path of the socket must be absolute (unix:///path)"};
        return endpoint;
    }
    if (!text.starts_with(tcp_scheme))
        return unknown(text);
    endpoint.authority_ = text.substr(tcp_scheme.size());
    if (endpoint.authority_.ends_with('/'))
        endpoint.authority_.pop_back();
    const auto url = http::parse_url("http://" + endpoint.authority_);
    if (!url || url->path != "/" || !url->query.empty() || endpoint.authority_.ends_with('/'))
        return unknown(text);
    const auto colon = endpoint.authority_.rfind(':');
    endpoint.has_port_ = colon != std::string::npos
        && endpoint.authority_.find(']', colon) == std::string::npos
        && colon + 1 < endpoint.authority_.size();
    return endpoint;
}

Result<Endpoint> Endpoint::with_tls(const std::filesystem::path& directory) const
{
    if (!socket_path_.empty())
        return Error{Errc::invalid_input, "a Unix socket is not spoken to over TLS"};
    http::TlsOptions tls;
    tls.ca_pem = SLIPWAY_TRY(read_file(directory / "ca.pem", kMaxPem));
    if (tls.ca_pem.empty())
        return Error{Errc::invalid_input, (directory / "ca.pem").string() + " is empty"};
    const auto certificate = SLIPWAY_TRY(read_file_if_exists(directory / "cert.pem", kMaxPem));
    auto key = SLIPWAY_TRY(read_file_if_exists(directory / "key.pem", kMaxPem));
    if (certificate.has_value() != key.has_value())
        return Error{Errc::invalid_input,
            (directory / (certificate ? "key.pem" : "cert.pem")).string() + " does not exist, and "
                + (certificate ? "cert.pem" : "key.pem") + " means nothing without it"};
    if (certificate) {
        tls.client_certificate_pem = *certificate;
        tls.client_key = Secret::take(*key);
    }
    Endpoint endpoint = *this;
    endpoint.tls_ = std::make_shared<const http::TlsOptions>(std::move(tls));
    return endpoint;
}

http::ClientOptions Endpoint::client_options() const
{
    http::ClientOptions options;
    options.direct = true;
    if (!socket_path_.empty()) {
        options.base_url = "http://localhost";
        options.unix_socket = socket_path_;
        return options;
    }
    if (tls_)
        options.tls = *tls_;
    options.base_url = (tls_ ? "https://" : "http://") + authority_;
    if (!has_port_)
        options.base_url += tls_ ? ":2376" : ":2375";
    return options;
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
    http::ClientOptions options = endpoint.client_options();
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
    return Engine{
        endpoint, std::min(theirs, kNewestApi), std::string{response.header("Server").value_or("")}};
}

} // namespace slipway::docker
