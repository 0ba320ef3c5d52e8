#pragma once

#include "common/result.h"
#include "launcher/engine_settings.h"

#include <string>
#include <string_view>
#include <vector>

/// How what jobs get and may do is written. As value_syntax.h: pure, `invalid_input`, and the remedy.
namespace slipway::launcher {

/// "host:container[:ro|rw], …", both absolute paths without "..". A target on the workspace, above it or in
/// the place of slot-init or of the provider cache is refused.
[[nodiscard]] Result<std::vector<ExtraMount>> read_mounts(std::string_view text, StageClass stages);
[[nodiscard]] std::string mounts_text(const std::vector<ExtraMount>& mounts, StageClass stages);

/// Refuses two mounts on one target that one stage would see both.
[[nodiscard]] Result<void> check_mounts(const std::vector<ExtraMount>& mounts);

/// "nofile=1024:2048, nproc=100": soft and hard, or one number for both; -1: no limit (setrlimit(2)).
[[nodiscard]] Result<std::vector<docker::Ulimit>> read_ulimits(std::string_view text);
[[nodiscard]] std::string ulimits_text(const std::vector<docker::Ulimit>& ulimits);

/// "NET_RAW, CAP_MKNOD" (capabilities(7)), without the prefix, or ALL; "none": no entry.
[[nodiscard]] Result<docker::Strings> read_capabilities(std::string_view text);

/// "no-new-privileges, seccomp=FILE, apparmor=PROFILE, label=…", as `docker run --security-opt` takes them.
[[nodiscard]] Result<docker::Strings> read_security_options(std::string_view text);

/// "name", "uid" or either with ":group".
[[nodiscard]] Result<std::string> read_user(std::string_view text);

/// Variables by name; those in `kSecretVariables` never leave the launcher and are refused.
[[nodiscard]] Result<std::vector<std::string>> read_names(std::string_view text);

/// "a,b".
[[nodiscard]] std::string list_text(const std::vector<std::string>& entries);

} // namespace slipway::launcher
