#include "common/file.h"
#include "common/json.h"
#include "launcher/vela/prepare.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::vela;

namespace {

constexpr const char* kEvents
    = "push,pull_request:opened,pull_request:synchronize,pull_request:edited,pull_request:reopened,"
      "pull_request:labeled,pull_request:unlabeled,tag,deployment,comment:created,comment:edited,schedule,"
      "delete:branch,delete:tag";

JsonDocument data(const std::string& name)
{
    auto text = read_file(std::string{SLIPWAY_TEST_DATA} + "/" + name, 1024 * 1024);
    REQUIRE(text);
    auto document = JsonDocument::parse(*text);
    REQUIRE(document);
    return std::move(*document);
}

/// A build as a server queued it.
Build recorded_build()
{
    const auto document = data("build.json");
    const auto root = document.root();
    const auto repo = *root.at("repo");
    Build build;
    build.number = *root.integer("number");
    for (const auto& [field, name] :
        std::vector<std::pair<std::string*, const char*>>{{&build.event, "event"}, {&build.status, "status"},
            {&build.clone, "clone"}, {&build.source, "source"}, {&build.title, "title"},
            {&build.message, "message"}, {&build.commit, "commit"}, {&build.sender, "sender"},
            {&build.sender_scm_id, "sender_scm_id"}, {&build.author, "author"}, {&build.email, "email"},
            {&build.link, "link"}, {&build.branch, "branch"}, {&build.ref, "ref"}, {&build.route, "route"}})
        *field = *root.string(name);
    build.created = *root.integer("created");
    for (const auto& [field, name] : std::vector<std::pair<std::string*, const char*>>{
             {&build.repo.org, "org"}, {&build.repo.name, "name"}, {&build.repo.full_name, "full_name"},
             {&build.repo.link, "link"}, {&build.repo.clone, "clone"}, {&build.repo.branch, "branch"},
             {&build.repo.visibility, "visibility"}, {&build.repo.pipeline_type, "pipeline_type"},
             {&build.repo.approve_build, "approve_build"}})
        *field = *repo.string(name);
    build.repo.owner = *repo.at("owner")->string("name");
    build.repo.build_limit = *repo.integer("build_limit");
    build.repo.timeout = *repo.integer("timeout");
    build.repo.approval_timeout = *repo.integer("approval_timeout");
    build.repo.active = true;
    build.repo.allow_events = {kEvents};
    return build;
}

Container recorded(const char* name)
{
    const auto document = data("containers.json");
    const auto from = *document.root().at(name);
    Container container;
    container.image = *from.string("image");
    container.name = *from.string("name");
    container.number = *from.integer("number");
    const auto variables = *from.string_map("environment");
    for (const auto& [key, value] : variables)
        container.environment[key] = value;
    return container;
}

/// What differs: new and changed variables.
Variables changes(const Variables& before, const Variables& after)
{
    Variables changed;
    for (const auto& [name, value] : after)
        if (const auto old = before.find(name); old == before.end() || old->second != value)
            changed[name] = value;
    for (const auto& [name, value] : before)
        CHECK(after.contains(name));
    return changed;
}

/// Such that a test that fails shows them.
std::string lines(const Variables& variables)
{
    std::string all;
    for (const auto& [name, value] : variables)
        all.append(name).append("=").append(value).append("\n");
    return all;
}

std::string at(const Container& container, const std::string& name)
{
    const auto found = container.environment.find(name);
    return found == container.environment.end() ? "(none)" : found->second;
}

Container prepared(const Build& build)
{
    Container container;
    add_variables(container, Role::step, {"host", "1"}, build, "", "");
    return container;
}

} // namespace

// The server set the time of creation once more after it had compiled the pipeline.
TEST_CASE("a recorded step keeps what the server compiled and learns of worker and build")
{
    const auto build = recorded_build();
    auto step = recorded("step");
    const auto before = step.environment;
    const std::string stage = before.at("VELA_STEP_STAGE");
    add_variables(step, Role::step, {"worker-1", "v9"}, build, stage, "jwt");
    const auto repo = "http://vela-server/api/v1/repos/octo/fx-stages/builds/1/id_token";
    CHECK(lines(changes(before, step.environment))
        == lines({{"BUILD_CREATED", "1795414535"}, {"VELA_BUILD_CREATED", "1795414535"},
            {"BUILD_LINK", build.link}, {"BUILD_NUMBER", "1"}, {"VELA_BUILD_LINK", build.link},
            {"VELA_BUILD_NUMBER", "1"}, {"VELA_BUILD_ROUTE", "vela"}, {"VELA_DISTRIBUTION", "linux"},
            {"VELA_HOST", "worker-1"}, {"VELA_RUNTIME", "docker"}, {"VELA_VERSION", "v9"},
            {"VELA_ID_TOKEN_REQUEST_TOKEN", "jwt"}, {"VELA_ID_TOKEN_REQUEST_URL", repo},
            {"VELA_OUTPUTS", "/vela/outputs/.env"}, {"VELA_MASKED_OUTPUTS", "/vela/outputs/masked.env"},
            {"VELA_BASE64_OUTPUTS", "/vela/outputs/base64.env"},
            {"VELA_MASKED_BASE64_OUTPUTS", "/vela/outputs/masked.base64.env"},
            {"VELA_STEP_DISTRIBUTION", "linux"}, {"VELA_STEP_HOST", "worker-1"},
            {"VELA_STEP_RUNTIME", "docker"}}));
}

TEST_CASE("a recorded service learns nothing of outputs and tokens")
{
    auto build = recorded_build();
    build.status = "running";
    build.started = 5;
    build.host = "worker-1";
    build.runtime = "docker";
    build.distribution = "linux";
    auto service = recorded("service");
    const auto before = service.environment;
    add_variables(service, Role::service, {"worker-1", "v9"}, build, "", "");
    CHECK(lines(changes(before, service.environment))
        == lines({{"BUILD_CREATED", "1795414535"}, {"VELA_BUILD_CREATED", "1795414535"},
            {"BUILD_LINK", build.link}, {"BUILD_NUMBER", "1"}, {"BUILD_HOST", "worker-1"},
            {"BUILD_STARTED", "5"}, {"BUILD_STATUS", "running"}, {"VELA_BUILD_LINK", build.link},
            {"VELA_BUILD_NUMBER", "1"}, {"VELA_BUILD_HOST", "worker-1"}, {"VELA_BUILD_STARTED", "5"},
            {"VELA_BUILD_STATUS", "running"}, {"VELA_BUILD_ROUTE", "vela"}, {"VELA_BUILD_RUNTIME", "docker"},
            {"VELA_BUILD_DISTRIBUTION", "linux"}, {"VELA_DISTRIBUTION", "linux"}, {"VELA_HOST", "worker-1"},
            {"VELA_RUNTIME", "docker"}, {"VELA_VERSION", "v9"}, {"VELA_SERVICE_DISTRIBUTION", "linux"},
            {"VELA_SERVICE_HOST", "worker-1"}, {"VELA_SERVICE_RUNTIME", "docker"}}));
}

TEST_CASE("events bring variables of their own")
{
    Build build;
    build.number = 3;
    build.event = "pull_request";
    build.event_action = "opened";
    build.ref = "refs/pull/17/head";
    build.head_ref = "topic";
    build.base_ref = "main";
    build.fork = true;
    auto step = prepared(build);
    for (const auto* name : {"BUILD_PULL_REQUEST_NUMBER", "VELA_BUILD_PULL_REQUEST", "VELA_PULL_REQUEST"})
        CHECK(at(step, name) == "17");
    CHECK(at(step, "VELA_PULL_REQUEST_SOURCE") == "topic");
    CHECK(at(step, "VELA_PULL_REQUEST_TARGET") == "main");
    CHECK(at(step, "VELA_PULL_REQUEST_FORK") == "true");
    CHECK(at(step, "BUILD_TAG") == "(none)");

    build.event = "comment";
    step = prepared(build);
    CHECK(at(step, "VELA_PULL_REQUEST") == "17");
    CHECK(at(step, "VELA_PULL_REQUEST_FORK") == "(none)");

    build.ref = "main";
    CHECK(at(prepared(build), "VELA_PULL_REQUEST").empty());

    build.event = "tag";
    build.ref = "refs/tags/v1/x";
    step = prepared(build);
    CHECK(at(step, "BUILD_TAG") + at(step, "VELA_BUILD_TAG") == "v1/xv1/x");

    build.event = "delete";
    build.event_action = "tag";
    build.branch = "v0";
    CHECK(at(prepared(build), "BUILD_TAG") == "v0");

    build.event = "deployment";
    build.deploy = "prod";
    build.deploy_number = 4;
    build.deploy_payload = {{"region", "eu"}};
    step = prepared(build);
    for (const auto* name : {"VELA_BUILD_TARGET", "VELA_DEPLOYMENT", "BUILD_TARGET"})
        CHECK(at(step, name) == "prod");
    CHECK(at(step, "VELA_DEPLOYMENT_NUMBER") == "4");
    CHECK(at(step, "DEPLOYMENT_PARAMETER_REGION") == "eu");
    CHECK(at(step, "VELA_BUILD_TAG") == "v1/x");
}

TEST_CASE("lists, numbers and maps are written as the original writes them")
{
    Build build;
    build.repo.topics = {"a", "b"};
    build.repo.custom_props = R"({"team":"x"})";
    build.repo.is_private = true;
    const auto step = prepared(build);
    CHECK(at(step, "VELA_REPO_TOPICS") == "a,b");
    CHECK(at(step, "VELA_REPO_CUSTOM_PROPS") == R"({"team":"x"})");
    CHECK(at(step, "VELA_REPO_PRIVATE") == "true");
    CHECK(at(step, "REPOSITORY_TRUSTED") == "false");
    CHECK(at(step, "VELA_BUILD_NUMBER") == "(none)");
    CHECK(at(step, "BUILD_WORKSPACE") == "/vela");
}

TEST_CASE("the token of the source code is told with its end")
{
    Container step;
    add_scm_token(step, Secret{"ghs_1"}, 0);
    CHECK(step.environment
        == Variables{{"VELA_NETRC_PASSWORD", "ghs_1"}, {"VELA_GIT_TOKEN", "ghs_1"},
            {"VELA_GIT_TOKEN_EXPIRATION", "0"}});
}

TEST_CASE("containers are named so that no two builds meet")
{
    const BuildName build{"octo", "my repo", 12};
    CHECK(pipeline_id(build) == "octo_my-repo_12");
    Pipeline pipeline;
    pipeline.steps.resize(1);
    pipeline.steps[0].name = "a/b c";
    pipeline.steps[0].environment = {{"VELA_WORKSPACE", "/vela/src/x"}};
    pipeline.stages.resize(1);
    pipeline.stages[0].name = "unit test";
    pipeline.stages[0].steps.resize(1);
    pipeline.stages[0].steps[0].name = "go";
    pipeline.services.resize(1);
    pipeline.services[0].name = "db";
    pipeline.services[0].environment = {{"VELA_WORKSPACE", "/vela/src/x"}};
    pipeline.secrets.resize(2);
    pipeline.secrets[0].origin.emplace();
    pipeline.secrets[0].origin->name = "vault";
    name_containers(pipeline, build);
    CHECK(pipeline.steps[0].id == "step_octo_my-repo_12_a-b-c");
    CHECK(pipeline.steps[0].directory == "/vela/src/x");
    CHECK(pipeline.stages[0].steps[0].id == "octo_my-repo_12_unit-test_go");
    CHECK(pipeline.services[0].id == "service_octo_my-repo_12_db");
    CHECK(pipeline.services[0].directory.empty());
    CHECK(pipeline.secrets[0].origin->id == "secret_octo_my-repo_12_vault");
}
