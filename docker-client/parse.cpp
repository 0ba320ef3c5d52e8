#include "docker-client/parse.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace slipway::docker {

namespace {

constexpr std::size_t kMaxDigest = 256;
constexpr std::string_view kDigestBytes
    = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:+._-";

Result<JsonDocument> parse(std::string_view what, std::string_view json)
{
    return in("the engine's answer to " + std::string{what}, JsonDocument::parse(json, kAnswerLimits));
}

bool is_yes(JsonValue::Boolean truth) noexcept { return truth == JsonValue::Boolean::yes; }

ContainerStatus status_of(std::string_view word) noexcept
{
    constexpr std::array<std::pair<std::string_view, ContainerStatus>, 7> words{{
        {"created", ContainerStatus::created},
        {"running", ContainerStatus::running},
        {"paused", ContainerStatus::paused},
        {"restarting", ContainerStatus::restarting},
        {"removing", ContainerStatus::removing},
        {"exited", ContainerStatus::exited},
        {"dead", ContainerStatus::dead},
    }};
    const auto* const found
        = std::find_if(words.begin(), words.end(), [&](const auto& w) { return w.first == word; });
    return found == words.end() ? ContainerStatus::unknown : found->second;
}

std::string without_slash(std::string name)
{
    if (name.starts_with('/'))
        name.erase(0, 1);
    return name;
}

/// The names of an object's members; absent reads as empty.
Result<Strings> keys(const JsonValue& object, std::string_view member)
{
    Strings names;
    const auto value = SLIPWAY_TRY(object.find(member));
    if (!value)
        return names;
    for (const auto& [name, ignored] : SLIPWAY_TRY(value->members()))
        names.push_back(name);
    return names;
}

Result<void> parse_image_config(const JsonValue& config, Image& image)
{
    image.env = SLIPWAY_TRY(config.string_list("Env"));
    image.entrypoint = SLIPWAY_TRY(config.string_list("Entrypoint"));
    image.cmd = SLIPWAY_TRY(config.string_list("Cmd"));
    image.user = SLIPWAY_TRY(config.string_or("User", ""));
    image.working_dir = SLIPWAY_TRY(config.string_or("WorkingDir", ""));
    image.volumes = SLIPWAY_TRY(keys(config, "Volumes"));
    image.labels = SLIPWAY_TRY(config.string_map("Labels"));
    const auto healthcheck = SLIPWAY_TRY(config.find("Healthcheck"));
    if (healthcheck) {
        const Strings test = SLIPWAY_TRY(healthcheck->string_list("Test"));
        image.has_healthcheck = !test.empty() && test.front() != "NONE";
    }
    return {};
}

Result<ContainerState> parse_state(const JsonValue& value)
{
    ContainerState state;
    state.status = status_of(SLIPWAY_TRY(value.string("Status")));
    state.running = is_yes(SLIPWAY_TRY(value.boolean_or("Running", false)));
    state.pid = SLIPWAY_TRY(value.integer_or("Pid", 0));
    state.exit_code = SLIPWAY_TRY(value.integer_or("ExitCode", 0));
    state.oom_killed = is_yes(SLIPWAY_TRY(value.boolean_or("OOMKilled", false)));
    state.started_at = parse_time(SLIPWAY_TRY(value.string_or("StartedAt", "")));
    state.finished_at = parse_time(SLIPWAY_TRY(value.string_or("FinishedAt", "")));
    state.error = SLIPWAY_TRY(value.string_or("Error", ""));
    return state;
}

Result<MountPoint> parse_mount(const JsonValue& value)
{
    MountPoint mount;
    mount.type = SLIPWAY_TRY(value.string_or("Type", ""));
    mount.name = SLIPWAY_TRY(value.string_or("Name", ""));
    mount.source = SLIPWAY_TRY(value.string_or("Source", ""));
    mount.destination = SLIPWAY_TRY(value.string("Destination"));
    mount.writable = is_yes(SLIPWAY_TRY(value.boolean_or("RW", false)));
    return mount;
}

Result<StringPairs> parse_addresses(const JsonValue& container)
{
    StringPairs addresses;
    const auto settings = SLIPWAY_TRY(container.find("NetworkSettings"));
    if (!settings)
        return addresses;
    const auto networks = SLIPWAY_TRY(settings->find("Networks"));
    if (!networks)
        return addresses;
    for (const auto& [name, network] : SLIPWAY_TRY(networks->members())) {
        std::string address = SLIPWAY_TRY(network.string_or("IPAddress", ""));
        addresses.emplace_back(name, std::move(address));
    }
    return addresses;
}

Result<ContainerSummary> parse_summary(const JsonValue& value)
{
    ContainerSummary summary;
    summary.id = SLIPWAY_TRY(value.string("Id"));
    summary.names = SLIPWAY_TRY(value.string_list("Names"));
    for (std::string& name : summary.names)
        name = without_slash(std::move(name));
    summary.image = SLIPWAY_TRY(value.string_or("Image", ""));
    summary.image_id = SLIPWAY_TRY(value.string_or("ImageID", ""));
    summary.labels = SLIPWAY_TRY(value.string_map("Labels"));
    summary.status = status_of(SLIPWAY_TRY(value.string("State")));
    // Within what a time point of nanoseconds can hold.
    const auto created = SLIPWAY_TRY(value.integer_or("Created", 0, 0, 9'000'000'000));
    summary.created = TimePoint{std::chrono::seconds{created}};
    return summary;
}

} // namespace

Result<EngineInfo> parse_info(std::string_view json)
{
    const auto document = SLIPWAY_TRY(parse("info", json));
    const JsonValue root = document.root();
    EngineInfo info;
    info.name = SLIPWAY_TRY(root.string_or("Name", ""));
    info.server_version = SLIPWAY_TRY(root.string_or("ServerVersion", ""));
    info.operating_system = SLIPWAY_TRY(root.string_or("OperatingSystem", ""));
    info.architecture = SLIPWAY_TRY(root.string_or("Architecture", ""));
    info.kernel_version = SLIPWAY_TRY(root.string_or("KernelVersion", ""));
    info.runtimes = SLIPWAY_TRY(keys(root, "Runtimes"));
    info.default_runtime = SLIPWAY_TRY(root.string_or("DefaultRuntime", ""));
    info.cgroup_version = SLIPWAY_TRY(root.string_or("CgroupVersion", "1"));
    info.security_options = SLIPWAY_TRY(root.string_list("SecurityOptions"));
    info.docker_root_dir = SLIPWAY_TRY(root.string_or("DockerRootDir", ""));
    info.cpus = SLIPWAY_TRY(root.integer_or("NCPU", 0));
    info.memory_bytes = SLIPWAY_TRY(root.integer_or("MemTotal", 0));
    return info;
}

Result<Image> parse_image(std::string_view json)
{
    const auto document = SLIPWAY_TRY(parse("image inspect", json));
    const JsonValue root = document.root();
    Image image;
    image.id = SLIPWAY_TRY(root.string("Id"));
    image.repo_tags = SLIPWAY_TRY(root.string_list("RepoTags"));
    image.repo_digests = SLIPWAY_TRY(root.string_list("RepoDigests"));
    image.architecture = SLIPWAY_TRY(root.string_or("Architecture", ""));
    image.os = SLIPWAY_TRY(root.string_or("Os", ""));
    image.size_bytes = SLIPWAY_TRY(root.integer_or("Size", 0));
    const auto config = SLIPWAY_TRY(root.find("Config"));
    if (config)
        SLIPWAY_TRY(parse_image_config(*config, image));
    return image;
}

Result<std::string> parse_distribution(std::string_view json)
{
    const auto document = SLIPWAY_TRY(parse("distribution", json));
    const JsonValue descriptor = SLIPWAY_TRY(document.root().at("Descriptor"));
    auto digest = SLIPWAY_TRY(descriptor.string("digest"));
    const auto colon = digest.find(':');
    if (colon == std::string::npos || digest.size() > kMaxDigest
        || digest.find_first_not_of(kDigestBytes) < digest.size())
        return Error{Errc::invalid_input, descriptor.path() + ".digest: expected a digest"};
    return digest;
}

Result<CreatedContainer> parse_created(std::string_view json)
{
    const auto document = SLIPWAY_TRY(parse("create", json));
    CreatedContainer created;
    created.id = SLIPWAY_TRY(document.root().string("Id"));
    created.warnings = SLIPWAY_TRY(document.root().string_list("Warnings"));
    return created;
}

Result<Container> parse_container(std::string_view json)
{
    const auto document = SLIPWAY_TRY(parse("container inspect", json));
    const JsonValue root = document.root();
    Container container;
    container.id = SLIPWAY_TRY(root.string("Id"));
    container.name = without_slash(SLIPWAY_TRY(root.string_or("Name", "")));
    container.image_id = SLIPWAY_TRY(root.string_or("Image", ""));
    const auto state = SLIPWAY_TRY(root.at("State"));
    container.state = SLIPWAY_TRY(parse_state(state));
    const auto config = SLIPWAY_TRY(root.find("Config"));
    if (config)
        container.labels = SLIPWAY_TRY(config->string_map("Labels"));
    const auto mounts = SLIPWAY_TRY(root.find("Mounts"));
    if (mounts) {
        for (const JsonValue& value : SLIPWAY_TRY(mounts->elements()))
            container.mounts.push_back(SLIPWAY_TRY(parse_mount(value)));
    }
    container.networks = SLIPWAY_TRY(parse_addresses(root));
    return container;
}

Result<std::vector<ContainerSummary>> parse_containers(std::string_view json)
{
    const auto document = SLIPWAY_TRY(parse("container list", json));
    std::vector<ContainerSummary> containers;
    for (const JsonValue& value : SLIPWAY_TRY(document.root().elements()))
        containers.push_back(SLIPWAY_TRY(parse_summary(value)));
    return containers;
}

Result<std::vector<Network>> parse_networks(std::string_view json)
{
    const auto document = SLIPWAY_TRY(parse("network list", json));
    std::vector<Network> networks;
    for (const JsonValue& value : SLIPWAY_TRY(document.root().elements())) {
        Network network;
        network.id = SLIPWAY_TRY(value.string("Id"));
        network.name = SLIPWAY_TRY(value.string("Name"));
        network.driver = SLIPWAY_TRY(value.string_or("Driver", ""));
        network.internal = is_yes(SLIPWAY_TRY(value.boolean_or("Internal", false)));
        network.labels = SLIPWAY_TRY(value.string_map("Labels"));
        networks.push_back(std::move(network));
    }
    return networks;
}

namespace {

Result<Volume> read_volume(const JsonValue& value)
{
    Volume volume;
    volume.name = SLIPWAY_TRY(value.string("Name"));
    volume.labels = SLIPWAY_TRY(value.string_map("Labels"));
    return volume;
}

} // namespace

Result<Volume> parse_volume(std::string_view json)
{
    const auto document = SLIPWAY_TRY(parse("volume", json));
    return read_volume(document.root());
}

Result<std::vector<Volume>> parse_volumes(std::string_view json)
{
    const auto document = SLIPWAY_TRY(parse("volume list", json));
    std::vector<Volume> volumes;
    const auto list = SLIPWAY_TRY(document.root().find("Volumes"));
    if (!list)
        return volumes;
    for (const JsonValue& value : SLIPWAY_TRY(list->elements()))
        volumes.push_back(SLIPWAY_TRY(read_volume(value)));
    return volumes;
}

Result<std::int64_t> parse_wait(std::string_view json)
{
    const auto document = SLIPWAY_TRY(parse("wait", json));
    const auto error = SLIPWAY_TRY(document.root().find("Error"));
    if (error) {
        const std::string message = SLIPWAY_TRY(error->string_or("Message", ""));
        if (!message.empty())
            return Error{Errc::internal, message};
    }
    return document.root().integer("StatusCode");
}

std::string parse_message(std::string_view json)
{
    const auto document = JsonDocument::parse(json, kAnswerLimits);
    return document ? document->root().string_or("message", "").value_or(std::string{}) : std::string{};
}

namespace {

/// `count` digits at `at`; -1 when they are not.
int digits(std::string_view text, std::size_t at, std::size_t count) noexcept
{
    int value = 0;
    for (std::size_t i = at; i < at + count; ++i) {
        if (i >= text.size() || text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

/// The offset from UTC at the front of `text`, "Z" or "+02:00".
std::optional<std::chrono::minutes> zone_of(std::string_view text) noexcept
{
    if (text == "Z" || text == "z")
        return std::chrono::minutes{0};
    if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':')
        return {};
    const int hours = digits(text, 1, 2);
    const int minutes = digits(text, 4, 2);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return {};
    const std::chrono::minutes offset{hours * 60 + minutes};
    return text[0] == '-' ? -offset : offset;
}

} // namespace

std::optional<TimePoint> parse_time(std::string_view text)
{
    using namespace std::chrono;
    if (text.size() < 20 || text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't')
        || text[13] != ':' || text[16] != ':')
        return {};
    const int year_number = digits(text, 0, 4);
    const int hour = digits(text, 11, 2);
    const int minute = digits(text, 14, 2);
    const int second = digits(text, 17, 2);
    if (year_number < 1970 || year_number > 2200 || hour < 0 || hour > 23 || minute < 0 || minute > 59
        || second < 0 || second > 60)
        return {};
    const year_month_day date{year{year_number},
        month{static_cast<unsigned>(std::max(0, digits(text, 5, 2)))},
        day{static_cast<unsigned>(std::max(0, digits(text, 8, 2)))}};
    if (!date.ok())
        return {};
    text.remove_prefix(19);
    nanoseconds fraction{0};
    if (text.front() == '.') {
        text.remove_prefix(1);
        nanoseconds unit{100'000'000};
        for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), unit /= 10)
            fraction += unit * (text.front() - '0');
    }
    const auto offset = zone_of(text);
    if (!offset)
        return {};
    return TimePoint{sys_days{date}} + hours{hour} + minutes{minute} + seconds{second} + fraction - *offset;
}

} // namespace slipway::docker
