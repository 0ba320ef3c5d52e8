#include "common/file.h"
#include "mothership/cli/commands.h"
#include "mothership/cli/login.h"
#include "test/unit/cli/command_world.h"

#include <catch2/catch.hpp>

#include <mutex>

using namespace slipway;
using namespace slipway::cli;
using namespace slipway::cli::test;
using namespace slipway::test;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;

namespace {

const std::string kEmpty = http_response(200, "", "X-Slipway-Complete: false\r\n");
/// In a script: the connection is closed without an answer.
const std::string kHangUp;

std::string run_in(std::string_view state, bool terminal, std::string_view waiting_for = "")
{
    return http_response(200,
        R"({"id":"01RUN","state":")" + std::string{state} + R"(","terminal":)" + (terminal ? "true" : "false")
            + R"(,"waiting_for":")" + std::string{waiting_for} + "\"}");
}

/// Answers of a control plane, one after the other; hangs up when there are no more.
class Scripted : public CommandWorld {
public:
    explicit Scripted(std::vector<std::string> answers)
        : CommandWorld{[this](RawHttpServer::Connection& peer) {
            while (peer.read_request()) {
                const std::string answer = next();
                if (answer == kHangUp || !peer.send(answer))
                    return;
            }
        }}
        , answers_{std::move(answers)}
    {
    }

    Outcome follow(std::chrono::milliseconds patience, bool following = true)
    {
        return captured([&] {
            const auto account = load_account();
            REQUIRE(account);
            auto client = ApiClient::create(*account);
            REQUIRE(client);
            const auto end = print_log(*client,
                {.run = "01RUN",
                    .offset = 0,
                    .follow = following,
                    .patience = patience,
                    .pause = std::chrono::milliseconds{1}});
            if (!end)
                std::fputs(end.error().message().c_str(), stderr);
            return end ? static_cast<int>(*end) : -1;
        });
    }

    /// What was asked for, the request line alone.
    std::vector<std::string> asked()
    {
        std::vector<std::string> lines;
        for (const auto& request : server().requests())
            lines.push_back(request.substr(0, request.find(" HTTP/")));
        return lines;
    }

private:
    std::string next()
    {
        const std::lock_guard lock{mutex_};
        return at_ < answers_.size() ? answers_[at_++] : kHangUp;
    }

    std::mutex mutex_;
    std::vector<std::string> answers_;
    std::size_t at_ = 0;
};

} // namespace

TEST_CASE("a log is followed through a control plane that restarts, byte for byte")
{
    // It stops: the parked call is answered with nothing, then nobody answers, then it is there again. Of the
    // connections that are closed, the HTTP library may take one or two for kept ones and try again by
    // itself.
    Scripted world{
        {http_response(200, "one\n"), kEmpty, kHangUp, kHangUp, kHangUp, kHangUp, run_in("PLANNING", false),
            kHangUp, http_response(200, "two\n"), kEmpty, kHangUp, run_in("FINISHED", true), kHangUp,
            http_response(200, "three\n"), http_response(200, "four\n"), kEmpty}};
    const auto outcome = world.follow(std::chrono::minutes{1});
    CHECK(outcome.out == "one\ntwo\nthree\nfour\n");
    CHECK_THAT(outcome.err, Contains("the control plane is away, waiting\n"));
    CHECK(outcome.code == static_cast<int>(RunEnd::finished));
    CHECK(world.asked().back() == "GET /api/v1/runs/01RUN/logs?offset=19");
}

TEST_CASE("a run's end is told after the whole log, however long its tail is")
{
    const std::string piece(1'000'000, 'x');
    Scripted world{{kEmpty, run_in("FAILED", true), http_response(200, piece), http_response(200, piece),
        http_response(200, "end"), kEmpty}};
    const auto outcome = world.follow(std::chrono::minutes{1});
    CHECK(outcome.out == piece + piece + "end");
    CHECK(outcome.code == static_cast<int>(RunEnd::failed));
}

TEST_CASE("a follower that gives up says with which command to go on")
{
    Scripted world{{http_response(200, "one\n")}};
    const auto outcome = world.follow(std::chrono::milliseconds{0});
    CHECK(outcome.code == -1);
    CHECK(outcome.out == "one\n");
    CHECK_THAT(outcome.err, EndsWith("continue with: slipway run logs -f --offset 4 01RUN"));
}

TEST_CASE("a log that is read once ends where it is, and does not wait for a control plane")
{
    Scripted whole{{http_response(200, "one\n"), http_response(200, "two\n"), kEmpty}};
    const auto outcome = whole.follow(std::chrono::minutes{1}, false);
    CHECK(outcome.out == "one\ntwo\n");
    CHECK(outcome.err == "");
}

TEST_CASE("reading a log once fails at once when the control plane is away")
{
    Scripted broken{{http_response(200, "one\n")}};
    const auto outcome = broken.follow(std::chrono::minutes{1}, false);
    CHECK(outcome.code == -1);
    CHECK_THAT(outcome.err, EndsWith("continue with: slipway run logs --offset 4 01RUN"));
}

TEST_CASE("a follower tells once what the run waits for, and how to confirm it")
{
    const std::string queued = run_in("QUEUED", false, "a worker of the pool demo");
    Scripted world{{kEmpty, queued, kEmpty, queued, http_response(200, "plan\n"), kEmpty,
        run_in("UNCONFIRMED", false, "a confirmation: slipway run confirm 01RUN"), kEmpty}};
    const auto outcome = world.follow(std::chrono::minutes{1});
    CHECK(outcome.out == "plan\n");
    CHECK(outcome.err
        == "waiting: a worker of the pool demo\nwaiting: a confirmation: slipway run confirm 01RUN\n");
    CHECK(outcome.code == static_cast<int>(RunEnd::finished));
}
