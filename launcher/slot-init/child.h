#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

/// What slot-init's children do between fork and exec, or instead of exec. No memory is allocated anywhere.
namespace slipway::slot {

/// "slipway: what: why\n" with at most one path; `error_number` 0 leaves out the reason.
void complain(int fd, const char* what, const char* subject, int error_number);

struct Identity {
    uid_t uid = 0;
    gid_t gid = 0;
    gid_t groups[64] = {};
    std::size_t group_count = 0;
    char home[512] = "/";
};

/// Reads a Dockerfile's USER ("", "name", "uid", then ":group" or nothing) against the container's own
/// /etc/passwd and /etc/group with Docker's rules. False after a complaint to `fd`.
[[nodiscard]] bool resolve_user(const char* text, int fd, Identity& identity);

/// Becomes that user for good. False after a complaint.
[[nodiscard]] bool become(const Identity& identity, int fd);

/// As `mkdir -p` (the new last directory belongs to `owner` if given). False with errno.
[[nodiscard]] bool make_path(const char* path, const Identity* owner);

/// A `run` payload in place: the texts stay where they are, the tables point at them.
struct RunRequest {
    static constexpr std::size_t kMaxTexts = 8192;
    std::uint32_t seq = 0;
    const char* user = nullptr;
    const char* cwd = nullptr;
    char* argv[kMaxTexts + 1];
    char* env[kMaxTexts + 2]; ///< One place for HOME.
    std::size_t env_count = 0;
};

/// False if the payload breaks the layout.
[[nodiscard]] bool parse_run(char* payload, std::size_t size, RunRequest& request);

/// Two texts that fill a payload. False if it breaks the layout.
[[nodiscard]] bool parse_texts(
    const char* payload, std::size_t size, const char*& first, const char*& second);

/// Becomes the user and executes the command, with stdout and stderr on `output`. Exits with 125, 126 or 127
/// on failure.
[[noreturn]] void execute(RunRequest& request, int output);

/// Unpacks a tar archive from `in` into `directory`, with nothing outside of it ever touched. Complains to
/// `err`.
[[nodiscard]] bool unpack_tar(int in, int directory, int err);

/// Packs `directory` to `out`; notes on what is left out go to `err`, the last line of it is the error if it
/// fails.
[[nodiscard]] bool pack_tar(int directory, int out, int err);

} // namespace slipway::slot
