#include "test/e2e/vela_lab.h"
#include "test/support/process.h"
#include "test/support/raw_http_server.h"

#include <catch2/catch.hpp>

#include <csignal>

namespace slipway::test {

namespace {

std::string secret_json(const std::string& name, const std::string& value, const std::string& more = "")
{
    return R"({"id":1,"org":"octo","repo":"hello","team":"","name":")" + name + R"(","value":")" + value
        + R"(","type":"repo","images":[],"allow_events":{"push":{"branch":true}},"allow_command":true,)"
        + more + R"("allow_substitution":true})";
}

/// Runs a build under the worker's limit of time, which grows until the build gets as far as it should on
/// this machine.
std::string cut_off(
    VelaLab& lab, const std::string& pipeline, const std::function<bool(const std::string& build)>& got_there)
{
    for (int limit = 2;; limit *= 2) {
        lab.start({{"VELA_BUILD_TIMEOUT", std::to_string(limit) + "s"}});
        auto build = lab.push(pipeline, {.timeout = 0});
        CHECK(lab.ended(build, std::chrono::seconds{60}).text("status") == "error");
        if (got_there(build) || limit > 20)
            return build;
        lab.kill();
    }
}

} // namespace

TEST_CASE("a build of a Vela server runs its steps in one workspace, and its rows and logs say so")
{
    VelaLab lab;
    lab.start();
    const auto build = lab.push(lab.steps({{.name = "one", .commands = {"echo first > file", "echo $HOME"}},
        {.name = "two", .commands = {"cat file", "printf 'no line end'"}}}));
    CHECK(lab.ended(build).text("status") == "success");
    CHECK(lab.server().build(build).text("host") == "127.0.0.2");
    CHECK(lab.step(build, 1) == "success");
    CHECK(lab.step(build, 2) == "success");
    CHECK(lab.server().step_log(build, 2) == "$ echo first > file\n$ echo $HOME\n/root\n");
    CHECK(lab.server().step_log(build, 3) == "$ cat file\nfirst\n$ printf 'no line end'\nno line end");
    CHECK(lab.server().step_log(build, 1).find("> Preparing step images...\n") != std::string::npos);
    const auto worker = lab.server().worker("127.0.0.2");
    REQUIRE(worker);
    lab.wait([&] { return lab.server().worker("127.0.0.2")->text("status") == "idle"; }, "an idle worker");
    CHECK(lab.left_after_end() == "");
}

TEST_CASE("stages of a Vela build run when what they need is over, with services that are found by name")
{
    VelaLab lab;
    const std::string service = R"("services":[)"
        + lab.container(
            {.name = "web",
                .more = R"("detach":true,"entrypoint":["/bin/sh","-c",)"
                        R"("mkdir /www; echo pong > /www/ping; echo up; exec httpd -f -p 7000 -h /www"],)"},
            1)
        + "],";
    lab.start();
    // "last" is declared before what it needs.
    const auto build = lab.push(lab.stages(
        {{.name = "last",
             .more = R"("needs":["first","gone"],)",
             .steps = {{.name = "use", .commands = {"cat made", "wget -q -O - http://web:7000/ping"}}}},
            {.name = "first",
                .more = "",
                .steps = {{.name = "make", .commands = {"echo made here > made"}}}}},
        service));
    CHECK(lab.ended(build).text("status") == "success");
    CHECK(lab.server().step_log(build, 2)
        == "$ cat made\nmade here\n$ wget -q -O - http://web:7000/ping\npong\n");
    CHECK(lab.server().service(build, 1).text("status") == "success");
    CHECK(lab.server().service(build, 1).number("finished") != 0);
    CHECK(lab.server().service_log(build, 1) == "up\n");
    CHECK(lab.left_after_end() == "");
}

TEST_CASE("a step of a Vela build that fails decides what runs after it")
{
    VelaLab lab;
    lab.start();
    const auto build = lab.push(
        lab.steps({{.name = "soft", .commands = {"exit 4"}, .more = R"("ruleset":{"continue":true},)"},
            {.name = "hard", .commands = {"echo before", "exit 9", "echo never"}},
            {.name = "skipped", .commands = {"echo no"}},
            {.name = "rescue",
                .commands = {"echo yes"},
                .more = R"("ruleset":{"if":{"status":["failure"]}},)"}}));
    CHECK(lab.ended(build).text("status") == "failure");
    CHECK(lab.step(build, 2) == "failure 4");
    CHECK(lab.step(build, 3) == "failure 9");
    CHECK(lab.server().step_log(build, 3) == "$ echo before\nbefore\n$ exit 9\n");
    CHECK(lab.step(build, 4) == "killed 137");
    CHECK(lab.step(build, 5) == "success");
}

TEST_CASE("a step of a Vela build that cannot begin ends the build with an error, when its turn comes")
{
    const std::string always = R"("ruleset":{"if":{"status":["failure","success"]},"continue":true},)";
    VelaLab lab;
    lab.start();
    const auto ends = [&](const std::string& more, const std::string& image = {}) {
        const auto build = lab.push(lab.steps({{.name = "first", .commands = {"echo first"}},
            {.name = "bad",
                .commands = more.starts_with("\"entrypoint") ? std::vector<std::string>{}
                                                             : std::vector<std::string>{"true"},
                .image = image,
                .more = more + always},
            {.name = "last", .commands = {"true"}, .more = always}}));
        const auto row = lab.ended(build);
        CHECK(row.text("status") == "error");
        CHECK(row.text("error") != "");
        CHECK(lab.step(build, 2) == "success");
        CHECK(lab.server().step_log(build, 2) == "$ echo first\nfirst\n");
        CHECK(lab.step(build, 4) == "killed 137");
        return lab.step(build, 3) + ", " + lab.server().step(build, 3).text("error");
    };
    const std::string words = ", the command of bad could not be executed; its log says why";
    CHECK(ends(R"("entrypoint":["/no/such/program"],)") == "failure 127" + words);
    CHECK(ends(R"("entrypoint":["/etc"],)") == "failure 126" + words);
    CHECK(ends(R"("user":"nobody-knows",)") == "failure 128" + words);
    CHECK(
        ends(R"("pull":"never",)", "slipway-test/is-not-there:1").find("No such image") != std::string::npos);
    // It is there, but must come from where it cannot be had.
    const std::string here = "127.0.0.1:1/slipway-test/here:1";
    REQUIRE(run_program({"docker", "tag", lab.image(), here}));
    CHECK(ends(R"("pull":"on_start",)", here).find("127.0.0.1:1 cannot be reached") != std::string::npos);
    CHECK(run_program({"docker", "rmi", here}));
}

TEST_CASE("a service of a Vela build without its program ends the build with an error before any step begins")
{
    VelaLab lab;
    // It is looked for in so many places that a step would begin meanwhile.
    const std::string missing = R"("entrypoint":["no-such-program"],"detach":true,"environment":{"PATH":")"
        + std::string(130'000, ':') + R"(","VELA_WORKSPACE":"/vela/src/hello"},)";
    const VelaStep web{.name = "web", .commands = {}, .image = {}, .more = missing};
    const VelaStep step{.name = "one", .commands = {"echo it began"}};
    lab.start();
    const auto build = lab.push(lab.steps({step}, R"("services":[)" + lab.container(web, 1) + "],"));
    CHECK(lab.ended(build).text("status") == "error");
    CHECK(lab.server().build(build).text("error")
        == "the command of web could not be executed; its log says why");
    CHECK(lab.server().service(build, 1).text("status") == "failure");
    CHECK(lab.server().service(build, 1).number("exit_code") == 127);
    CHECK(lab.step(build, 2) == "killed 137");
    CHECK(lab.server().step_log(build, 2).empty());
    const auto detached = lab.push(lab.steps({web, step}));
    CHECK(lab.ended(detached).text("status") == "error");
    CHECK(lab.step(detached, 2) == "failure 127");
    CHECK(lab.step(detached, 3) == "killed 137");
    CHECK(lab.server().step_log(detached, 3).empty());
}

TEST_CASE("a step of a Vela build finds in its environment that it runs")
{
    VelaLab lab;
    lab.start();
    const auto build
        = lab.push(lab.steps({{.name = "one", .commands = {"echo $VELA_STEP_STATUS $VELA_STEP_STARTED"}}}));
    CHECK(lab.ended(build).text("status") == "success");
    CHECK(lab.server().step_log(build, 2)
        == "$ echo $VELA_STEP_STATUS $VELA_STEP_STARTED\nrunning "
            + std::to_string(lab.server().step(build, 2).number("started")) + "\n");
}

TEST_CASE("secrets of a Vela build reach the steps that may have them, and never show")
{
    VelaLab lab;
    lab.server().add_secret(
        "native/repo/octo/" + lab.repo() + "/api_key", secret_json("api_key", "s3cr3t-early-value"));
    lab.server().add_secret(
        "native/repo/octo/" + lab.repo() + "/late", secret_json("late", "s3cr3t-late-value"));
    const auto reference = [&](const std::string& name, const std::string& pull) {
        return R"({"name":")" + name + R"(","key":"octo/)" + lab.repo() + "/" + name
            + R"(","engine":"native","type":"repo","pull":")" + pull + R"(","origin":{"ruleset":{}}})";
    };
    const std::string secrets = R"("secrets":[)" + reference("api_key", "build_start") + ","
        + reference("late", "step_start") + "],";
    lab.start();
    const auto build = lab.push(lab.steps(
        {{.name = "both",
             .commands = {"echo one $API_KEY", "echo two $LATE",
                 "printf %s $API_KEY | head -c 6; sleep 0.1; printf %s $API_KEY | tail -c +7"},
             .more
             = R"("secrets":[{"source":"api_key","target":"API_KEY"},{"source":"late","target":"LATE"}],)"},
            {.name = "none", .commands = {"echo none ${API_KEY:-without}"}}},
        secrets));
    CHECK(lab.ended(build).text("status") == "success");
    const auto log = lab.server().step_log(build, 2);
    CHECK(log.find("s3cr3t") == std::string::npos);
    CHECK(log.find("one ***\n") != std::string::npos);
    CHECK(log.find("two ***\n") != std::string::npos);
    CHECK(log.find("$ vela view secret --secret.engine native --secret.type repo --org octo --repo "
              + lab.repo() + " --name late")
        == 0);
    CHECK(lab.server().step_log(build, 3).find("none without") != std::string::npos);
    CHECK(lab.log().find("s3cr3t") == std::string::npos);
    const auto missing = lab.push(lab.steps({{.name = "one", .commands = {"true"}}},
        R"("secrets":[)" + reference("nowhere", "build_start") + "],"));
    CHECK(lab.ended(missing).text("status") == "error");
    CHECK(lab.server().build(missing).text("error").find("unable to retrieve secret: ") == 0);
    CHECK(lab.step(missing, 1) == "failure");
    CHECK(lab.step(missing, 2) == "killed 137");
}

TEST_CASE("an image that cannot be had, and a time limit, end a Vela build with an error that says so")
{
    VelaLab lab;
    lab.start();
    const auto missing = lab.push(lab.steps({{.name = "fine", .commands = {"true"}},
        {.name = "nowhere", .commands = {"true"}, .image = "127.0.0.1:1/no/where:1"}}));
    CHECK(lab.ended(missing).text("status") == "error");
    CHECK(lab.server().build(missing).text("error").find("127.0.0.1:1/no/where:1") != std::string::npos);
    CHECK(lab.step(missing, 1) == "failure");
    CHECK(lab.step(missing, 3) == "killed 137");
    lab.kill();
    const auto slow = cut_off(lab,
        lab.steps({{.name = "hang", .commands = {"echo hanging", "sleep 60"}},
            {.name = "later", .commands = {"true"}}}),
        [&](const std::string& build) { return !lab.server().step_log(build, 2).empty(); });
    CHECK(lab.server().build(slow).text("error") == "context deadline exceeded");
    CHECK(lab.step(slow, 2) == "failure 137");
    CHECK(lab.server().step(slow, 2).text("error") == "context deadline exceeded");
    CHECK(lab.server().step_log(slow, 2) == "$ echo hanging\nhanging\n$ sleep 60\n");
    CHECK(lab.step(slow, 3) == "killed 137");
    CHECK(lab.left_after_end() == "");
}

TEST_CASE("a step of a Vela build that the time limit cuts off before it runs is a failure")
{
    VelaLab lab;
    RawHttpServer registry{[](RawHttpServer::Connection& connection) { connection.wait_for_close(); }};
    const auto image = "127.0.0.1:" + std::to_string(registry.port()) + "/silent:1";
    const auto build = cut_off(lab,
        lab.steps({{.name = "one", .commands = {"true"}, .image = image, .more = R"("pull":"on_start",)"},
            {.name = "later", .commands = {"true"}}}),
        [&](const std::string& ended) { return lab.step(ended, 2) != "killed 137"; });
    CHECK(lab.server().build(build).text("error") == "context deadline exceeded");
    CHECK(lab.step(build, 2) == "failure 137");
    CHECK(lab.server().step(build, 2).text("error") == "context deadline exceeded");
    CHECK(lab.step(build, 3) == "killed 137");
}

TEST_CASE("a Vela build that was cancelled in the queue is dropped, and the next one runs")
{
    VelaLab lab;
    const auto dropped = lab.push(lab.steps({{.name = "one", .commands = {"true"}}}));
    CHECK(lab.server().cancel(dropped).status == 200);
    const auto next = lab.push(lab.steps({{.name = "one", .commands = {"true"}}}));
    lab.start();
    CHECK(lab.ended(next).text("status") == "success");
    const auto row = lab.server().build(dropped);
    CHECK(row.text("status") == "canceled");
    CHECK(row.text("error") == "pending build was canceled by octo");
    CHECK(row.text("host").empty());
    CHECK(lab.step(dropped, 2) == "canceled unstarted unfinished");
    CHECK(lab.redis().cli({"LLEN", "vela"}) == "0");
    CHECK(lab.server().cancel(dropped).status == 400);
}

TEST_CASE("an element of a Vela queue that another key signed is dropped")
{
    VelaLab lab;
    lab.redis().cli({"RPUSH", "vela", std::string(64, 'x') + R"({"item_version":3,"build":{}})"});
    const auto next = lab.push(lab.steps({{.name = "one", .commands = {"true"}}}));
    lab.start();
    CHECK(lab.ended(next).text("status") == "success");
    CHECK(lab.log().find("it does not come from this server") != std::string::npos);
    CHECK(lab.redis().cli({"LLEN", "vela"}) == "0");
}

} // namespace slipway::test
