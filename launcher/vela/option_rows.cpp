#include "launcher/vela/option_rows.h"

#include "common/duration.h"
#include "launcher/vela/option_reading.h"

#include <algorithm>
#include <cstdint>

namespace slipway::vela {

namespace {

using Read = Result<void> (*)(Options&, std::string_view);
using Show = std::string (*)(const Options&);
using std::chrono::milliseconds;

constexpr std::int64_t kMostBuilds = 1000;
constexpr std::int64_t kMostWarm = 20;
constexpr std::int64_t kMostMegabytes = 1'000'000'000;
constexpr std::int64_t kMostBytes = INT64_MAX;

template <auto Field> Result<void> text(Options& options, std::string_view value)
{
    options.*Field = value;
    return {};
}

template <auto Field> Result<void> secret(Options& options, std::string_view value)
{
    options.*Field = Secret{value};
    return {};
}

template <auto Field> Result<void> truth(Options& options, std::string_view value)
{
    options.*Field = SLIPWAY_TRY(read_truth(value)) == Truth::yes;
    return {};
}

template <auto Field, std::int64_t least> Result<void> span(Options& options, std::string_view value)
{
    options.*Field = SLIPWAY_TRY(read_time_span(value, milliseconds{least}));
    return {};
}

template <auto Field, std::int64_t least, std::int64_t most>
Result<void> number(Options& options, std::string_view value)
{
    auto& field = options.*Field;
    field
        = static_cast<std::remove_reference_t<decltype(field)>>(SLIPWAY_TRY(read_number(value, least, most)));
    return {};
}

template <auto Field> Result<void> list(Options& options, std::string_view value)
{
    auto& field = options.*Field;
    for (auto& entry : read_list(value))
        field.push_back(std::move(entry));
    return {};
}

/// The routes that are given replace the default.
Result<void> routes(Options& options, std::string_view value)
{
    if (auto given = read_list(value); !given.empty())
        options.queue_routes = std::move(given);
    return {};
}

Result<void> log_format(Options& options, std::string_view value)
{
    options.log_format = read_log_format(value);
    return {};
}

Result<void> log_level(Options& options, std::string_view value)
{
    options.log_level = read_log_level(value);
    return {};
}

/// As the docker command has it: any text will do.
Result<void> any_text_is_yes(Options& options, std::string_view value)
{
    options.docker_tls_verify = !value.empty();
    return {};
}

Result<void> docker_host(Options& options, std::string_view value)
{
    if (!value.empty())
        options.docker_host = value;
    return {};
}

Result<void> ignored(Options& /*options*/, std::string_view /*value*/) { return {}; }

template <auto Field> std::string show_span(const Options& options)
{
    auto shown = format_duration(options.*Field);
    for (const std::string_view rest : {"m0s", "h0m"})
        if (shown.ends_with(rest))
            shown.resize(shown.size() - 2);
    return shown;
}

template <auto Field> std::string show_number(const Options& options)
{
    return std::to_string(options.*Field);
}

template <auto Field> std::string show_truth(const Options& options)
{
    return options.*Field ? "true" : "false";
}

template <auto Field> std::string show_text(const Options& options) { return options.*Field; }

std::string show_routes(const Options& options) { return options.queue_routes.front(); }

std::string show_log_format(const Options& options)
{
    return options.log_format == LogFormat::json ? "json" : "text";
}

std::string show_log_level(const Options& /*options*/) { return "info"; }

std::string show_linux(const Options& /*options*/) { return "linux"; }

std::string show_docker(const Options& /*options*/) { return "docker"; }

using O = Options;

constexpr std::array kRows{
    OptionRow{"server.addr", {"WORKER_SERVER_ADDR", "VELA_SERVER_ADDR", "VELA_SERVER", "SERVER_ADDR"}, "",
        "URL", "Address of the Vela server. Required.", &read_server_address, nullptr, Kind::plain,
        Empty::value, "The server"},
    OptionRow{"server.secret", {"WORKER_SERVER_SECRET", "VELA_SERVER_SECRET", "SERVER_SECRET"}, "", "SECRET",
        "The secret that the server shares with its workers (its VELA_SECRET). Not set: the worker waits "
        "until "
        "an administrator registers it (`vela add worker`).",
        &secret<&O::server_secret>, nullptr, Kind::secret},
    OptionRow{"worker.addr", {"WORKER_ADDR", "VELA_WORKER_ADDR", "VELA_WORKER"}, "", "URL",
        "Address at which the server reaches this worker. Its host is the worker's name at the server, its "
        "port "
        "is "
        "where this worker listens (80 or 443, by the scheme, if it names none). Not set: `http://` and the "
        "machine's host name.",
        &read_worker_address, nullptr, Kind::plain, Empty::value, "This worker"},
    OptionRow{"checkIn", {"WORKER_CHECK_IN", "VELA_CHECK_IN", "CHECK_IN"}, "", "DURATION",
        "Time between two check-ins at the server.", &span<&O::check_in, 1>, &show_span<&O::check_in>,
        Kind::plain, Empty::unset},
    OptionRow{"build.limit", {"WORKER_BUILD_LIMIT", "VELA_BUILD_LIMIT", "BUILD_LIMIT"}, "", "NUMBER",
        "How many builds run at once.", &number<&O::build_limit, 1, kMostBuilds>,
        &show_number<&O::build_limit>, Kind::plain, Empty::unset},
    OptionRow{"build.timeout", {"WORKER_BUILD_TIMEOUT", "VELA_BUILD_TIMEOUT", "BUILD_TIMEOUT"}, "",
        "DURATION", "How long a build may take whose repository says nothing.", &span<&O::build_timeout, 1>,
        &show_span<&O::build_timeout>, Kind::plain, Empty::unset},
    OptionRow{"storage.file-size-limit",
        {"WORKER_STORAGE_FILE_SIZE_LIMIT", "VELA_STORAGE_FILE_SIZE_LIMIT", "STORAGE_FILE_SIZE_LIMIT"}, "",
        "MEGABYTES", "Size of one artifact in MiB. 0: no limit.",
        &number<&O::file_size_limit, 0, kMostMegabytes>, &show_number<&O::file_size_limit>, Kind::plain,
        Empty::unset},
    OptionRow{"storage.build-file-size-limit",
        {"WORKER_STORAGE_BUILD_FILE_SIZE_LIMIT", "VELA_STORAGE_BUILD_FILE_SIZE_LIMIT",
            "STORAGE_BUILD_FILE_SIZE_LIMIT"},
        "", "MEGABYTES", "Size of all artifacts of a build in MiB. 0: no limit.",
        &number<&O::build_file_size_limit, 0, kMostMegabytes>, &show_number<&O::build_file_size_limit>,
        Kind::plain, Empty::unset},
    OptionRow{"server.cert", {"WORKER_SERVER_CERT", "VELA_SERVER_CERT", "SERVER_CERT"}, "", "FILE",
        "Certificate (PEM) of this worker's own API, when its address is `https://`. Without it one is made "
        "that "
        "nobody knows.",
        &text<&O::server_cert>},
    OptionRow{"server.cert-key", {"WORKER_SERVER_CERT_KEY", "VELA_SERVER_CERT_KEY", "SERVER_CERT_KEY"}, "",
        "FILE", "Its private key (PEM).", &text<&O::server_key>},
    OptionRow{"server.tls-min-version",
        {"WORKER_SERVER_TLS_MIN_VERSION", "VELA_SERVER_TLS_MIN_VERSION", "SERVER_TLS_MIN_VERSION"}, "",
        "VERSION", "Least TLS version of that API: `1.0`, `1.1`, `1.2` or `1.3`.", &text<&O::tls_min_version>,
        &show_text<&O::tls_min_version>},
    OptionRow{"strict-tls", {"SLIPWAY_STRICT_TLS"}, "", "BOOLEAN",
        "`true`: an `https://` address without certificate and key is an error.", &truth<&O::strict_tls>,
        &show_truth<&O::strict_tls>, Kind::boolean, Empty::no},
    OptionRow{"warm-slots", {"SLIPWAY_WARM_SLOTS"}, "", "NUMBER",
        "How many containers stand ready for the next build, with a network and a volume: of the images of "
        "the first "
        "steps of the build before. There is one such place more than builds may run, three at most. 0: "
        "nothing "
        "is made before a build.",
        &number<&O::warm_slots, 0, kMostWarm>, &show_number<&O::warm_slots>, Kind::plain, Empty::unset},
    OptionRow{"state-dir", {"SLIPWAY_STATE_DIR"}, "", "DIRECTORY",
        "Journal of what this worker holds; one process uses it at a time. Default: `/var/lib/slipway` for "
        "root, "
        "else `$XDG_STATE_HOME/slipway` or `~/.local/state/slipway`.",
        &text<&O::state_directory>},

    OptionRow{"queue.driver", {"VELA_QUEUE_DRIVER", "QUEUE_DRIVER"}, "/vela/queue/driver", "NAME",
        "`redis`. Required.", &read_queue_driver, nullptr, Kind::plain, Empty::value, "The queue"},
    OptionRow{"queue.addr", {"VELA_QUEUE_ADDR", "QUEUE_ADDR"}, "/vela/queue/addr", "URL",
        "`redis://`, `rediss://` or `unix://`. Not set: the server tells.", &read_queue_address, nullptr,
        Kind::secret},
    OptionRow{"queue.cluster", {"VELA_QUEUE_CLUSTER", "QUEUE_CLUSTER"}, "/vela/queue/cluster", "BOOLEAN",
        "`true`: the address names a master and its Sentinels: "
        "`redis://master,sentinel1:port,sentinel2:port`.",
        &truth<&O::queue_cluster>, &show_truth<&O::queue_cluster>, Kind::boolean, Empty::no},
    OptionRow{"queue.routes", {"VELA_QUEUE_ROUTES", "QUEUE_ROUTES"}, "/vela/queue/routes", "NAMES",
        "Routes that this worker takes builds from, separated by commas.", &routes, &show_routes, Kind::list,
        Empty::unset},
    OptionRow{"queue.pop.timeout", {"VELA_QUEUE_POP_TIMEOUT", "QUEUE_POP_TIMEOUT"}, "/vela/queue/pop_timeout",
        "DURATION", "How long one look at the queue waits for a build.", &span<&O::pop_timeout, 1>,
        &show_span<&O::pop_timeout>, Kind::plain, Empty::unset},
    OptionRow{"queue.private-key", {"VELA_QUEUE_PRIVATE_KEY", "QUEUE_PRIVATE_KEY"}, "/vela/signing.key",
        "BASE64", "Taken and not used: a worker signs nothing.", &ignored, nullptr, Kind::secret},
    OptionRow{"queue.public-key", {"VELA_QUEUE_PUBLIC_KEY", "QUEUE_PUBLIC_KEY"}, "/vela/signing.pub",
        "BASE64", "Taken and not used: the server tells the key.", &ignored},

    OptionRow{"executor.driver", {"VELA_EXECUTOR_DRIVER", "EXECUTOR_DRIVER"}, "/vela/executor/driver", "NAME",
        "`linux`.", &read_executor_driver, &show_linux, Kind::plain, Empty::value, "Builds"},
    OptionRow{"executor.max_log_size", {"VELA_EXECUTOR_MAX_LOG_SIZE", "EXECUTOR_MAX_LOG_SIZE"},
        "/vela/executor/max_log_size", "BYTES", "How much of a step's log is kept. 0: all.",
        &number<&O::max_log_size, 0, kMostBytes>, &show_number<&O::max_log_size>, Kind::plain, Empty::unset},
    OptionRow{"executor.log_streaming_timeout",
        {"WORKER_LOG_STREAMING_TIMEOUT", "VELA_LOG_STREAMING_TIMEOUT", "LOG_STREAMING_TIMEOUT"}, "",
        "DURATION", "How long logs may be sent after a build ended.", &span<&O::log_streaming_timeout, 0>,
        &show_span<&O::log_streaming_timeout>, Kind::plain, Empty::unset},
    OptionRow{"executor.enforce-trusted-repos",
        {"VELA_EXECUTOR_ENFORCE_TRUSTED_REPOS", "EXECUTOR_ENFORCE_TRUSTED_REPOS"},
        "/vela/executor/enforce_trusted_repos", "BOOLEAN",
        "`false`: privileged images run for repositories that are not trusted, too. An empty value does not "
        "say "
        "so.",
        &truth<&O::enforce_trusted_repos>, &show_truth<&O::enforce_trusted_repos>, Kind::boolean,
        Empty::unset},
    OptionRow{"executor.outputs-image", {"VELA_EXECUTOR_OUTPUTS_IMAGE", "EXECUTOR_OUTPUTS_IMAGE"},
        "/vela/executor/outputs_image", "IMAGE",
        "Image that is run beside a build to collect outputs and artifacts. Not set: there are none.",
        &text<&O::outputs_image>},
    OptionRow{"runtime.driver", {"VELA_RUNTIME_DRIVER", "RUNTIME_DRIVER"}, "/vela/runtime/driver", "NAME",
        "`docker`.", &read_runtime_driver, &show_docker},
    OptionRow{"runtime.config", {"VELA_RUNTIME_CONFIG", "RUNTIME_CONFIG"}, "/vela/runtime/config", "FILE",
        "Taken and not used: Kubernetes only.", &ignored},
    OptionRow{"runtime.namespace", {"VELA_RUNTIME_NAMESPACE", "RUNTIME_NAMESPACE"}, "/vela/runtime/namespace",
        "NAME", "Taken and not used: Kubernetes only.", &ignored},
    OptionRow{"runtime.pods-template-name", {"VELA_RUNTIME_PODS_TEMPLATE_NAME", "RUNTIME_PODS_TEMPLATE_NAME"},
        "/vela/runtime/pods_template_name", "NAME", "Taken and not used: Kubernetes only.", &ignored},
    OptionRow{"runtime.pods-template-file", {"VELA_RUNTIME_PODS_TEMPLATE_FILE", "RUNTIME_PODS_TEMPLATE_FILE"},
        "/vela/runtime/pods_template_file", "FILE", "Taken and not used: Kubernetes only.", &ignored},
    OptionRow{"runtime.privileged-images", {"VELA_RUNTIME_PRIVILEGED_IMAGES", "RUNTIME_PRIVILEGED_IMAGES"},
        "/vela/runtime/privileged_images", "PATTERNS",
        "Images that run privileged, separated by commas; `*`, `?` and `[…]` match within one part of a "
        "name.",
        &list<&O::privileged_images>, nullptr, Kind::list, Empty::unset},
    OptionRow{"runtime.volumes", {"VELA_RUNTIME_VOLUMES", "RUNTIME_VOLUMES"}, "/vela/runtime/volumes",
        "VOLUMES",
        "Paths of Docker's host that every container sees: `source[:target[:mode]]`, separated by commas; "
        "the "
        "mode "
        "is `ro` or `rw`, and `ro` when it is left out.",
        &read_volumes, nullptr, Kind::list, Empty::unset},
    OptionRow{"runtime.drop-capabilities", {"VELA_RUNTIME_DROP_CAPABILITIES", "RUNTIME_DROP_CAPABILITIES"},
        "/vela/runtime/drop_capabilities", "NAMES",
        "Capabilities that no container has, separated by commas.", &read_dropped_capabilities, nullptr,
        Kind::list, Empty::unset},

    OptionRow{"docker-host", {"DOCKER_HOST"}, "", "ADDRESS",
        "Where the Docker Engine listens: `unix:///path` or `tcp://host:port`.", &docker_host,
        &show_text<&O::docker_host>, Kind::plain, Empty::unset, "Docker and output"},
    OptionRow{"docker-tls-verify", {"DOCKER_TLS_VERIFY"}, "", "ANYTHING",
        "Whatever it is set to: a `tcp://` engine is spoken to over TLS, as the docker command does.",
        &any_text_is_yes},
    OptionRow{"docker-cert-path", {"DOCKER_CERT_PATH"}, "", "DIRECTORY",
        "Directory of `ca.pem`, `cert.pem` and `key.pem` for that. Not set: `~/.docker`.",
        &text<&O::docker_cert_path>},
    OptionRow{"log.format", {"WORKER_LOG_FORMAT", "VELA_LOG_FORMAT", "LOG_FORMAT"}, "", "FORMAT",
        "Lines on standard error: `text`, or JSON for anything else.", &log_format, &show_log_format},
    OptionRow{"log.level", {"WORKER_LOG_LEVEL", "VELA_LOG_LEVEL", "LOG_LEVEL"}, "", "LEVEL",
        "Least level: `trace`, `debug`, `info`, `warn`, `error`, `fatal`, `panic`, or their first letter.",
        &log_level, &show_log_level},
};

} // namespace

std::span<const OptionRow> rows() { return kRows; }

const OptionRow* row_of_flag(std::string_view flag)
{
    const auto* found = std::ranges::find(kRows, flag, &OptionRow::flag);
    return found == kRows.end() ? nullptr : found;
}

const OptionRow* row_of_variable(std::string_view variable)
{
    const auto* found = std::ranges::find_if(kRows, [variable](const OptionRow& row) {
        return !variable.empty() && std::ranges::find(row.variables, variable) != row.variables.end();
    });
    return found == kRows.end() ? nullptr : found;
}

std::string_view usual_name(const OptionRow& row)
{
    const auto* found
        = std::ranges::find_if(row.variables, [](auto variable) { return variable.starts_with("VELA_"); });
    return found == row.variables.end() ? row.variables.front() : *found;
}

} // namespace slipway::vela
