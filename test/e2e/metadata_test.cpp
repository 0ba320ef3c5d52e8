#include "test/support/raw_http_server.h"
#include "test/support/world.h"

#include <catch2/catch.hpp>
#include <signal.h>

#include <atomic>

using namespace slipway::test;

namespace {

/// The metadata service of an instance with a role; `hangs`: takes connections and says nothing.
struct Instance {
    std::atomic<bool> hangs = false;
    RawHttpServer server{[this](RawHttpServer::Connection& peer) {
        if (hangs)
            return peer.wait_for_close();
        while (const auto request = peer.read_request())
            peer.send(request->starts_with("PUT /latest/api/token ") ? http_response(200, "a-token")
                    : request->starts_with("GET /latest/meta-data/iam/security-credentials/ ")
                    ? http_response(200, "role-of-the-workers\n")
                    : http_response(404, ""));
    }};

    [[nodiscard]] std::vector<std::pair<std::string, std::string>> environment(
        const char* name = "", const char* value = "") const
    {
        std::vector<std::pair<std::string, std::string>> env{
            {"AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url()}};
        if (*name != '\0')
            env.emplace_back(name, value);
        return env;
    }
};

void end(World& world)
{
    world.launcher().signal(SIGTERM);
    const auto ended = world.launcher().wait(std::chrono::seconds{30});
    REQUIRE(ended);
    CHECK(*ended == 0);
}

} // namespace

TEST_CASE("a launcher whose jobs can become what the machine is warns at its start, and does not wait for it")
{
    World world;
    Instance instance;
    instance.hangs = true;
    world.start_launcher(instance.environment()); // until it is ready
    CHECK(World::becomes_true([&] { return instance.server.connections() == 1; }));
    end(world); // nor does its end

    instance.hangs = false;
    for (const auto& [name, value] : {std::pair{"SLIPWAY_JOB_METADATA", "deny"},
             std::pair{"SPACELIFT_WORKER_NETWORK", "none"}, std::pair{"AWS_EC2_METADATA_DISABLED", "true"}}) {
        world.start_launcher(instance.environment(name, value));
        end(world);
    }
    CHECK(instance.server.connections() == 1); // those did not ask

    world.start_launcher(instance.environment());
    world.wait_launcher_says("jobs can act as the role of this machine");
    world.wait_launcher_says("role-of-the-workers");
    world.wait_launcher_says("SLIPWAY_JOB_METADATA=deny");
}
