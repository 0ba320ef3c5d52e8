#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

namespace slipway::bench {

// What the kernel says of a process that runs. Failures are thrown as std::runtime_error.

/// A line "name: N kB" of /proc/<pid>/status, in megabytes: "VmRSS", "RssAnon", "VmHWM".
[[nodiscard]] double status_megabytes(pid_t pid, const std::string& name);

/// Processor time so far, in seconds, of all its threads, those that have ended included.
[[nodiscard]] double cpu_seconds(pid_t pid);

/// From now on VmHWM is the peak since now.
void forget_peak(pid_t pid);

/// A process that does nothing: sleep(1).
[[nodiscard]] double idle_megabytes();

/// Start to end of `program --version`: what loading its libraries costs.
[[nodiscard]] std::chrono::nanoseconds time_of_version(const std::string& program);

} // namespace slipway::bench
