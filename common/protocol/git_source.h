#pragma once

#include "common/result.h"

#include <string_view>

/// What names sources in git: both sides refuse the same. Messages never repeat the URL, which may hold a
/// password.
namespace slipway::protocol {

/// Whether `url` is one that `git fetch` may be given: https, http, ssh, git, file (of the job's container),
/// "user@host:path", or private (a mapping of the launcher's operator). Nothing that git would take for an
/// option or hand to a program, and no password: it would be stored and shown. Fails with `invalid_input`.
[[nodiscard]] Result<void> check_git_url(std::string_view url);

/// A branch, a tag, a full name (refs/…) or a whole commit; empty: what HEAD of the repository is. Fails with
/// `invalid_input`.
[[nodiscard]] Result<void> check_git_ref(std::string_view ref);

/// The whole name of an object: 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits.
[[nodiscard]] bool is_git_commit(std::string_view text) noexcept;

} // namespace slipway::protocol
