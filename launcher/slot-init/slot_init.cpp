#include "launcher/slot-init/slot_init.h"

#include "launcher/slot-init/exec/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstring>

namespace slipway::slot {

namespace {

std::int64_t boot_time()
{
    timespec time{};
    (void)::clock_gettime(CLOCK_BOOTTIME, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1'000'000;
}

int open_oom_counter()
{
    const int fd = ::open("/sys/fs/cgroup/memory.events", O_RDONLY | O_CLOEXEC);
    return fd >= 0 ? fd : ::open("/sys/fs/cgroup/memory/memory.oom_control", O_RDONLY | O_CLOEXEC);
}

} // namespace

void SlotInit::run(const char* socket_path)
{
    socket_path_ = socket_path;
    sigset_t handled;
    sigemptyset(&handled);
    sigaddset(&handled, SIGCHLD);
    sigaddset(&handled, SIGTERM);
    (void)::sigprocmask(SIG_BLOCK, &handled, nullptr);
    (void)::signal(SIGPIPE, SIG_IGN);
    signals_ = ::signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
    timer_ = ::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    void* shared = ::mmap(nullptr, 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (signals_ < 0 || timer_ < 0 || shared == MAP_FAILED)
        ::_exit(125);
    not_executed_ = static_cast<bool*>(shared);
    // Opened before any foreign code could put something in its place.
    oom_ = open_oom_counter();
    now_ = away_since_ = boot_time();
    for (int fd = 0; socket_path_ == nullptr && fd < 2; ++fd)
        (void)::fcntl(fd, F_SETFL, O_NONBLOCK);
    for (;;) {
        tick();
        write_link();
        poll_once();
    }
}

void SlotInit::poll_once()
{
    if (next_ != armed_) {
        armed_ = next_;
        itimerspec at{};
        if (next_ != INT64_MAX)
            at.it_value = {.tv_sec = next_ / 1000, .tv_nsec = next_ % 1000 * 1'000'000 + 1};
        (void)::timerfd_settime(timer_, TFD_TIMER_ABSTIME, &at, nullptr);
    }
    const bool get_wanted = !transfer_.is_put && transfer_.credit > 0;
    const short data_events = static_cast<short>(transfer_.is_put ? POLLOUT : POLLIN);
    const bool data_wanted = transfer_.is_put ? put_.used() > 0 : get_wanted && tx_used_ == 0;
    pollfd fds[] = {{signals_, POLLIN, 0}, {timer_, POLLIN, 0}, {link_, POLLIN, 0},
        {ring_.free() > 0 ? output_ : -1, POLLIN, 0}, {data_wanted ? transfer_.data : -1, data_events, 0},
        {transfer_.text_pipe, POLLIN, 0}, {exec_, POLLIN, 0},
        {tx_sent_ < tx_used_ ? output_of_link() : -1, POLLOUT, 0}};
    const int count = ::poll(fds, sizeof fds / sizeof fds[0], -1);
    now_ = boot_time();
    // The job shares this description with all who come after it and may have made it non-blocking.
    if (job_end_ >= 0)
        (void)::fcntl(job_end_, F_SETFL, 0);
    if (count < 0)
        return;
    std::uint64_t expirations = 0;
    if (fds[1].revents != 0 && ::read(timer_, &expirations, sizeof expirations) > 0)
        armed_ = -1;
    if (fds[6].revents != 0)
        note_executed();
    if (fds[3].revents != 0)
        read_output();
    if (fds[0].revents != 0)
        handle_signals();
    if (fds[2].revents != 0 && link_ >= 0)
        read_link();
    if (transfer_.id != 0)
        pump_transfer();
}

void SlotInit::handle_signals()
{
    signalfd_siginfo info{};
    while (::read(signals_, &info, sizeof info) == sizeof info) {
        // A process of the job has a number here; `docker stop` and the host's shutdown come from outside.
        if (info.ssi_signo != SIGTERM || info.ssi_code != SI_USER || info.ssi_pid != 0)
            continue;
        if (!running_ && !exit_kept_)
            leave();
        begin_ladder(StopCause::stopped, grace_);
    }
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;)
        reap(pid, status);
}

void SlotInit::reap(pid_t pid, int status)
{
    if (pid == child_) {
        child_ = -1;
        status_ = status;
        drain_since_ = now_;
        close_fd(job_end_);
    } else if (pid == transfer_.pid) {
        transfer_.pid = -1;
        transfer_.failed = WIFEXITED(status) ? static_cast<std::uint32_t>(WEXITSTATUS(status)) : kMoveFailed;
        transfer_.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    }
}

/// False when there is no pipe to be had: nothing has happened then, and the launcher asks again.
bool SlotInit::start_run(const RunFrame& run)
{
    int ends[2];
    int exec[2] = {-1, -1};
    const bool late = lease_over() || total_over();
    if (!late && ::pipe2(ends, O_CLOEXEC) != 0)
        return false;
    if (!late && (run.flags & kTellExecuted) != 0 && ::pipe2(exec, O_CLOEXEC) != 0) {
        close_fd(ends[0]);
        close_fd(ends[1]);
        return false;
    }
    seq_ = run.seq;
    executed_due_ = executed_sent_ = false;
    exit_kept_ = swept_ = *not_executed_ = false;
    first_run_ = first_run_ > 0 ? first_run_ : now_;
    oom_before_ = oom_kills();
    if (late) {
        end_run(kNotPrepared << 8, lease_over() ? StopCause::lease : StopCause::deadline);
        return true;
    }
    (void)::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    const pid_t pid = ::fork();
    if (pid == 0)
        execute(in_.payload, in_.header.length, ends[1], *not_executed_);
    close_fd(exec[1]); // The child's goes when it executes, or when it ends.
    running_ = true;
    exec_ = exec[0];
    output_ = ends[0];
    job_end_ = ends[1];
    child_ = group_ = pid;
    if (pid < 0) {
        complain(job_end_, "no process can be made for the command", nullptr, errno);
        close_fd(job_end_);
        close_fd(exec_);
    } else {
        (void)::setpgid(pid, pid);
    }
    status_ = kNotPrepared << 8; // As waitpid(2) tells it, when there was no fork.
    drain_since_ = last_output_ = now_;
    rest_killed_ = noticed_[1] = false;
    step_ = Step::none;
    cause_ = StopCause::none;
    return true;
}

void SlotInit::note_executed()
{
    close_fd(exec_);
    executed_due_ = !*not_executed_;
}

void SlotInit::read_output()
{
    iovec to[2];
    ring_.pieces(to, ring_.end, ring_.free());
    const ssize_t count = ::readv(output_, to, 2);
    if (count > 0) {
        ring_.end += static_cast<std::uint64_t>(count);
        last_output_ = now_;
        noticed_[1] = false;
    } else if (count == 0) {
        close_fd(output_);
    }
}

void SlotInit::end_run(int status, StopCause cause)
{
    close_fd(exec_);
    executed_due_ = false; // Its end says more.
    close_fd(output_);
    exit_ = {.seq = seq_,
        .kind = WIFSIGNALED(status) ? ExitKind::signalled : ExitKind::exited,
        .code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
        .cause = cause,
        .oom_kills = oom_kills() - oom_before_,
        .notes = (swept_ ? kSwept : 0U) | (*not_executed_ ? kNeverExecuted : 0U),
        .end = ring_.end};
    exit_kept_ = true;
    exit_sent_ = running_ = notice_due_[0] = notice_due_[1] = false;
    step_ = Step::none;
}

bool SlotInit::due(std::int64_t when)
{
    if (when <= now_)
        return true;
    next_ = when < next_ ? when : next_;
    return false;
}

void SlotInit::tick()
{
    next_ = INT64_MAX;
    if (link_ < 0 && due(retry_at_))
        connect_link();
    if (lease_end_ > 0 && due(lease_end_)) {
        // Whatever it is: a command, what one has left behind, a transfer.
        cause_ = cause_ == StopCause::none && child_ > 0 ? StopCause::lease : cause_;
        kill_rest();
    }
    if (running_)
        tick_run();
    // Who is silent on stdin is away; what he said last stays in force.
    const bool here = admitted_ && (socket_path_ != nullptr || !due(heard_ + kSilence));
    // Nobody waits for what is fenced off or never began. The end of a stage that writes is kept for longer.
    const bool awaited = seq_ > 0 && lease_end_ == 0;
    const std::int64_t left = admitted_ ? heard_ : away_since_;
    const std::int64_t since = left > lease_end_ ? left : lease_end_;
    if (!here && child_ <= 0 && due(since + (awaited ? kAwaitedEnd : kIdleEnd)))
        leave();
}

/// True when the limit has passed; at 80 % of it one notice is left for the launcher.
bool SlotInit::limit_due(std::int64_t since, std::int64_t limit, NoticeKind kind)
{
    const auto which = static_cast<std::size_t>(kind);
    if (limit <= 0)
        return false;
    if (!noticed_[which] && due(since + limit * 8 / 10)) {
        noticed_[which] = notice_due_[which] = true;
        notice_[which] = {.kind = kind,
            .seq = seq_,
            .elapsed_ms = static_cast<std::uint64_t>(now_ - since),
            .limit_ms = static_cast<std::uint64_t>(limit)};
    }
    return due(since + limit);
}

void SlotInit::tick_run()
{
    last_output_ = ring_.free() == 0 ? now_ : last_output_;
    const bool total = limit_due(first_run_, total_, NoticeKind::total);
    const bool ladder = step_ == Step::interrupted || step_ == Step::terminated;
    if (child_ > 0 || (ladder && signal_group(0))) {
        tick_ladder(total);
        drain_since_ = now_;
        // The end of those whose parent still lives is told to that one only.
        (void)(child_ > 0 || due(now_ + kGroupLook));
        return;
    }
    // A full ring is our doing while the launcher is away. After the kill it holds up what the pipe still
    // has.
    if (ring_.free() == 0 && (!admitted_ || rest_killed_))
        drain_since_ = now_;
    if (output_ < 0 && !(rest_killed_ && ::kill(-1, 0) == 0))
        return end_run(status_, cause_);
    if (!rest_killed_ && (total || due(drain_since_ + kDrainTime))) {
        swept_ = true;
        kill_rest();
    }
    if (rest_killed_ && due(drain_since_ + kDrainTime / 2))
        end_run(status_, cause_);
}

void SlotInit::tick_ladder(bool total)
{
    const bool silent = child_ > 0 && limit_due(last_output_, silence_, NoticeKind::silence);
    if (step_ == Step::none && lease_end_ > 0 && due(lease_notice_))
        begin_ladder(StopCause::lease, lease_end_ - now_);
    if (step_ == Step::none && (total || silent))
        begin_ladder(total ? StopCause::deadline : StopCause::silence, grace_);
    if (step_ == Step::interrupted && due(step_at_)) {
        step_ = Step::terminated;
        step_at_ = now_ + kTermTime;
        (void)signal_group(SIGTERM);
    }
    if (step_ == Step::terminated && due(step_at_)) {
        step_ = Step::killed;
        kill_rest();
    }
}

void SlotInit::begin_ladder(StopCause cause, std::int64_t grace)
{
    if (running_ && step_ == Step::none) {
        cause_ = child_ > 0 ? cause : cause_;
        step_ = Step::interrupted;
        step_at_ = now_ + grace;
        (void)signal_group(SIGINT);
    } else if (step_ == Step::interrupted && now_ + grace < step_at_) {
        step_at_ = now_ + grace;
    }
}

/// Everything in the container but this process.
void SlotInit::kill_rest()
{
    (void)::kill(-1, SIGKILL);
    drain_since_ = rest_killed_ ? drain_since_ : now_;
    rest_killed_ = true;
}

/// The command's process group, whose leader may have ended; false when none of it lives.
bool SlotInit::signal_group(int number) const { return group_ > 0 && ::kill(-group_, number) == 0; }

std::uint32_t SlotInit::oom_kills() const
{
    char text[1024] = {};
    if (oom_ < 0 || ::pread(oom_, text, sizeof text - 1, 0) <= 0)
        return 0;
    const char* at = std::strstr(text, "oom_kill ");
    return at != nullptr ? static_cast<std::uint32_t>(::strtoul(at + 9, nullptr, 10)) : 0;
}

} // namespace slipway::slot
