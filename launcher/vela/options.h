#pragma once

#include "common/log.h"
#include "common/result.h"
#include "common/secret.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::vela {

/// A bind mount that every container gets: "src[:dst[:mode]]", the mode "ro" when it is left out.
struct HostVolume {
    std::string source;
    std::string target;
    bool read_only = true;
};

/// How this worker is set up. The initialiser of a field is its default, and stands nowhere else.
struct Options {
    std::string worker_address; ///< "scheme://host[:port]"
    std::string hostname; ///< The host part of it: the worker's identity.
    std::uint16_t port = 0; ///< Where the API listens; by the scheme when the address has none.
    bool https = false;
    std::chrono::milliseconds check_in{15 * 60'000};
    std::int64_t build_limit = 1;
    std::int64_t warm_slots = 2; ///< Containers that stand ready for each build that may come.
    std::chrono::milliseconds build_timeout{30 * 60'000};
    std::uint64_t file_size_limit = 100; ///< MB of an artifact; 0: none.
    std::uint64_t build_file_size_limit = 500;
    LogFormat log_format = LogFormat::json;
    LogLevel log_level = LogLevel::info;
    std::string server_address;
    Secret server_secret; ///< Empty: registration.
    std::filesystem::path server_cert;
    std::filesystem::path server_key;
    std::string tls_min_version = "1.2";
    bool strict_tls = false; ///< https without a certificate is an error.
    std::string queue_driver;
    Secret queue_address; ///< Empty: the server tells.
    bool queue_cluster = false;
    std::vector<std::string> queue_routes{"vela"};
    std::chrono::milliseconds pop_timeout{60'000};
    std::uint64_t max_log_size = 0; ///< Bytes of a container's log; 0: no cap.
    std::chrono::milliseconds log_streaming_timeout{5 * 60'000};
    bool enforce_trusted_repos = true;
    std::string outputs_image;
    std::vector<std::string> privileged_images;
    std::vector<HostVolume> volumes;
    std::vector<std::string> drop_capabilities;
    std::filesystem::path state_directory; ///< As the launcher's.
    std::string docker_host = "unix:///var/run/docker.sock";
    bool docker_tls_verify = false;
    std::filesystem::path docker_cert_path;
};

/// Where values come from: flags ("--worker.addr=…"), variables, files.
struct Sources {
    std::vector<std::string> arguments; ///< Without the program's name.
    /// Every variable; of a name that stands twice the first counts. An empty value is a value.
    std::vector<std::pair<std::string, std::string>> variables;
    /// The text of a file; nothing when there is none. For `/vela/…` and `.env`.
    std::function<std::optional<std::string>(const std::string& path)> read_file;
    std::string os_hostname;
    bool root = true;
};

struct ReadOptions {
    Options options;
    std::vector<std::string> warnings;
};

/// Whether these sources ask for a Vela worker: server address and queue driver are set, or
/// "--backend vela" (also "--backend=vela", SLIPWAY_BACKEND) says so.
[[nodiscard]] bool selected(const Sources& sources);

/// Fails with `invalid_input`: the message names the variable that was set and what to do.
[[nodiscard]] Result<ReadOptions> read_options(const Sources& sources);

/// The variables that hold secrets, for `launcher::Environment::take`; an address may hold a password.
[[nodiscard]] std::vector<std::string_view> secret_variables();

/// For --help: every option once, with its names and default.
[[nodiscard]] std::string help_text();
/// The same for docs/vela.md.
[[nodiscard]] std::string help_markdown();

} // namespace slipway::vela
