#include "launcher/container_settings.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace slipway;
using namespace slipway::launcher;

namespace {

slot::SlotSpec filled(
    const ContainerSettings& settings, const protocol::StageLimits& limits = {}, bool applies = false)
{
    slot::SlotSpec spec{.name = "slipway-x"};
    fill(spec, settings, limits, applies);
    return spec;
}

std::vector<std::string> targets(const slot::SlotSpec& spec)
{
    std::vector<std::string> names;
    for (const auto& mount : spec.mounts)
        names.push_back(mount.target);
    return names;
}

} // namespace

TEST_CASE("a job's container is hardened when nothing is set")
{
    const auto spec = filled({});
    CHECK(spec.cap_drop == docker::Strings{"NET_RAW", "MKNOD", "AUDIT_WRITE"});
    CHECK(spec.cap_add.empty());
    CHECK(spec.pids_limit == 4096);
    CHECK_FALSE(spec.memory_bytes);
    CHECK_FALSE(spec.nano_cpus);
    CHECK_FALSE(spec.shm_bytes);
    CHECK(spec.mounts.empty());
}

TEST_CASE("an operator tightens and loosens the container of a job")
{
    ContainerSettings settings{.network = "jobs", .runtime = "runsc"};
    settings.job = {.memory_bytes = 1 << 30,
        .nano_cpus = 500,
        .pids = 0,
        .shm_bytes = 7,
        .ulimits = {{.name = "nofile", .soft = 1, .hard = 2}},
        .cap_add = {"SYS_PTRACE"},
        .cap_drop = {},
        .security_opt = {"no-new-privileges"},
        .user = {}};
    const auto spec = filled(settings);
    CHECK(spec.network == "jobs");
    CHECK(spec.runtime == "runsc");
    CHECK(spec.memory_bytes == 1 << 30);
    CHECK(spec.nano_cpus == 500);
    CHECK_FALSE(spec.pids_limit);
    CHECK(spec.shm_bytes == 7);
    REQUIRE(spec.ulimits.size() == 1);
    CHECK(spec.ulimits[0].hard == 2);
    CHECK(spec.cap_add == docker::Strings{"SYS_PTRACE"});
    CHECK(spec.cap_drop.empty());
    CHECK(spec.security_opt == docker::Strings{"no-new-privileges"});
}

TEST_CASE("a run may ask for less than the operator allows, never for more")
{
    ContainerSettings settings;
    settings.job.memory_bytes = 1000;
    settings.job.nano_cpus = 1000;
    const auto less = filled(settings, {.memory_bytes = 10, .nano_cpus = 20, .pids = 30});
    CHECK(less.memory_bytes == 10);
    CHECK(less.nano_cpus == 20);
    CHECK(less.pids_limit == 30);
    const auto more = filled(settings, {.memory_bytes = 10'000, .nano_cpus = 10'000, .pids = 10'000});
    CHECK(more.memory_bytes == 1000);
    CHECK(more.nano_cpus == 1000);
    CHECK(more.pids_limit == 4096);
    settings.job.pids = 0;
    CHECK(filled(settings, {.pids = 10'000}).pids_limit == 10'000);
}

TEST_CASE("mounts are seen by the stages of their class: ro by all but apply, wo by apply")
{
    ContainerSettings settings;
    settings.mounts = {{.host = "/a", .container = "/every"},
        {.host = "/b", .container = "/read", .read_only = true, .stages = StageClass::read},
        {.host = "/c", .container = "/write", .stages = StageClass::write}};
    CHECK(targets(filled(settings, {}, false)) == std::vector<std::string>{"/every", "/read"});
    CHECK(targets(filled(settings, {}, true)) == std::vector<std::string>{"/every", "/write"});
    CHECK(filled(settings).mounts[1].read_only);
    CHECK_FALSE(filled(settings).mounts[0].read_only);
    CHECK(depends_on_stage(settings));
    settings.mounts.resize(1);
    CHECK_FALSE(depends_on_stage(settings));
}

TEST_CASE("a network of its own is named as the container")
{
    CHECK(filled({.network = "per-job"}).network == "slipway-x");
}
