#include "test/unit/launcher/launcher_program.h"

#include <catch2/catch.hpp>
#include <signal.h>

#include <algorithm>

using namespace slipway;
using namespace slipway::test;
using slipway::launcher::ExitCode;
using slipway::launcher::to_int;

TEST_CASE("each wrong start ends with its own exit code and a message that names the variable", "[launcher]")
{
    struct Case {
        std::string name;
        std::string value;
        ExitCode code;
        std::string words;
    };

    const auto& [name, value, code, words] = GENERATE(values<Case>({
        {"SPACELIFT_TOKEN", "", ExitCode::token_missing, "SPACELIFT_TOKEN is not set"},
        {"SPACELIFT_TOKEN", "ab?d", ExitCode::token_not_base64, "position 3"},
        {"SPACELIFT_TOKEN", base64_encode("word"), ExitCode::token_not_json, "SPACELIFT_TOKEN"},
        {"SPACELIFT_TOKEN", base64_encode("{}"), ExitCode::token_incomplete, "broker"},
        {"SPACELIFT_TOKEN", "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
            ExitCode::token_is_something_else, "private key"},
        {"SPACELIFT_POOL_PRIVATE_KEY", "", ExitCode::key_missing, "SPACELIFT_POOL_PRIVATE_KEY is not set"},
        {"SPACELIFT_POOL_PRIVATE_KEY", "a!", ExitCode::key_not_base64, "SPACELIFT_POOL_PRIVATE_KEY"},
        {"SPACELIFT_WHITELIST_ENVS", "SPACELIFT_TOKEN", ExitCode::bad_option, "never passed"},
        {"SLIPWAY_CAPACITY", "many", ExitCode::bad_option, "SLIPWAY_CAPACITY"},
        {"DOCKER_HOST", "unix:///nowhere/docker.sock", ExitCode::docker_missing, "/nowhere/docker.sock"},
        {"SLIPWAY_STATE_DIR", "/dev/null/state", ExitCode::state_directory_not_writable, "/dev/null/state"},
    }));
    Launcher launcher{nobody()};
    CHECK(launcher.with(name, value).exit_code() == to_int(code));
    INFO(launcher.log());
    CHECK(holds(launcher.log(), words));
    CHECK(holds(launcher.log(), name));
}

TEST_CASE("a wrong flag ends with the exit code of a bad option", "[launcher]")
{
    const Launcher launcher{nobody()};
    CHECK(launcher.exit_code({"--no-such-flag"}) == to_int(ExitCode::bad_option));
    CHECK(holds(launcher.log(), "--help"));
}

TEST_CASE("help, version and configuration are printed without a token", "[launcher]")
{
    Launcher launcher{nobody()};
    launcher.with("SPACELIFT_TOKEN", "").with("SPACELIFT_POOL_PRIVATE_KEY", "hush-hush");
    const auto output = [&](const std::string& flag) {
        auto ended = launcher.start({flag}).finish(kSoon);
        REQUIRE(ended);
        CHECK(ended->first == 0);
        return ended->second;
    };
    CHECK(holds(output("--help"), "SPACELIFT_POOL_PRIVATE_KEY"));
    CHECK(holds(output("--version"), "slipway-launcher "));
    const std::string config = output("--print-config");
    CHECK(holds(config, "SLIPWAY_CAPACITY"));
    CHECK_FALSE(holds(config, "hush-hush"));
}

TEST_CASE("a registered launcher says so in one line, and on TERM leaves the pool and exits 0", "[launcher]")
{
    const bool polls = GENERATE(false, true); // TERM before the first poll, and into one that waits
    FakeMothership server{pool()};
    const Launcher launcher{server.url()};
    auto process = launcher.start();
    const auto line = process.read_until("is ready", kSoon);
    REQUIRE(line);
    CHECK(*line
        == "slipway-launcher is ready: pool \"demo\" (01J0000000000000000000000P), worker "
           "01J0000000000000000000000W, "
            + server.url() + ", capacity 1\n");
    if (polls)
        REQUIRE(server.wait_for_poll(kSoon));
    process.signal(SIGTERM);
    const auto code = process.wait(kSoon);
    INFO(launcher.log());
    REQUIRE(code);
    CHECK(*code == 0);
    CHECK(server.signed_off());
}

TEST_CASE("no part of the pool's private key is in any request of a launcher", "[launcher]")
{
    FakeMothership server{pool()};
    const Launcher launcher{server.url()};
    auto process = launcher.start();
    REQUIRE(process.read_until("is ready", kSoon));
    REQUIRE(server.wait_for_poll(kSoon));
    process.signal(SIGTERM);
    REQUIRE(process.wait(kSoon));

    const std::string key = pool().key_base64();
    const std::string pem = base64_decode(key).value_or("");
    const auto requests = server.requests();
    CHECK(requests.size() >= 3); // registration, poll, sign-off
    constexpr std::size_t kPart = 48; // below a line of either form
    for (const auto* form : {&key, &pem})
        for (std::size_t at = 60; at + 120 < form->size(); at += 12) // between BEGIN and END
            for (const auto& request : requests) {
                INFO(request);
                CHECK(request.find(form->substr(at, kPart)) == std::string::npos);
            }
}

TEST_CASE("USR2 ends the launcher with 0 and leaves the worker in the pool", "[launcher]")
{
    FakeMothership server{pool()};
    const Launcher launcher{server.url()};
    auto process = launcher.start();
    REQUIRE(process.read_until("is ready", kSoon));
    process.signal(SIGUSR2);
    const auto code = process.wait(kSoon);
    REQUIRE(code);
    CHECK(*code == 0);
    CHECK_FALSE(server.signed_off());
}

TEST_CASE(
    "neither secret stays in the environment of a running launcher, nor stands in its log", "[launcher]")
{
    FakeMothership server{pool()};
    Launcher launcher{server.url()};
    launcher.with("STAYS", "visible").with("SLIPWAY_LOG_LEVEL", "debug");
    auto process = launcher.start();
    REQUIRE(process.read_until("is ready", kSoon));
    const auto environment = read_file("/proc/" + std::to_string(process.pid()) + "/environ", 1 << 20);
    REQUIRE(environment);
    CHECK(holds(*environment, "STAYS=visible"));
    const std::string key = pool().key_base64();
    for (const auto& part : {pool().token().substr(0, 32), pool().token().substr(500, 32), key.substr(0, 32),
             key.substr(key.size() - 32)}) {
        CHECK_FALSE(holds(*environment, part));
        CHECK_FALSE(holds(launcher.log(), part));
    }
}

TEST_CASE("a second launcher on the same state directory is refused and the first one named", "[launcher]")
{
    FakeMothership server{pool()};
    const Launcher first{server.url()};
    auto process = first.start();
    REQUIRE(process.read_until("is ready", kSoon));
    Launcher second{server.url()};
    second.with("SLIPWAY_STATE_DIR", (first.directory() / "state").string());
    CHECK(second.exit_code() == to_int(ExitCode::state_directory_in_use));
    CHECK(holds(second.log(), std::to_string(process.pid())));
}

TEST_CASE("a journal that cannot be opened ends with the state directory's exit code and name", "[launcher]")
{
    const Launcher launcher{nobody()};
    REQUIRE(make_directories(launcher.directory() / "state" / "lock"));
    CHECK(launcher.exit_code() == to_int(ExitCode::state_directory_not_writable));
    CHECK(holds(launcher.log(), "SLIPWAY_STATE_DIR: "));
}

TEST_CASE("a server that cannot be reached is tried again, and the log says so", "[launcher]")
{
    const Launcher launcher{nobody()};
    auto process = launcher.start();
    CHECK(comes_true([&] {
        const std::string log = launcher.log();
        return std::ranges::count(log, '\n') >= 2 && holds(log, "level=warn");
    }));
    process.signal(SIGTERM);
    const auto code = process.wait(kSoon);
    INFO(launcher.log());
    REQUIRE(code);
    CHECK(*code == 0);
}

TEST_CASE("a server that refuses the pool ends the launcher with that exit code", "[launcher]")
{
    FakeMothership server{pool()};
    server.answer_registrations(403, R"({"detail":"this pool was deleted"})");
    const Launcher launcher{server.url()};
    CHECK(launcher.exit_code() == to_int(ExitCode::server_refused));
    CHECK(holds(launcher.log(), "this pool was deleted"));
}

TEST_CASE("a server of another authority ends the launcher with that exit code", "[launcher]")
{
    const PoolFixture other{std::chrono::system_clock::now()};
    FakeMothership server{other};
    const Launcher launcher{server.url()};
    CHECK(launcher.exit_code() == to_int(ExitCode::server_not_trusted));
    CHECK(holds(launcher.log(), server.url()));
}

TEST_CASE("a clock far from the server's is refused, and one some minutes off is warned about", "[launcher]")
{
    using std::chrono::system_clock;
    FakeMothership server{pool()};
    server.answer_registrations(200, registration_answer(system_clock::now() - std::chrono::hours{48}));
    const Launcher wrong{server.url()};
    CHECK(wrong.exit_code() == to_int(ExitCode::clock_skew));
    CHECK(holds(wrong.log(), "NTP"));

    server.answer_registrations(200, registration_answer(system_clock::now() + std::chrono::minutes{3}));
    const Launcher late{server.url()};
    auto process = late.start();
    REQUIRE(process.read_until("is ready", kSoon));
    CHECK(comes_true([&] { return holds(late.log(), "behind the server's"); }));
}
