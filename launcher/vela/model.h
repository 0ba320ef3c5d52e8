#pragma once

#include "common/secret.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// What a Vela server says of a build: values of its API (go-vela/server, api/types and
/// compiler/types/pipeline, item version 3). Times are seconds of the Unix epoch; 0: not yet.
namespace slipway::vela {

/// Variables of a container. Hold secrets once a container is prepared.
using Variables = std::map<std::string, std::string, std::less<>>;

/// Names a build in every call about it.
struct BuildName {
    std::string org;
    std::string repo;
    std::int64_t number = 0;

    bool operator==(const BuildName&) const = default;
};

struct Repo {
    std::int64_t id = 0;
    std::string owner; ///< Name of the user.
    std::string org;
    std::string name;
    std::string full_name;
    std::string link;
    std::string clone;
    std::string branch;
    std::vector<std::string> topics;
    std::int64_t build_limit = 0;
    std::int64_t timeout = 0; ///< Minutes; 0: the worker's.
    std::string visibility;
    bool is_private = false;
    bool trusted = false;
    bool active = false;
    std::vector<std::string> allow_events; ///< Spelt and ordered as the environment has them.
    std::string pipeline_type;
    std::string approve_build;
    std::int64_t approval_timeout = 0;
    std::int64_t install_id = 0;
    std::string custom_props = "{}"; ///< JSON.
};

struct Build {
    std::string whole; ///< The object as it was last received; answered whole where one is asked for.
    std::int64_t id = 0;
    Repo repo;
    std::int64_t number = 0;
    std::int64_t parent = 0;
    std::string event;
    std::string event_action;
    std::string status;
    std::string error;
    std::int64_t enqueued = 0;
    std::int64_t created = 0;
    std::int64_t started = 0;
    std::int64_t finished = 0;
    std::string deploy;
    std::int64_t deploy_number = 0;
    std::vector<std::pair<std::string, std::string>> deploy_payload;
    std::string clone;
    std::string source;
    std::string title;
    std::string message;
    std::string commit;
    std::string sender;
    std::string sender_scm_id;
    bool fork = false;
    std::string author;
    std::string email;
    std::string link;
    std::string branch;
    std::string ref;
    std::string base_ref;
    std::string head_ref;
    std::string host;
    std::string route;
    std::string runtime;
    std::string distribution;
    std::int64_t approved_at = 0;
    std::string approved_by;

    [[nodiscard]] BuildName build_name() const { return {repo.org, repo.name, number}; }
};

/// The message of a queue's element.
struct QueueItem {
    Build build;
    std::int64_t item_version = 0; ///< 0: absent.
};

inline constexpr std::int64_t kItemVersion = 3;

struct Rules {
    std::vector<std::string> branch;
    std::vector<std::string> comment;
    std::vector<std::string> event;
    std::vector<std::string> path;
    std::vector<std::string> repo;
    std::vector<std::string> sender;
    std::vector<std::string> status;
    std::vector<std::string> tag;
    std::vector<std::string> target;
    std::vector<std::string> label;
    std::vector<std::string> instance;
    std::string eval;
    std::string matcher;
    std::string op; ///< "or" means any; everything else all.

    [[nodiscard]] bool empty() const
    {
        return branch.empty() && comment.empty() && event.empty() && path.empty() && repo.empty()
            && sender.empty() && status.empty() && tag.empty() && target.empty() && label.empty()
            && instance.empty() && eval.empty();
    }
};

struct Ruleset {
    Rules when; ///< "if"
    Rules unless;
    bool continues = false; ///< "continue": a failure does not fail the build.
};

struct StepSecret {
    std::string source;
    std::string target;
};

struct Ulimit {
    std::string name;
    std::int64_t soft = 0;
    std::int64_t hard = 0;
};

/// `git.token` of a container.
struct GitToken {
    std::vector<std::string> repositories;
    std::vector<std::pair<std::string, std::string>> permissions;
};

/// A step, a service, or the origin of a secret.
struct Container {
    std::string id; ///< Name in the engine; absent on the wire.
    std::vector<std::string> commands;
    std::vector<std::string> entrypoint;
    bool detach = false;
    std::string directory; ///< Absent on the wire.
    Variables environment;
    std::string image;
    std::string name;
    std::vector<std::string> needs;
    std::vector<std::string> networks;
    std::vector<std::string> ports;
    std::int64_t number = 0;
    std::string pull; ///< "always", "not_present", "on_start", "never"
    Ruleset ruleset;
    std::vector<StepSecret> secrets;
    std::vector<std::string> artifact_paths;
    std::vector<Ulimit> ulimits;
    std::string user;
    std::string report_as;
    std::string id_request;
    GitToken git;
};

struct Stage {
    std::string name;
    std::vector<std::string> needs;
    bool independent = false;
    Variables environment;
    std::vector<Container> steps;
};

/// A reference to a secret, or a plugin that brings some: then `origin` is there and nothing else.
struct PipelineSecret {
    std::string name;
    std::string key;
    std::string engine;
    std::string type;
    bool lazy = false; ///< "pull": "step_start"
    std::optional<Container> origin;
};

struct Pipeline {
    Secret token; ///< Of the SCM.
    std::int64_t token_exp = 0;
    std::vector<PipelineSecret> secrets;
    std::vector<Container> services;
    std::vector<Stage> stages; ///< Either these or `steps`.
    std::vector<Container> steps;
};

/// A secret as the server gives it to a build.
struct SecretValue {
    std::string name;
    Secret value;
    std::vector<std::string> images;
    std::vector<std::string> allow_events; ///< "push", "pull_request:opened" …
    bool allow_command = false;
    bool allow_substitution = false;
    std::string shown; ///< The object as JSON with the value replaced by "[secure]", for the log.
};

} // namespace slipway::vela
