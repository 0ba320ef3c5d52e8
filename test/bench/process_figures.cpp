#include "test/bench/process_figures.h"

#include "common/file.h"
#include "test/support/process.h"

#include <fcntl.h>
#include <unistd.h>

#include <ctime>
#include <stdexcept>

namespace slipway::bench {

namespace {

constexpr std::chrono::seconds kSoon{30};

template <class T> T must(Result<T> result)
{
    if (!result)
        throw std::runtime_error{result.error().message()};
    return *std::move(result);
}

std::string path_of(pid_t pid, const char* file) { return "/proc/" + std::to_string(pid) + "/" + file; }

} // namespace

double status_megabytes(pid_t pid, const std::string& name)
{
    const std::string status = must(read_file(path_of(pid, "status"), 65536));
    const auto at = status.find(name + ":");
    if (at == std::string::npos)
        throw std::runtime_error{"no " + name + " in /proc/<pid>/status"};
    return std::stod(status.substr(at + name.size() + 1)) * 1024 / 1e6;
}

double cpu_seconds(pid_t pid)
{
    clockid_t clock{};
    timespec spent{};
    if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &spent) != 0)
        throw std::runtime_error{"reading the processor time of a process"};
    return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) / 1e9;
}

void forget_peak(pid_t pid)
{
    // proc(5): 5 sets the peak to what is resident.
    const auto file = must(open_file(path_of(pid, "clear_refs"), O_WRONLY));
    if (::write(file.get(), "5", 1) != 1)
        throw std::runtime_error{"setting back the peak of a process"};
}

double idle_megabytes()
{
    auto sleeper
        = must(test::Process::start({.argv = {"sleep", "600"}, .env = {}, .directory = {}, .log = {}}));
    while (status_megabytes(sleeper.pid(), "VmRSS") < 0.5) { } // until it has loaded what it needs
    return status_megabytes(sleeper.pid(), "VmRSS");
}

std::chrono::nanoseconds time_of_version(const std::string& program)
{
    const auto begin = std::chrono::steady_clock::now();
    auto process
        = must(test::Process::start({.argv = {program, "--version"}, .env = {}, .directory = {}, .log = {}}));
    (void)must(process.finish(kSoon));
    return std::chrono::steady_clock::now() - begin;
}

} // namespace slipway::bench
