#pragma once

#include <filesystem>
#include <string>

namespace slipway::bench {

/// Processor time of this process, of all that it starts from now on, and of the containers that an engine
/// makes below `name`, whoever else uses the machine: a control group of its own, which this process enters.
/// Where none can be made, the busy time of the whole machine.
class CpuGroup {
public:
    CpuGroup();
    CpuGroup(const CpuGroup&) = delete;
    CpuGroup& operator=(const CpuGroup&) = delete;
    /// Leaves it; it is removed if nothing else is in it any more.
    ~CpuGroup();

    /// For --cgroup-parent of dockerd.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    /// Whether it is one; else it is the whole machine.
    [[nodiscard]] bool exact() const noexcept { return !directory_.empty(); }

    /// So far, in seconds.
    [[nodiscard]] double seconds() const;

private:
    std::string name_;
    std::filesystem::path directory_;
    bool unified_ = false; ///< cgroup v2.
};

} // namespace slipway::bench
