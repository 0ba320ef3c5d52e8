#include "docker-client/docker.h"

#include "common/base64.h"
#include "common/http/url.h"
#include "common/json.h"
#include "docker-client/calls.h"
#include "docker-client/deadlines.h"
#include "docker-client/parse.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace slipway::docker {

namespace {

using http::percent_encode;

constexpr std::uint64_t kUnlimited = UINT64_MAX;
/// Progress of a pull: a fraction of a kilobyte a line, ten lines a second.
constexpr std::uint64_t kMaxProgress = 256 * 1024 * 1024;

/// Names of images hold slashes, which stay as they are in this part of the API's paths.
std::string name_path(std::string_view image)
{
    std::string path = "/";
    for (;;) {
        const std::size_t slash = image.find('/');
        path += percent_encode(image.substr(0, slash));
        if (slash == std::string_view::npos)
            return path;
        path += '/';
        image.remove_prefix(slash + 1);
    }
}

constexpr std::string_view kNoWords = "no explanation";

bool has_no_words(const Error& error) { return error.message().ends_with(kNoWords); }

std::string image_path(std::string_view image, std::string_view call)
{
    return "/images" + name_path(image) + std::string{call};
}

/// base64url with padding (RFC 4648 section 5), as the engine reads X-Registry-Auth.
std::string registry_auth(const Secret& auth)
{
    std::string text = base64_encode(auth.reveal());
    std::replace(text.begin(), text.end(), '+', '-');
    std::replace(text.begin(), text.end(), '/', '_');
    return text;
}

Error error_of(const http::ClientResponse& response)
{
    const std::string message = parse_message(response.body);
    return {code_of_answer(response.status),
        "docker: " + std::to_string(response.status) + ": "
            + (message.empty() ? std::string{kNoWords} : message)};
}

/// Wipes the value of a request's header that holds a credential.
class WipedHeader {
public:
    explicit WipedHeader(http::ClientRequest& request)
        : request_{request}
    {
    }

    WipedHeader(const WipedHeader&) = delete;
    WipedHeader& operator=(const WipedHeader&) = delete;

    ~WipedHeader()
    {
        for (auto& [name, value] : request_.headers)
            wipe(value);
    }

private:
    http::ClientRequest& request_;
};

} // namespace

Docker::Docker(http::HttpClient client, ApiVersion api)
    : client_{std::move(client)}
    , prefix_{"/v" + api.text()}
{
}

Result<Docker> Docker::open(const Engine& engine)
{
    return Docker{SLIPWAY_TRY(http::HttpClient::create(engine.endpoint.client_options())), engine.api};
}

http::ClientRequest Docker::request(std::string method, std::string_view path) const
{
    http::ClientRequest request;
    request.method = std::move(method);
    request.url = prefix_ + std::string{path};
    request.timeout = deadlines::kQuery;
    return request;
}

Result<http::ClientResponse> Docker::call(http::ClientRequest&& request, std::stop_token stop)
{
    bool answered = false;
    request.on_headers = [&answered, next = std::move(request.on_headers)](
                             const http::ClientResponse& head) -> Result<void> {
        answered = true;
        return next ? next(head) : Result<void>{};
    };
    auto response = client_.send(request, std::move(stop));
    request.on_headers = {};
    if (response && (response->ok() || response->status == 304))
        return response;
    if (response)
        return error_of(*response);
    const Error error = response.error().in("docker");
    // Of a socket, not of a thing that was asked for: while dockerd restarts there is none.
    if (!answered && (error.code() == Errc::not_found || error.code() == Errc::rejected))
        return Error{Errc::unreachable, error.message()};
    return error;
}

Result<EngineInfo> Docker::info(std::stop_token stop)
{
    const auto response = SLIPWAY_TRY(call(request("GET", "/info"), stop));
    return in("docker", parse_info(response.body));
}

Result<Image> Docker::inspect_image(std::string_view image, std::stop_token stop)
{
    return std::move(SLIPWAY_TRY(describe_image(image, std::move(stop))).image);
}

Result<DescribedImage> Docker::describe_image(std::string_view image, std::stop_token stop)
{
    SLIPWAY_TRY(check_name("n image", image));
    auto response = SLIPWAY_TRY(call(request("GET", image_path(image, "/json")), stop));
    auto parsed = SLIPWAY_TRY(in("docker", parse_image(response.body)));
    return DescribedImage{.image = std::move(parsed), .json = std::move(response.body)};
}

Result<std::string> Docker::import_image(const ImportSpec& spec, int tar_fd, std::stop_token stop)
{
    struct stat info { };

    if (::fstat(tar_fd, &info) != 0)
        return Error::from_errno("docker: looking at the file to import", errno);
    StringPairs query{{"fromSrc", "-"}, {"repo", spec.repository}, {"tag", spec.tag}};
    for (const std::string& change : spec.changes)
        query.emplace_back("changes", change);

    std::string id;
    ProgressReader progress{[&id](const PullProgress& line) -> Result<void> {
        if (!line.status.empty())
            id = line.status; // the last one is the image's id
        return {};
    }};
    http::ClientRequest post = request("POST", "/images/create?" + http::query_string(query));
    post.headers.emplace_back("Content-Type", "application/x-tar");
    post.body = http::ClientRequest::File{tar_fd, 0, static_cast<std::uint64_t>(info.st_size)};
    post.timeout = deadlines::kImport;
    post.max_response_bytes = kMaxProgress;
    post.on_data = [&progress](std::string_view bytes) { return progress.feed(bytes); };
    SLIPWAY_TRY(in("importing " + spec.repository, call(std::move(post), stop)));
    SLIPWAY_TRY(in("docker: importing " + spec.repository, progress.finish()));
    if (!id.starts_with("sha256:"))
        return Error{Errc::internal, "docker: importing " + spec.repository + ": the engine names no image"};
    return id;
}

Result<std::string> Docker::ask_registry(const RegistryQuestion& question, std::stop_token stop)
{
    SLIPWAY_TRY(check_name("n image", question.image));
    http::ClientRequest get = request("GET", "/distribution" + name_path(question.image) + "/json");
    const WipedHeader wiped{get};
    if (!question.auth.empty())
        get.headers.emplace_back("X-Registry-Auth", registry_auth(question.auth));
    get.timeout = question.timeout;
    auto response = call(std::move(get), std::move(stop));
    // A registry's refusal has words. Podman has no such call at all, and says nothing.
    if (!response && response.error().code() == Errc::not_found && has_no_words(response.error()))
        return Error{Errc::unreachable, "docker: this engine cannot ask a registry"};
    return in("docker", parse_distribution(SLIPWAY_TRY(std::move(response)).body));
}

Result<void> Docker::pull_image(const PullSpec& spec,
    const std::function<Result<void>(const PullProgress&)>& on_progress, std::stop_token stop)
{
    SLIPWAY_TRY(check_name("n image", spec.image));
    const ImageName image = split_image(spec.image);
    ProgressReader progress{on_progress};
    http::ClientRequest post = request(
        "POST", "/images/create?" + http::query_string({{"fromImage", image.name}, {"tag", image.tag}}));
    const WipedHeader wiped{post};
    if (!spec.auth.empty())
        post.headers.emplace_back("X-Registry-Auth", registry_auth(spec.auth));
    post.timeout = spec.timeout.count() > 0 ? spec.timeout : deadlines::kPull;
    post.stall_timeout = spec.stall_timeout.count() > 0 ? spec.stall_timeout : deadlines::kPullStall;
    post.max_response_bytes = kMaxProgress;
    post.on_data = [&progress](std::string_view bytes) { return progress.feed(bytes); };
    SLIPWAY_TRY(in("pulling " + spec.image, call(std::move(post), stop)));
    return in("docker: pulling " + spec.image, progress.finish());
}

Result<void> Docker::remove_image(std::string_view image, std::stop_token stop)
{
    SLIPWAY_TRY(check_name("n image", image));
    http::ClientRequest remove = request("DELETE", image_path(image, ""));
    remove.timeout = deadlines::kRemove;
    SLIPWAY_TRY(call(std::move(remove), stop));
    return {};
}

Result<CreatedContainer> Docker::create_container(const ContainerSpec& spec, std::stop_token stop)
{
    std::string path = "/containers/create";
    if (!spec.name.empty())
        path += '?' + http::query_string({{"name", spec.name}});
    http::ClientRequest post = request("POST", path);
    post.headers.emplace_back("Content-Type", "application/json");
    post.body = create_body(spec);
    post.timeout = deadlines::kCreate;
    const auto response = SLIPWAY_TRY(call(std::move(post), stop));
    return in("docker", parse_created(response.body));
}

Result<Started> Docker::start_container(std::string_view container, std::stop_token stop)
{
    SLIPWAY_TRY(check_name(" container", container));
    http::ClientRequest post = request("POST", container_path(container, "/start"));
    post.timeout = deadlines::kStart;
    const auto response = SLIPWAY_TRY(call(std::move(post), stop));
    return response.status == 304 ? Started::already : Started::now;
}

Result<std::int64_t> Docker::wait_container(
    std::string_view container, const WaitSpec& spec, std::stop_token stop)
{
    SLIPWAY_TRY(check_name(" container", container));
    std::string_view condition;
    switch (spec.condition) {
    case WaitCondition::not_running:
        condition = "not-running";
        break;
    case WaitCondition::next_exit:
        condition = "next-exit";
        break;
    }
    http::ClientRequest post
        = request("POST", container_path(container, "/wait?condition=" + std::string{condition}));
    post.timeout = spec.timeout;
    if (spec.on_armed) {
        post.on_headers = [&spec](const http::ClientResponse& head) -> Result<void> {
            return head.ok() ? spec.on_armed() : Result<void>{};
        };
    }
    const auto response = SLIPWAY_TRY(call(std::move(post), stop));
    return in("docker", parse_wait(response.body));
}

Result<void> Docker::kill_container(std::string_view container, std::string_view signal, std::stop_token stop)
{
    SLIPWAY_TRY(check_name(" container", container));
    http::ClientRequest post
        = request("POST", container_path(container, "/kill?signal=" + percent_encode(signal)));
    post.timeout = deadlines::kKill;
    SLIPWAY_TRY(call(std::move(post), stop));
    return {};
}

Result<Container> Docker::inspect_container(std::string_view container, std::stop_token stop)
{
    SLIPWAY_TRY(check_name(" container", container));
    const auto response = SLIPWAY_TRY(call(request("GET", container_path(container, "/json")), stop));
    return in("docker", parse_container(response.body));
}

Result<std::vector<ContainerSummary>> Docker::list_containers(const StringPairs& labels, std::stop_token stop)
{
    const std::string query = http::query_string({{"all", "true"}, {"filters", label_filters(labels)}});
    http::ClientRequest get = request("GET", "/containers/json?" + query);
    const auto response = SLIPWAY_TRY(call(std::move(get), stop));
    return in("docker", parse_containers(response.body));
}

Result<void> Docker::remove_container(std::string_view container, RemoveContainer how, std::stop_token stop)
{
    SLIPWAY_TRY(check_name(" container", container));
    const auto flag = [](bool truth) { return truth ? "true" : "false"; };
    http::ClientRequest remove = request("DELETE",
        container_path(container, std::string{"?force="} + flag(how.force) + "&v=" + flag(how.volumes)));
    remove.timeout = deadlines::kRemove;
    SLIPWAY_TRY(call(std::move(remove), stop));
    return {};
}

Result<void> Docker::attach(std::string_view container, const AttachSpec& spec, std::stop_token stop)
{
    SLIPWAY_TRY(check_name(" container", container));
    StdcopyReader reader{spec.on_output};
    http::ClientRequest post
        = request("POST", container_path(container, "/attach?stream=true&stdout=true&stderr=true"));
    post.timeout = spec.timeout;
    post.max_response_bytes = kUnlimited;
    post.on_headers = [&spec](const http::ClientResponse& head) -> Result<void> {
        return head.ok() && spec.on_attached ? spec.on_attached() : Result<void>{};
    };
    post.on_data = [&reader](std::string_view bytes) { return reader.feed(bytes); };
    SLIPWAY_TRY(call(std::move(post), stop));
    return in("docker: attach", reader.finish());
}

Result<void> Docker::put_archive(
    std::string_view container, std::string_view directory, std::string_view tar, std::stop_token stop)
{
    SLIPWAY_TRY(check_name(" container", container));
    http::ClientRequest put = request("PUT",
        container_path(container, "/archive?" + http::query_string({{"path", std::string{directory}}})));
    put.headers.emplace_back("Content-Type", "application/x-tar");
    put.body = std::string{tar};
    put.timeout = deadlines::kImport;
    SLIPWAY_TRY(call(std::move(put), stop));
    return {};
}

Result<std::optional<std::int64_t>> Docker::file_size(
    std::string_view container, std::string_view path, std::stop_token stop)
{
    SLIPWAY_TRY(check_name(" container", container));
    const auto response = call(
        request("HEAD",
            container_path(container, "/archive?" + http::query_string({{"path", std::string{path}}}))),
        stop);
    if (!response && response.error().code() == Errc::not_found)
        return std::optional<std::int64_t>{};
    SLIPWAY_TRY(response);
    const auto stat = SLIPWAY_TRY(
        in("docker", base64_decode(response->header("X-Docker-Container-Path-Stat").value_or(""))));
    const auto document = SLIPWAY_TRY(in("docker", JsonDocument::parse(stat)));
    return std::optional{SLIPWAY_TRY(in("docker", document.root().integer("size", 0)))};
}

} // namespace slipway::docker
