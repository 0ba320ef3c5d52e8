#pragma once

#include "common/random.h"
#include "common/result.h"
#include "common/secret.h"
#include "common/unique_fd.h"
#include "launcher/slot/events.h"
#include "launcher/slot/frame_reader.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::slot {

/// What a run executes. Texts hold no NUL; `run` fails with `invalid_input` otherwise.
struct RunSpec {
    std::vector<std::string> argv; ///< argv[0] without '/' is searched in the PATH of `env`.
    std::vector<std::string> env; ///< "NAME=value"; the whole environment. HOME is added when it is missing.
    std::string cwd; ///< Made when it does not exist; empty: "/".
    std::string user; ///< As in a Dockerfile's USER: name or uid, then ":group" or nothing; empty: root.
    /// `Executed` is wanted, of a slot-init that tells it: an older one does not.
    bool tell_executed = false;
};

/// Limits kept by slot-init; zero: none.
struct Limits {
    std::chrono::milliseconds total{0}; ///< From the start of the slot's first run.
    std::chrono::milliseconds silence{0}; ///< Without output while the launcher did not hold it up.
    std::chrono::milliseconds grace{30'000}; ///< Between INT and TERM.
};

/// The lease of a stage that ends with none.
inline constexpr std::chrono::milliseconds kNoLease = std::chrono::milliseconds::max();

/// Where files of a container are read or written.
struct TransferSpec {
    std::string
        directory; ///< Absolute path in the container; `put` makes it for `user` when it does not exist.
    std::string user; ///< As `RunSpec::user`: files are read and written with its rights.
};

/// Takes bytes as they come; a failure ends what gives them.
using Sink = std::function<Result<void>(std::string_view)>;
/// Gives all of its bytes to a sink and returns the sink's failure at once.
using Producer = std::function<Result<void>(const Sink&)>;

/// Called with the slot's new key before slot-init learns it; must make it durable. Its failure ends the
/// connection.
using KeepKey = std::function<Result<void>(const Secret& key)>;

struct LinkSpec {
    std::filesystem::path directory; ///< Exists; `s` in it is replaced.
    Secret key; ///< Empty: no slot-init was accepted yet, and the first one without a key is.
    std::uint64_t have = 0; ///< Output that the caller has durably.
    KeepKey keep_key; ///< Unused when `key` is given.
    std::chrono::milliseconds stall{120'000}; ///< A transfer in which nothing moves for this long has failed.
};

/// One slot's socket: listens, admits the one peer that knows the slot's key, and turns frames into events.
/// Listens only while no peer is admitted; strangers get at most `kMaxStrangers` places and `kStrangerTime`.
///
/// Threads: `next_event`, `put` and `get` belong to one thread, the owner. Commands and `wake` may be called
/// from any thread at any time; a command fails with `unreachable` while there is no connection and is not
/// repeated: send it again after the next `Ready` (`run` is idempotent). A command that returned may still be
/// lost with the connection.
class SlotLink {
public:
    static constexpr std::size_t kMaxStrangers = 8;
    static constexpr std::chrono::milliseconds kStrangerTime{2000};

    /// `random` makes the key. Both arguments' referents outlive the link.
    static Result<std::unique_ptr<SlotLink>> listen(LinkSpec spec, Random& random);

    SlotLink(const SlotLink&) = delete;
    SlotLink& operator=(const SlotLink&) = delete;
    ~SlotLink();

    /// The next event; nothing when `wait` passed or `wake` was called. `cancelled` when stopped; what
    /// `KeepKey` failed with; other failures mean that the link cannot go on.
    Result<std::optional<Event>> next_event(std::chrono::milliseconds wait, std::stop_token stop);
    /// Lets `next_event` return nothing at once, now or when it is called next.
    void wake() noexcept;

    /// `seq` counts from 1; a seq that slot-init has seen is not run again, and a new one acknowledges older
    /// exits.
    Result<void> run(std::uint32_t seq, const RunSpec& spec);
    /// INT, `grace`, TERM, 10 s, KILL, done by slot-init. A shorter grace shortens one under way.
    Result<void> stop(std::chrono::milliseconds grace);
    /// What is in the slot lives for `left` from now, however late slot-init receives it. `kNoLease`: for as
    /// long as it wants.
    Result<void> lease(std::chrono::milliseconds left);
    Result<void> limits(const Limits& limits);
    /// Output before `offset` and exits up to `seq` are durable here.
    Result<void> ack(std::uint64_t offset, std::uint32_t seq);
    /// slot-init exits with the last run's code, and the container with it.
    Result<void> bye();

    /// Unpacks the tar archive that `tar` gives to its sink. Output events that arrive meanwhile are kept for
    /// `next_event`. `unreachable` when the connection broke: repeat the whole. `rejected`: the archive or a
    /// file was refused, with slot-init's words. `timed_out`: no connection for `kConnectTime`, or nothing
    /// moved for `LinkSpec::stall`.
    Result<void> put(const TransferSpec& spec, const Producer& tar, std::stop_token stop);
    /// Packs a directory as tar (pax) into `sink`; errors as `put`. Returns notes on what is not in it
    /// (sockets, fifos, devices; files that shrank meanwhile), empty as a rule.
    Result<std::string> get(const TransferSpec& spec, const Sink& sink, std::stop_token stop);

    static constexpr std::chrono::seconds kConnectTime{30};
    static constexpr std::chrono::seconds kWriteTime{10};
    /// Between two tries to listen again when that failed.
    static constexpr std::chrono::seconds kListenEvery{1};

    /// Why the last peer was turned away that spoke the protocol, empty when none was.
    [[nodiscard]] const std::string& turned_away() const noexcept { return turned_away_; }

    /// Whether the slot-init that was connected last tells `Executed`.
    [[nodiscard]] bool tells_executed() const noexcept { return tells_executed_; }

private:
    struct Stranger {
        UniqueFd socket;
        FrameReader reader;
        std::chrono::steady_clock::time_point until;
    };

    struct Transfer {
        std::uint32_t id = 0;
        std::uint32_t credit = 0;
        const Sink* sink = nullptr;
        std::chrono::steady_clock::time_point stalled; ///< When it counts as such.
        std::optional<Error> failure;
        std::optional<std::string> end; ///< slot-init's text.
        TransferEndFrame how{};
    };

    using TimePoint = std::chrono::steady_clock::time_point;

    SlotLink(LinkSpec spec, Random& random, UniqueFd directory, UniqueFd wake);

    Result<void> open_listener();
    Result<void> pump(TimePoint until, std::stop_token stop);
    void accept_strangers();
    Result<void> greet_strangers();
    Result<void> admit(Stranger& stranger, const ReadyFrame& ready);
    void read_peer();
    Result<void> take(const Frame& frame);
    Result<void> take_output(std::string_view payload);
    Result<void> take_transfer_frame(const Frame& frame);
    void lose_peer(std::string reason);
    void listen_again();

    Result<void> wait_connected(std::stop_token stop);
    Result<void> begin_transfer(FrameType type, const TransferSpec& spec, std::stop_token stop);
    Result<void> send_chunk(std::string_view bytes, std::stop_token stop);
    Result<void> step_transfer(std::stop_token stop);

    void transfer_moved() { transfer_.stalled = std::chrono::steady_clock::now() + spec_.stall; }

    Result<std::string> end_transfer(Result<void> outcome, std::stop_token stop);

    template <class T> Result<void> send(FrameType type, const T& head, std::string_view body = {})
    {
        std::string bytes = encode_frame(type, head, body);
        auto sent = send_bytes(bytes);
        wipe(bytes);
        return sent;
    }

    Result<void> send_bytes(std::string_view bytes);
    static std::int64_t boot_millis();
    static Result<void> send_to(int socket, std::string_view bytes);

    LinkSpec spec_;
    Random& random_;
    UniqueFd directory_;
    UniqueFd wake_;
    std::atomic<bool> woken_{false};
    UniqueFd listener_;
    TimePoint listen_at_; ///< Without a peer and a listener: the next try.
    std::vector<Stranger> strangers_;
    std::mutex
        peer_mutex_; ///< Held to write to `peer_` and to replace it; only the owner replaces and reads it.
    UniqueFd peer_;
    std::atomic<bool> tells_executed_{false};
    std::atomic<std::int64_t> clock_ahead_{0}; ///< slot-init's clock less ours, in ms; never too large.
    std::string turned_away_;
    FrameReader reader_;
    std::deque<Event> events_;
    std::size_t queued_bytes_ = 0;
    Transfer transfer_;
    std::uint32_t next_transfer_ = 1;
};

} // namespace slipway::slot
