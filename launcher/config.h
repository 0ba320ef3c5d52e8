#pragma once

#include "common/log.h"
#include "common/result.h"
#include "common/secret.h"
#include "launcher/engine_settings.h"
#include "launcher/environment.h"

#include <array>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::launcher {

/// A name on the allow-list.
struct AllowedName {
    std::string name;
    StageClass stages = StageClass::every;
};

/// Where a version control system that is not public is reached from this network.
struct PrivateVcs {
    std::string number; ///< The end of its variables' names.
    std::string name; ///< Of the mapping.
    std::string base_endpoint; ///< "https://host[:port][/path]"
};

/// Of whom calls other than the Docker socket's go through a proxy; texts as libcurl takes them.
struct Proxies {
    std::string http; ///< For http:// addresses.
    std::string https; ///< For https:// addresses.
    std::string none; ///< Hosts that are called directly.
};

/// What an operator can set. The initialiser of a field is its default, and stands nowhere else: help, the
/// reference and --print-config show what is here.
struct Config {
    Secret token;
    std::vector<Secret> private_keys; ///< PEM or its base64; each may hold several keys. The first one seals.
    std::string comms_url;
    std::string comms_protocol = "poll";
    Proxies proxies;
    std::string additional_root_cas; ///< PEM certificates; trusted beside the token's authority.
    std::vector<AllowedName> allowed_names;
    std::vector<PrivateVcs> private_vcs;
    std::filesystem::path policy_file; ///< Rego, asked before each stage; empty: none.
    std::string opa = "opa"; ///< The program that evaluates it: a path, or a name looked up in PATH.
    protocol::Millis policy_timeout = 10'000; ///< Of one evaluation.
    std::string network = "bridge";
    std::string runtime; ///< OCI runtime of the jobs; empty: the engine's default.
    std::filesystem::path docker_config_dir; ///< Holds config.json with registry credentials; empty: none.
    std::string docker_host = "unix:///var/run/docker.sock";
    bool docker_tls_verify = false;
    std::filesystem::path docker_cert_path; ///< Empty: ~/.docker, if there is a home.
    std::string metrics_address; ///< host:port; empty: none.
    std::string observability = "Disabled"; ///< Known, and without effect.
    bool debug = false;
    LogFormat log_format = LogFormat::logfmt;
    LogLevel log_level = LogLevel::info;
    EngineSettings engine; ///< Less what `main` adds: passed, pool_id, version, hostname.
};

/// The value of `Config::network` that gives each job a network of its own.
inline constexpr std::string_view kNetworkPerJob = "per-job";

/// The variables that hold secrets, for `Environment::take`.
inline constexpr std::array<std::string_view, 2> kSecretVariables{
    "SPACELIFT_TOKEN", "SPACELIFT_POOL_PRIVATE_KEY"};

/// Reads "A,ro_B,wo_C". Blanks around names are ignored. Fails with `invalid_input` on what is no name of a
/// variable, and on a name in `secrets`: those never leave the launcher.
[[nodiscard]] Result<std::vector<AllowedName>> read_allowed_names(
    std::string_view text, std::span<const std::string_view> secrets);

/// "https://host:port" of a server's address. Fails with `invalid_input` on another scheme, a path or a
/// query.
[[nodiscard]] Result<std::string> read_server_url(std::string_view text);

/// The allowed variables that are set, with their values.
[[nodiscard]] std::vector<PassedVariable> passed_variables(
    const std::vector<AllowedName>& names, const Environment& environment);

/// What jobs get by name: the allow-list, and the masked names that it does not hold.
[[nodiscard]] std::vector<AllowedName> names_for_jobs(const Config& config);

/// What jobs get beside those: how git reaches the private version control systems ("private://NAME/…" is
/// fetched from the endpoint; git 2.31 or newer). A variable of the stack of the same name wins.
[[nodiscard]] std::vector<PassedVariable> variables_for_jobs(const Config& config);

/// Sets the variables that libcurl and programs of ours read to the proxies in force, whatever they came
/// from. Call it before the first thread.
void export_proxies(const Proxies& proxies);

/// /var/lib/slipway for root; else $XDG_STATE_HOME/slipway or ~/.local/state/slipway. Fails with
/// `invalid_input` when neither variable is there.
[[nodiscard]] Result<std::string> default_state_directory(bool root, const Environment& environment);

} // namespace slipway::launcher
