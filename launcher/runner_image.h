#pragma once

#include "common/clock.h"
#include "docker-client/docker.h"
#include "launcher/job_host.h"

#include <functional>
#include <stop_token>
#include <string_view>

namespace slipway::launcher {

/// The image of a stage. A name that is not here is fetched, with its progress told to `progress` in lines
/// for people; an image that is here is used, so that one which no registry knows is never asked for. With
/// `request.id`, only the image with that id will do: `conflict` when the name means another one by now and
/// the old one is gone.
[[nodiscard]] Result<docker::Image> find_image(docker::Docker& docker, const ImageRequest& request,
    const std::function<void(std::string_view)>& progress, const Clock& clock, std::stop_token stop);

} // namespace slipway::launcher
