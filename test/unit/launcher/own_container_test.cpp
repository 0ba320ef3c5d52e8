#include "launcher/own_container.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::launcher;

namespace {

const std::string kId = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

} // namespace

TEST_CASE("a launcher knows the container that it runs in")
{
    const std::string mounts
        = "612 590 0:52 / / rw,relatime - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/AB\n"
          "620 612 8:1 /var/lib/docker/containers/"
        + kId + "/hostname /etc/hostname rw,relatime - ext4 /dev/sda1 rw\n";
    CHECK(container_id(mounts, "0::/\n") == kId);
    CHECK(container_id("", "12:memory:/docker/" + kId + "\n") == kId);
    CHECK(container_id("", "0::/system.slice/docker-" + kId + ".scope\n") == kId);
    // An engine's host.
    CHECK_FALSE(
        container_id("70 1 0:9 / /var/lib/docker/containers/" + kId + "/mounts/shm rw - tmpfs shm rw\n", ""));
    CHECK_FALSE(container_id("25 1 8:1 / / rw - ext4 /dev/sda1 rw\n", "0::/user.slice\n"));
    CHECK_FALSE(container_id("1 1 0:1 /containers/short/x /x - ext4 - -\n", "0::/docker/zz\n"));
}

TEST_CASE("a directory of the launcher's container is found on the host by the longest mount")
{
    docker::Container container;
    container.mounts = {{.type = "bind", .source = "/run/docker.sock", .destination = "/var/run/docker.sock"},
        {.type = "volume",
            .name = "v",
            .source = "/var/lib/docker/volumes/v/_data",
            .destination = "/var/lib/slipway"},
        {.type = "bind", .source = "/srv/jobs", .destination = "/var/lib/slipway/jobs"}};
    CHECK(path_on_host(container, "/var/lib/slipway") == "/var/lib/docker/volumes/v/_data/");
    CHECK(path_on_host(container, "/var/lib/slipway/slots") == "/var/lib/docker/volumes/v/_data/slots");
    CHECK(path_on_host(container, "/var/lib/slipway/jobs/1") == "/srv/jobs/1");
    CHECK_FALSE(path_on_host(container, "/var/lib/slipway2"));
    CHECK_FALSE(path_on_host(container, "/tmp"));
    container.mounts.push_back({.type = "bind", .source = "/", .destination = "/"});
    CHECK(path_on_host(container, "/tmp/x") == "/tmp/x");
}
