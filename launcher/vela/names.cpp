#include "common/ascii.h"
#include "launcher/vela/prepare.h"

#include <algorithm>

namespace slipway::vela {

namespace {

/// What the engine takes as a name.
std::string engine_name(std::string name)
{
    std::ranges::replace(name, ' ', '-');
    std::ranges::replace(name, '/', '-');
    return name;
}

std::string parts(const BuildName& build)
{
    return build.org + "_" + build.repo + "_" + std::to_string(build.number);
}

void name_step(Container& step, std::string name)
{
    step.id = engine_name(std::move(name));
    const auto workspace = step.environment.find("VELA_WORKSPACE");
    step.directory = workspace == step.environment.end() ? std::string{} : workspace->second;
}

std::vector<std::string> split(const std::string& key, std::size_t most)
{
    std::vector<std::string> found;
    std::size_t from = 0;
    for (auto at = key.find('/'); at != std::string::npos && found.size() + 1 < most;
         at = key.find('/', from)) {
        found.push_back(key.substr(from, at - from));
        from = at + 1;
    }
    found.push_back(key.substr(from));
    return found;
}

Error refused(std::string_view what, const std::string& key)
{
    // The space at the end is the original's.
    return {Errc::invalid_input, std::string{what} + ": " + key + " "};
}

} // namespace

std::string pipeline_id(const BuildName& build)
{
    auto id = parts(build);
    std::ranges::replace(id, ' ', '-');
    return id;
}

void name_containers(Pipeline& pipeline, const BuildName& build)
{
    const auto of_build = parts(build);
    for (auto& step : pipeline.steps)
        name_step(step, "step_" + of_build + "_" + step.name);
    for (auto& stage : pipeline.stages)
        for (auto& step : stage.steps)
            name_step(step, of_build + "_" + stage.name + "_" + step.name);
    for (auto& service : pipeline.services)
        service.id = engine_name("service_" + of_build + "_" + service.name);
    for (auto& secret : pipeline.secrets)
        if (secret.origin)
            secret.origin->id = engine_name("secret_" + of_build + "_" + secret.origin->name);
}

Result<SecretPath> secret_path(const PipelineSecret& secret, const BuildName& build)
{
    if (secret.engine != "native" && secret.engine != "vault")
        return refused("unrecognized secret engine", secret.engine);
    if (secret.type != "org" && secret.type != "repo" && secret.type != "shared")
        return refused("unrecognized secret type", secret.type);
    if (secret.name.empty() || secret.name.find_first_of(std::string_view{"=\0", 2}) != std::string::npos)
        return refused("invalid secret name", secret.name);
    const std::size_t most = secret.type == "org" ? 2 : 3;
    const auto found = split(secret.key, most);
    if (found.size() != most || std::ranges::any_of(found, &std::string::empty))
        return refused("invalid secret path", secret.key);
    // A shared secret may be another organization's: the server decides.
    if (secret.type != "shared" && !equal_ignoring_case(found[0], build.org))
        return refused("invalid organization in secret path", secret.key);
    if (secret.type == "repo" && !equal_ignoring_case(found[1], build.repo))
        return refused("invalid repository in secret path", secret.key);
    return SecretPath{.type = secret.type,
        .org = found[0],
        .name = most == 2 ? "*" : found[1],
        .key = found.back(),
        .engine = secret.engine};
}

} // namespace slipway::vela
