#pragma once

#include <sys/types.h>
#include <sys/user.h>

#include <optional>
#include <string>
#include <string_view>

namespace slipway::test {

/// What a tracer does at which system calls.
struct Mode {
    std::string_view name;
    int failure = 0; ///< errno that a call fails with; 0: the program is killed instead.
};

/// `kill`, or the name of an errno that can be made; null: neither.
[[nodiscard]] const Mode* find_mode(std::string_view name);

/// From now on, this process and its children stop for their tracer at each call that the mode may be about
/// (seccomp(2), SECCOMP_RET_TRACE).
[[nodiscard]] bool stop_at(const Mode& mode);

/// The call at which `thread` stands, with what it is made on, such as "write file phase": names of files
/// without what differs from run to run. Nothing: the mode is not about it.
[[nodiscard]] std::optional<std::string> name_of(
    const Mode& mode, pid_t thread, const user_regs_struct& registers);

} // namespace slipway::test
