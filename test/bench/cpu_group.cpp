#include "test/bench/cpu_group.h"

#include "common/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <sstream>
#include <stdexcept>

namespace slipway::bench {

namespace {

constexpr std::size_t kMax = 65536;

bool enter(const std::filesystem::path& group)
{
    auto procs = open_file(group / "cgroup.procs", O_WRONLY);
    return procs && write_all(procs->get(), std::to_string(::getpid()));
}

std::string read(const std::filesystem::path& file)
{
    auto text = read_file(file, kMax);
    if (!text)
        throw std::runtime_error{text.error().message()};
    return *std::move(text);
}

} // namespace

CpuGroup::CpuGroup()
    : name_{"/slipway-bench-" + std::to_string(::getpid())}
{
    const std::filesystem::path top = "/sys/fs/cgroup";
    std::error_code failure;
    unified_ = std::filesystem::exists(top / "cgroup.controllers", failure);
    auto group = (unified_ ? top : top / "cpuacct") / name_.substr(1);
    if (std::filesystem::create_directory(group, failure) && enter(group))
        directory_ = std::move(group);
}

CpuGroup::~CpuGroup()
{
    std::error_code failure;
    if (exact() && enter(directory_.parent_path()))
        std::filesystem::remove(directory_, failure);
}

double CpuGroup::seconds() const
{
    if (exact() && unified_) {
        std::istringstream stat{read(directory_ / "cpu.stat")};
        std::string name;
        double microseconds = 0;
        stat >> name >> microseconds; // usage_usec comes first
        return microseconds / 1e6;
    }
    if (exact())
        return std::stod(read(directory_ / "cpuacct.usage")) / 1e9;
    std::istringstream stat{read("/proc/stat")};
    std::string name;
    double user = 0;
    double nice = 0;
    double system = 0;
    stat >> name >> user >> nice >> system;
    return (user + nice + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

} // namespace slipway::bench
