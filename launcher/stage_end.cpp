#include "launcher/stage_end.h"

#include "launcher/git_source.h"
#include "launcher/job_context.h"

#include <string.h>

#include <csignal>

namespace slipway::launcher {

namespace {

using protocol::Outcome;

std::string signal_name(int number)
{
    const char* const name = ::sigabbrev_np(number);
    return name == nullptr ? std::to_string(number) : "SIG" + std::string{name};
}

std::string exit_words(const std::string& unit, int code, const std::string& image)
{
    std::string words = unit + ": a command failed with exit code " + std::to_string(code);
    const std::string where = image.empty() ? "its image" : "the image " + image;
    if (code == 127)
        words += " (a command was not found in " + where + ")";
    else if (code == 126)
        words += " (a command is not executable in " + where + ")";
    else if (code == 125)
        words += " (it could not be started; " + where + " needs /bin/sh)";
    return words;
}

std::string memory_words(const std::string& unit, std::int64_t limit)
{
    std::string words = unit + ": the kernel killed a process because memory ran out";
    if (limit != 0)
        words += " (limit " + std::to_string(limit / (1024 * 1024)) + " MiB)";
    return words;
}

} // namespace

std::string_view to_string(StoppedBy by) noexcept
{
    return by == StoppedBy::request ? "on request" : "by the operator of the worker (slipway-launcher stop)";
}

StageEnd end_of(std::string_view name, const SlotExit& exit, const protocol::Assignment& assignment,
    const StageBounds& bounds, StoppedBy by)
{
    const std::string unit{name};
    StageEnd end{
        .outcome = Outcome::failed, .exit_code = exit.code, .cause = "exit", .message = "", .workspace = ""};
    switch (exit.by) {
    case EndedBy::run_limit:
        end.cause = "run_limit";
        end.message
            = unit + ": stopped, since the stage ran longer than its limit of " + in_words(bounds.run);
        return end;
    case EndedBy::silence_limit:
        end.cause = "silence_limit";
        end.message = unit + ": stopped, since it wrote nothing for " + in_words(bounds.silence);
        return end;
    case EndedBy::lease:
        end.outcome = Outcome::lost;
        end.cause = "lease";
        end.message = unit + ": ended by itself, since the control plane was out of reach for a whole lease";
        return end;
    case EndedBy::stop:
        end.cause = "stopped";
        end.message = unit + ": stopped " + std::string{to_string(by)};
        return end;
    case EndedBy::itself:
        break;
    }
    if (exit.code == 0 && exit.signal == 0) {
        end.outcome = Outcome::none;
        return end;
    }
    if (exit.oom) {
        end.cause = "oom";
        end.message = memory_words(unit, assignment.limits.memory_bytes);
    } else if (exit.signal != 0) {
        end.cause = "signal";
        end.message = unit + ": killed by " + signal_name(exit.signal);
    } else {
        const std::string fetch = unit == kPrepare ? prepare_words(exit.code, assignment) : "";
        end.message = fetch.empty() ? exit_words(unit, exit.code, assignment.image) : unit + ": " + fetch;
    }
    return end;
}

StageEnd no_shell_end(std::string_view unit, const SlotExit& exit, const protocol::Assignment& assignment)
{
    const std::string where
        = assignment.image.empty() ? "the stage's image" : "the image " + assignment.image;
    return {.outcome = Outcome::failed,
        .exit_code = exit.code,
        .cause = "exit",
        .message = std::string{unit} + ": no command was run, since " + where
            + " has no /bin/sh that can be started, and phases need one",
        .workspace = ""};
}

StageEnd never_started(std::string_view cause, const Error& error)
{
    return {.outcome = Outcome::failed,
        .exit_code = -1,
        .cause = std::string{cause},
        .message = error.message(),
        .workspace = ""};
}

StageEnd stopped_end(bool killed, bool began, StoppedBy by)
{
    std::string message = (killed ? "killed " : "stopped ") + std::string{to_string(by)};
    if (!began)
        message += " before its first command";
    return {.outcome = Outcome::failed,
        .exit_code = killed && began ? 128 + SIGKILL : -1,
        .cause = "stopped",
        .message = std::move(message),
        .workspace = ""};
}

StageEnd unknown_end(std::string words)
{
    return {.outcome = Outcome::lost,
        .exit_code = -1,
        .cause = "lost",
        .message = std::move(words),
        .workspace = ""};
}

StageEnd lost_end(std::string_view why)
{
    return unknown_end("the container was lost: " + std::string{why}
        + "; output that it had not handed over yet (at most 1 MiB) is missing");
}

std::string last_words(const StageEnd& end)
{
    return end.message.empty() ? std::string{} : own_line(end.message);
}

} // namespace slipway::launcher
