#pragma once

#include "common/protocol/assignment.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The messages of the worker protocol as values, each with its JSON. docs/protocol.md is the contract:
/// paths, status codes, repetition rules. Readers ignore unknown fields and check everything they take.
namespace slipway::protocol {

inline constexpr std::string_view kRegisterPath = "/worker/v1/register";
inline constexpr std::string_view kPollPath = "/worker/v1/poll";
inline constexpr std::string_view kStagesPath = "/worker/v1/stages/";

/// Largest JSON body of a worker's call; logs and blobs have limits of their own.
inline constexpr std::size_t kMaxMessageBytes = 1024 * 1024;
/// Tags of one worker, and the bytes of each. A registration with more is refused.
/// Of a registry's name, a repository and a digest; Docker's own names have at most 255 bytes.
inline constexpr std::size_t kMaxImageReference = 512;
inline constexpr std::size_t kMaxMetadata = 100;
inline constexpr std::size_t kMaxMetadataName = 256;
inline constexpr std::size_t kMaxMetadataValue = 4096;
/// Largest body of one log append.
inline constexpr std::size_t kMaxLogChunkBytes = 1024 * 1024;

/// Nothing else is read as a lease or as a run limit.
inline constexpr Millis kMinLease = 1'000;
inline constexpr Millis kMaxLease = 24LL * 3600 * 1000;
inline constexpr Millis kMaxRunLimit = 30 * kMaxLease;

using Metadata = std::vector<std::pair<std::string, std::string>>;

/// POST /worker/v1/register
struct RegisterRequest {
    std::string instance_id; ///< ULID kept in the launcher's state directory.
    std::string boot_id; ///< Of the host's kernel: another one means that no container survived.
    std::string version;
    std::string hostname;
    int capacity = 1;
    Metadata metadata; ///< From SPACELIFT_METADATA_*, case kept.
    std::string
        process; ///< Made anew by each process of the instance: two at once are clones. Empty: untold.
    Millis seen_ms
        = 0; ///< Highest served time this instance saw of the control plane: tells a restored store.
    std::string seen_mark; ///< The `served_mark` that came with it; without a good one it is not believed.
};

struct RegisterResponse {
    std::string worker_id;
    std::string session; ///< Bearer token of every further call; dies with the session.
    std::string pool_id;
    std::string pool_name;
    Millis poll_wait = 20'000;
    Millis lease = 300'000;
    std::string server_id; ///< ULID of the control plane: what was seen of another one means nothing here.
    Millis served_ms = 0;
    std::string served_mark; ///< Proves to its maker, and to nobody else, that it told this `served_ms`.
    Millis wall_ms = 0; ///< The server's wall clock, for the check of skew: milliseconds since 1970.
};

/// POST /worker/v1/poll
struct HeldStage {
    std::string stage_id;
    Fence fence;
    bool started = false; ///< The journal says that it may have begun.
};

struct PollRequest {
    std::vector<HeldStage> held;
    int free_places = 0;
    bool draining = false;
    Millis wait = 20'000; ///< How long the answer may take when there is nothing to say; 0: answer at once.
    Millis seen_ms = 0; ///< As in RegisterRequest.
    std::string seen_mark;
    std::int64_t number = 0; ///< Counts the polls of a session; one that waits ends when a later one comes.
};

enum class CommandKind : std::uint8_t {
    stop, ///< Stop the stage by the ladder.
    kill, ///< Kill its container.
    drain, ///< Take nothing more; the launcher stays.
    undrain,
    cycle, ///< Finish what runs, deregister, exit 0.
};

struct Command {
    CommandKind kind = CommandKind::stop;
    std::string stage_id; ///< For stop and kill.
};

/// A part of a poll's answer that this side does not understand, while the rest of it holds.
struct Unreadable {
    std::string stage_id; ///< Of an offer that can be declined; else empty.
    Fence fence;
    std::string why;
};

struct PollResponse {
    std::vector<HeldStage> renewed; ///< The grants of the request that are still the newest.
    std::vector<HeldStage> gone; ///< Those that are not: stop and forget.
    std::vector<Assignment> offers;
    std::vector<Command> commands;
    Millis lease = 300'000;
    Millis served_ms = 0;
    std::string served_mark;
    /// Offers and commands that could not be read, by the reader: a newer control plane may say more than
    /// this side knows, and the leases of the same answer count all the same. Never written.
    std::vector<Unreadable> unreadable;
};

/// POST /worker/v1/stages/{id}/accept
struct AcceptRequest {
    Fence fence;
    Millis run_limit = 0; ///< Run limit with warning, ladder and grace: when a write stage must be over.
};

/// POST /worker/v1/stages/{id}/decline
struct DeclineRequest {
    Fence fence;
    std::string reason; ///< For people.
};

enum class StageEvent : std::uint8_t {
    preparing, ///< Pulling the image, making the slot.
    started, ///< Durable before the run frame is sent.
    phase, ///< `phase` begins.
    finished,
};

/// POST /worker/v1/stages/{id}/state
struct StateReport {
    Fence fence;
    std::int64_t sequence = 0; ///< Grows by one with each report of a grant; a repeated one changes nothing.
    StageEvent event = StageEvent::preparing;
    std::string phase; ///< For `phase`.
    /// For `started`, the image that later stages of the run must use: "name@sha256:…", by which every worker
    /// finds it in its registry; or, where no registry has it, its id ("sha256:…") on the worker.
    std::string image_id;
    // For `finished`:
    Outcome outcome = Outcome::none;
    int exit_code = -1; ///< As a shell shows it (128 + signal); -1: no process ran.
    std::string cause; ///< A word: exit, signal, oom, run_limit, silence_limit, lease, stopped, image, state,
                       ///< internal
    std::string message; ///< A sentence for people.
    std::string workspace; ///< Name of the uploaded envelope; empty: none.
    std::uint64_t log_end = 0;
    std::string commit; ///< Of the sources that were fetched from git; for `phase` and `finished`.
};

/// Answer to accept and state.
struct LeaseAnswer {
    Millis lease = 0;
};

/// Answer to PUT /worker/v1/stages/{id}/logs?fence=F&offset=N
struct LogAnswer {
    std::uint64_t durable = 0; ///< Also the offset that is expected next.
};

void write(JsonWriter& json, const RegisterRequest& message);
void write(JsonWriter& json, const RegisterResponse& message);
void write(JsonWriter& json, const PollRequest& message);
void write(JsonWriter& json, const PollResponse& message);
void write(JsonWriter& json, const AcceptRequest& message);
void write(JsonWriter& json, const DeclineRequest& message);
void write(JsonWriter& json, const StateReport& message);
void write(JsonWriter& json, const LeaseAnswer& message);
void write(JsonWriter& json, const LogAnswer& message);

[[nodiscard]] Result<RegisterRequest> read_register_request(std::string_view text);
[[nodiscard]] Result<RegisterResponse> read_register_response(std::string_view text);
[[nodiscard]] Result<PollRequest> read_poll_request(std::string_view text);
[[nodiscard]] Result<PollResponse> read_poll_response(std::string_view text);
[[nodiscard]] Result<AcceptRequest> read_accept_request(std::string_view text);
[[nodiscard]] Result<DeclineRequest> read_decline_request(std::string_view text);
[[nodiscard]] Result<StateReport> read_state_report(std::string_view text);
[[nodiscard]] Result<LeaseAnswer> read_lease_answer(std::string_view text);
[[nodiscard]] Result<LogAnswer> read_log_answer(std::string_view text);

[[nodiscard]] std::string_view to_string(Outcome outcome) noexcept;
[[nodiscard]] std::string_view to_string(StageEvent event) noexcept;
[[nodiscard]] std::string_view to_string(CommandKind kind) noexcept;

template <class Message> [[nodiscard]] std::string to_json(const Message& message)
{
    JsonWriter json;
    write(json, message);
    return json.take();
}

} // namespace slipway::protocol
