#pragma once

#include "test/integration/mothership_fixture.h"

#include <catch2/catch.hpp>

namespace slipway::test {

inline const std::string kInstance = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
inline const std::string kOtherInstance = "01ARZ3NDEKTSV4RRFFQ69G5FAW";

/// A server with one pool, one stack and a worker that has registered.
struct Scene {
    RunningMothership server;
    PoolCredentials pool = server.create_pool("demo");
    ScriptedWorker worker{server, pool, kInstance};

    Scene()
    {
        server.create_stack("web", "demo");
        REQUIRE(worker.enroll().status == 200);
    }

    std::string state(const std::string& run)
    {
        return server.api("GET", "/api/v1/runs/" + run).text("state");
    }

    /// Takes a new run to the offer of its apply.
    protocol::Assignment reach_apply()
    {
        const auto run = server.start_run("web");
        const auto plan = worker.take_offer();
        begin(plan);
        REQUIRE(worker.put(plan, "workspace", "envelope").status == 200);
        REQUIRE(worker
                    .report(plan,
                        {.event = protocol::StageEvent::finished,
                            .outcome = protocol::Outcome::succeeded,
                            .exit_code = 0,
                            .workspace = "workspace"})
                    .status
            == 200);
        REQUIRE(server.api("POST", "/api/v1/runs/" + run + "/confirm").status == 200);
        return worker.take_offer();
    }

    /// Accepts, starts and begins the phase that the stage is named after.
    void begin(const protocol::Assignment& stage)
    {
        REQUIRE(worker.accept(stage).status == 200);
        REQUIRE(
            worker.report(stage, {.event = protocol::StageEvent::started, .image_id = "sha256:image"}).status
            == 200);
        REQUIRE(worker.report(stage, {.event = protocol::StageEvent::phase, .phase = stage.stage_name}).status
            == 200);
    }
};

} // namespace slipway::test
