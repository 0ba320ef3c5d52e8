#pragma once

#include "common/clock.h"
#include "common/log.h"
#include "common/random.h"
#include "launcher/backoff.h"
#include "launcher/vela/build_host.h"
#include "launcher/vela/build_places.h"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace slipway::vela {

/// A container of a kit that was started, is connected, and has run nothing.
struct IdleContainer {
    std::string reference; ///< Of its image, as pipelines name it.
    std::string image_id;
    std::unique_ptr<launcher::JobSlot> slot;
    launcher::SlotFact fact; ///< For the journal of the build that takes it.
};

/// Where the next build may stand: network and volume of the name `place`, and containers in them.
struct Kit {
    std::string place;
    std::string network; ///< Its inspection as JSON, as the next.
    std::string volume;
    std::vector<IdleContainer> idle;
    std::vector<std::string> references; ///< What it was made for.
};

struct BuildKitsSettings {
    std::size_t count = 1; ///< Kits that stand ready.
    std::size_t containers = 2; ///< Of each kit; 0: there are no kits.
    std::filesystem::path memory; ///< File of the images in use, so that a restarted worker warms up at once.
    std::filesystem::path at_work; ///< File that is there from `begin` to the end of `clear`.
};

/// Makes networks, volumes and containers before the builds that want them, so that a build need not wait for
/// the engine. The containers are of the images of the first steps of the last build. One thread makes and
/// removes them, and what nobody has removed.
///
/// A kit is in no journal: until a build's journal names its place, whoever finds it removes it. So a crash
/// at any instant leaves nothing behind but what the next start removes. Thread-safe.
class BuildKits {
public:
    /// A moment after a kit was taken, before the next one is made unless a build waits for it: the build
    /// that took it has the machine.
    static constexpr std::chrono::milliseconds kRefillAfter{250};
    static constexpr std::chrono::seconds kWait{3};
    /// How often idle containers are looked at.
    static constexpr std::chrono::seconds kLookEvery{5};
    /// After `begin`, and after a round that failed, the engine is looked through for what belongs to nobody:
    /// a process that was killed may have asked it for something that is made only later.
    static constexpr std::chrono::minutes kSweepSoon{1};
    static constexpr std::chrono::minutes kSweepEvery{10};
    /// A process that ends sooner after a start that followed on a kill waits so long before it looks a last
    /// time, for the same reason.
    static constexpr std::chrono::seconds kAfterKill{5};
    /// How long the last look is repeated when it fails: the engine may still be at an earlier removal.
    static constexpr std::chrono::seconds kLastSweeps{15};

    /// The referents outlive it. Makes nothing before `begin`.
    BuildKits(BuildKitsSettings settings, BuildHost& host, const Clock& clock, Random& random, Logger logger);
    BuildKits(const BuildKits&) = delete;
    BuildKits& operator=(const BuildKits&) = delete;
    /// Ends the thread. What stands ready stays, for the next start to remove.
    ~BuildKits();

    /// Once what an earlier process left is removed. Call it once.
    void begin();
    /// A kit for one build, which gives its place back at its end; or nothing. Waits for one that is being
    /// made, for `kWait` at most: another of the same kind would be there no sooner.
    [[nodiscard]] std::optional<Kit> take(std::stop_token stop);
    /// Removes what is in the place of a build that is over. Its network stays until `give_back`; but one
    /// without a `network` here was made for that build alone, or comes from an earlier process: it goes.
    Result<void> empty(Kit& kit, const std::stop_token& stop);
    /// An empty place, for a later build. Only when no journal names it: who came back after a crash would
    /// take the later build's containers for its own.
    void give_back(const Kit& kit, const std::stop_token& stop);
    /// What a build's steps run in, the first one first.
    void learn(std::vector<std::string> references);
    /// When no build is held any more: ends the thread, and removes what stands ready and what nobody owns.
    void clear(std::stop_token stop);

    /// How many kits stand ready, with all that the last build would want of them.
    [[nodiscard]] std::size_t ready() const;
    /// How many containers stand ready.
    [[nodiscard]] std::size_t idle() const;
    /// Why the last kit could not be made; empty: it could.
    [[nodiscard]] std::string trouble() const;

private:
    enum class Job : std::uint8_t { none, save, remove, sweep, make };

    void run(std::stop_token stop);
    [[nodiscard]] Job next_job();
    void wait_for_job(std::unique_lock<std::mutex>& lock, const std::stop_token& stop);
    void act(Job job, const std::stop_token& stop);
    void last_sweep(const std::stop_token& stop);
    void load();
    void save();
    void sweep(std::stop_token stop);
    void drop_dead();
    [[nodiscard]] bool lacks() const;
    [[nodiscard]] bool is_bare(const Kit& kit) const;
    void make(const std::stop_token& stop);
    [[nodiscard]] std::optional<Kit> take_bare();
    Result<Kit> make_place(const std::stop_token& stop);
    Result<void> fill(Kit& kit, const std::stop_token& stop);
    Result<std::optional<IdleContainer>> make_idle(
        const std::string& place, std::size_t number, const std::string& reference, std::stop_token stop);
    void remove(const std::string& place, std::stop_token stop);

    const BuildKitsSettings settings_;
    BuildHost& host_;
    const Clock& clock_;
    Random& random_;
    Logger logger_;
    BuildPlaces places_;
    launcher::Backoff backoff_; ///< The thread's.
    BootClock::time_point sweep_at_{}; ///< The thread's.
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::vector<std::string> references_; ///< Of the last build.
    bool unsaved_ = false;
    bool making_ = false;
    bool ordered_ = false; ///< A build waits for a kit that is not begun yet.
    bool closing_ = false;
    std::vector<Kit> kits_;
    std::string told_; ///< The failure that was logged last.
    std::deque<std::string> over_; ///< Places to be removed.
    BootClock::time_point refill_at_{};
    BootClock::time_point last_sweep_from_{}; ///< Set by `begin`.
    std::jthread thread_; ///< Last: it uses everything above.
};

} // namespace slipway::vela
