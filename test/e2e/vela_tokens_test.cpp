#include "test/e2e/vela_lab.h"
#include "test/support/registry.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace slipway::test {

namespace {

VelaRequest request_to(VelaLab& lab, const std::string& end)
{
    const auto requests = lab.server().requests();
    const auto found = std::ranges::find_if(
        requests, [&](const VelaRequest& request) { return request.path.ends_with(end); });
    INFO(lab.log());
    REQUIRE(found != requests.end());
    return *found;
}

} // namespace

TEST_CASE("a step of a Vela build gets the tokens it asks for, and its artifacts reach the server")
{
    VelaLab lab;
    lab.start({{"VELA_EXECUTOR_OUTPUTS_IMAGE", lab.image()}});
    const auto build = lab.push(lab.steps({{.name = "one",
        .commands = {"mkdir reports", "cd reports", "echo '<r/>' > a.xml", "echo hidden > .b.xml",
            "printf %s $VELA_ID_TOKEN_REQUEST_TOKEN > oidc.txt", "printf %s $VELA_GIT_TOKEN > git.txt",
            "echo $VELA_ID_TOKEN_REQUEST_TOKEN", "echo $VELA_GIT_TOKEN", "echo $VELA_ID_TOKEN_REQUEST_URL",
            "exit 4"},
        .image = {},
        .more = R"("id_request":"read","artifacts":{"paths":["reports/*.xml","reports/*.txt"]},)"
                R"("git":{"token":{"repositories":["hello","lib"],"permissions":{"contents":"read"}}},)"
                R"("environment":{"VELA_BUILD_EVENT":"push","VELA_WORKSPACE":"/vela/src/hello",)"
                R"("VELA_SERVER_ADDR":"http://server.test"},)"}}));
    CHECK(lab.ended(build).text("status") == "failure");
    CHECK(lab.step(build, 2) == "failure 4");
    auto& server = lab.server();
    const auto oidc = request_to(lab, "/id_request_token");
    CHECK(oidc.query == "image=" + lab.image() + "&request=read&commands=true");
    CHECK(oidc.token_kind == "WorkerBuild");
    const auto git = request_to(lab, "/install_token");
    CHECK(git.method == "POST");
    CHECK(git.token_kind == "WorkerBuild");
    CHECK(git.body == R"({"repositories":["hello","lib"],"permissions":{"contents":"read"}})");
    CHECK(server.object(build + "/a.xml") == "<r/>\n");
    CHECK(request_to(lab, "/objects/" + build + "/a.xml").content_type == "text/xml; charset=utf-8");
    CHECK_FALSE(server.object(build + "/.b.xml"));
    CHECK(server.token_kind(server.object(build + "/oidc.txt").value_or("")) == "IDRequest");
    CHECK(server.object(build + "/git.txt") == "another-scm-token");
    const auto log = server.step_log(build, 2);
    CHECK(log.find("TOKEN\n***\n$ echo $VELA_GIT_TOKEN\n***\n") != std::string::npos);
    const auto address = "\nhttp://server.test/api/v1/repos/octo/" + lab.repo() + "/builds/1/id_token\n";
    CHECK(log.find(address) != std::string::npos);
}

TEST_CASE("a Vela build pulls from a registry that wants a login, or says that it has none")
{
    VelaLab lab;
    OwnRegistry registry;
    const TempDir login;
    const auto image = registry.name("private:1");
    registry.take(lab.image(), image);
    const auto pipeline = lab.steps({{.name = "one", .commands = {"echo pulled"}, .image = image}});
    lab.start();
    const auto without = lab.push(pipeline);
    CHECK(lab.ended(without).text("status") == "error");
    CHECK(lab.server().build(without).text("error").find("DOCKER_CONFIG") != std::string::npos);
    CHECK(lab.step(without, 2) == "killed 137");
    lab.kill();
    registry.write_login(login.path());
    lab.start({{"DOCKER_CONFIG", login.path().string()}});
    const auto with = lab.push(pipeline);
    CHECK(lab.ended(with).text("status") == "success");
    CHECK(lab.server().step_log(with, 2) == "$ echo pulled\npulled\n");
    CHECK(run_program({"docker", "rmi", image}));
}

} // namespace slipway::test
