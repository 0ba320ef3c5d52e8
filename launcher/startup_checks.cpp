#include "launcher/startup_checks.h"

#include "common/base64.h"
#include "common/duration.h"
#include "common/file.h"
#include "common/json.h"
#include "crypto/certificate.h"
#include "crypto/token.h"
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

constexpr std::string_view kTokenName = "SPACELIFT_TOKEN";
constexpr std::string_view kStateName = "SLIPWAY_STATE_DIR";
constexpr std::string_view kKeyName = "SPACELIFT_POOL_PRIVATE_KEY";

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

Refusal refusal(ExitCode code, std::string_view variable, const Error& error)
{
    return {code, std::string{variable} + ": " + error.message()};
}

/// The sort of the failure of a text that `decode_pool_token` refused; its message is the parser's own.
ExitCode code_of_bad_token(std::string_view text)
{
    if (has(text, "-----BEGIN") || text.substr(text.find_first_not_of(" \t\r\n")).starts_with('{'))
        return ExitCode::token_is_something_else;
    const auto decoded = base64_decode(text);
    if (!decoded)
        return ExitCode::token_not_base64;
    if (has(*decoded, "-----BEGIN"))
        return ExitCode::token_is_something_else;
    return JsonDocument::parse(*decoded) ? ExitCode::token_incomplete : ExitCode::token_not_json;
}

/// Likewise of a text that is no private key.
ExitCode code_of_bad_key(std::string_view text)
{
    Secret pem{text};
    if (!has(text, "-----BEGIN")) {
        auto decoded = base64_decode(text);
        if (!decoded)
            return ExitCode::key_not_base64;
        pem = Secret::take(*decoded);
    }
    const std::string_view content = pem.reveal();
    if (has(content, "BEGIN ENCRYPTED PRIVATE KEY") || has(content, "Proc-Type: 4,ENCRYPTED"))
        return ExitCode::key_has_passphrase;
    if (has(content, "PRIVATE KEY-----") && !has(content, "OPENSSH"))
        return ExitCode::key_unreadable;
    return ExitCode::key_is_something_else;
}

Checked<crypto::PoolToken> check_token(const Config& config)
{
    const std::string_view text = config.token.reveal();
    if (is_blank(text))
        return Refusal{ExitCode::token_missing,
            std::string{kTokenName}
                + " is not set: give the token that was handed out when the pool was made (slipway pool "
                  "create), or name "
                  "its file with --token-file"};
    auto token = crypto::decode_pool_token(text);
    if (!token)
        return refusal(code_of_bad_token(text), kTokenName, token.error());
    return *std::move(token);
}

Checked<crypto::PrivateKey> check_key(const Config& config)
{
    const std::string_view text = config.private_key.reveal();
    if (is_blank(text))
        return Refusal{ExitCode::key_missing,
            std::string{kKeyName}
                + " is not set: give the pool's key, export SPACELIFT_POOL_PRIVATE_KEY=$(base64 < "
                  "spacelift.key), or name "
                  "its file with --private-key-file"};
    auto key = crypto::PrivateKey::from_base64_pem(text);
    if (key)
        return *std::move(key);
    // The parser tells a short key from a broken one in its words only.
    const bool is_short = has(key.error().message(), " bits, too few");
    return refusal(is_short ? ExitCode::key_too_short : code_of_bad_key(text), kKeyName, key.error());
}

std::optional<Refusal> check_dates(std::chrono::system_clock::time_point not_before,
    std::chrono::system_clock::time_point not_after, std::chrono::system_clock::time_point now)
{
    if (now < not_before)
        return Refusal{ExitCode::certificate_not_yet_valid,
            std::string{kTokenName} + ": its certificate is valid from " + format_rfc3339(not_before)
                + ", and this machine's clock says " + format_rfc3339(now) + ": set the clock"};
    if (now > not_after)
        return Refusal{ExitCode::certificate_expired,
            std::string{kTokenName} + ": its certificate expired at " + format_rfc3339(not_after)
                + ", and this machine's clock says " + format_rfc3339(now)
                + ": make a pool with a new request, or set the clock if it is wrong"};
    return std::nullopt;
}

std::string user_name()
{
    const passwd* entry = ::getpwuid(::geteuid()); // NOLINT(concurrency-mt-unsafe): before the first thread.
    return entry == nullptr ? std::to_string(::geteuid()) : std::string{entry->pw_name};
}

std::string group_name(gid_t id)
{
    const ::group* entry = ::getgrgid(id); // NOLINT(concurrency-mt-unsafe): before the first thread.
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

Refusal docker_refusal(const docker::Endpoint& endpoint, const Error& error)
{
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

Checked<Identity> check_identity(const Config& config, const Clock& clock)
{
    auto token = check_token(config);
    if (auto* failed = std::get_if<Refusal>(&token))
        return std::move(*failed);
    auto key = check_key(config);
    if (auto* failed = std::get_if<Refusal>(&key))
        return std::move(*failed);
    auto& fields = std::get<crypto::PoolToken>(token);
    const auto certificate = crypto::Certificate::from_pem(fields.certificate_pem);
    if (!certificate)
        return refusal(
            ExitCode::token_incomplete, std::string{kTokenName} + ": certificate", certificate.error());
    if (!crypto::key_belongs_to(std::get<crypto::PrivateKey>(key), *certificate))
        return Refusal{ExitCode::key_of_another_pool,
            std::string{kKeyName} + " does not belong to the certificate in " + std::string{kTokenName}
                + ": give the key with which this pool's request was made"};
    if (auto failed = check_dates(certificate->not_before(), certificate->not_after(), clock.wall()))
        return *std::move(failed);
    // The variable was checked when it was read.
    auto url = config.comms_url.empty() ? read_server_url(fields.comms_url)
                                        : Result<std::string>{config.comms_url};
    if (!url)
        return refusal(ExitCode::token_incomplete, std::string{kTokenName} + ": comms_url", url.error());
    return Identity{.url = *std::move(url),
        .pool_id = std::move(fields.pool_ulid),
        .certificate_pem = std::move(fields.certificate_pem),
        .ca_pem = std::move(fields.ca_pem),
        .private_key = std::get<crypto::PrivateKey>(std::move(key)),
        .not_before = certificate->not_before(),
        .not_after = certificate->not_after()};
}

Checked<docker::Engine> check_docker(std::string_view docker_host, std::stop_token stop)
{
    const auto endpoint = docker::Endpoint::parse(docker_host);
    if (!endpoint)
        return refusal(ExitCode::bad_option, "DOCKER_HOST", endpoint.error());
    auto engine = docker::connect(*endpoint, std::move(stop));
    if (!engine)
        return docker_refusal(*endpoint, engine.error());
    return *std::move(engine);
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

ClockCheck check_clock(const Identity& identity, std::chrono::system_clock::time_point ours,
    std::chrono::system_clock::time_point servers)
{
    constexpr std::chrono::minutes tolerated{1};
    const auto apart = std::chrono::duration_cast<std::chrono::seconds>(ours - servers);
    const std::string text = "this machine's clock is " + format_duration(std::chrono::abs(apart))
        + (apart.count() < 0 ? " behind" : " ahead of")
        + " the server's: let NTP set it (timedatectl set-ntp true)";
    if (auto failed = check_dates(identity.not_before, identity.not_after, servers)) {
        if (std::chrono::abs(apart) <= tolerated)
            return {.warning = std::nullopt, .refusal = std::move(failed)};
        return {.warning = std::nullopt,
            .refusal = Refusal{
                ExitCode::clock_skew, text + "; by the server's clock this pool's certificate is not valid"}};
    }
    if (std::chrono::abs(apart) > tolerated)
        return {.warning = text, .refusal = std::nullopt};
    return {};
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
