#pragma once

#include "docker-client/docker.h"

#include <string>
#include <vector>

namespace slipway::test {

/// Makes small images for tests in the real engine, 2 MB of busybox each, under names that no other process
/// uses, and removes them when destroyed. Needs /bin/busybox linked statically (Debian: busybox-static).
/// Throws std::runtime_error when an image cannot be made.
class ImageMaker {
public:
    explicit ImageMaker(const docker::Engine& engine);
    ImageMaker(const ImageMaker&) = delete;
    ImageMaker& operator=(const ImageMaker&) = delete;
    ~ImageMaker();

    /// An image with every busybox program in /bin, PATH=/bin and what `changes` say. Returns its name with
    /// tag.
    std::string busybox(const std::vector<std::string>& changes = {});

private:
    docker::Docker docker_;
    std::vector<std::string> names_;
};

} // namespace slipway::test
