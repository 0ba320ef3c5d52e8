#include "test/e2e/vela_lab.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>

namespace slipway::test {

namespace {

/// A build that would run for a while.
std::string long_build(const VelaLab& lab)
{
    return lab.steps({{.name = "long", .commands = {"echo waiting", "exec sleep 60"}},
        {.name = "later", .commands = {"echo later"}}});
}

void await_idle(VelaLab& lab)
{
    lab.wait(
        [&] {
            const auto worker = lab.server().worker("127.0.0.2");
            return worker && worker->text("status") == "idle" && worker->json("running_builds") == "[]";
        },
        "an idle worker");
}

} // namespace

TEST_CASE(
    "a Vela build that is cancelled between its token and its pipeline stays cancelled, and nothing runs")
{
    VelaLab lab;
    int status = 0;
    std::string build;
    lab.server().at(
        VelaMoment::asked, "GET", "/executable", [&] { status = lab.server().cancel(build).status; });
    build = lab.push(long_build(lab));
    lab.start();
    lab.wait(
        [&] { return lab.log().find("not to be run any more") != std::string::npos; }, "a dropped build");
    await_idle(lab);
    CHECK(status == 200);
    const auto row = lab.server().build(build);
    CHECK(row.text("status") == "canceled");
    CHECK(row.text("error") == "pending build was canceled by octo");
    CHECK(lab.server().step_log(build, 2).empty());
    const auto next = lab.push(lab.steps({{.name = "one", .commands = {"true"}}}));
    CHECK(lab.ended(next).text("status") == "success");
}

TEST_CASE("a Vela build that the server cancels while its worker takes it ends as cancelled")
{
    VelaLab lab;
    const auto [moment, method, end] = GENERATE(table<VelaMoment, std::string, std::string>({
        {VelaMoment::done, "GET", "/executable"}, // before the worker has told of it
        {VelaMoment::done, "PUT", "/builds/1"}, // over what it has told
    }));
    CAPTURE(method, end);
    std::string build;
    lab.server().at(moment, method, end, [&] { lab.server().replace_pending(build); });
    build = lab.push(long_build(lab));
    lab.start();
    CHECK(lab.ended(build).text("status") == "canceled");
    await_idle(lab);
    CHECK(lab.server().build(build).text("status") == "canceled");
    CHECK(lab.server().build(build).text("error").empty());
    CHECK(lab.step(build, 2).find("canceled 1") == 0); // by INT, or before it began
    CHECK(lab.step(build, 3) == "canceled 137");
    CHECK(lab.server().step_log(build, 3).empty());
    CHECK(lab.left_after_end() == "");
}

TEST_CASE("a Vela build that the server has cancelled without its worker is not told to have succeeded")
{
    VelaLab lab;
    std::string build;
    // The worker's last words of the build come after those of its last step.
    lab.server().at(VelaMoment::done, "PUT", "/steps/2/logs", [&] { lab.server().replace_pending(build); });
    build = lab.push(lab.steps({{.name = "one", .commands = {"echo one"}}}));
    lab.start();
    CHECK(lab.ended(build).text("status") == "canceled");
    await_idle(lab);
    CHECK(lab.server().build(build).text("status") == "canceled");
    CHECK(lab.step(build, 2) == "success");
}

TEST_CASE("a Vela build whose pipeline went to a process that died with it ends at once, and says so")
{
    VelaLab lab;
    lab.start();
    lab.server().at(VelaMoment::done, "GET", "/executable", [&] { lab.signal(SIGKILL); });
    const auto build = lab.push(long_build(lab));
    CHECK(lab.wait_end() == 128 + SIGKILL);
    CHECK(lab.server().build(build).text("status") == "pending");
    const auto asked = [&] {
        return std::ranges::count_if(lab.server().requests(),
            [](const VelaRequest& request) { return request.path.ends_with("/executable"); });
    };
    CHECK(asked() == 1);
    lab.start();
    const auto row = lab.ended(build);
    CHECK(row.text("status") == "error");
    CHECK(row.text("error")
        == "the server had handed out the pipeline, and the worker's process ended before it could keep it; "
           "restart the build");
    CHECK(asked() == 2);
    const auto next = lab.push(lab.steps({{.name = "one", .commands = {"true"}}}));
    CHECK(lab.ended(next).text("status") == "success");
    CHECK(lab.left_after_end() == "");
}

} // namespace slipway::test
