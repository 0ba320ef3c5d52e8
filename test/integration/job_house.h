#pragma once

#include "launcher/config.h"
#include "launcher/docker_host.h"
#include "test/support/image_maker.h"
#include "test/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace slipway::test {

inline const docker::Engine& machine_engine()
{
    static const auto endpoint = docker::Endpoint::parse("");
    static const auto engine
        = endpoint ? docker::connect(*endpoint, {}) : Result<docker::Engine>{endpoint.error()};
    if (!engine)
        throw std::runtime_error{engine.error().message()};
    return *engine;
}

inline docker::Docker open_docker(const docker::Engine& engine)
{
    auto docker = docker::Docker::open(engine);
    if (!docker)
        throw std::runtime_error{docker.error().message()};
    return *std::move(docker);
}

/// The Docker side of a launcher, and one job in it.
struct JobHouse {
    const docker::Engine engine;
    TempDir directory;
    SystemClock clock;
    SystemRandom random;
    LogSink sink{2, LogFormat::logfmt, LogLevel::error, clock};
    ImageMaker maker{engine};
    std::string image_id;
    std::string name; ///< Of the slot's container.
    launcher::ContainerSettings containers{.network = "none"};
    launcher::SlotTransport transport = launcher::SlotTransport::automatic;
    std::unique_ptr<launcher::DockerHost> host;
    std::unique_ptr<launcher::JobSlot> slot;
    int seq = 0;

    explicit JobHouse(docker::Engine used = machine_engine())
        : engine{std::move(used)}
    {
        const auto image = open_docker(engine).inspect_image(maker.busybox(), {});
        REQUIRE(image);
        image_id = image->id;
    }

    ~JobHouse()
    {
        if (slot)
            (void)host->remove(slot->container(), {});
    }

    Result<void> open()
    {
        const Logger logger{sink};
        auto images = std::make_unique<launcher::ImageStore>(
            launcher::ImageStoreSettings{.engine = engine, .state_directory = directory.path() / "state"},
            clock, logger);
        host = SLIPWAY_TRY(launcher::DockerHost::open({.engine = engine,
                                                          .instance_id = "01JOBCONTAINERTEST00000000",
                                                          .state_directory = directory.path() / "state",
                                                          .containers = containers,
                                                          .slot_transport = transport},
            std::move(images), clock, random, logger, {}));
        return {};
    }

    void start(bool applies = false)
    {
        const auto opened = open();
        INFO((opened ? "" : opened.error().message()));
        REQUIRE(opened);
        auto made
            = host->create({.stage_id = "STAGE", .run_id = "RUN", .image_id = image_id, .applies = applies},
                [this](const launcher::SlotFact& fact) {
                    name = fact.container;
                    return Result<void>{};
                },
                {});
        INFO((made ? "" : made.error().message()));
        REQUIRE(made);
        slot = *std::move(made);
    }

    /// What a command in the job prints, and "=code".
    std::string run(const std::string& command)
    {
        const auto sent = slot->run(
            {.seq = ++seq, .argv = {"/bin/sh", "-c", command}, .environment = {}, .directory = "/"});
        INFO((sent ? "" : sent.error().message()));
        REQUIRE(sent);
        std::string output;
        const auto until = clock.now() + std::chrono::seconds{60};
        while (clock.now() < until) {
            auto event = slot->next(std::chrono::seconds{1}, {});
            REQUIRE(event);
            if (const auto* bytes = std::get_if<launcher::SlotOutput>(&*event))
                output += bytes->bytes;
            if (const auto* exited = std::get_if<launcher::SlotExit>(&*event))
                return output + "=" + std::to_string(exited->code);
        }
        return output + "(no end)";
    }
};

} // namespace slipway::test
