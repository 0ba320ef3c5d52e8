#include "test/e2e/vela_lab.h"
#include "test/support/byte_generator.h"
#include "test/support/seed.h"

#include <catch2/catch.hpp>
#include <poll.h>

#include <csignal>
#include <random>

namespace slipway::test {

namespace {

constexpr std::uint32_t kLines = 150;

/// How many calls have this status.
std::ptrdiff_t answered(VelaLab& lab, int status, const std::string& end)
{
    return std::ranges::count_if(lab.server().requests(),
        [&](const VelaRequest& request) { return request.status == status && request.path.ends_with(end); });
}

/// How many calls the server has refused for its outage.
std::ptrdiff_t refused(VelaLab& lab, const std::string& end = "") { return answered(lab, 500, end); }

/// What a step's log must be, the traces of its commands aside.
std::string without_traces(const std::string& log)
{
    std::string lines;
    std::size_t begin = 0;
    while (begin < log.size()) {
        const auto end = std::min(log.find('\n', begin), log.size() - 1) + 1;
        if (log.compare(begin, 2, "$ ") != 0)
            lines.append(log, begin, end - begin);
        begin = end;
    }
    return lines;
}

} // namespace

TEST_CASE("a Vela worker that is killed at random instants ends each build once, with every byte of its log")
{
    const int builds = long_mode() ? 200 : 4;
    VelaLab lab;
    std::mt19937 dice{seed()};
    const ByteGenerator first{1};
    const ByteGenerator second{2};
    int handed_out = 0;
    for (int round = 0; round < builds; ++round) {
        const auto build = lab.push(lab.steps({{.name = "one", .commands = {first.shell(0, kLines, "0.002")}},
            {.name = "two", .commands = {second.shell(0, kLines, "0.002"), "exit 3"}},
            {.name = "three",
                .commands = {"echo after"},
                .more = R"("ruleset":{"if":{"status":["failure"]}},)"}}));
        for (int kills = 0; kills < 5; ++kills) {
            lab.start();
            ::poll(nullptr, 0, static_cast<int>(dice() % 900)); // any moment will do
            lab.kill();
        }
        lab.start();
        const auto row = lab.ended(build);
        if (row.text("error").find("the server had handed out the pipeline") == 0) {
            // Killed between the server's answer and the journal: once in some hundred builds, and told.
            CHECK(row.text("status") == "error");
            CHECK(++handed_out <= 1 + builds / 50);
            lab.kill();
            continue;
        }
        CHECK(row.text("status") == "failure");
        CHECK(without_traces(lab.server().step_log(build, 2)) == first.lines(0, kLines));
        CHECK(without_traces(lab.server().step_log(build, 3)) == second.lines(0, kLines));
        CHECK(lab.server().step_log(build, 4) == "$ echo after\nafter\n");
        CHECK(lab.step(build, 3) == "failure 3");
        lab.kill();
    }
    lab.start();
    lab.wait_listening();
    CHECK(lab.left_after_end() == "");
}

TEST_CASE("a Vela build goes on while server and Redis are away, and both are told when they are back")
{
    VelaLab lab;
    lab.start();
    const ByteGenerator lines{3};
    const auto build = lab.push(
        lab.steps({{.name = "one", .commands = {lines.shell(0, kLines, "0.01"), "touch /vela/one-is-over"}},
            {.name = "two", .commands = {"touch /vela/two-begins", "echo end"}}}));
    lab.wait([&] { return !lab.server().step_log(build, 2).empty(); }, "a first line");
    lab.server().set_outage(VelaOutage::errors);
    lab.redis().stop();
    lab.wait([&] { return refused(lab) >= 2; }, "a worker that was refused");
    CHECK(lab.workspace_has("one-is-over"));
    CHECK(lab.workspace_has("two-begins"));
    CHECK(lab.server().step_log(build, 3).empty());
    lab.redis().start();
    lab.server().set_outage(VelaOutage::none);
    CHECK(lab.ended(build).text("status") == "success");
    CHECK(without_traces(lab.server().step_log(build, 2)) == lines.lines(0, kLines));
    CHECK(lab.server().step_log(build, 3) == "$ touch /vela/two-begins\n$ echo end\nend\n");
    const auto next = lab.push(lab.steps({{.name = "one", .commands = {"true"}}}));
    CHECK(lab.ended(next).text("status") == "success");
}

TEST_CASE("a Vela build that was popped just before its server went away is run when it is back")
{
    VelaLab lab;
    lab.start();
    // Else it would ask the server before it looks at the queue.
    lab.redis().await(
        {"EVAL", "return string.match(redis.call('INFO', 'clients'), 'blocked_clients:(%d+)')", "0"}, "1");
    lab.server().set_outage(VelaOutage::errors);
    const auto build = lab.push(lab.steps({{.name = "one", .commands = {"echo ran"}}}));
    lab.wait([&] { return refused(lab, "/token") >= 3; }, "a worker that was refused");
    CHECK(lab.server().build(build).text("status") == "pending");
    lab.server().set_outage(VelaOutage::none);
    CHECK(lab.ended(build).text("status") == "success");
    CHECK(lab.server().step_log(build, 2) == "$ echo ran\nran\n");
}

TEST_CASE("a Vela build that cannot begin ends with an error that says why, and the next one runs")
{
    VelaLab lab;
    lab.start();
    const auto stale = lab.push(lab.steps({{.name = "one", .commands = {"true"}}}), {.item_version = 2});
    const auto broken = lab.push(R"({"version":"1","steps":[{"name":"one","image":17}]})");
    const auto next = lab.push(lab.steps({{.name = "one", .commands = {"true"}}}));
    CHECK(lab.ended(next).text("status") == "success");
    for (const auto& [build, cause] :
        {std::pair{stale, "the queue's item has version 2"}, {broken, "the pipeline of the build: "}}) {
        const auto row = lab.server().build(build);
        CHECK(row.text("status") == "error");
        CHECK(row.text("error").find(cause) == 0);
        CHECK(row.number("finished") != 0);
    }
    lab.wait([&] { return lab.server().worker("127.0.0.2")->text("status") == "idle"; }, "an idle worker");
    CHECK(lab.server().worker("127.0.0.2")->json("running_builds") == "[]");
}

TEST_CASE("a Vela worker that hands over in the middle of a build leaves every byte to the next one")
{
    VelaLab lab;
    lab.start();
    const ByteGenerator first{4};
    const ByteGenerator second{5};
    const auto build = lab.push(lab.steps({{.name = "one", .commands = {first.shell(0, kLines, "0.004")}},
        {.name = "two", .commands = {second.shell(0, kLines, "0.004"), "exit 6"}}}));
    for (const int step : {2, 3}) {
        lab.wait([&] { return !lab.server().step_log(build, step).empty(); }, "a first line");
        lab.signal(SIGUSR2);
        CHECK(lab.wait_end() == 0);
        CHECK(lab.server().build(build).text("status") == "running");
        lab.start();
    }
    CHECK(lab.ended(build).text("status") == "failure");
    CHECK(without_traces(lab.server().step_log(build, 2)) == first.lines(0, kLines));
    CHECK(without_traces(lab.server().step_log(build, 3)) == second.lines(0, kLines));
    CHECK(lab.step(build, 2) == "success");
    CHECK(lab.step(build, 3) == "failure 6");
    CHECK(lab.left_after_end() == "");
}

TEST_CASE("a Vela worker that hands over while its server hangs leaves what it was telling to the next one")
{
    VelaLab lab;
    lab.start();
    const ByteGenerator lines{7};
    const auto build = lab.push(lab.steps({{.name = "one", .commands = {lines.shell(0, kLines, "0.02")}}}));
    lab.wait([&] { return !lab.server().step_log(build, 2).empty(); }, "a first line");
    lab.server().set_outage(VelaOutage::hangs);
    lab.wait([&] { return answered(lab, 0, "/steps/2/logs") != 0; }, "a log on its way");
    lab.signal(SIGUSR2);
    CHECK(lab.wait_end() == 0);
    lab.server().set_outage(VelaOutage::none);
    lab.start();
    CHECK(lab.ended(build).text("status") == "success");
    CHECK(without_traces(lab.server().step_log(build, 2)) == lines.lines(0, kLines));
}

TEST_CASE("a Vela build is cancelled while it runs, and nothing of it runs on")
{
    VelaLab lab;
    lab.start({{"VELA_BUILD_LIMIT", "2"}});
    const ByteGenerator lines{6};
    const auto other = lab.push(lab.steps({{.name = "one", .commands = {lines.shell(0, kLines, "0.01")}}}));
    lab.wait([&] { return !lab.server().step_log(other, 2).empty(); }, "a build beside it");
    const auto build = lab.push(lab.steps({{.name = "quick", .commands = {"echo quick"}},
        {.name = "long", .commands = {"echo waiting", "sleep 60"}},
        {.name = "later", .commands = {"echo later"}}}));
    lab.wait([&] { return lab.server().step_log(build, 3).find("waiting\n") != std::string::npos; },
        "the long step");
    CHECK(lab.call("GET", "/api/v1/executors", "some-token").status == 401);
    const auto before = lab.server().build(build);
    CHECK(lab.server().cancel(build).status == 200);
    const auto after = lab.server().build(build);
    CHECK(after.text("status") == "canceled");
    CHECK(after.text("error") == "running build was canceled by octo");
    CHECK(after.number("finished") != 0);
    for (const auto* name : {"id", "number", "repo", "created", "started", "host", "event", "branch"})
        CHECK(after.json(name) == before.json(name));
    CHECK(lab.step(build, 2) == "success");
    CHECK(lab.step(build, 3) == "canceled 137");
    CHECK(lab.step(build, 4) == "canceled 137");
    CHECK(lab.server().step_log(build, 4).empty());
    CHECK(lab.ended(other).text("status") == "success");
    CHECK(without_traces(lab.server().step_log(other, 2)) == lines.lines(0, kLines));
    CHECK(lab.left_after_end() == "");
}

TEST_CASE("a Vela build that was cancelled while its worker was down runs nothing more when it is up")
{
    VelaLab lab;
    lab.start();
    const auto build = lab.push(lab.steps({{.name = "long", .commands = {"echo waiting", "sleep 60"}},
        {.name = "later", .commands = {"echo later"}}}));
    lab.wait([&] { return lab.server().step_log(build, 2).find("waiting\n") != std::string::npos; },
        "the long step");
    lab.kill();
    CHECK(lab.server().cancel(build).status == 200);
    CHECK(lab.server().build(build).text("error") == "stale build was canceled by octo");
    lab.start();
    lab.ended(build);
    lab.wait([&] { return lab.server().worker("127.0.0.2")->text("status") == "idle"; }, "an idle worker");
    CHECK(lab.server().build(build).text("status") == "canceled");
    CHECK(lab.server().build(build).text("error") == "stale build was canceled by octo");
    CHECK(lab.step(build, 2) == "canceled 137");
    CHECK(lab.step(build, 3) == "canceled 137");
    CHECK(lab.server().step_log(build, 3).empty());
    CHECK(lab.left_after_end() == "");
}

TEST_CASE("a Vela build that was cancelled while its worker was down ends also when the server answers later")
{
    VelaLab lab;
    lab.start();
    const auto build = lab.push(lab.steps({{.name = "long", .commands = {"echo waiting", "sleep 60"}}}));
    lab.wait([&] { return lab.server().step_log(build, 2).find("waiting\n") != std::string::npos; },
        "the long step");
    lab.kill();
    CHECK(lab.server().cancel(build).status == 200);
    lab.server().set_outage(VelaOutage::errors);
    lab.start();
    lab.wait([&] { return lab.log().find("does not say yet whether the build") != std::string::npos; },
        "a build that goes on");
    lab.server().set_outage(VelaOutage::none);
    lab.wait([&] { return lab.step(build, 2) == "canceled 137"; }, "the end of the step");
    CHECK(lab.left_after_end() == "");
    CHECK(lab.server().build(build).text("status") == "canceled");
}

TEST_CASE("a Vela worker waits for its registration, and keeps its token over a restart")
{
    VelaLab lab{""};
    lab.start();
    lab.wait_listening();
    CHECK(lab.call("GET", "/readyz", "x").body.find("vela add worker --worker.hostname 127.0.0.2")
        != std::string::npos);
    CHECK(lab.call("POST", "/register", "no token").status == 401);
    CHECK(lab.call("POST", "/register", lab.server().register_token("other")).status == 401);
    CHECK(lab.call("POST", "/register", lab.server().register_token("127.0.0.2")).status == 200);
    CHECK(lab.log().find(R"("msg":"a call of the API","method":"POST","path":"/register","status":"401")")
        != std::string::npos);
    CHECK(lab.log().find(R"("path":"/register","status":"200")") != std::string::npos);
    CHECK(lab.log().find("/readyz") == std::string::npos);
    const auto build = lab.push(lab.steps({{.name = "one", .commands = {"true"}}}));
    CHECK(lab.ended(build).text("status") == "success");
    lab.kill();
    lab.start();
    const auto next = lab.push(lab.steps({{.name = "one", .commands = {"true"}}}));
    CHECK(lab.ended(next).text("status") == "success");
    lab.signal(SIGTERM);
    CHECK(lab.wait_end() == 0);
}

TEST_CASE("a Vela worker that is told to end finishes what runs and takes nothing more")
{
    VelaLab lab;
    lab.start();
    const auto build
        = lab.push(lab.steps({{.name = "one", .commands = {"echo begun", "sleep 2", "echo end"}}}));
    lab.wait([&] { return !lab.server().step_log(build, 2).empty(); }, "the step");
    lab.signal(SIGTERM);
    const auto next = lab.push(lab.steps({{.name = "one", .commands = {"true"}}}));
    CHECK(lab.wait_end() == 0);
    CHECK(lab.server().build(build).text("status") == "success");
    CHECK(lab.server().build(next).text("status") == "pending");
    CHECK(lab.redis().cli({"LLEN", "vela"}) == "1");
}

} // namespace slipway::test
