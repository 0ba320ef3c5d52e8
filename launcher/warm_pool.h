#pragma once

#include "common/clock.h"
#include "common/log.h"
#include "common/random.h"
#include "launcher/backoff.h"
#include "launcher/job_host.h"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace slipway::launcher {

/// What makes an idle slot fit for a stage: all that cannot be changed once its container is there. What the
/// launcher's settings say is the same for every slot of a process and not part of it.
struct SlotClass {
    std::string image; ///< The name that was asked for.
    std::string image_id;
    protocol::StageKind kind = protocol::StageKind::read;
    std::int64_t memory_bytes = 0; ///< 0: as the launcher is set, as with the two below.
    std::int64_t nano_cpus = 0;
    std::int64_t pids = 0;

    bool operator==(const SlotClass&) const = default;
};

/// A slot that was started, is connected, and has run nothing.
struct IdleSlot {
    std::unique_ptr<JobSlot> slot;
    SlotFact fact; ///< For the journal of the stage that takes it.
};

/// Makes, watches and removes containers for a pool, from its thread; `lives` from the thread that takes,
/// too.
class SlotMaker {
public:
    virtual ~SlotMaker() = default;
    /// Starts a container and waits until it listens. `not_found`: its image is gone.
    virtual Result<IdleSlot> make_idle(const SlotClass& wanted, std::stop_token stop) = 0;
    /// Whether it is still connected. Does not wait.
    virtual bool lives(JobSlot& slot) = 0;
    /// As JobHost::remove.
    virtual Result<void> remove_idle(const std::string& container, std::stop_token stop) = 0;
};

struct WarmPoolSettings {
    int count = 0; ///< Idle slots; 0: none are kept, and the pool only removes.
    std::filesystem::path memory; ///< File of the classes in use, so that a restarted launcher warms up at
                                  ///< once.
};

/// Keeps slots of the classes in use idle, so that a stage need not wait for the start of a container. The
/// classes are those of the last stages, as many as there are to be idle slots. One thread makes them and
/// removes what is over; nobody waits for it.
///
/// An idle slot is in no journal: its container has this instance's label, and until a stage's journal names
/// it, whoever finds it removes it. So a crash at any instant leaves nothing behind but what the next start
/// removes. Thread-safe.
class WarmPool {
public:
    /// A moment after a slot was taken, before the next one is made: the stage that took it has the machine.
    static constexpr std::chrono::milliseconds kRefillAfter{250};
    /// How often idle slots are looked at.
    static constexpr std::chrono::seconds kLookEvery{5};
    /// How long `settle` waits.
    static constexpr std::chrono::seconds kSettle{30};

    /// Starts the thread. The referents outlive the pool.
    WarmPool(WarmPoolSettings settings, SlotMaker& maker, const Clock& clock, Random& random, Logger logger);
    WarmPool(const WarmPool&) = delete;
    WarmPool& operator=(const WarmPool&) = delete;
    /// Ends the thread. Idle containers stay, and end by themselves when nobody comes for them.
    ~WarmPool();

    /// An idle slot of this class, or nothing. Either way the class counts as in use.
    std::optional<IdleSlot> take(const SlotClass& wanted);

    struct Likely {
        IdleSlot idle;
        std::string image_id;
    };

    /// The same for a class whose `image_id` is not known; nothing is noted when there is none.
    std::optional<Likely> take_likely(const SlotClass& wanted);
    /// Removes a container in the background.
    void discard(const std::string& container);
    /// Whether idle slots are kept; what is there when they are not is removed.
    void keep(Warm warm);
    /// Waits until what was discarded is removed and nothing is being made, for `kSettle` at most.
    void settle(std::stop_token stop);

    [[nodiscard]] std::size_t idle() const;
    /// Ids of the images of the classes in use.
    [[nodiscard]] std::set<std::string> images() const;

private:
    struct Held {
        SlotClass fits;
        IdleSlot idle;
    };

    void run(std::stop_token stop);
    void drop_dead();
    void drop_unwanted();
    [[nodiscard]] std::vector<SlotClass> wanted() const;
    [[nodiscard]] std::optional<SlotClass> missing() const;
    void note_use(const SlotClass& used);
    std::optional<Held> take_if(const std::function<bool(const SlotClass&)>& fits);
    void make(const SlotClass& missing, std::stop_token stop);
    void remove(const std::string& container, std::stop_token stop);
    void load();
    void save();
    void wait_before_next(std::chrono::nanoseconds time);

    WarmPoolSettings settings_;
    SlotMaker& maker_;
    const Clock& clock_;
    Logger logger_;
    Backoff backoff_; ///< The thread's.
    std::string told_; ///< The failure that was logged last. The thread's.
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<SlotClass> used_; ///< The newest first, `count` at most.
    bool unsaved_ = false;
    std::vector<Held> idle_;
    std::deque<std::string> discarded_;
    Warm warm_ = Warm::yes;
    bool busy_ = false; ///< The thread makes or removes something.
    BootClock::time_point refill_at_{};
    std::jthread thread_; ///< Last: it uses everything above.
};

} // namespace slipway::launcher
