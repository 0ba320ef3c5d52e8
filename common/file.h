#pragma once

#include "common/result.h"
#include "common/unique_fd.h"

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace slipway {

/// The whole file, of which no other copy stays in memory. Fails with `not_found` if it does not exist and
/// `exhausted` if it is over `max_size` bytes.
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& path, std::size_t max_size);

/// As `read_file`, but a file that does not exist is nothing rather than an error.
[[nodiscard]] Result<std::optional<std::string>> read_file_if_exists(
    const std::filesystem::path& path, std::size_t max_size);

enum class Durability {
    process, ///< Survives a crash of the process; a crash of the host may undo it.
    host, ///< Synced to disk with its directory before the call returns.
};

/// Replaces `path` in one step (write beside it, rename): a reader sees the old or the new content, never a
/// part.
[[nodiscard]] Result<void> replace_file(const std::filesystem::path& path, std::string_view content,
    Durability durability = Durability::process, mode_t mode = 0600);

/// Opens with O_CLOEXEC; `flags` and `mode` as in open(2).
[[nodiscard]] Result<UniqueFd> open_file(const std::filesystem::path& path, int flags, mode_t mode = 0600);

/// Writes all bytes to `fd`, restarting after signals and short writes.
[[nodiscard]] Result<void> write_all(int fd, std::string_view bytes);

/// Creates a directory (and its parents) with `mode` if it does not exist.
[[nodiscard]] Result<void> make_directories(const std::filesystem::path& path, mode_t mode = 0700);

/// Removes a file or a whole tree; nothing there is a success. Does not follow links.
[[nodiscard]] Result<void> remove_tree(const std::filesystem::path& path);

} // namespace slipway
