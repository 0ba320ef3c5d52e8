// Every name under which a setting of a Vela worker may be given, written down here by itself: the table of
// the program is held against it.
#include "launcher/vela/option_rows.h"
#include "launcher/vela/options.h"
#include "test/unit/vela/option_sources.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>

using namespace slipway;
using namespace slipway::vela;
using namespace slipway::test;

namespace {

struct Name {
    std::string flag;
    std::vector<std::string> variables;
    std::string file;
    std::string value; ///< Not the default.
    std::string seen; ///< What `see` shows of it.
    std::function<std::string(const Options&)> see;
};

std::string ms(std::chrono::milliseconds time) { return std::to_string(time.count()); }

std::string joined(const std::vector<std::string>& list)
{
    std::string out;
    for (const auto& entry : list)
        out += entry + ";";
    return out;
}

std::string none(const Options& /*options*/) { return ""; }

std::vector<Name> worker_names()
{
    return {
        {"worker.addr", {"WORKER_ADDR", "VELA_WORKER_ADDR", "VELA_WORKER"}, "", "http://w1:8081", "w1 8081",
            [](const Options& o) { return o.hostname + " " + std::to_string(o.port); }},
        {"checkIn", {"WORKER_CHECK_IN", "VELA_CHECK_IN", "CHECK_IN"}, "", "1h30m", "5400000",
            [](const Options& o) { return ms(o.check_in); }},
        {"build.limit", {"WORKER_BUILD_LIMIT", "VELA_BUILD_LIMIT", "BUILD_LIMIT"}, "", "7", "7",
            [](const Options& o) { return std::to_string(o.build_limit); }},
        {"build.timeout", {"WORKER_BUILD_TIMEOUT", "VELA_BUILD_TIMEOUT", "BUILD_TIMEOUT"}, "", "300ms", "300",
            [](const Options& o) { return ms(o.build_timeout); }},
        {"storage.file-size-limit",
            {"WORKER_STORAGE_FILE_SIZE_LIMIT", "VELA_STORAGE_FILE_SIZE_LIMIT", "STORAGE_FILE_SIZE_LIMIT"}, "",
            "0", "0", [](const Options& o) { return std::to_string(o.file_size_limit); }},
        {"storage.build-file-size-limit",
            {"WORKER_STORAGE_BUILD_FILE_SIZE_LIMIT", "VELA_STORAGE_BUILD_FILE_SIZE_LIMIT",
                "STORAGE_BUILD_FILE_SIZE_LIMIT"},
            "", "9", "9", [](const Options& o) { return std::to_string(o.build_file_size_limit); }},
        {"log.format", {"WORKER_LOG_FORMAT", "VELA_LOG_FORMAT", "LOG_FORMAT"}, "", "Text", "text",
            [](const Options& o) { return o.log_format == LogFormat::logfmt ? "text" : "json"; }},
        {"log.level", {"WORKER_LOG_LEVEL", "VELA_LOG_LEVEL", "LOG_LEVEL"}, "", "ERROR", "error",
            [](const Options& o) { return o.log_level == LogLevel::error ? "error" : "other"; }},
        {"server.addr", {"WORKER_SERVER_ADDR", "VELA_SERVER_ADDR", "VELA_SERVER", "SERVER_ADDR"}, "",
            "https://other.test/", "https://other.test/", [](const Options& o) { return o.server_address; }},
        {"server.secret", {"WORKER_SERVER_SECRET", "VELA_SERVER_SECRET", "SERVER_SECRET"}, "", "s3", "s3",
            [](const Options& o) { return std::string{o.server_secret.reveal()}; }},
        {"server.cert", {"WORKER_SERVER_CERT", "VELA_SERVER_CERT", "SERVER_CERT"}, "", "/c.pem", "/c.pem",
            [](const Options& o) { return o.server_cert.string(); }},
        {"server.cert-key", {"WORKER_SERVER_CERT_KEY", "VELA_SERVER_CERT_KEY", "SERVER_CERT_KEY"}, "",
            "/k.pem", "/k.pem", [](const Options& o) { return o.server_key.string(); }},
        {"server.tls-min-version",
            {"WORKER_SERVER_TLS_MIN_VERSION", "VELA_SERVER_TLS_MIN_VERSION", "SERVER_TLS_MIN_VERSION"}, "",
            "1.3", "1.3", [](const Options& o) { return o.tls_min_version; }},
        {"strict-tls", {"SLIPWAY_STRICT_TLS"}, "", "true", "1",
            [](const Options& o) { return std::to_string(int{o.strict_tls}); }},
        {"warm-slots", {"SLIPWAY_WARM_SLOTS"}, "", "7", "7",
            [](const Options& o) { return std::to_string(o.warm_slots); }},
        {"state-dir", {"SLIPWAY_STATE_DIR"}, "", "/srv/x/", "/srv/x/",
            [](const Options& o) { return o.state_directory.string(); }},
        {"docker-host", {"DOCKER_HOST"}, "", "tcp://d:2376", "tcp://d:2376",
            [](const Options& o) { return o.docker_host; }},
        {"docker-tls-verify", {"DOCKER_TLS_VERIFY"}, "", "0", "1",
            [](const Options& o) { return std::to_string(int{o.docker_tls_verify}); }},
        {"docker-cert-path", {"DOCKER_CERT_PATH"}, "", "/certs", "/certs",
            [](const Options& o) { return o.docker_cert_path.string(); }},
    };
}

std::vector<Name> queue_names()
{
    return {
        {"queue.driver", {"VELA_QUEUE_DRIVER", "QUEUE_DRIVER"}, "/vela/queue/driver", "redis", "redis",
            [](const Options& o) { return o.queue_driver; }},
        {"queue.addr", {"VELA_QUEUE_ADDR", "QUEUE_ADDR"}, "/vela/queue/addr", "rediss://u:p@q:6380",
            "rediss://u:p@q:6380", [](const Options& o) { return std::string{o.queue_address.reveal()}; }},
        {"queue.cluster", {"VELA_QUEUE_CLUSTER", "QUEUE_CLUSTER"}, "/vela/queue/cluster", "T", "1",
            [](const Options& o) { return std::to_string(int{o.queue_cluster}); }},
        {"queue.routes", {"VELA_QUEUE_ROUTES", "QUEUE_ROUTES"}, "/vela/queue/routes", "large,linux:amd64",
            "large;linux:amd64;", [](const Options& o) { return joined(o.queue_routes); }},
        {"queue.pop.timeout", {"VELA_QUEUE_POP_TIMEOUT", "QUEUE_POP_TIMEOUT"}, "/vela/queue/pop_timeout",
            "1.5s", "1500", [](const Options& o) { return ms(o.pop_timeout); }},
        {"queue.private-key", {"VELA_QUEUE_PRIVATE_KEY", "QUEUE_PRIVATE_KEY"}, "/vela/signing.key", "x", "",
            &none},
        {"queue.public-key", {"VELA_QUEUE_PUBLIC_KEY", "QUEUE_PUBLIC_KEY"}, "/vela/signing.pub", "x", "",
            &none},
    };
}

std::vector<Name> build_names()
{
    return {
        {"executor.driver", {"VELA_EXECUTOR_DRIVER", "EXECUTOR_DRIVER"}, "/vela/executor/driver", "linux", "",
            &none},
        {"executor.max_log_size", {"VELA_EXECUTOR_MAX_LOG_SIZE", "EXECUTOR_MAX_LOG_SIZE"},
            "/vela/executor/max_log_size", "2097152", "2097152",
            [](const Options& o) { return std::to_string(o.max_log_size); }},
        {"executor.log_streaming_timeout",
            {"WORKER_LOG_STREAMING_TIMEOUT", "VELA_LOG_STREAMING_TIMEOUT", "LOG_STREAMING_TIMEOUT"}, "",
            "10s", "10000", [](const Options& o) { return ms(o.log_streaming_timeout); }},
        {"executor.enforce-trusted-repos",
            {"VELA_EXECUTOR_ENFORCE_TRUSTED_REPOS", "EXECUTOR_ENFORCE_TRUSTED_REPOS"},
            "/vela/executor/enforce_trusted_repos", "f", "0",
            [](const Options& o) { return std::to_string(int{o.enforce_trusted_repos}); }},
        {"executor.outputs-image", {"VELA_EXECUTOR_OUTPUTS_IMAGE", "EXECUTOR_OUTPUTS_IMAGE"},
            "/vela/executor/outputs_image", "busybox:1", "busybox:1",
            [](const Options& o) { return o.outputs_image; }},
        {"runtime.driver", {"VELA_RUNTIME_DRIVER", "RUNTIME_DRIVER"}, "/vela/runtime/driver", "docker", "",
            &none},
        {"runtime.config", {"VELA_RUNTIME_CONFIG", "RUNTIME_CONFIG"}, "/vela/runtime/config", "x", "", &none},
        {"runtime.namespace", {"VELA_RUNTIME_NAMESPACE", "RUNTIME_NAMESPACE"}, "/vela/runtime/namespace", "x",
            "", &none},
        {"runtime.pods-template-name", {"VELA_RUNTIME_PODS_TEMPLATE_NAME", "RUNTIME_PODS_TEMPLATE_NAME"},
            "/vela/runtime/pods_template_name", "x", "", &none},
        {"runtime.pods-template-file", {"VELA_RUNTIME_PODS_TEMPLATE_FILE", "RUNTIME_PODS_TEMPLATE_FILE"},
            "/vela/runtime/pods_template_file", "x", "", &none},
        {"runtime.privileged-images", {"VELA_RUNTIME_PRIVILEGED_IMAGES", "RUNTIME_PRIVILEGED_IMAGES"},
            "/vela/runtime/privileged_images", "target/vela-docker,b/*", "target/vela-docker;b/*;",
            [](const Options& o) { return joined(o.privileged_images); }},
        {"runtime.volumes", {"VELA_RUNTIME_VOLUMES", "RUNTIME_VOLUMES"}, "/vela/runtime/volumes", "/a:/b:rw",
            "/a /b 0",
            [](const Options& o) {
                return o.volumes.empty() ? ""
                                         : o.volumes[0].source + " " + o.volumes[0].target + " "
                        + std::to_string(int{o.volumes[0].read_only});
            }},
        {"runtime.drop-capabilities", {"VELA_RUNTIME_DROP_CAPABILITIES", "RUNTIME_DROP_CAPABILITIES"},
            "/vela/runtime/drop_capabilities", "NET_RAW", "NET_RAW;",
            [](const Options& o) { return joined(o.drop_capabilities); }},
    };
}

std::vector<Name> all_names()
{
    auto names = worker_names();
    for (const auto& more : {queue_names(), build_names()})
        names.insert(names.end(), more.begin(), more.end());
    return names;
}

/// What is read of these; the failure's message where it fails.
std::string seen(const Name& name, const GivenSources& given)
{
    const auto read = read_options(given.sources());
    return read ? name.see(read->options) : "failed: " + read.error().message();
}

/// A source without the setting, and with what is needed beside it.
GivenSources beside(const Name& name)
{
    GivenSources given = basic_sources();
    std::erase_if(given.variables, [&name](const auto& variable) {
        return std::ranges::find(name.variables, variable.first) != name.variables.end();
    });
    return given;
}

} // namespace

TEST_CASE("Every name of a setting is read")
{
    for (const auto& name : all_names()) {
        CAPTURE(name.flag);
        for (const auto& variable : name.variables) {
            CAPTURE(variable);
            auto given = beside(name);
            given.variables.emplace_back(variable, name.value);
            CHECK(seen(name, given) == name.seen);
        }
        for (const bool split : {false, true}) {
            auto given = beside(name);
            const bool boolean = row_of_flag(name.flag)->kind == Kind::boolean;
            if (split && !boolean)
                given.arguments = {"--" + name.flag, name.value};
            else
                given.arguments = {"--" + name.flag + "=" + name.value};
            CHECK(seen(name, given) == name.seen);
        }
        if (!name.file.empty()) {
            auto given = beside(name);
            given.files[name.file] = name.value + "\n";
            CHECK(seen(name, given) == name.seen);
        }
    }
}

TEST_CASE("The first name that exists counts, a flag before it and a file after all")
{
    for (const auto& name : all_names()) {
        CAPTURE(name.flag);
        // A value that no setting takes, or a text that would be seen, stands behind the one that counts.
        const std::string other = "://never-read";
        auto given = beside(name);
        given.variables.emplace_back(name.variables.front(), name.value);
        for (std::size_t i = 1; i < name.variables.size(); ++i)
            given.variables.emplace(given.variables.begin(), name.variables[i], other);
        if (!name.file.empty())
            given.files[name.file] = other;
        CHECK(seen(name, given) == name.seen);
        for (auto& [variable, value] : given.variables)
            if (variable == name.variables.front())
                value = other;
        given.arguments = {"--" + name.flag + "=" + name.value};
        CHECK(seen(name, given) == name.seen);
    }
}

TEST_CASE("The table of settings has the names of the Vela worker and no others")
{
    const auto names = all_names();
    CHECK(names.size() == rows().size());
    for (const auto& name : names) {
        CAPTURE(name.flag);
        const OptionRow* row = row_of_flag(name.flag);
        REQUIRE(row != nullptr);
        std::vector<std::string> variables{row->variables.begin(), row->variables.end()};
        std::erase(variables, "");
        CHECK(variables == name.variables);
        CHECK(row->file == name.file);
    }
}

TEST_CASE("Help names every setting once, with all its names")
{
    const auto text = help_text();
    const auto markdown = help_markdown();
    for (const auto& name : all_names()) {
        CAPTURE(name.flag);
        const auto in_text = "\n  --" + name.flag;
        const auto count = [](const std::string& where, const std::string& what) {
            std::size_t times = 0;
            for (auto at = where.find(what); at != std::string::npos; at = where.find(what, at + 1))
                ++times;
            return times;
        };
        CHECK(count(text, in_text + "=") + count(text, in_text + "[=") == 1);
        CHECK(count(markdown, "| `--" + name.flag + "` |") == 1);
        for (const auto& variable : name.variables)
            CHECK(count(markdown, "`" + variable + "`") == 1);
    }
    for (const std::string shown :
        {"Default: 15m", "Default: 30m", "Default: 1m\n", "Default: vela", "Default: 1.2"})
        CHECK(text.find(shown) != std::string::npos);
}
