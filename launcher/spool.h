#pragma once

#include "common/result.h"
#include "common/unique_fd.h"
#include "launcher/journal.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

namespace slipway::launcher {

/// The raw log of one stage on disk, until the control plane has all of it: what the slot wrote and the
/// launcher's own lines, in the order in which they came.
///
/// Two files: `spool` holds the bytes, `segments` one record of 16 bytes for each run of appends from one
/// source: the source and the length, 64 bits each, little-endian. The record is written, or lengthened in
/// place, after the bytes and makes them count: a launcher that returns cuts the spool to the sum of its
/// segments. What the slot may forget is the sum of the slot's segments.
///
/// Thread-safe.
class Spool {
public:
    /// Opens or makes the two files (mode 0600). After `quota` bytes of the slot's output the rest is counted
    /// and dropped; 0: no quota. `hook` is called between the two writes of each append.
    static Result<Spool> open(
        const std::filesystem::path& directory, std::uint64_t quota, StepHook hook = {});

    /// Removes the two files; there is no `Spool` of them.
    static Result<void> remove(const std::filesystem::path& directory);

    Spool(Spool&&) noexcept;
    Spool& operator=(Spool&&) noexcept;
    ~Spool();

    /// How much disk the two files in a directory take; 0 when they cannot be looked at.
    [[nodiscard]] static std::uint64_t bytes_in(const std::filesystem::path& directory);

    /// Output of the slot, that begins at `slot_end()`.
    Result<void> append_output(std::string_view bytes);
    /// The slot has lost so much of its output that was to begin at `slot_end()`.
    Result<void> append_gap(std::uint64_t length);
    /// Zeros in place of a part of the raw log that went with the host, so that what follows keeps its
    /// offset.
    Result<void> append_hole(std::uint64_t length);
    /// A text of the launcher's own.
    Result<void> append_line(std::string_view text);
    /// As `append_line`, but a text with the same `identity` is written only once in the life of the spool,
    /// whatever crashes in between. `identity` is the caller's, below 2^32.
    Result<void> append_once(std::uint32_t identity, std::string_view text);
    [[nodiscard]] bool has(std::uint32_t identity) const;

    /// How many bytes of the slot's output are here, were dropped or lost: what the slot is told to forget.
    [[nodiscard]] std::uint64_t slot_end() const;
    [[nodiscard]] std::uint64_t dropped() const;
    /// Length of the raw log.
    [[nodiscard]] std::uint64_t size() const;

    /// Up to `max` bytes from `offset` into `out`, which is replaced; empty at the end.
    Result<void> read(std::uint64_t offset, std::size_t max, std::string& out) const;

    /// A state to wait for the end of.
    struct Seen {
        std::uint64_t size = 0;
        std::uint64_t wakes = 0;
    };

    [[nodiscard]] Seen seen() const;
    /// Waits until something was appended or `wake` was called since `seen`, the time is over, or a stop is
    /// requested.
    void wait_change(Seen seen, std::chrono::milliseconds at_most, std::stop_token stop) const;
    /// Ends every wait.
    void wake() const;

private:
    struct State;
    explicit Spool(std::unique_ptr<State> state);
    Result<void> append(std::uint64_t source, std::string_view bytes);
    Result<void> count(std::uint64_t source, std::uint64_t length);

    std::unique_ptr<State> state_;
};

} // namespace slipway::launcher
