#include "launcher/vela/prepare.h"

#include <algorithm>

namespace slipway::vela {

namespace {

constexpr std::string_view kRuntime = "docker";
constexpr std::string_view kDistribution = "linux";
constexpr std::string_view kTags = "refs/tags/";

std::string text(std::int64_t number) { return std::to_string(number); }

std::string text(bool value) { return value ? "true" : "false"; }

std::string joined(const std::vector<std::string>& values)
{
    std::string all;
    for (const auto& value : values)
        all.append(all.empty() ? "" : ",").append(value);
    return all;
}

std::string or_else(const std::string& value, std::string_view otherwise)
{
    return value.empty() ? std::string{otherwise} : value;
}

/// Sets each of the names.
void set(Variables& variables, std::initializer_list<const char*> names, const std::string& value)
{
    for (const auto* name : names)
        variables.insert_or_assign(name, value);
}

/// Sets a value under its name and its older one.
void set_twins(Variables& variables, const char* first, const char* second, const std::string& name,
    const std::string& value)
{
    variables.insert_or_assign(first + name, value);
    variables.insert_or_assign(second + name, value);
}

void add_worker(Variables& variables, const HostFacts& host, const Build& build)
{
    variables["VELA_DISTRIBUTION"] = or_else(build.distribution, kDistribution);
    variables["VELA_HOST"] = or_else(build.host, host.host);
    variables["VELA_RUNTIME"] = or_else(build.runtime, kRuntime);
    variables["VELA_VERSION"] = host.version;
}

void add_outputs(Variables& variables, const Build& build, std::string_view id_request_token)
{
    const auto server = variables.find("VELA_SERVER_ADDR");
    variables["VELA_ID_TOKEN_REQUEST_TOKEN"] = id_request_token;
    variables["VELA_ID_TOKEN_REQUEST_URL"] = (server == variables.end() ? std::string{} : server->second)
        + "/api/v1/repos/" + build.repo.org + "/" + build.repo.name + "/builds/" + text(build.number)
        + "/id_token";
    variables["VELA_OUTPUTS"] = "/vela/outputs/.env";
    variables["VELA_MASKED_OUTPUTS"] = "/vela/outputs/masked.env";
    variables["VELA_BASE64_OUTPUTS"] = "/vela/outputs/base64.env";
    variables["VELA_MASKED_BASE64_OUTPUTS"] = "/vela/outputs/masked.base64.env";
}

void add_build_twins(Variables& variables, const Build& build)
{
    const auto add = [&](const std::string& name, const std::string& value) {
        set_twins(variables, "VELA_BUILD_", "BUILD_", name, value);
    };
    const auto workspace = variables.find("VELA_WORKSPACE");
    add("AUTHOR", build.author);
    add("AUTHOR_EMAIL", build.email);
    add("BASE_REF", build.base_ref);
    add("BRANCH", build.branch);
    add("CLONE", build.clone);
    add("COMMIT", build.commit);
    add("CREATED", text(build.created));
    add("ENQUEUED", text(build.enqueued));
    add("EVENT", build.event);
    add("HOST", build.host);
    add("MESSAGE", build.message);
    add("PARENT", text(build.parent));
    add("REF", build.ref);
    add("SENDER", build.sender);
    add("STARTED", text(build.started));
    add("SOURCE", build.source);
    add("STATUS", build.status);
    add("TITLE", build.title);
    add("WORKSPACE", workspace == variables.end() ? std::string{"/vela"} : workspace->second);
    if (build.number > 0) {
        add("NUMBER", text(build.number));
        add("LINK", build.link);
    }
}

void add_pull_request(Variables& variables, const Build& build)
{
    // refs/pull/NUMBER/head
    std::string number;
    if (const auto second = build.ref.find('/', build.ref.find('/') + 1);
        build.ref.find('/') != std::string::npos && second != std::string::npos)
        number = build.ref.substr(second + 1, build.ref.find('/', second + 1) - second - 1);
    set(variables, {"BUILD_PULL_REQUEST_NUMBER", "VELA_BUILD_PULL_REQUEST", "VELA_PULL_REQUEST"}, number);
    variables["VELA_PULL_REQUEST_SOURCE"] = build.head_ref;
    variables["VELA_PULL_REQUEST_TARGET"] = build.base_ref;
    if (build.event == "pull_request")
        variables["VELA_PULL_REQUEST_FORK"] = text(build.fork);
}

void add_deployment(Variables& variables, const Build& build)
{
    set(variables, {"VELA_BUILD_TARGET", "VELA_DEPLOYMENT", "BUILD_TARGET"}, build.deploy);
    variables["VELA_DEPLOYMENT_NUMBER"] = text(build.deploy_number);
    for (const auto& [key, value] : build.deploy_payload) {
        auto name = key;
        std::ranges::transform(
            name, name.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
        variables["DEPLOYMENT_PARAMETER_" + name] = value;
    }
}

void add_build(Variables& variables, const Build& build)
{
    add_build_twins(variables, build);
    variables["VELA_BUILD_APPROVED_AT"] = text(build.approved_at);
    variables["VELA_BUILD_APPROVED_BY"] = build.approved_by;
    variables["VELA_BUILD_DISTRIBUTION"] = build.distribution;
    variables["VELA_BUILD_EVENT_ACTION"] = build.event_action;
    variables["VELA_BUILD_ROUTE"] = build.route;
    variables["VELA_BUILD_RUNTIME"] = build.runtime;
    variables["VELA_BUILD_SENDER_SCM_ID"] = build.sender_scm_id;
    if (build.event == "comment" || build.event == "pull_request")
        add_pull_request(variables, build);
    const bool of_tag = build.ref.starts_with(kTags);
    if (build.event == "deployment")
        add_deployment(variables, build);
    if (build.event == "delete" && build.event_action == "tag")
        set(variables, {"BUILD_TAG", "VELA_BUILD_TAG"}, build.branch);
    else if (build.event == "tag" || (build.event == "deployment" && of_tag))
        set(variables, {"BUILD_TAG", "VELA_BUILD_TAG"}, of_tag ? build.ref.substr(kTags.size()) : build.ref);
}

void add_repo(Variables& variables, const Repo& repo)
{
    const auto add = [&](const std::string& name, const std::string& value) {
        set_twins(variables, "VELA_REPO_", "REPOSITORY_", name, value);
    };
    add("ACTIVE", text(repo.active));
    add("ALLOW_EVENTS", joined(repo.allow_events));
    add("BRANCH", repo.branch);
    add("CLONE", repo.clone);
    add("FULL_NAME", repo.full_name);
    add("LINK", repo.link);
    add("NAME", repo.name);
    add("ORG", repo.org);
    add("PRIVATE", text(repo.is_private));
    add("TIMEOUT", text(repo.timeout));
    add("TRUSTED", text(repo.trusted));
    add("VISIBILITY", repo.visibility);
    variables["VELA_REPO_TOPICS"] = joined(repo.topics);
    variables["VELA_REPO_BUILD_LIMIT"] = text(repo.build_limit);
    variables["VELA_REPO_PIPELINE_TYPE"] = repo.pipeline_type;
    variables["VELA_REPO_APPROVE_BUILD"] = repo.approve_build;
    variables["VELA_REPO_APPROVAL_TIMEOUT"] = text(repo.approval_timeout);
    variables["VELA_REPO_OWNER"] = repo.owner;
    variables["VELA_REPO_INSTALL_ID"] = text(repo.install_id);
    variables["VELA_REPO_CUSTOM_PROPS"] = or_else(repo.custom_props, "{}");
}

void add_container(Container& container, const std::string& prefix, const HostFacts& host, const Build& build)
{
    auto& variables = container.environment;
    variables.try_emplace(prefix + "CREATED", "0"); // the server knows it; here it is not known
    variables.try_emplace(prefix + "STARTED", "0");
    variables[prefix + "DISTRIBUTION"] = or_else(build.distribution, kDistribution);
    variables[prefix + "EXIT_CODE"] = "0";
    variables[prefix + "HOST"] = or_else(build.host, host.host);
    variables[prefix + "IMAGE"] = container.image;
    variables[prefix + "NAME"] = container.name;
    variables[prefix + "NUMBER"] = text(container.number);
    variables[prefix + "RUNTIME"] = or_else(build.runtime, kRuntime);
    variables[prefix + "STATUS"] = "pending"; // a step that never starts is told from it
}

} // namespace

void add_variables(Container& container, Role role, const HostFacts& host, const Build& build,
    std::string_view stage, std::string_view id_request_token)
{
    auto& variables = container.environment;
    add_worker(variables, host, build);
    if (role != Role::service)
        add_outputs(variables, build, id_request_token);
    add_build(variables, build);
    add_repo(variables, build.repo);
    if (role == Role::service)
        add_container(container, "VELA_SERVICE_", host, build);
    if (role != Role::step)
        return;
    add_container(container, "VELA_STEP_", host, build);
    variables["VELA_STEP_STAGE"] = stage;
    variables["VELA_STEP_REPORT_AS"] = container.report_as;
}

void add_scm_token(Container& container, const Secret& token, std::int64_t expiration)
{
    auto& variables = container.environment;
    variables["VELA_NETRC_PASSWORD"] = token.reveal();
    variables["VELA_GIT_TOKEN"] = token.reveal();
    variables["VELA_GIT_TOKEN_EXPIRATION"] = text(expiration);
}

} // namespace slipway::vela
