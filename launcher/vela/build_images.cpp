#include "launcher/vela/build_images.h"

#include <algorithm>
#include <optional>

namespace slipway::vela {

namespace {

constexpr std::size_t kMostKnown = 256;

launcher::RegistrySettings registry_of(const BuildHostSettings& settings)
{
    const auto find = [&](std::string_view name) -> std::optional<std::string_view> {
        const auto it = std::ranges::find_if(
            settings.environment, [&](const auto& variable) { return variable.first == name; });
        return it == settings.environment.end() ? std::nullopt : std::optional<std::string_view>{it->second};
    };
    return {.docker_config_dir = settings.docker_config_dir,
        .helper = {.environment = settings.environment},
        .aws = launcher::read_aws_settings(find),
        .variable = "DOCKER_CONFIG"};
}

/// The name as the engine takes it; a digest decides over a tag.
std::string canonical(const launcher::ImageReference& image)
{
    return image.place() + (image.digest.empty() ? ":" + image.tag : "@" + image.digest);
}

} // namespace

BuildImages::BuildImages(const BuildHostSettings& settings, const Clock& clock)
    : engine_{settings.engine}
    , disk_{settings.engine, {}}
    , logins_{registry_of(settings), clock}
    , source_{settings.engine, logins_, disk_, clock, {.whole = settings.pull_timeout},
          "as it is for this worker"}
{
}

Result<BuildImage> BuildImages::find(
    const std::string& reference, Fetch fetch, const launcher::LineSink& progress, std::stop_token stop)
{
    const auto parsed = SLIPWAY_TRY(launcher::parse_image_reference(reference));
    const auto name = canonical(parsed);
    auto docker = SLIPWAY_TRY(docker::Docker::open(engine_));
    if (fetch == Fetch::always)
        SLIPWAY_TRY(source_.pull(name, parsed, progress, stop));
    auto described = docker.describe_image(name, stop);
    if (!described && described.error().code() == Errc::not_found && fetch == Fetch::when_missing) {
        SLIPWAY_TRY(source_.pull(name, parsed, progress, stop));
        described = docker.describe_image(name, stop);
    }
    if (!described)
        return std::move(described).error().in("looking at the image " + name);
    remember(described->image);
    auto& image = described->image;
    return BuildImage{.id = std::move(image.id),
        .entrypoint = std::move(image.entrypoint),
        .cmd = std::move(image.cmd),
        .user = std::move(image.user),
        .working_dir = std::move(image.working_dir),
        .shown = std::move(described->json)};
}

Result<launcher::SlotImage> BuildImages::inside(
    docker::Docker& docker, const std::string& id, std::stop_token stop)
{
    {
        const std::lock_guard lock{mutex_};
        if (const auto it = known_.find(id); it != known_.end())
            return it->second;
    }
    const auto image = SLIPWAY_TRY(docker.inspect_image(id, std::move(stop)));
    remember(image);
    return launcher::SlotImage{.id = id, .environment = image.env, .user = image.user};
}

void BuildImages::remember(const docker::Image& image)
{
    const std::lock_guard lock{mutex_};
    if (known_.size() >= kMostKnown)
        known_.clear();
    known_.insert_or_assign(
        image.id, launcher::SlotImage{.id = image.id, .environment = image.env, .user = image.user});
}

} // namespace slipway::vela
