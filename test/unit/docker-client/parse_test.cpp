#include "docker-client/parse.h"

#include <catch2/catch.hpp>

namespace slipway::docker {

using namespace std::chrono_literals;

TEST_CASE("an image is read from its inspect", "[docker]")
{
    const auto image
        = parse_image(R"({"Id":"sha256:1","RepoTags":["a:1"],"RepoDigests":["a@sha256:2"],"Size":5,
        "Architecture":"amd64","Os":"linux","Unknown":[1,{}],"Config":{"Env":["PATH=/bin"],"Entrypoint":["/e"],
        "Cmd":["c","d"],"User":"u","WorkingDir":"/w","Volumes":{"/v":{}},"Labels":{"l":"m"},
        "Healthcheck":{"Test":["CMD","true"]}}})");
    REQUIRE(image);
    CHECK(image->id == "sha256:1");
    CHECK(image->repo_tags == Strings{"a:1"});
    CHECK(image->repo_digests == Strings{"a@sha256:2"});
    CHECK(image->size_bytes == 5);
    CHECK(image->architecture == "amd64");
    CHECK(image->env == Strings{"PATH=/bin"});
    CHECK(image->entrypoint == Strings{"/e"});
    CHECK(image->cmd == Strings{"c", "d"});
    CHECK(image->user == "u");
    CHECK(image->working_dir == "/w");
    CHECK(image->volumes == Strings{"/v"});
    CHECK(image->labels == StringPairs{{"l", "m"}});
    CHECK(image->has_healthcheck);
}

TEST_CASE("an image whose members are null or missing is read as empty", "[docker]")
{
    const auto image
        = parse_image(R"({"Id":"sha256:1","RepoTags":null,"Config":{"Env":null,"Entrypoint":null,"Cmd":null,
        "Volumes":null,"Labels":null,"Healthcheck":{"Test":["NONE"]}}})");
    REQUIRE(image);
    CHECK(image->cmd.empty());
    CHECK_FALSE(image->has_healthcheck);
    CHECK(parse_image(R"({"Id":"x"})"));
}

TEST_CASE("a container is read from its inspect", "[docker]")
{
    const auto container = parse_container(R"({"Id":"c1","Name":"/n","Image":"sha256:1",
        "State":{"Status":"exited","Running":false,"Pid":0,"ExitCode":137,"OOMKilled":true,"Error":"why",
        "StartedAt":"2026-01-02T03:04:05.5Z","FinishedAt":"0001-01-01T00:00:00Z"},"Config":{"Labels":{"a":"b"}},
        "Mounts":[{"Type":"volume","Name":"v","Source":"/s","Destination":"/d","RW":true}],
        "NetworkSettings":{"Networks":{"bridge":{"IPAddress":"172.17.0.2"}}}})");
    REQUIRE(container);
    CHECK(container->name == "n");
    CHECK(container->state.status == ContainerStatus::exited);
    CHECK(container->state.exit_code == 137);
    CHECK(container->state.oom_killed);
    CHECK(container->state.error == "why");
    CHECK(container->state.started_at
        == std::chrono::sys_days{std::chrono::year{2026} / 1 / 2} + 3h + 4min + 5s + 500ms);
    CHECK_FALSE(container->state.finished_at);
    CHECK(container->labels == StringPairs{{"a", "b"}});
    REQUIRE(container->mounts.size() == 1);
    CHECK(container->mounts[0].name == "v");
    CHECK(container->mounts[0].writable);
    CHECK(container->networks == StringPairs{{"bridge", "172.17.0.2"}});
}

TEST_CASE("a state that is not known yet is unknown", "[docker]")
{
    const auto container = parse_container(R"({"Id":"c","State":{"Status":"hibernating"}})");
    REQUIRE(container);
    CHECK(container->state.status == ContainerStatus::unknown);
}

TEST_CASE("a list of containers is read", "[docker]")
{
    const auto list = parse_containers(
        R"([{"Id":"c","Names":["/a","/b"],"Image":"i","Labels":{"x":"y"},"State":"running","Created":1700000000}])");
    REQUIRE(list);
    REQUIRE(list->size() == 1);
    CHECK(list->front().names == Strings{"a", "b"});
    CHECK(list->front().status == ContainerStatus::running);
    CHECK(list->front().created == TimePoint{1'700'000'000s});
    CHECK(parse_containers("[]")->empty());
}

TEST_CASE("the answer to a wait is the exit code, or its error", "[docker]")
{
    CHECK(*parse_wait(R"({"StatusCode":3,"Error":null})") == 3);
    CHECK(*parse_wait(R"({"StatusCode":0,"Error":{"Message":""}})") == 0);
    const auto failed = parse_wait(R"({"StatusCode":0,"Error":{"Message":"lost it"}})");
    REQUIRE_FALSE(failed);
    CHECK(failed.error().message() == "lost it");
}

TEST_CASE("answers of the wrong shape are errors that name the place", "[docker]")
{
    for (const char* json : {"", "{", "[]", "{}", "null", R"({"Id":1})", R"({"Id":"c","State":[]})"})
        CHECK_FALSE(parse_container(json));
    CHECK_FALSE(parse_created("{}"));
    CHECK_FALSE(parse_wait("{}"));
    CHECK_FALSE(parse_networks("{}"));
    CHECK_FALSE(parse_info("[]"));
    const auto image = parse_image(R"({"Id":"x","Config":{"Env":[1]}})");
    REQUIRE_FALSE(image);
    CHECK(image.error().message().find("$.Config.Env[0]") != std::string::npos);
}

TEST_CASE("the message of an error answer is found or empty", "[docker]")
{
    CHECK(parse_message(R"({"message":"No such image: x"})") == "No such image: x");
    CHECK(parse_message("404 page not found").empty());
    CHECK(parse_message(R"({"message":7})").empty());
}

TEST_CASE("times are read with fractions and offsets", "[docker]")
{
    const auto day = std::chrono::sys_days{std::chrono::year{2026} / 11 / 24};
    CHECK(parse_time("2026-11-24T13:00:00Z") == day + 13h);
    CHECK(parse_time("2026-11-24T13:00:00.123456789Z") == day + 13h + 123'456'789ns);
    CHECK(parse_time("2026-11-24T13:00:00.1+02:00") == day + 11h + 100ms);
    CHECK(parse_time("2026-11-24T13:00:00-00:30") == day + 13h + 30min);
}

TEST_CASE("what is no time is none", "[docker]")
{
    for (const char* text : {"", "0001-01-01T00:00:00Z", "2026-11-24", "2026-11-24T13:00:00",
             "2026-13-24T13:00:00Z", "2026-02-30T13:00:00Z", "2026-11-24T24:00:00Z", "2026-11-24T13:00:00.Z+",
             "2026-11-24T13:00:00+2:00", "9999-11-24T13:00:00Z", "2026-11-24T13:00:00X",
             "xxxx-11-24T13:00:00Z"})
        CHECK_FALSE(parse_time(text));
}

} // namespace slipway::docker
