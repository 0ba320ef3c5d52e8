#pragma once

#include "common/clock.h"
#include "common/random.h"
#include "common/result.h"
#include "common/unique_fd.h"
#include "launcher/disk_room.h"
#include "launcher/provider_cache/package_receiver.h"

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::launcher {

struct ProviderStoreSettings {
    std::filesystem::path directory;
    std::uint64_t max_bytes = 0; ///< Of all packages; 0: no limit.
    /// What was used this recently stays: a job may be working with it.
    std::chrono::milliseconds keep_for{std::chrono::hours{2}};
    LeastFree least; ///< Of its file system, beside the largest package, while something comes in.
};

/// Provider packages by their hash, on this machine's disk:
///
///     h1/HASH/…    the package as it was unpacked; what jobs see, to read only
///     index/HASH   its size in bytes; its time is that of the last use
///     incoming/    what is being received; nobody's after a crash
///     lock         held by the launcher that uses the directory
///
/// A package has the name of what it holds, so that nobody can put one in the place of another. Thread-safe.
class ProviderStore {
public:
    /// Fails with `invalid_input`, naming the variable, on a directory that is not there, cannot be used,
    /// holds something else or is another launcher's. `clock` and `random` outlive the store.
    static Result<std::unique_ptr<ProviderStore>> open(
        ProviderStoreSettings settings, const Clock& clock, Random& random);

    /// What jobs see.
    [[nodiscard]] std::filesystem::path packages() const { return settings_.directory / "h1"; }

    /// The size of a package that is here, which counts as used now; nothing when it is not.
    std::optional<std::uint64_t> use(const std::string& hash);

    /// A package on its way in. One at a time, so that jobs cannot fill the disk with what no one keeps.
    class Intake {
    public:
        Intake(ProviderStore& store, std::unique_lock<std::mutex> turn, std::filesystem::path directory);
        Intake(const Intake&) = delete;
        Intake& operator=(const Intake&) = delete;
        /// What was not kept is removed.
        ~Intake();

        Result<void> push(std::string_view bytes) { return receiver_.push(bytes); }

        /// Keeps it if its hash is one of these, and returns that. `rejected`: it is another, or no provider.
        /// `exhausted`: it has no room, and nothing old enough would make some.
        Result<std::string> keep(const std::vector<std::string>& hashes);

    private:
        ProviderStore& store_;
        std::unique_lock<std::mutex> turn_;
        std::filesystem::path directory_;
        PackageReceiver receiver_;
    };

    /// Nothing: another job's is under way. `exhausted`: the disk is too full.
    Result<std::unique_ptr<Intake>> receive();

private:
    struct Kept {
        std::uint64_t bytes = 0;
        std::chrono::system_clock::time_point used;
    };

    ProviderStore(ProviderStoreSettings settings, const Clock& clock, Random& random, UniqueFd lock);
    Result<void> load();
    Result<void> add(const ReceivedPackage& package, const std::filesystem::path& directory);
    Result<void> make_room(std::uint64_t bytes);
    Result<void> remove(const std::string& hash);
    [[nodiscard]] std::filesystem::path index_of(const std::string& hash) const;
    void stamp(const std::string& hash, std::chrono::system_clock::time_point time) const;
    [[nodiscard]] std::filesystem::path new_incoming();

    ProviderStoreSettings settings_;
    const Clock& clock_;
    Random& random_;
    UniqueFd lock_;
    std::mutex turn_; ///< Of the intake.
    std::mutex mutex_;
    std::map<std::string, Kept, std::less<>> kept_;
    std::uint64_t total_ = 0;
};

} // namespace slipway::launcher
