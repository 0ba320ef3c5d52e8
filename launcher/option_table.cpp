#include "launcher/option_table.h"

#include "launcher/job_values.h"
#include "launcher/option_fields.h"
#include "launcher/option_readers.h"

#include <array>

namespace slipway::launcher {

namespace {

using E = EngineSettings;
using J = JobResources;
constexpr auto kEngine = &Config::engine;

constexpr SecretField kToken{.keep = [](Config& config, Secret secret) { config.token = std::move(secret); }};
constexpr SecretField kPrivateKey{
    .keep = [](Config& config, Secret secret) { config.private_keys.push_back(std::move(secret)); }};

template <StageClass stages> constexpr ValueField mounts()
{
    return {.read = [](Config& config, std::string_view text) { return add_mounts(config, text, stages); },
        .show = [](const Config& config) { return mounts_text(config.engine.extra_mounts, stages); }};
}

constexpr std::array kOptions{
    Option{"SPACELIFT_TOKEN", "", "token-file", "FILE",
        "The pool's token, as it was handed out when the pool was made. Required. The flag names a file that "
        "holds it.",
        kToken, Alias::equal, Times::once, "The pool"},
    Option{"SPACELIFT_POOL_PRIVATE_KEY", "", "private-key-file", "FILE",
        "The pool's private key: base64 of the whole PEM file. Required. The flag names a file with the PEM "
        "or its base64. While keys are rotated there may be several: more than one in a file, or the flag "
        "more "
        "than once; the first one seals, all of them open.",
        kPrivateKey, Alias::equal, Times::many},
    Option{"SPACELIFT_METADATA_", "", "metadata", "VALUE",
        "Tags of this worker, shown in the control plane. The part of the name after the prefix is the tag's "
        "name, its case kept.",
        FamilyField{&read_metadata}, Alias::equal, Times::many},
    Option{"SLIPWAY_CAPACITY", "", "capacity", "NUMBER", "How many jobs run at once.",
        number<1, 256, kEngine, &E::capacity>()},

    Option{"SPACELIFT_WORKER_COMMS_URL", "", "comms-url", "URL",
        "Address of the control plane, in place of the one in the token.",
        via<&read_server_url, &as_it_is, &Config::comms_url>(), Alias::equal, Times::once,
        "The way to the control plane"},
    Option{"SPACELIFT_WORKER_COMMS_PROTOCOL", "", "comms-protocol", "PROTOCOL",
        "`poll`. `mqtt` is taken, with a warning: this launcher polls always.",
        via<&read_comms_protocol, &as_it_is, &Config::comms_protocol>()},
    Option{"ADDITIONAL_ROOT_CAS", "", "additional-root-cas", "BASE64",
        "Certificates of authorities that are trusted beside the token's, by the launcher and by jobs: "
        "base64 "
        "of `{\"caCertificates\": [...]}`, each entry base64 of a PEM certificate.",
        via<&read_root_cas, &root_cas_text, &Config::additional_root_cas>()},
    Option{"HTTPS_PROXY", "https_proxy", "https-proxy", "URL",
        "Proxy of the launcher's own calls to https addresses; never of those to Docker. Jobs get it only if "
        "it is on "
        "the list of allowed names.",
        via<&read_proxy, &without_password, &Config::proxies, &Proxies::https>()},
    Option{"HTTP_PROXY", "http_proxy", "http-proxy", "URL", "The same for http addresses.",
        via<&read_proxy, &without_password, &Config::proxies, &Proxies::http>()},
    Option{"NO_PROXY", "no_proxy", "no-proxy", "HOSTS",
        "Hosts that are called without proxy, separated by commas; a name means its subdomains, too; `*` "
        "means all.",
        field<&Config::proxies, &Proxies::none>()},

    Option{"SPACELIFT_WHITELIST_ENVS", "SPACELIFT_ALLOWLIST_ENVS", "allow-envs", "NAMES",
        "Variables of the launcher that jobs get, by name, separated by commas. `ro_NAME`: every stage but "
        "apply; `wo_NAME`: apply only. Nothing else of the launcher's environment reaches a job.",
        via<&read_allow_list, &allow_list_text, &Config::allowed_names>(), Alias::equal, Times::many,
        "What jobs see"},
    Option{"SPACELIFT_MASK_ENVS", "", "mask-envs", "NAMES",
        "Variables, by name, whose values no log shows. Jobs get those that the launcher has as if they were "
        "on the "
        "list of allowed names.",
        via<&read_names, &list_text, kEngine, &E::mask_names>(), Alias::equal, Times::many},
    Option{"SLIPWAY_MASK_KNOWN_SECRETS", "", "mask-known-secrets", "BOOLEAN",
        "`true` masks in logs what has the form of a well-known secret: keys of clouds, tokens, private "
        "keys.",
        field<kEngine, &E::mask_patterns>()},
    Option{"SPACELIFT_WORKER_EXTRA_MOUNTS", "", "extra-mounts", "MOUNTS",
        "Paths of Docker's host that jobs see: `host:container`, separated by commas; `:ro` at the end: to "
        "read only.",
        mounts<StageClass::every>(), Alias::equal, Times::many},
    Option{"SPACELIFT_WORKER_RO_EXTRA_MOUNTS", "", "ro-extra-mounts", "MOUNTS",
        "The same for every stage but apply.", mounts<StageClass::read>(), Alias::equal, Times::many},
    Option{"SPACELIFT_WORKER_WO_EXTRA_MOUNTS", "", "wo-extra-mounts", "MOUNTS", "The same for apply only.",
        mounts<StageClass::write>(), Alias::equal, Times::many},
    Option{"SPACELIFT_PRIVATEVCS_MAPPING_NAME_", "", "private-vcs", "URL",
        "A version control system that jobs reach directly: its name. What follows the prefix is a number, "
        "which "
        "pairs it with its address. The flag gives both: `NAME=URL`.",
        FamilyField{&read_vcs_name, &read_vcs}, Alias::equal, Times::many},
    Option{"SPACELIFT_PRIVATEVCS_MAPPING_BASE_ENDPOINT_", "", "", "URL",
        "The address of that system, as jobs reach it; with the flag of the name.",
        FamilyField{&read_vcs_endpoint}},
    Option{"SLIPWAY_JOB_METADATA", "", "job-metadata", "WORD",
        "`deny` keeps jobs from the addresses at which clouds answer for the machine's role; `allow` does "
        "not.",
        field<kEngine, &E::job_metadata>()},
    Option{"SLIPWAY_PROVIDER_CACHE", "", "provider-cache", "DIRECTORY",
        "Directory of this machine in which provider plugins of OpenTofu and Terraform are kept between "
        "jobs. "
        "A job is offered those that the lock file in its sources names by their hash, to read only. Not "
        "set: "
        "none.",
        field<kEngine, &E::provider_cache>()},
    Option{"SLIPWAY_PROVIDER_CACHE_SIZE", "", "provider-cache-size", "SIZE",
        "How much of that is kept; what was not used for the longest time goes first. `none`: all.",
        field<kEngine, &E::provider_cache_size>()},
    Option{"SPACELIFT_WORKER_NETWORK", "", "network", "NAME",
        "Docker network of the job containers. `per-job` gives each job one of its own.",
        field<&Config::network>()},

    Option{"SPACELIFT_DEFAULT_RUNNER_IMAGE", "", "default-runner-image", "IMAGE",
        "Image of jobs whose stack names none.", field<kEngine, &E::default_image>(), Alias::equal,
        Times::once, "Images"},
    Option{"SPACELIFT_DEFAULT_ANSIBLE_RUNNER_IMAGE", "", "default-ansible-runner-image", "IMAGE",
        "Image of Ansible's jobs whose stack names none.", field<kEngine, &E::default_ansible_image>()},
    Option{"SPACELIFT_DOCKER_CONFIG_DIR", "", "docker-config-dir", "DIRECTORY",
        "Directory of Docker's `config.json`, with what registries ask for. Jobs do not see it.",
        field<&Config::docker_config_dir>()},
    Option{"SLIPWAY_PULL", "", "pull", "WHEN",
        "When a registry is asked for an image: `always` (what is there already is not fetched again), "
        "`if-missing`, "
        "`never`.",
        field<kEngine, &E::pull>()},
    Option{"SLIPWAY_IMAGE_CLEANUP", "", "image-cleanup", "BOOLEAN",
        "`true` removes images that the launcher pulled, those unused the longest first, when the disk is "
        "short.",
        field<kEngine, &E::image_cleanup>()},

    Option{"SPACELIFT_LAUNCHER_RUN_TIMEOUT", "", "run-timeout", "DURATION",
        "How long a stage of a run may take from its first process to its last; then it is stopped.",
        field<kEngine, &E::limits, &Limits::run>(), Alias::equal, Times::once, "Limits of a job"},
    Option{"SPACELIFT_LAUNCHER_LOGS_TIMEOUT", "", "logs-timeout", "DURATION",
        "How long a job may print nothing; then it is stopped.",
        field<kEngine, &E::limits, &Limits::silence>()},
    Option{"SLIPWAY_STOP_GRACE", "", "stop-grace", "DURATION",
        "How long a stage that only reads may take to end when it is stopped: between INT and TERM.",
        field<kEngine, &E::limits, &Limits::grace>()},
    Option{"SLIPWAY_WRITE_STOP_GRACE", "", "write-stop-grace", "DURATION",
        "The same for a stage that changes infrastructure: time to save its state.",
        field<kEngine, &E::limits, &Limits::write_grace>()},
    Option{"SLIPWAY_LOG_QUOTA", "", "log-quota", "SIZE",
        "How much of one job's output is kept; what is over is dropped, and the log says how much. `none`: "
        "all.",
        field<kEngine, &E::log_quota>()},
    Option{"SLIPWAY_JOB_MEMORY", "", "job-memory", "SIZE", "Memory of one job. `none`: what the host has.",
        field<kEngine, &E::job, &J::memory_bytes>()},
    Option{"SLIPWAY_JOB_CPUS", "", "job-cpus", "NUMBER",
        "CPUs of one job, such as `2` or `0.5`. `none`: what the host has.",
        via<&read_cpus, &cpus_text, kEngine, &E::job, &J::nano_cpus>()},
    Option{"SLIPWAY_JOB_PIDS", "", "job-pids", "NUMBER", "Processes and threads of one job. 0: no limit.",
        number<0, 4'194'304, kEngine, &E::job, &J::pids>()},
    Option{"SLIPWAY_JOB_SHM_SIZE", "", "job-shm-size", "SIZE",
        "Size of a job's /dev/shm. `none`: the Docker Engine's default.",
        field<kEngine, &E::job, &J::shm_bytes>()},
    Option{"SLIPWAY_JOB_ULIMITS", "", "job-ulimits", "LIMITS",
        "Limits of a job's processes: `name=soft:hard`, such as `nofile=1024:2048`, separated by commas; -1: "
        "none.",
        via<&read_ulimits, &ulimits_text, kEngine, &E::job, &J::ulimits>(), Alias::equal, Times::many},

    Option{"SPACELIFT_WORKER_RUNTIME", "SPCELIFT_WORKER_RUNTIME", "runtime", "NAME",
        "OCI runtime of the jobs, such as `runsc`. Not set: Docker's default.", field<&Config::runtime>(),
        Alias::slip, Times::once, "Isolation of a job"},
    Option{"SLIPWAY_JOB_USER", "", "job-user", "USER",
        "User of a job's processes: a name or number, with `:group` if need be. Not set: the image's.",
        via<&read_user, &as_it_is, kEngine, &E::job, &J::user>()},
    Option{"SLIPWAY_JOB_CAP_DROP", "", "job-cap-drop", "NAMES",
        "Capabilities that jobs lack, of those that Docker gives; in place of the default. `none`: they lack "
        "none.",
        via<&read_capabilities, &list_text, kEngine, &E::job, &J::cap_drop>(), Alias::equal, Times::many},
    Option{"SLIPWAY_JOB_CAP_ADD", "", "job-cap-add", "NAMES",
        "Capabilities that jobs have beyond those that Docker gives.",
        via<&read_capabilities, &list_text, kEngine, &E::job, &J::cap_add>(), Alias::equal, Times::many},
    Option{"SLIPWAY_JOB_SECURITY_OPT", "", "job-security-opt", "OPTIONS",
        "Security options as `docker run --security-opt` takes them, separated by commas: "
        "`no-new-privileges`, "
        "`seccomp=FILE`, `apparmor=PROFILE`, `label=VALUE`.",
        via<&read_security_options, &list_text, kEngine, &E::job, &J::security_opt>(), Alias::equal,
        Times::many},
    Option{"SPACELIFT_LAUNCHER_RUN_INITIALIZATION_POLICY", "", "run-initialization-policy", "FILE",
        "A policy in Rego that is asked before each stage; what it denies fails.",
        field<&Config::policy_file>()},
    Option{"SLIPWAY_OPA", "", "opa", "PROGRAM", "The program that evaluates the policy (Open Policy Agent).",
        field<&Config::opa>()},
    Option{"SLIPWAY_POLICY_TIMEOUT", "", "policy-timeout", "DURATION", "How long one evaluation may take.",
        field<&Config::policy_timeout>()},

    Option{"DOCKER_HOST", "", "docker-host", "ADDRESS",
        "Where the Docker Engine listens: `unix:///path` or `tcp://host:port`.",
        field<&Config::docker_host>(), Alias::equal, Times::once, "This machine"},
    Option{"DOCKER_TLS_VERIFY", "", "docker-tls-verify", "ANYTHING",
        "Whatever it is set to: a `tcp://` engine is spoken to over TLS, as the docker command does.",
        ValueField{.read = &set_tls_verify, .show = &tls_verify_text}},
    Option{"DOCKER_CERT_PATH", "", "docker-cert-path", "DIRECTORY",
        "Directory of `ca.pem`, `cert.pem` and `key.pem` for that. Not set: `~/.docker`.",
        field<&Config::docker_cert_path>()},
    Option{"SLIPWAY_STATE_DIR", "", "state-dir", "DIRECTORY",
        "Journal of what this launcher holds; one process uses it at a time. Default: `/var/lib/slipway` for "
        "root, else `$XDG_STATE_HOME/slipway` or `~/.local/state/slipway`.",
        field<kEngine, &E::state_directory>()},
    Option{"SLIPWAY_WARM_SLOTS", "", "warm-slots", "NUMBER",
        "Containers that are started ahead of need. 0: none. Not set: as many as the capacity.",
        via<&read_warm_slots, &warm_slots_text, kEngine, &E::warm_slots>()},
    Option{"SLIPWAY_SLOT_TRANSPORT", "", "slot-transport", "WAY",
        "How the launcher reaches its process in a container: `socket`, `stdio`, or `auto`, which tries.",
        field<kEngine, &E::slot_transport>()},
    Option{"SPACELIFT_LAUNCHER_DISK_USAGE_THRESHOLD", "", "disk-usage-threshold", "PERCENT",
        "Use of the state directory's disk at which the launcher drains and ends, such as `80%`. Not set: "
        "none.",
        via<&read_percent, &percent_text, kEngine, &E::disk_threshold>()},
    Option{"SLIPWAY_LEAST_FREE_SPACE", "", "least-free-space", "SIZE",
        "Free space of that disk below which no job is taken. `none`: no limit.",
        field<kEngine, &E::least_free_bytes>()},
    Option{"SLIPWAY_LEAST_FREE_INODES", "", "least-free-inodes", "NUMBER",
        "Free inodes of that disk below which no job is taken. 0: no limit.",
        number<0, 1'000'000'000'000, kEngine, &E::least_free_inodes>()},

    Option{"SPACELIFT_DEBUG", "", "debug", "BOOLEAN", "`true` shows the commands of every job in its log.",
        field<&Config::debug>(), Alias::equal, Times::once, "Output"},
    Option{"SPACELIFT_SENSITIVE_OUTPUT_UPLOAD_ENABLED", "", "sensitive-output-upload", "BOOLEAN",
        "`true` uploads the sensitive outputs of an apply, too, sealed to the pool. Those that are not "
        "sensitive "
        "are uploaded in any case.",
        field<kEngine, &E::sensitive_outputs>()},
    Option{"SPACELIFT_RUN_LOGS_ON_STANDARD_OUTPUT_ENABLED", "", "run-logs-on-stdout", "BOOLEAN",
        "`true` shows the logs of runs on standard output, too, as lines of JSON.",
        field<kEngine, &E::run_logs_on_stdout>()},
    Option{"SLIPWAY_LOG_FORMAT", "", "log-format", "FORMAT", "Lines on standard error: `logfmt` or `json`.",
        field<&Config::log_format>()},
    Option{"SLIPWAY_LOG_LEVEL", "", "log-level", "LEVEL", "Least level: `debug`, `info`, `warn`, `error`.",
        field<&Config::log_level>()},
    Option{"SLIPWAY_METRICS_ADDRESS", "", "metrics-address", "HOST:PORT",
        "Where `/healthz`, `/readyz` and `/metrics` are served over HTTP; a port alone is one of the "
        "loopback "
        "interface. Not set: nowhere.",
        via<&read_host_port, &as_it_is, &Config::metrics_address>()},
    Option{"OBSERVABILITY_VENDOR", "", "observability-vendor", "VENDOR",
        "Known from elsewhere; without effect, and the launcher says so. It sends nothing to anyone but the "
        "control "
        "plane.",
        via<&read_observability, &as_it_is, &Config::observability>()},
};

} // namespace

std::span<const Option> options() { return kOptions; }

std::string default_of(const Option& option)
{
    const auto* value = std::get_if<ValueField>(&option.field);
    return value == nullptr ? std::string{} : value->show(Config{});
}

} // namespace slipway::launcher
