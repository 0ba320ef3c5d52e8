#include "launcher/vela/container_spec.h"

namespace slipway::vela {

namespace {

constexpr std::string_view kVolumeMount = "/vela";

/// The image of the kaniko plugin breaks when certificates are mounted into it.
bool leaves_out(const std::string& image, const HostVolume& volume)
{
    constexpr const char* certificates = "/etc/ssl/certs";
    return image.find("kaniko") != std::string::npos && image.find("vela") != std::string::npos
        && (volume.source.find(certificates) != std::string::npos
            || volume.target.find(certificates) != std::string::npos);
}

} // namespace

/// The working directory is made by slot-init at the run: where it is, is not known of a container that
/// stands ready.
slot::SlotSpec container_spec(
    const ContainerWish& wish, const BuildHostSettings& settings, docker::StringPairs labels)
{
    const Container& container = wish.container;
    slot::SlotSpec spec{.name = container.id, .image = wish.image_id};
    spec.labels = std::move(labels);
    spec.network = wish.place;
    if (!container.name.empty())
        spec.network_aliases = {container.name};
    spec.privileged = wish.privileged;
    spec.mounts.push_back({.kind = docker::MountKind::volume,
        .source = wish.place,
        .target = std::string{kVolumeMount},
        .read_only = false});
    for (const auto& volume : settings.volumes)
        if (!leaves_out(container.image, volume))
            spec.mounts.push_back({.kind = docker::MountKind::bind,
                .source = volume.source,
                .target = volume.target,
                .read_only = volume.read_only});
    spec.cap_drop = settings.drop_capabilities;
    spec.pids_limit.reset();
    for (const auto& limit : container.ulimits)
        spec.ulimits.push_back({.name = limit.name, .soft = limit.soft, .hard = limit.hard});
    return spec;
}

} // namespace slipway::vela
