#pragma once

#include "common/result.h"
#include "common/secret.h"
#include "launcher/vela/model.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// What is done to a container before it starts. Pure functions.
namespace slipway::vela {

/// This worker, as containers are told.
struct HostFacts {
    std::string host; ///< The worker's hostname.
    std::string version;
};

/// Names everything in the engine: pipeline id, container ids; sets the steps' directory.
void name_containers(Pipeline& pipeline, const BuildName& build);
[[nodiscard]] std::string pipeline_id(const BuildName& build);

enum class Role : std::uint8_t { step, service, secret_plugin };

/// The variables that the worker adds or overwrites: of worker, build, repository, and the step or service.
/// `stage`: name of its stage, or empty.
void add_variables(Container& container, Role role, const HostFacts& host, const Build& build,
    std::string_view stage, std::string_view id_request_token);

/// VELA_NETRC_PASSWORD, VELA_GIT_TOKEN, VELA_GIT_TOKEN_EXPIRATION.
void add_scm_token(Container& container, const Secret& token, std::int64_t expiration);

/// Turns the commands into a script, unless an older server has done so. Nothing when there are none.
void apply_script(Container& container);

/// Where a secret of a pipeline lies. `invalid_input`: "invalid secret path: KEY ", another org or
/// repository, an engine that is not known, a bad name.
struct SecretPath {
    std::string type;
    std::string org;
    std::string name; ///< "*", a repository, or a team.
    std::string key;
    std::string engine;
};

[[nodiscard]] Result<SecretPath> secret_path(const PipelineSecret& secret, const BuildName& build);

enum class Substitutable : bool { no, yes };

/// Gives a container the fetched secrets that it lists and that match it (event, image, commands), those with
/// `allow_substitution` as asked.
void inject_secrets(
    Container& container, const std::map<std::string, SecretValue>& fetched, Substitutable which);

/// What must not show in a container's log: the values of its secrets' targets, and `more`. Empty values are
/// left out.
[[nodiscard]] std::vector<std::string> masked_values(
    const Container& container, const std::vector<std::string>& more);

/// Outputs of earlier steps.
struct Outputs {
    std::vector<std::pair<std::string, std::string>> plain;
    std::vector<std::pair<std::string, std::string>> masked;
};

/// A file of outputs as dotenv: KEY=VALUE, comments, quotes. `invalid_input`: one bad line discards all.
[[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> read_outputs(std::string_view text);
/// The same, each value base64; what cannot be decoded keeps its text.
[[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> read_base64_outputs(
    std::string_view text);
/// Variables that are there stay; a value that is exactly $KEY becomes the output.
void merge_outputs(Container& container, const Outputs& outputs);

} // namespace slipway::vela
