#include "launcher/startup_checks.h"

#include "common/file.h"
#include "common/json.h"
#include "launcher/engine.h"
#include "launcher/mothership_backend.h"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace slipway::launcher {

namespace {

constexpr std::string_view kStateName = "SLIPWAY_STATE_DIR";

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

std::string user_name()
{
    const passwd* entry = ::getpwuid(::geteuid()); // NOLINT(concurrency-mt-unsafe): no other thread asks.
    return entry == nullptr ? std::to_string(::geteuid()) : std::string{entry->pw_name};
}

std::string group_name(gid_t id)
{
    const ::group* entry = ::getgrgid(id); // NOLINT(concurrency-mt-unsafe): no other thread asks.
    return entry == nullptr ? std::to_string(id) : std::string{entry->gr_name};
}

/// What lies in a directory that no launcher has used before and would not lie in an empty one; "." for one
/// that belongs to someone else.
std::optional<std::string> stranger_in(const std::filesystem::path& directory)
{
    // What an interrupted first start leaves, and the root of a fresh file system.
    constexpr std::array<std::string_view, 4> harmless{"jobs", "lock", "instance.new", "lost+found"};
    std::error_code code;
    if (std::filesystem::exists(directory / "instance", code))
        return std::nullopt;

    struct stat status { };

    if (::stat(directory.c_str(), &status) != 0 || status.st_uid != ::geteuid())
        return ".";
    for (std::filesystem::directory_iterator it{directory, code}, end; !code && it != end; it.increment(code))
        if (auto name = it->path().filename().string(); std::ranges::find(harmless, name) == harmless.end())
            return name;
    return std::nullopt;
}

std::string not_permitted(const std::string& socket)
{
    std::string text = "DOCKER_HOST: user " + user_name() + " may not use the Docker socket " + socket;

    struct stat status { };

    if (::stat(socket.c_str(), &status) != 0)
        return text + ": run the launcher as a user that may";
    const std::string group = group_name(status.st_gid);
    return text + ", which belongs to the group " + group + ": add the user to it (usermod -aG " + group + " "
        + user_name() + ") and log in anew";
}

Refusal tcp_refusal(const docker::Endpoint& endpoint, const Error& error)
{
    const std::string cause = " (" + error.message() + ")";
    const std::string where = "DOCKER_HOST: " + endpoint.text();
    if (error.code() == Errc::rejected)
        return {ExitCode::docker_not_trusted,
            where + ": the Docker Engine and the launcher do not trust each other's certificates" + cause
                + ": give its ca.pem, and the cert.pem and key.pem that it knows, in DOCKER_CERT_PATH"};
    if (error.code() == Errc::timed_out)
        return {ExitCode::docker_silent,
            where + " does not answer" + cause + ": is the address right, and does a firewall let it pass?"};
    if (error.code() == Errc::invalid_input)
        return {ExitCode::docker_too_old,
            "DOCKER_HOST: " + error.message() + "; Docker 20.10 (API " + docker::kOldestApi.text()
                + ") or newer is needed"
                + (endpoint.is_tls() ? ""
                                     : ", and one that wants TLS is spoken to with DOCKER_TLS_VERIFY=1")};
    return {ExitCode::docker_unreachable,
        where + " cannot be reached" + cause + ": start Docker there, and let it listen on that address"
            + (endpoint.is_tls() ? "" : "; if it wants TLS, set DOCKER_TLS_VERIFY=1")};
}

Refusal docker_refusal(const docker::Endpoint& endpoint, const Error& error)
{
    if (endpoint.socket_path().empty())
        return tcp_refusal(endpoint, error);
    const std::string& socket = endpoint.socket_path();
    const std::string cause = " (" + error.message() + ")";
    switch (error.code()) {
    case Errc::not_found:
        return {ExitCode::docker_missing,
            "DOCKER_HOST: there is no Docker socket at " + socket
                + ": install and start Docker, or set DOCKER_HOST to where it listens"};
    case Errc::rejected:
        return {ExitCode::docker_not_permitted, not_permitted(socket)};
    case Errc::timed_out:
        return {ExitCode::docker_silent,
            "DOCKER_HOST: the Docker Engine at " + socket
                + " does not answer: look at its log, and restart it" + cause};
    case Errc::invalid_input:
        return {ExitCode::docker_too_old,
            "DOCKER_HOST: " + error.message() + "; Docker 20.10 (API " + docker::kOldestApi.text()
                + ") or newer is needed"};
    case Errc::unreachable:
        return {ExitCode::docker_unreachable,
            "DOCKER_HOST: nobody listens on the Docker socket " + socket
                + ": start Docker (systemctl start docker)" + cause};
    case Errc::conflict:
    case Errc::cancelled:
    case Errc::exhausted:
    case Errc::internal:
        break;
    }
    return {ExitCode::internal, "DOCKER_HOST: " + error.message()};
}

} // namespace

Checked<docker::Endpoint> check_docker_address(const Config& config)
{
    auto endpoint = docker::Endpoint::parse(config.docker_host);
    if (!endpoint)
        return Refusal{ExitCode::bad_option, endpoint.error().message()};
    // As the docker command has it: a socket has no use for the certificates that are meant for TCP.
    if (!config.docker_tls_verify || !endpoint->socket_path().empty())
        return *std::move(endpoint);
    if (config.docker_cert_path.empty())
        return Refusal{ExitCode::bad_option,
            "DOCKER_TLS_VERIFY is set, and DOCKER_CERT_PATH is not: set it to the directory of ca.pem, "
            "cert.pem "
            "and key.pem"};
    auto over_tls = endpoint->with_tls(config.docker_cert_path);
    if (!over_tls)
        return Refusal{ExitCode::bad_option, "DOCKER_CERT_PATH: " + over_tls.error().message()};
    return *std::move(over_tls);
}

Checked<docker::Engine> check_docker(const docker::Endpoint& endpoint, std::stop_token stop)
{
    auto engine = docker::connect(endpoint, std::move(stop));
    if (!engine)
        return docker_refusal(endpoint, engine.error());
    return *std::move(engine);
}

std::optional<Refusal> read_seccomp_profiles(JobResources& job)
{
    constexpr std::string_view prefix = "seccomp=";
    constexpr std::size_t most = 1024 * 1024;
    for (auto& option : job.security_opt) {
        const std::string file = option.starts_with(prefix) ? option.substr(prefix.size()) : "";
        if (file.empty() || file == "unconfined" || file == "builtin")
            continue;
        auto profile = read_file(file, most);
        if (profile)
            if (const auto json = JsonDocument::parse(*profile); !json)
                profile = json.error().in(file);
        if (!profile)
            return Refusal{ExitCode::bad_option,
                "SLIPWAY_JOB_SECURITY_OPT: the seccomp profile cannot be used: " + profile.error().message()};
        option = std::string{prefix} + *profile;
    }
    return std::nullopt;
}

std::optional<Refusal> check_state_directory(const std::filesystem::path& directory)
{
    const auto refuse = [&directory](const std::string& why) {
        return Refusal{ExitCode::state_directory_not_writable,
            std::string{kStateName} + ": user " + user_name() + " cannot use the state directory "
                + directory.string() + ": " + why};
    };
    auto made = make_directories(directory);
    if (made && ::access(directory.c_str(), W_OK | X_OK) != 0)
        made = Error::from_errno("writing to it", errno);
    if (!made)
        return refuse(made.error().message()
            + "; let that user own it, or set SLIPWAY_STATE_DIR to a directory of this user");

    struct statvfs file_system { };

    if (::statvfs(directory.c_str(), &file_system) == 0 && (file_system.f_flag & ST_NOEXEC) != 0)
        return refuse("its file system is mounted noexec, and the first process of each job is started from "
                      "there; set SLIPWAY_STATE_DIR to a directory on another one");
    if (const auto name = stranger_in(directory))
        return refuse("it holds \"" + *name
            + "\", which is no launcher's, and it would be closed to all other users (mode 0700); set "
              "SLIPWAY_STATE_DIR to an empty directory of this user, or to one that does not exist yet");
    return std::nullopt;
}

Refusal engine_refusal(const Error& error)
{
    if (error.code() == Errc::invalid_input)
        return {ExitCode::bad_option, error.message()}; // names its variable
    if (error.code() == Errc::not_found)
        return {ExitCode::docker_lacks_setting, error.message()}; // likewise
    if (!has(error.message(), kDockerFailed))
        return {error.code() == Errc::conflict ? ExitCode::state_directory_in_use
                                               : ExitCode::state_directory_not_writable,
            std::string{kStateName} + ": " + error.message()};
    const std::string text = "DOCKER_HOST: " + error.message() + ": look at the Docker Engine's log";
    if (error.code() == Errc::timed_out)
        return {ExitCode::docker_silent, text};
    return {
        error.code() == Errc::rejected ? ExitCode::docker_not_permitted : ExitCode::docker_unreachable, text};
}

Refusal registration_refusal(const Error& error, std::string_view url)
{
    if (has(error.message(), kServerNotTrusted))
        return {ExitCode::server_not_trusted,
            std::string{url} + ": " + error.message()
                + "; is SPACELIFT_WORKER_COMMS_URL right, and does nobody stand between?"};
    return {ExitCode::server_refused,
        std::string{url} + " refuses this worker: " + error.message()
            + "; was the pool deleted or reset? Then SPACELIFT_TOKEN is the old one: give the new one"};
}

Result<void> protect_memory()
{
    const rlimit none{0, 0};
    if (::setrlimit(RLIMIT_CORE, &none) != 0)
        return Error::from_errno("switching core dumps off", errno);
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return Error::from_errno("protecting the memory", errno);
    return {};
}

} // namespace slipway::launcher
