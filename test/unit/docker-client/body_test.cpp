#include "docker-client/parse.h"

#include <catch2/catch.hpp>

namespace slipway::docker {

TEST_CASE("a spec with an image alone leaves everything else to image and engine", "[docker]")
{
    ContainerSpec spec;
    spec.image = "busybox:1";
    CHECK(create_body(spec)
        == R"({"Image":"busybox:1","Labels":{},"OpenStdin":false,)"
           R"("HostConfig":{"Mounts":[],"Ulimits":[],"Privileged":false,"AutoRemove":false}})");
}

TEST_CASE("each member of a spec has its place in the API", "[docker]")
{
    ContainerSpec spec;
    spec.image = "i";
    spec.entrypoint = Strings{"/init"};
    spec.cmd = Strings{};
    spec.env = {"A=b"};
    spec.user = "1983:1983";
    spec.working_dir = "/w";
    spec.labels = {{"io.slipway.x", "y"}};
    spec.mounts = {{MountKind::bind, "/a:b", "/c", true}, {MountKind::volume, "v", "/d", false}};
    spec.tmpfs = {{"/run", "size=1m"}};
    spec.network_mode = "build";
    spec.network_aliases = {"db"};
    spec.runtime = "runsc";
    spec.cap_add = {"SYS_PTRACE"};
    spec.cap_drop = {"NET_RAW"};
    spec.security_opt = {"no-new-privileges"};
    spec.privileged = true;
    spec.pids_limit = 100;
    spec.memory_bytes = 1'000'000;
    spec.nano_cpus = 500'000'000;
    spec.ulimits = {{"core", 1, 2}};
    spec.log_driver = "none";
    spec.init = true;
    spec.no_healthcheck = true;
    spec.stop_signal = "SIGTERM";
    spec.stop_timeout = std::chrono::seconds{30};
    spec.open_stdin = true;
    CHECK(create_body(spec)
        == R"({"Image":"i","Entrypoint":["/init"],"Cmd":[],"Env":["A=b"],"User":"1983:1983","WorkingDir":"/w",)"
           R"("Labels":{"io.slipway.x":"y"},"Healthcheck":{"Test":["NONE"]},"StopSignal":"SIGTERM","StopTimeout":30,"OpenStdin":true,)"
           R"("HostConfig":{"Mounts":[{"Type":"bind","Source":"/a:b","Target":"/c","ReadOnly":true},)"
           R"({"Type":"volume","Source":"v","Target":"/d","ReadOnly":false}],)"
           R"("Ulimits":[{"Name":"core","Soft":1,"Hard":2}],"Tmpfs":{"/run":"size=1m"},"NetworkMode":"build",)"
           R"("Runtime":"runsc","CapAdd":["SYS_PTRACE"],"CapDrop":["NET_RAW"],"SecurityOpt":["no-new-privileges"],)"
           R"("Privileged":true,"PidsLimit":100,"Memory":1000000,"NanoCpus":500000000,)"
           R"("LogConfig":{"Type":"none","Config":{}},"Init":true,"AutoRemove":false},)"
           R"("NetworkingConfig":{"EndpointsConfig":{"build":{"Aliases":["db"]}}}})");
}

TEST_CASE("label filters ask for a value, or for the name alone", "[docker]")
{
    CHECK(label_filters({}) == R"({"label":[]})");
    CHECK(label_filters({{"a", "1"}, {"b", ""}}) == R"({"label":["a=1","b"]})");
}

} // namespace slipway::docker
