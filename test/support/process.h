#pragma once

#include "common/result.h"
#include "common/unique_fd.h"

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace slipway::test {

struct ProcessSpec {
    std::vector<std::string> argv; ///< argv[0] is a path or a name found in PATH.
    std::vector<std::pair<std::string, std::string>>
        env; ///< The whole environment, PATH and TSAN_OPTIONS aside.
    std::filesystem::path directory; ///< Working directory; empty: ours.
    std::filesystem::path log; ///< Standard error is appended here.
};

/// A child process whose standard output is read by the test and whose standard error goes to a file. Killed
/// and reaped when destroyed. One thread.
class Process {
public:
    static Result<Process> start(const ProcessSpec& spec);

    Process(Process&& other) noexcept;
    Process& operator=(Process&& other) noexcept;
    ~Process();

    /// Standard output up to the first line that holds `text`, that line included; fails when the process
    /// ends or the deadline passes first.
    Result<std::string> read_until(std::string_view text, std::chrono::milliseconds deadline);

    void signal(int signal) const;
    /// SIGKILL and reap.
    void kill();
    /// The exit code as a shell shows it; fails when the deadline passes first.
    Result<int> wait(std::chrono::milliseconds deadline);
    /// All of standard output that was not read yet, then as `wait`.
    Result<std::pair<int, std::string>> finish(std::chrono::milliseconds deadline);

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

private:
    Process(pid_t pid, UniqueFd pidfd, UniqueFd output);
    Result<std::string> read_some(std::chrono::steady_clock::time_point until);

    pid_t pid_ = -1;
    UniqueFd pidfd_;
    UniqueFd output_;
    std::string pending_;
};

/// Runs a program to its end and returns its standard output; fails when it exits with another code than 0.
Result<std::string> run_program(
    const std::vector<std::string>& argv, const std::filesystem::path& directory = {});

} // namespace slipway::test
