#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace slipway::launcher {

/// How the launcher ends. The numbers are part of its interface: they are never given another meaning.
enum class ExitCode : std::uint8_t {
    done = 0,
    internal = 1,
    bad_option = 2,
    not_running = 3,
    token_missing = 10,
    token_not_base64 = 11,
    token_not_json = 12,
    token_incomplete = 13,
    token_is_something_else = 14,
    key_missing = 20,
    key_not_base64 = 21,
    key_has_passphrase = 22,
    key_is_something_else = 23,
    key_too_short = 24,
    key_unreadable = 25,
    key_of_another_pool = 26,
    certificate_not_yet_valid = 30,
    certificate_expired = 31,
    docker_missing = 40,
    docker_not_permitted = 41,
    docker_silent = 42,
    docker_too_old = 43,
    docker_unreachable = 44,
    docker_not_trusted = 45,
    docker_lacks_setting = 46,
    state_directory_in_use = 50,
    state_directory_not_writable = 51,
    cannot_listen = 52,
    disk_threshold = 53,
    server_refused = 60,
    server_not_trusted = 61,
    clock_skew = 62,
    policy_unusable = 70,
    policy_engine_missing = 71,
};

struct ExitCodeRow {
    ExitCode code;
    std::string_view meaning;
};

/// What docs/reference.md publishes.
inline constexpr std::array kExitCodes{
    ExitCodeRow{ExitCode::done, "Drained and left the pool, or handed over to the next process."},
    ExitCodeRow{ExitCode::internal,
        "An unexpected failure; the last log line says which. Of `why`: something holds this launcher back."},
    ExitCodeRow{ExitCode::bad_option, "A flag or variable cannot be used as it is."},
    ExitCodeRow{ExitCode::not_running, "No launcher runs on the state directory that was asked."},
    ExitCodeRow{ExitCode::token_missing, "`SPACELIFT_TOKEN` is not set."},
    ExitCodeRow{ExitCode::token_not_base64, "The token is not base64; the message names the byte."},
    ExitCodeRow{ExitCode::token_not_json, "The token is base64, but not of JSON."},
    ExitCodeRow{ExitCode::token_incomplete, "A field of the token is missing or cannot be used."},
    ExitCodeRow{
        ExitCode::token_is_something_else, "A key, certificate or request stands where the token belongs."},
    ExitCodeRow{ExitCode::key_missing, "`SPACELIFT_POOL_PRIVATE_KEY` is not set."},
    ExitCodeRow{ExitCode::key_not_base64, "The private key is not base64; the message names the byte."},
    ExitCodeRow{ExitCode::key_has_passphrase, "The private key is protected by a passphrase."},
    ExitCodeRow{
        ExitCode::key_is_something_else, "A token, certificate or request stands where the key belongs."},
    ExitCodeRow{ExitCode::key_too_short, "The private key has fewer bits than is safe."},
    ExitCodeRow{ExitCode::key_unreadable, "The private key cannot be parsed, or is not RSA."},
    ExitCodeRow{ExitCode::key_of_another_pool, "The private key does not belong to the token's certificate."},
    ExitCodeRow{ExitCode::certificate_not_yet_valid, "The token's certificate is not valid yet."},
    ExitCodeRow{ExitCode::certificate_expired, "The token's certificate has expired."},
    ExitCodeRow{ExitCode::docker_missing, "There is no Docker socket."},
    ExitCodeRow{ExitCode::docker_not_permitted, "The Docker socket may not be written to by this user."},
    ExitCodeRow{ExitCode::docker_silent, "The Docker Engine accepts the connection and does not answer."},
    ExitCodeRow{ExitCode::docker_too_old, "The Docker Engine is too old, or no Docker Engine."},
    ExitCodeRow{ExitCode::docker_unreachable, "Nobody listens at the Docker socket or address."},
    ExitCodeRow{ExitCode::docker_not_trusted,
        "The Docker Engine's certificate is not trusted, or it does not trust ours."},
    ExitCodeRow{ExitCode::docker_lacks_setting, "Docker lacks the network or runtime that jobs are to have."},
    ExitCodeRow{ExitCode::state_directory_in_use, "Another launcher uses the state directory."},
    ExitCodeRow{ExitCode::state_directory_not_writable,
        "The state directory cannot be made, written to or executed from, or holds something else."},
    ExitCodeRow{
        ExitCode::cannot_listen, "The address of the metrics or the control socket cannot be listened at."},
    ExitCodeRow{ExitCode::disk_threshold,
        "The disk was used beyond `SPACELIFT_LAUNCHER_DISK_USAGE_THRESHOLD`; drained and left the pool."},
    ExitCodeRow{ExitCode::server_refused, "The server refuses the pool's certificate or token."},
    ExitCodeRow{
        ExitCode::server_not_trusted, "The server's certificate is not signed by the token's authority."},
    ExitCodeRow{ExitCode::clock_skew,
        "This machine's clock is so wrong that the certificate is not valid by the server's."},
    ExitCodeRow{ExitCode::policy_unusable,
        "The run initialization policy cannot be read, does not compile, or has no rule `deny`."},
    ExitCodeRow{ExitCode::policy_engine_missing,
        "The program OPA, which evaluates the run initialization policy, is missing or does not answer."},
};

[[nodiscard]] constexpr int to_int(ExitCode code) noexcept { return static_cast<int>(code); }

/// Why the launcher does not start or go on, as a sentence that names the remedy. Holds no secret.
struct [[nodiscard]] Refusal {
    ExitCode code = ExitCode::internal;
    std::string message;
};

} // namespace slipway::launcher
