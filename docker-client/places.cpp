#include "common/http/url.h"
#include "common/json.h"
#include "docker-client/calls.h"
#include "docker-client/deadlines.h"
#include "docker-client/docker.h"
#include "docker-client/parse.h"

/// Networks, volumes and files: what containers share with each other and with us.
namespace slipway::docker {

using http::percent_encode;

Result<std::optional<Network>> Docker::find_network(std::string_view name, std::stop_token stop)
{
    SLIPWAY_TRY(check_name(" network", name));
    // The list, not an inspect: that one also takes a prefix of an id for a name.
    const auto response = SLIPWAY_TRY(call(request("GET", "/networks"), stop));
    for (Network& network : SLIPWAY_TRY(in("docker", parse_networks(response.body)))) {
        if (network.name == name || network.id == name)
            return std::optional{std::move(network)};
    }
    return std::optional<Network>{};
}

Result<std::vector<Network>> Docker::list_networks(const StringPairs& labels, std::stop_token stop)
{
    const auto response = SLIPWAY_TRY(
        call(request("GET", "/networks?filters=" + percent_encode(label_filters(labels))), stop));
    return in("docker", parse_networks(response.body));
}

Result<void> Docker::create_network(std::string_view name, const StringPairs& labels, std::stop_token stop)
{
    SLIPWAY_TRY(check_name(" network", name));
    JsonWriter json;
    json.begin_object().field("Name", name).flag("CheckDuplicate", true).string_map("Labels", labels);
    http::ClientRequest post = request("POST", "/networks/create");
    post.headers = {{"Content-Type", "application/json"}};
    post.body = json.end_object().take();
    post.timeout = deadlines::kCreate;
    SLIPWAY_TRY(call(std::move(post), stop));
    return {};
}

Result<void> Docker::remove_network(std::string_view name, std::stop_token stop)
{
    SLIPWAY_TRY(check_name(" network", name));
    auto gone = call(request("DELETE", "/networks/" + percent_encode(name)), stop);
    if (!gone && gone.error().code() != Errc::not_found)
        return gone.error();
    return {};
}

Result<std::string> Docker::describe_network(std::string_view name, std::stop_token stop)
{
    SLIPWAY_TRY(check_name(" network", name));
    return SLIPWAY_TRY(call(request("GET", "/networks/" + percent_encode(name)), std::move(stop))).body;
}

Result<Volume> Docker::create_volume(std::string_view name, const StringPairs& labels, std::stop_token stop)
{
    SLIPWAY_TRY(check_name(" volume", name));
    JsonWriter json;
    json.begin_object().field("Name", name).field("Driver", "local").string_map("Labels", labels);
    http::ClientRequest post = request("POST", "/volumes/create");
    post.headers = {{"Content-Type", "application/json"}};
    post.body = json.end_object().take();
    post.timeout = deadlines::kCreate;
    const auto response = SLIPWAY_TRY(call(std::move(post), std::move(stop)));
    return in("docker", parse_volume(response.body));
}

Result<std::string> Docker::describe_volume(std::string_view name, std::stop_token stop)
{
    SLIPWAY_TRY(check_name(" volume", name));
    return SLIPWAY_TRY(call(request("GET", "/volumes/" + percent_encode(name)), std::move(stop))).body;
}

Result<std::vector<Volume>> Docker::list_volumes(const StringPairs& labels, std::stop_token stop)
{
    const auto response = SLIPWAY_TRY(
        call(request("GET", "/volumes?filters=" + percent_encode(label_filters(labels))), std::move(stop)));
    return in("docker", parse_volumes(response.body));
}

Result<void> Docker::remove_volume(std::string_view name, std::stop_token stop)
{
    SLIPWAY_TRY(check_name(" volume", name));
    http::ClientRequest remove = request("DELETE", "/volumes/" + percent_encode(name) + "?force=true");
    remove.timeout = deadlines::kRemove;
    auto gone = call(std::move(remove), std::move(stop));
    if (!gone && gone.error().code() != Errc::not_found)
        return gone.error();
    return {};
}

Result<void> Docker::get_archive(std::string_view container, std::string_view path, std::uint64_t most,
    std::function<Result<void>(std::string_view)> tar, std::stop_token stop)
{
    SLIPWAY_TRY(check_name(" container", container));
    http::ClientRequest get = request(
        "GET", container_path(container, "/archive?" + http::query_string({{"path", std::string{path}}})));
    get.timeout = deadlines::kImport;
    get.max_response_bytes = most;
    get.on_data = std::move(tar);
    SLIPWAY_TRY(call(std::move(get), std::move(stop)));
    return {};
}

} // namespace slipway::docker
