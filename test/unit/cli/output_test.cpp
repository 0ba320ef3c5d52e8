#include "common/unique_fd.h"
#include "mothership/cli/command_line.h"
#include "test/unit/cli/command_world.h"

#include <catch2/catch.hpp>
#include <fcntl.h>

#include <array>
#include <csignal>
#include <cstdio>

using namespace slipway;
using namespace slipway::cli;
using namespace slipway::cli::test;
using namespace slipway::test;
using Catch::Matchers::Contains;

namespace {

/// `slipway pool list` at the account of the moment, with `fd` as its standard output.
Outcome list_to(int fd)
{
    return captured([&] {
        ::dup2(fd, STDOUT_FILENO);
        std::array<const char*, 4> arguments{"slipway", "pool", "list", "--json"};
        return run_command_line(static_cast<int>(arguments.size()), arguments.data());
    });
}

std::string no_pools(const std::string&) { return http_response(200, R"({"pools":[]})"); }

} // namespace

TEST_CASE("a refusal of the server cannot move a terminal's cursor")
{
    CommandWorld world{
        [](const std::string&) { return http_response(400, "{\"detail\":\"a\\u001b[2J\xc2\x9b\"}"); }};
    const auto outcome = world.run({"pool", "list"});
    CHECK(outcome.code == kFailed);
    CHECK(outcome.err == "slipway: a\\x1b[2J\\xc2\\x9b\n");
}

TEST_CASE("output that does not fit on the disk is a failure")
{
    const CommandWorld world{std::function{no_pools}};
    const UniqueFd full{::open("/dev/full", O_WRONLY | O_CLOEXEC)};
    const auto outcome = list_to(full.get());
    CHECK(outcome.code == kFailed);
    CHECK_THAT(outcome.err, Contains("standard output"));
}

TEST_CASE("a reader that went away ends a command without a word")
{
    std::signal(SIGPIPE, SIG_IGN); // NOLINT(cert-err33-c): as main does
    const CommandWorld world{std::function{no_pools}};
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    ::close(ends[0]);
    const UniqueFd pipe{ends[1]};
    const auto outcome = list_to(pipe.get());
    CHECK(outcome.code == kReaderGone);
    CHECK(outcome.err == "");
}
