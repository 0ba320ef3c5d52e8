#pragma once

#include "common/protocol/assignment.h"
#include "common/result.h"
#include "launcher/journal.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace slipway::launcher {

/// Takes bytes as they come; a failure ends what gives them.
using Sink = std::function<Result<void>(std::string_view)>;
/// Gives all of its bytes to a sink and returns the sink's failure at once.
using Producer = std::function<Result<void>(const Sink&)>;
using Pairs = std::vector<std::pair<std::string, std::string>>;

/// One command in a slot.
struct SlotRun {
    int seq = 0; ///< From 1; a slot takes each number once, so that a repeated frame starts nothing.
    std::vector<std::string> argv;
    Pairs environment; ///< Beside the image's. Holds secrets.
    std::string directory;
    bool tell_executed = false; ///< `SlotExecuted` is wanted, see JobSlot::tells_executed.
};

/// How long commands may go on; kept by the slot itself.
struct SlotLimits {
    protocol::Millis run = 0; ///< From the first command of the slot.
    protocol::Millis silence = 0;
    protocol::Millis grace = 0; ///< Between INT and TERM.
};

/// What ended a command.
enum class EndedBy : std::uint8_t { itself, run_limit, silence_limit, lease, stop };

/// The slot listens to us, for the first time or again; what was sent before may be lost.
struct SlotReady {
    int last_seq = 0; ///< The newest command that it has taken; 0: none.
    std::uint64_t output_begin = 0; ///< The oldest output that it still has.
};

/// Output that follows on what came before.
struct SlotOutput {
    std::string bytes;
};

/// A command runs. One that cannot be executed gets its end in place of this.
struct SlotExecuted {
    int seq = 0;
};

/// A command is over; all of its output came before.
struct SlotExit {
    int seq = 0;
    int code = -1; ///< As a shell shows it: 128 + signal.
    int signal = 0; ///< 0: it exited.
    bool oom = false; ///< The kernel killed a process of it for want of memory.
    bool swept = false; ///< What it left behind held its output open and was killed.
    bool never_executed = false; ///< There is no such command, user or directory; the output says why.
    EndedBy by = EndedBy::itself;
};

/// Most of a limit has passed.
struct SlotNotice {
    bool silence = false; ///< Else the run limit.
    int seq = 0;
    protocol::Millis elapsed = 0;
    protocol::Millis limit = 0;
};

struct Nothing { };

using SlotEvent = std::variant<Nothing, SlotReady, SlotOutput, SlotExecuted, SlotExit, SlotNotice>;

/// The container of one stage, whose PID 1 takes commands from us. Belongs to the stage's thread, `wake`
/// aside. A call fails with `not_found` when the container is gone for good; other failures are worth
/// repeating after the next `SlotReady`.
class JobSlot {
public:
    virtual ~JobSlot() = default;
    [[nodiscard]] virtual std::string container() const = 0;

    /// It was started ahead of need.
    [[nodiscard]] bool was_warm() const noexcept { return warm_; }

    void set_warm() noexcept { warm_ = true; }

    /// The newest command that it has taken, as the last `SlotReady` said.
    [[nodiscard]] virtual int last_seq() const = 0;

    /// Whether it tells `SlotExecuted`, as the last `SlotReady` said: one that an older launcher made does
    /// not.
    [[nodiscard]] virtual bool tells_executed() const { return false; }

    /// Unpacks a tar stream into a directory of the container, as the container's user; makes the directory.
    /// `exhausted`: the container's disk is full.
    virtual Result<void> put(std::string_view directory, const Producer& tar, std::stop_token stop) = 0;
    /// Gives a directory of the container, or one file, as a tar stream. Returns notes on what was left out,
    /// a line each. `conflict`: nothing has that name.
    virtual Result<std::string> get(std::string_view directory, const Sink& tar, std::stop_token stop) = 0;
    virtual Result<void> run(const SlotRun& run) = 0;
    /// What happened next; `Nothing` when the time is over or `wake` was called, `cancelled` when stopped.
    virtual Result<SlotEvent> next(std::chrono::milliseconds at_most, std::stop_token stop) = 0;
    /// Ends a `next`, the current or the coming one. Any thread.
    virtual void wake() noexcept = 0;
    /// The output up to `output_end` and the ends of the commands up to `seq` are kept here.
    virtual Result<void> ack(std::uint64_t output_end, int seq) = 0;
    /// What runs ends by itself when this time has passed without another lease.
    virtual Result<void> lease(protocol::Millis left) = 0;
    /// The commands are over: nothing ends with a lease any more.
    virtual Result<void> end_lease() = 0;
    virtual Result<void> limits(const SlotLimits& limits) = 0;
    /// The ladder: INT, grace, TERM, ten seconds, KILL. Returns at once; the end comes by `next`.
    virtual Result<void> stop_run(protocol::Millis grace) = 0;
    /// Nothing is wanted of it any more: it ends by itself, also where nobody can be asked to remove it.
    virtual Result<void> dismiss() = 0;

private:
    bool warm_ = false;
};

/// The image of a stage, found or fetched.
struct RunnerImage {
    std::string id; ///< "sha256:…"
    /// By which every worker finds it: "name@sha256:…"; empty: it is in no registry, and only here.
    std::string reference;
};

struct ImageRequest {
    std::string image; ///< A name.
    /// The image that must be used, as protocol::Assignment::image_id; empty: whatever the name means now.
    std::string id;
};

/// What a new slot is to be.
struct SlotRequest {
    std::string stage_id;
    std::string run_id;
    std::string image; ///< The name that `image_id` was found by.
    std::string image_id;
    protocol::StageKind kind = protocol::StageKind::read;
    bool applies = false; ///< An apply, as the classes of variables and mounts have it.
    protocol::StageLimits limits;
};

/// Writes down how to find a slot again.
using KeepSlot = std::function<Result<void>(const SlotFact&)>;

/// A container that was idle, taken for the name of its image alone.
struct LikelySlot {
    std::unique_ptr<JobSlot> slot;
    std::string image_id; ///< Of which it was made; today the name may mean another one.
};

struct FoundContainer {
    std::string id;
    std::string stage_id; ///< Empty: only a journal can tell, see `JobHost::containers`.
    bool running = false;
};

/// Whether containers are kept ready for stages to come.
enum class Warm : bool { no, yes };

/// The machine's side of a job: images and containers of this instance. Thread-safe. Every call has a
/// deadline.
class JobHost {
public:
    virtual ~JobHost() = default;
    /// Finds the image here or fetches it; `progress` gets lines for people. Fails with the engine's words.
    virtual Result<RunnerImage> image(const ImageRequest& request,
        const std::function<void(std::string_view)>& progress, std::stop_token stop)
        = 0;
    /// Gives an idle container, or makes and starts one, and waits until it listens. `keep` is called with
    /// what `adopt` needs, as soon as there is something and again when it changes; what it was called with
    /// last must be in the journal when it returns.
    virtual Result<std::unique_ptr<JobSlot>> create(
        const SlotRequest& request, const KeepSlot& keep, std::stop_token stop)
        = 0;

    /// As `create` for a request whose `image_id` is not known yet: an idle container, or nothing. The caller
    /// finds the image out meanwhile, and discards the container if it is of another one.
    virtual Result<std::optional<LikelySlot>> take_likely(
        const SlotRequest& /*request*/, const KeepSlot& /*keep*/)
    {
        return std::optional<LikelySlot>{};
    }

    /// Takes a slot over again, of which `have` bytes of output are kept here. `not_found`: it is gone.
    virtual Result<std::unique_ptr<JobSlot>> adopt(
        const SlotFact& slot, std::uint64_t have, std::stop_token stop)
        = 0;

    /// Removes what this launcher has fetched and does not need, where room is short. Called now and then.
    virtual Result<void> make_room(std::stop_token /*stop*/) { return {}; }

    /// All containers of this instance, but for those that the host itself keeps idle or removes. One that
    /// served no stage when it was made bears no stage's name: it belongs to the stage whose journal names
    /// it, and to nobody when none does.
    virtual Result<std::vector<FoundContainer>> containers(std::stop_token stop) = 0;
    /// Kills and removes a container with its anonymous volumes; one that is gone already is a success.
    virtual Result<void> remove(const std::string& container, std::stop_token stop) = 0;
    /// The same in the background, for a container in which nothing runs any more. What a crash cuts off is
    /// seen again as a container that belongs to nobody.
    virtual void discard(const std::string& container) = 0;
    /// At first they are kept. Returns at once.
    virtual void keep_warm(Warm warm) = 0;
    /// Waits a while until what is idle and not wanted, or discarded, is removed.
    virtual void settle(std::stop_token stop) = 0;
    [[nodiscard]] virtual std::size_t idle_slots() const = 0;
    /// Whether it is known how slots are made here; before, nothing is to be taken.
    [[nodiscard]] virtual bool ready() const = 0;
    /// `call` is called once when it is, from any thread, at once if it is already.
    virtual void on_ready(std::function<void()> call) = 0;

    /// How slots are reached, for people; empty: not known yet.
    [[nodiscard]] virtual std::string transport() const { return {}; }
};

} // namespace slipway::launcher
