#include "common/file.h"
#include "test/e2e/person.h"
#include "test/support/raw_http_server.h"
#include "test/support/world.h"
#include "test/unit/http-client/test_ca.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

// These sanitizers end a process at the allocation that the library asks for; every other build runs it.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("the slipway command ends in words where its HTTP library cannot read an answer")
{
    const TestCa ca;
    const auto files = ca.issue("localhost");
    const TempDir directory;
    REQUIRE(replace_file(directory.path() / "key", "slk_x"));
    RawHttpServer server{
        {files.certificate, files.key, ""}, [](RawHttpServer::Connection& peer) {
            while (peer.read_request()
                && peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n")) { }
        }};
    auto process
        = Process::start({.argv = {SLIPWAY_BIN_DIR "/slipway", "login", "--endpoint", server.url(), "--ca",
                              ca.certificate().string(), "--key-file", (directory.path() / "key").string()},
            .env = {{"XDG_CONFIG_HOME", directory.path().string()}},
            .directory = directory.path(),
            .log = directory.path() / "err"});
    REQUIRE(process);
    const auto ended = process->finish(std::chrono::minutes{1});
    REQUIRE(ended);
    CHECK(ended->first == 1);
    CHECK_THAT(read_file(directory.path() / "err", 65536).value_or(""), Contains("slipway: "));
}
#endif

TEST_CASE("a person does everything from login to apply with the slipway command")
{
    World world;
    world.start_launcher();
    Person person{world};
    CHECK_THAT(person.run({"pool", "list"}).err, Contains("nobody is logged in"));
    const auto data = world.data_directory();
    CHECK_THAT(person.must({"login", "--endpoint", world.endpoint(), "--ca", data / "ca.pem", "--key-file",
                   data / "admin.key"}),
        StartsWith("logged in to " + world.endpoint()));

    CHECK_THAT(person.must({"pool", "create", "--name", "second", "--csr",
                   world.directory() / "spacelift.csr", "--out", "pool.token"}),
        Contains("SHA256:")
            && Contains("export SPACELIFT_POOL_PRIVATE_KEY=\"$(cat "
                + (world.directory() / "spacelift.key").string() + " | base64)\""));
    CHECK(read_file(person.directory() / "pool.token", 65536).value_or("").size() > 1000);
    CHECK_THAT(person.must({"pool", "list"}), Contains("demo") && Contains("second"));
    CHECK_THAT(person.must({"worker", "list", "--pool", "demo"}), Contains("IDLE"));

    CHECK(person.must({"stack", "create", "web", "--pool", "demo", "--image", world.image(), "--plan",
              "cat main.conf; echo planned", "--apply", "echo applied"})
        == "stack web\n");
    REQUIRE(make_directories(person.directory() / "source"));
    REQUIRE(replace_file(person.directory() / "source" / "main.conf", "greeting = hello\n"));
    CHECK_THAT(person.must({"stack", "push", "web", "source"}), StartsWith("pushed 1 entries"));
    CHECK_THAT(person.must({"stack", "list"}), Contains("web") && Contains("demo") && Contains("version 1"));

    std::string run = person.must({"run", "start", "-q", "web"});
    run.pop_back();
    const auto planned = person.run({"run", "logs", "-f", run});
    CHECK(planned.code == 0);
    CHECK_THAT(planned.out, Contains("greeting = hello\nplanned\n"));
    CHECK_THAT(planned.err, Contains("slipway run confirm " + run));
    CHECK_THAT(person.must({"run", "list", "--stack", "web"}), Contains(run) && Contains("UNCONFIRMED"));

    CHECK_THAT(person.must({"run", "confirm", run}), StartsWith("run " + run + ": CONFIRMED"));
    CHECK_THAT(person.must({"run", "logs", "-f", "--offset", std::to_string(planned.out.size()), run}),
        Contains("applied\n"));
    CHECK_THAT(person.must({"run", "show", run}),
        StartsWith("run " + run + " of web: FINISHED") && Contains("confirmed") && Contains("applied"));

    person.must({"stack", "set", "web", "--plan", "exit 7"});
    CHECK(person.run({"run", "start", "-f", "web"}).code == 2);
    CHECK(person.run({"run", "confirm", run}).code == 1);
}
