#pragma once

#include "launcher/slot-init/complain.h"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

/// What slot-init's children do between fork and exec, or instead of exec. No memory is allocated anywhere.
namespace slipway::slot {

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

/// As `mkdir -p`; new directories belong to `owner` if given. In directories of root alone links are
/// followed: where anyone else may have planted one, none is. False with errno.
[[nodiscard]] bool make_path(const char* path, const Identity* owner);

/// The exit code of a command that could not be prepared.
inline constexpr int kNotPrepared = 125;

/// Executes what a `run` payload says, with stdout and stderr on `output`. When that cannot be done it
/// complains, says so in `not_executed` and exits with `kNotPrepared`, 126 or 127.
[[noreturn]] void execute(char* payload, std::size_t size, int output, bool& not_executed);

/// Unpacks the archive from `data` into the directory that `texts` names, or packs the directory or the file
/// that they name into `data`, as the user that they name, and says what is to be said on `text`. Exits with
/// 0 or with what TransferEndFrame tells.
[[noreturn]] void move_files(bool is_put, const char* texts, std::size_t size, int data, int text);

} // namespace slipway::slot
