#include "test/support/process.h"

#include "common/file.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

namespace slipway::test {

namespace {

int milliseconds_until(std::chrono::steady_clock::time_point until)
{
    const auto left
        = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

std::vector<char*> pointers(std::vector<std::string>& strings)
{
    std::vector<char*> list;
    list.reserve(strings.size() + 1);
    for (auto& text : strings)
        list.push_back(text.data());
    list.push_back(nullptr);
    return list;
}

class SpawnActions {
public:
    SpawnActions() { ::posix_spawn_file_actions_init(&actions_); }

    SpawnActions(const SpawnActions&) = delete;
    SpawnActions& operator=(const SpawnActions&) = delete;

    ~SpawnActions() { ::posix_spawn_file_actions_destroy(&actions_); }

    posix_spawn_file_actions_t* get() { return &actions_; }

private:
    posix_spawn_file_actions_t actions_{};
};

} // namespace

Process::Process(pid_t pid, UniqueFd pidfd, UniqueFd output)
    : pid_{pid}
    , pidfd_{std::move(pidfd)}
    , output_{std::move(output)}
{
}

Process::Process(Process&& other) noexcept
    : pid_{std::exchange(other.pid_, -1)}
    , pidfd_{std::move(other.pidfd_)}
    , output_{std::move(other.output_)}
    , pending_{std::move(other.pending_)}
{
}

Process& Process::operator=(Process&& other) noexcept
{
    if (this != &other) {
        kill();
        pid_ = std::exchange(other.pid_, -1);
        pidfd_ = std::move(other.pidfd_);
        output_ = std::move(other.output_);
        pending_ = std::move(other.pending_);
    }
    return *this;
}

Process::~Process() { kill(); }

Result<Process> Process::start(const ProcessSpec& spec)
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return Error::from_errno("pipe", errno);
    UniqueFd reader{ends[0]};
    const UniqueFd writer{ends[1]};
    SpawnActions actions;
    ::posix_spawn_file_actions_addopen(actions.get(), 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(actions.get(), writer.get(), 1);
    const std::string log = spec.log.empty() ? "/dev/null" : spec.log.string();
    ::posix_spawn_file_actions_addopen(actions.get(), 2, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (!spec.directory.empty())
        ::posix_spawn_file_actions_addchdir_np(actions.get(), spec.directory.c_str());

    std::vector<std::string> argv = spec.argv;
    std::vector<std::string> env{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
    if (const char* options = std::getenv("TSAN_OPTIONS")) // where the program's findings go, too
        env.push_back("TSAN_OPTIONS=" + std::string{options});
    for (const auto& [name, value] : spec.env)
        env.push_back(name + "=" + value);
    pid_t pid = -1;
    const int failure = ::posix_spawnp(
        &pid, argv[0].c_str(), actions.get(), nullptr, pointers(argv).data(), pointers(env).data());
    if (failure != 0)
        return Error::from_errno("starting " + argv[0], failure);
    UniqueFd pidfd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
    return Process{pid, std::move(pidfd), std::move(reader)};
}

Result<std::string> Process::read_some(std::chrono::steady_clock::time_point until)
{
    pollfd ready{output_.get(), POLLIN, 0};
    if (::poll(&ready, 1, milliseconds_until(until)) <= 0)
        return Error{Errc::timed_out, "no more output before the deadline"};
    std::array<char, 65536> buffer{};
    const ssize_t count = ::read(output_.get(), buffer.data(), buffer.size());
    if (count < 0)
        return Error::from_errno("reading output", errno);
    return std::string{buffer.data(), static_cast<std::size_t>(count)};
}

Result<std::string> Process::read_until(std::string_view text, std::chrono::milliseconds deadline)
{
    const auto until = std::chrono::steady_clock::now() + deadline;
    for (;;) {
        if (const auto found = pending_.find(text); found != std::string::npos) {
            if (const auto line_end = pending_.find('\n', found); line_end != std::string::npos) {
                std::string head = pending_.substr(0, line_end + 1);
                pending_.erase(0, line_end + 1);
                return head;
            }
        }
        const std::string more
            = SLIPWAY_TRY(in("waiting for \"" + std::string{text} + "\"", read_some(until)));
        if (more.empty())
            return Error{Errc::unreachable, "the process ended before it said \"" + std::string{text} + "\""};
        pending_ += more;
    }
}

void Process::signal(int signal) const
{
    if (pid_ > 0)
        ::kill(pid_, signal);
}

void Process::kill()
{
    if (pid_ <= 0)
        return;
    ::kill(pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) { }
    pid_ = -1;
}

Result<int> Process::wait(std::chrono::milliseconds deadline)
{
    if (pid_ <= 0)
        return Error{Errc::not_found, "the process was waited for already"};
    pollfd ready{pidfd_.get(), POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(deadline.count())) <= 0)
        return Error{Errc::timed_out, "the process did not end before the deadline"};
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) { }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Result<std::pair<int, std::string>> Process::finish(std::chrono::milliseconds deadline)
{
    const auto until = std::chrono::steady_clock::now() + deadline;
    for (;;) {
        const std::string more = SLIPWAY_TRY(read_some(until));
        if (more.empty())
            break;
        pending_ += more;
    }
    const int code = SLIPWAY_TRY(wait(std::chrono::milliseconds{milliseconds_until(until)}));
    return std::pair{code, std::exchange(pending_, {})};
}

Result<std::string> run_program(const std::vector<std::string>& argv, const std::filesystem::path& directory)
{
    auto process = SLIPWAY_TRY(Process::start({.argv = argv, .env = {}, .directory = directory, .log = {}}));
    auto [code, output] = SLIPWAY_TRY(process.finish(std::chrono::minutes{1}));
    if (code != 0)
        return Error{Errc::internal, argv[0] + " exited with " + std::to_string(code) + ": " + output};
    return output;
}

} // namespace slipway::test
