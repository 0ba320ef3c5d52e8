#include "common/json.h"
#include "launcher/vela/parse.h"

#include <utility>

namespace slipway::vela {

namespace {

using Yes = JsonValue::Boolean;

Result<Rules> read_rules(const JsonValue& ruleset, std::string_view which)
{
    Rules rules;
    const auto json = SLIPWAY_TRY(ruleset.find(which));
    if (!json)
        return rules;
    for (auto& [name, into] : {std::pair{"branch", &rules.branch}, {"comment", &rules.comment},
             {"event", &rules.event}, {"path", &rules.path}, {"repo", &rules.repo}, {"sender", &rules.sender},
             {"status", &rules.status}, {"tag", &rules.tag}, {"target", &rules.target},
             {"label", &rules.label}, {"instance", &rules.instance}})
        *into = SLIPWAY_TRY(json->string_list(name));
    rules.eval = SLIPWAY_TRY(json->string_or("eval", ""));
    rules.matcher = SLIPWAY_TRY(json->string_or("matcher", ""));
    rules.op = SLIPWAY_TRY(json->string_or("operator", ""));
    return rules;
}

Result<Ruleset> read_ruleset(const JsonValue& container)
{
    Ruleset ruleset;
    const auto json = SLIPWAY_TRY(container.find("ruleset"));
    if (!json)
        return ruleset;
    ruleset.when = SLIPWAY_TRY(read_rules(*json, "if"));
    ruleset.unless = SLIPWAY_TRY(read_rules(*json, "unless"));
    ruleset.continues = SLIPWAY_TRY(json->boolean_or("continue", false)) == Yes::yes;
    return ruleset;
}

/// The members of an array that may be missing.
Result<std::vector<JsonValue>> list(const JsonValue& json, std::string_view name)
{
    const auto found = SLIPWAY_TRY(json.find(name));
    return found ? found->elements() : std::vector<JsonValue>{};
}

Result<Variables> variables(const JsonValue& json, std::string_view name)
{
    Variables all;
    const auto found = SLIPWAY_TRY(json.find(name));
    if (!found)
        return all;
    for (const auto& [key, value] : SLIPWAY_TRY(found->members())) {
        auto text = value.string();
        all.insert_or_assign(key, text ? *std::move(text) : value.dump());
    }
    return all;
}

Result<GitToken> read_git(const JsonValue& container)
{
    GitToken git;
    const auto json = SLIPWAY_TRY(container.find("git"));
    const auto token = json ? SLIPWAY_TRY(json->find("token")) : std::nullopt;
    if (!token)
        return git;
    git.repositories = SLIPWAY_TRY(token->string_list("repositories"));
    git.permissions = SLIPWAY_TRY(token->string_map("permissions"));
    return git;
}

Result<void> read_lists(const JsonValue& json, Container& container)
{
    for (auto& [name, into] :
        {std::pair{"commands", &container.commands}, {"entrypoint", &container.entrypoint},
            {"needs", &container.needs}, {"networks", &container.networks}, {"ports", &container.ports}})
        *into = SLIPWAY_TRY(json.string_list(name));
    for (const auto& secret : SLIPWAY_TRY(list(json, "secrets")))
        container.secrets.push_back({.source = SLIPWAY_TRY(secret.string_or("source", "")),
            .target = SLIPWAY_TRY(secret.string_or("target", ""))});
    for (const auto& limit : SLIPWAY_TRY(list(json, "ulimits")))
        container.ulimits.push_back({.name = SLIPWAY_TRY(limit.string_or("name", "")),
            .soft = SLIPWAY_TRY(limit.integer_or("soft", 0)),
            .hard = SLIPWAY_TRY(limit.integer_or("hard", 0))});
    if (const auto artifacts = SLIPWAY_TRY(json.find("artifacts")))
        container.artifact_paths = SLIPWAY_TRY(artifacts->string_list("paths"));
    return {};
}

Result<Container> read_container(const JsonValue& json)
{
    Container container;
    SLIPWAY_TRY(read_lists(json, container));
    for (auto& [name, into] :
        {std::pair{"id", &container.id}, {"directory", &container.directory}, {"image", &container.image},
            {"name", &container.name}, {"pull", &container.pull}, {"user", &container.user},
            {"report_as", &container.report_as}, {"id_request", &container.id_request}})
        *into = SLIPWAY_TRY(json.string_or(name, ""));
    container.number = SLIPWAY_TRY(json.integer_or("number", 0));
    container.detach = SLIPWAY_TRY(json.boolean_or("detach", false)) == Yes::yes;
    container.environment = SLIPWAY_TRY(variables(json, "environment"));
    container.ruleset = SLIPWAY_TRY(read_ruleset(json));
    container.git = SLIPWAY_TRY(read_git(json));
    return container;
}

Result<std::vector<Container>> read_containers(const JsonValue& json, std::string_view name)
{
    std::vector<Container> containers;
    for (const auto& entry : SLIPWAY_TRY(list(json, name)))
        containers.push_back(SLIPWAY_TRY(read_container(entry)));
    return containers;
}

Result<Stage> read_stage(const JsonValue& json)
{
    Stage stage;
    stage.name = SLIPWAY_TRY(json.string_or("name", ""));
    stage.needs = SLIPWAY_TRY(json.string_list("needs"));
    stage.independent = SLIPWAY_TRY(json.boolean_or("independent", false)) == Yes::yes;
    stage.environment = SLIPWAY_TRY(variables(json, "environment"));
    stage.steps = SLIPWAY_TRY(read_containers(json, "steps"));
    return stage;
}

Result<PipelineSecret> read_reference(const JsonValue& json)
{
    PipelineSecret secret;
    secret.name = SLIPWAY_TRY(json.string_or("name", ""));
    secret.key = SLIPWAY_TRY(json.string_or("key", ""));
    secret.engine = SLIPWAY_TRY(json.string_or("engine", ""));
    secret.type = SLIPWAY_TRY(json.string_or("type", ""));
    secret.lazy = SLIPWAY_TRY(json.string_or("pull", "")) == "step_start";
    // A reference has an empty origin on the wire.
    if (const auto origin = SLIPWAY_TRY(json.find("origin"))) {
        auto container = SLIPWAY_TRY(read_container(*origin));
        if (!container.name.empty() && !container.image.empty())
            secret.origin = std::move(container);
    }
    return secret;
}

} // namespace

Result<Pipeline> read_pipeline(std::string_view text)
{
    const auto document
        = SLIPWAY_TRY(JsonDocument::parse(text, {.max_bytes = kMaxPipeline, .max_depth = 64}));
    const JsonValue json = document.root();
    Pipeline pipeline;
    auto token = SLIPWAY_TRY(json.string_or("token", ""));
    pipeline.token = Secret::take(token);
    pipeline.token_exp = SLIPWAY_TRY(json.integer_or("token_exp", 0));
    pipeline.services = SLIPWAY_TRY(read_containers(json, "services"));
    pipeline.steps = SLIPWAY_TRY(read_containers(json, "steps"));
    for (const auto& stage : SLIPWAY_TRY(list(json, "stages")))
        pipeline.stages.push_back(SLIPWAY_TRY(read_stage(stage)));
    for (const auto& secret : SLIPWAY_TRY(list(json, "secrets")))
        pipeline.secrets.push_back(SLIPWAY_TRY(read_reference(secret)));
    if (!pipeline.steps.empty() && !pipeline.stages.empty())
        return Error{Errc::invalid_input, "the pipeline has both stages and steps"};
    return pipeline;
}

} // namespace slipway::vela
