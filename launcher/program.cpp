#include "launcher/program.h"

#include "common/secret.h"
#include "common/unique_fd.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>

namespace slipway::launcher {

namespace {

using Steady = std::chrono::steady_clock;

struct Pipe {
    UniqueFd reader;
    UniqueFd writer;

    static Result<Pipe> open()
    {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0)
            return Error::from_errno("pipe", errno);
        return Pipe{UniqueFd{ends[0]}, UniqueFd{ends[1]}};
    }
};

Result<void> make_nonblocking(const UniqueFd& fd)
{
    if (::fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0)
        return Error::from_errno("fcntl", errno);
    return {};
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

/// What posix_spawn(3) is told: descriptors, and a child that starts as from a shell, in a session of its
/// own.
class SpawnPlan {
public:
    SpawnPlan()
    {
        ::posix_spawn_file_actions_init(&actions_);
        ::posix_spawnattr_init(&attributes_);
        sigset_t none{};
        sigset_t all{};
        ::sigemptyset(&none);
        ::sigfillset(&all);
        ::posix_spawnattr_setsigmask(&attributes_, &none);
        ::posix_spawnattr_setsigdefault(&attributes_, &all);
        ::posix_spawnattr_setflags(
            &attributes_, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    }

    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;

    ~SpawnPlan()
    {
        ::posix_spawnattr_destroy(&attributes_);
        ::posix_spawn_file_actions_destroy(&actions_);
    }

    void give(const UniqueFd& fd, int number)
    {
        ::posix_spawn_file_actions_adddup2(&actions_, fd.get(), number);
    }

    Result<pid_t> spawn(const ProgramCall& call) const
    {
        std::vector<std::string> argv = call.argv;
        std::vector<std::string> environment;
        environment.reserve(call.environment.size());
        for (const auto& [name, value] : call.environment)
            environment.push_back(name + "=" + value);
        pid_t pid = -1;
        const int failure = ::posix_spawnp(&pid, argv[0].c_str(), &actions_, &attributes_,
            pointers(argv).data(), pointers(environment).data());
        if (failure == ENOENT)
            return Error{Errc::not_found, "there is no program " + argv[0]};
        if (failure != 0)
            return Error::from_errno("starting " + argv[0], failure);
        return pid;
    }

private:
    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
};

/// While it lives, a write to a child that does not read is an error and no signal, for this thread.
class NoPipeSignal {
public:
    NoPipeSignal()
    {
        ::sigemptyset(&pipe_);
        ::sigaddset(&pipe_, SIGPIPE);
        ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }

    NoPipeSignal(const NoPipeSignal&) = delete;
    NoPipeSignal& operator=(const NoPipeSignal&) = delete;

    ~NoPipeSignal()
    {
        const timespec now{};
        if (::sigismember(&before_, SIGPIPE) == 0)
            while (::sigtimedwait(&pipe_, nullptr, &now) > 0) { }
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }

private:
    sigset_t pipe_{};
    sigset_t before_{};
};

/// The child: killed with all of its session that still runs, and reaped, at the latest when destroyed.
class Child {
public:
    explicit Child(pid_t pid)
        : pid_{pid}
        , pidfd_{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))}
    {
    }

    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    ~Child()
    {
        if (pid_ > 0)
            end();
    }

    [[nodiscard]] int pidfd() const { return pidfd_.get(); }

    /// The group is killed before the leader is reaped: until then nobody else can have its number.
    int end()
    {
        ::kill(-pid_, SIGKILL);
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) { }
        pid_ = -1;
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }

private:
    pid_t pid_;
    UniqueFd pidfd_;
};

/// Moves what is to be moved until the child has ended.
class Conversation {
public:
    Conversation(const ProgramCall& call, UniqueFd input, UniqueFd output, UniqueFd errors)
        : call_{call}
        , input_{std::move(input)}
        , output_{std::move(output)}
        , errors_{std::move(errors)}
        , until_{Steady::now() + call.deadline}
    {
        end_.output.reserve(call.max_output); // no copy of a secret stays behind
    }

    Conversation(const Conversation&) = delete;
    Conversation& operator=(const Conversation&) = delete;

    ~Conversation() { wipe(end_.output); }

    Result<ProgramEnd> follow(Child& child, const UniqueFd& stopped)
    {
        for (;;) {
            if (pending_.empty())
                input_.reset();
            std::array<pollfd, 5> polled{{{child.pidfd(), POLLIN, 0}, {stopped.get(), POLLIN, 0},
                {input_.get(), POLLOUT, 0}, {output_.get(), POLLIN, 0}, {errors_.get(), POLLIN, 0}}};
            const int count = ::poll(polled.data(), polled.size(), milliseconds_left());
            if (count < 0 && errno != EINTR)
                return Error::from_errno("poll", errno);
            if (polled[1].revents != 0)
                return Error{Errc::cancelled, "stopped"};
            SLIPWAY_TRY(move_all(polled));
            if (polled[0].revents != 0) {
                end_.code = child.end();
                SLIPWAY_TRY(take_output());
                take_errors();
                return std::move(end_);
            }
            if (Steady::now() >= until_)
                return Error{Errc::timed_out,
                    call_.argv[0] + " did not end within " + std::to_string(call_.deadline.count()) + " ms"};
        }
    }

private:
    [[nodiscard]] int milliseconds_left() const
    {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until_ - Steady::now()).count();
        return static_cast<int>(std::clamp<std::int64_t>(left, 0, INT32_MAX));
    }

    Result<void> move_all(const std::array<pollfd, 5>& polled)
    {
        if (polled[2].revents != 0)
            give_input();
        if (polled[3].revents != 0)
            SLIPWAY_TRY(take_output());
        if (polled[4].revents != 0)
            take_errors();
        return {};
    }

    void give_input()
    {
        const auto written = ::write(input_.get(), pending_.data(), pending_.size());
        if (written >= 0)
            pending_.remove_prefix(static_cast<std::size_t>(written));
        else if (errno != EAGAIN && errno != EINTR)
            pending_ = {}; // it does not want to know
    }

    /// All that is there now.
    Result<void> take_output()
    {
        std::array<char, 4096> buffer{};
        while (output_) {
            const auto got = ::read(output_.get(), buffer.data(), buffer.size());
            if (got < 0 && errno == EINTR)
                continue;
            if (got < 0 && errno == EAGAIN)
                break;
            if (got <= 0) {
                output_.reset();
                break;
            }
            if (end_.output.size() + static_cast<std::size_t>(got) > call_.max_output)
                return Error{Errc::exhausted,
                    call_.argv[0] + " writes more than " + std::to_string(call_.max_output) + " bytes"};
            end_.output.append(buffer.data(), static_cast<std::size_t>(got));
        }
        wipe(buffer.data(), buffer.size());
        return {};
    }

    void take_errors()
    {
        std::array<char, 4096> buffer{};
        while (errors_) {
            const auto got = ::read(errors_.get(), buffer.data(), buffer.size());
            if (got < 0 && errno == EINTR)
                continue;
            if (got < 0 && errno == EAGAIN)
                return;
            if (got <= 0)
                return errors_.reset();
            const auto room = kMaxProgramErrors - end_.errors.size();
            end_.errors.append(buffer.data(), std::min(static_cast<std::size_t>(got), room));
        }
    }

    const ProgramCall& call_;
    UniqueFd input_;
    UniqueFd output_;
    UniqueFd errors_;
    Steady::time_point until_;
    std::string_view pending_ = call_.input;
    ProgramEnd end_;
};

} // namespace

Result<ProgramEnd> run_program(const ProgramCall& call, std::stop_token stop)
{
    if (call.argv.empty() || call.argv[0].empty())
        return Error{Errc::invalid_input, "no program is named"};
    auto input = SLIPWAY_TRY(Pipe::open());
    auto output = SLIPWAY_TRY(Pipe::open());
    auto errors = SLIPWAY_TRY(Pipe::open());
    for (const auto* const end : {&input.writer, &output.reader, &errors.reader})
        SLIPWAY_TRY(make_nonblocking(*end));
    const UniqueFd stopped{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (!stopped)
        return Error::from_errno("eventfd", errno);
    SpawnPlan plan;
    plan.give(input.reader, 0);
    plan.give(output.writer, 1);
    plan.give(errors.writer, 2);
    Child child{SLIPWAY_TRY(plan.spawn(call))};
    if (child.pidfd() < 0)
        return Error::from_errno("pidfd_open", errno);
    input.reader.reset();
    output.writer.reset();
    errors.writer.reset();
    const std::stop_callback wakes{std::move(stop), [&stopped] { ::eventfd_write(stopped.get(), 1); }};
    const NoPipeSignal quiet;
    Conversation conversation{
        call, std::move(input.writer), std::move(output.reader), std::move(errors.reader)};
    return conversation.follow(child, stopped);
}

} // namespace slipway::launcher
