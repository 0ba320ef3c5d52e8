#include "launcher/spool.h"

#include "common/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <set>

namespace slipway::launcher {

namespace {

// Sources of a segment. From kIdentities on: a line of the launcher with that identity.
constexpr std::uint64_t kLauncher = 0;
constexpr std::uint64_t kSlot = 1;
constexpr std::uint64_t kDropped = 2; ///< The length counts for the slot; the bytes are not in the spool.
constexpr std::uint64_t kGap = 3; ///< The same; lost in the slot.
constexpr std::uint64_t kIdentities = 1ULL << 32U;

constexpr std::size_t kRecord = 16;

void put_u64(char* to, std::uint64_t value)
{
    for (unsigned i = 0; i < 8; ++i)
        to[i] = static_cast<char>(value >> (8 * i));
}

std::uint64_t get_u64(const char* from)
{
    std::uint64_t value = 0;
    for (unsigned i = 0; i < 8; ++i)
        value |= static_cast<std::uint64_t>(static_cast<unsigned char>(from[i])) << (8 * i);
    return value;
}

std::array<char, kRecord> record(std::uint64_t source, std::uint64_t length)
{
    std::array<char, kRecord> bytes{};
    put_u64(bytes.data(), source);
    put_u64(bytes.data() + 8, length);
    return bytes;
}

Result<std::uint64_t> size_of(int fd)
{
    struct stat info { };

    if (::fstat(fd, &info) != 0)
        return Error::from_errno("looking at the spool", errno);
    return static_cast<std::uint64_t>(info.st_size);
}

Result<void> truncate(int fd, std::uint64_t size)
{
    if (::ftruncate(fd, static_cast<off_t>(size)) != 0)
        return Error::from_errno("cutting the spool", errno);
    return {};
}

Result<void> write_at(int fd, std::string_view bytes, std::uint64_t offset)
{
    while (!bytes.empty()) {
        const ssize_t count = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return Error::from_errno("writing the spool", errno);
        bytes.remove_prefix(static_cast<std::size_t>(count));
        offset += static_cast<std::uint64_t>(count);
    }
    return {};
}

} // namespace

struct Spool::State {
    UniqueFd bytes;
    UniqueFd segments;
    std::uint64_t quota = 0;
    StepHook hook;

    mutable std::mutex mutex;
    mutable std::condition_variable_any grown;
    mutable std::uint64_t wakes = 0;
    std::uint64_t size = 0;
    std::uint64_t records = 0; ///< Bytes of the segments' file.
    std::uint64_t slot = 0; ///< Of the slot's output, kept.
    std::uint64_t dropped = 0;
    std::uint64_t lost = 0;
    std::uint64_t last_source = 0; ///< Of the newest record.
    std::uint64_t last_length = 0; ///< Of the same; 0: there is none to lengthen.
    std::set<std::uint64_t> identities;

    /// Whether an append from `source` lengthens the newest record instead of making one.
    [[nodiscard]] bool lengthens(std::uint64_t source) const
    {
        return last_length != 0 && source == last_source && source < kIdentities;
    }

    void count(std::uint64_t source, std::uint64_t length)
    {
        if (!lengthens(source)) {
            records += kRecord;
            last_length = 0;
        }
        last_source = source;
        last_length += length;
        if (source == kDropped)
            dropped += length;
        else if (source == kGap)
            lost += length;
        else
            size += length;
        if (source == kSlot)
            slot += length;
        else if (source >= kIdentities)
            identities.insert(source);
    }

    Result<void> restore(const std::string& text);
};

/// Takes what both files agree on. After a crash of the process the bytes are never shorter than the segments
/// say; a crash of the host may leave any prefix of either: then the log ends with the last byte, or before a
/// line of the launcher that is not whole and comes again.
Result<void> Spool::State::restore(const std::string& text)
{
    const std::uint64_t there = SLIPWAY_TRY(size_of(bytes.get()));
    for (std::size_t at = 0; at + kRecord <= text.size(); at += kRecord) {
        const std::uint64_t source = get_u64(text.data() + at);
        const std::uint64_t length = get_u64(text.data() + at + 8);
        const bool has_bytes = source != kDropped && source != kGap;
        last_length = 0; // each record is one, also beside another of its source
        if (!has_bytes || length <= there - size) {
            count(source, length);
            continue;
        }
        if (source < kIdentities && there > size) {
            count(source, there - size);
            const auto entry = record(source, last_length);
            SLIPWAY_TRY(write_at(segments.get(), {entry.data(), entry.size()}, records - kRecord));
        }
        break;
    }
    SLIPWAY_TRY(truncate(bytes.get(), size));
    return truncate(segments.get(), records);
}

Spool::Spool(std::unique_ptr<State> state)
    : state_{std::move(state)}
{
}

Spool::Spool(Spool&&) noexcept = default;
Spool& Spool::operator=(Spool&&) noexcept = default;
Spool::~Spool() = default;

std::uint64_t Spool::bytes_in(const std::filesystem::path& directory)
{
    std::uint64_t bytes = 0;

    struct stat info { };

    for (const char* name : {"spool", "segments"})
        if (::stat((directory / name).c_str(), &info) == 0)
            bytes += static_cast<std::uint64_t>(info.st_blocks) * 512;
    return bytes;
}

Result<Spool> Spool::open(const std::filesystem::path& directory, std::uint64_t quota, StepHook hook)
{
    constexpr std::size_t max_segments = 1ULL << 30U;
    auto state = std::make_unique<State>();
    state->quota = quota;
    state->hook = std::move(hook);
    state->bytes = SLIPWAY_TRY(open_file(directory / "spool", O_RDWR | O_CREAT | O_NOFOLLOW));
    state->segments = SLIPWAY_TRY(open_file(directory / "segments", O_RDWR | O_CREAT | O_NOFOLLOW));
    const std::string text = SLIPWAY_TRY(read_file(directory / "segments", max_segments));
    SLIPWAY_TRY(state->restore(text));
    return Spool{std::move(state)};
}

Result<void> Spool::remove(const std::filesystem::path& directory)
{
    SLIPWAY_TRY(remove_tree(directory / "segments"));
    return remove_tree(directory / "spool");
}

Result<void> Spool::append(std::uint64_t source, std::string_view bytes)
{
    SLIPWAY_TRY(write_at(state_->bytes.get(), bytes, state_->size));
    if (state_->hook)
        state_->hook("spool bytes");
    return count(source, bytes.size());
}

/// Makes what is in place count. A record is 16 aligned bytes, so no crash leaves a part of one.
Result<void> Spool::count(std::uint64_t source, std::uint64_t length)
{
    auto& s = *state_;
    const bool lengthens = s.lengthens(source);
    const auto entry = record(source, lengthens ? s.last_length + length : length);
    SLIPWAY_TRY(write_at(
        s.segments.get(), {entry.data(), entry.size()}, lengthens ? s.records - kRecord : s.records));
    s.count(source, length);
    s.grown.notify_all();
    return {};
}

Result<void> Spool::append_output(std::string_view bytes)
{
    const std::lock_guard lock{state_->mutex};
    std::size_t keep = bytes.size();
    if (state_->quota != 0) {
        const std::uint64_t room = state_->quota - std::min(state_->quota, state_->slot);
        keep = state_->dropped != 0 ? 0 : static_cast<std::size_t>(std::min<std::uint64_t>(keep, room));
    }
    if (keep != 0)
        SLIPWAY_TRY(append(kSlot, bytes.substr(0, keep)));
    if (keep != bytes.size())
        SLIPWAY_TRY(count(kDropped, bytes.size() - keep));
    return {};
}

Result<void> Spool::append_gap(std::uint64_t length)
{
    const std::lock_guard lock{state_->mutex};
    return count(kGap, length);
}

Result<void> Spool::append_hole(std::uint64_t length)
{
    const std::lock_guard lock{state_->mutex};
    SLIPWAY_TRY(truncate(state_->bytes.get(), state_->size + length));
    return count(kLauncher, length);
}

Result<void> Spool::append_line(std::string_view text)
{
    const std::lock_guard lock{state_->mutex};
    return append(kLauncher, text);
}

Result<void> Spool::append_once(std::uint32_t identity, std::string_view text)
{
    const std::lock_guard lock{state_->mutex};
    if (state_->identities.contains(kIdentities + identity))
        return {};
    return append(kIdentities + identity, text);
}

bool Spool::has(std::uint32_t identity) const
{
    const std::lock_guard lock{state_->mutex};
    return state_->identities.contains(kIdentities + identity);
}

std::uint64_t Spool::slot_end() const
{
    const std::lock_guard lock{state_->mutex};
    return state_->slot + state_->dropped + state_->lost;
}

std::uint64_t Spool::dropped() const
{
    const std::lock_guard lock{state_->mutex};
    return state_->dropped;
}

std::uint64_t Spool::size() const
{
    const std::lock_guard lock{state_->mutex};
    return state_->size;
}

Result<void> Spool::read(std::uint64_t offset, std::size_t max, std::string& out) const
{
    const std::uint64_t end = size();
    const std::uint64_t left = end - std::min(end, offset);
    out.resize(static_cast<std::size_t>(std::min<std::uint64_t>(max, left)));
    std::size_t used = 0;
    while (used < out.size()) {
        const ssize_t count = ::pread(
            state_->bytes.get(), out.data() + used, out.size() - used, static_cast<off_t>(offset + used));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return Error::from_errno("reading the spool", errno);
        if (count == 0)
            return Error{Errc::internal, "the spool is shorter than its segments"};
        used += static_cast<std::size_t>(count);
    }
    return {};
}

Spool::Seen Spool::seen() const
{
    const std::lock_guard lock{state_->mutex};
    return {state_->size, state_->wakes};
}

void Spool::wait_change(Seen seen, std::chrono::milliseconds at_most, std::stop_token stop) const
{
    std::unique_lock lock{state_->mutex};
    state_->grown.wait_for(lock, std::move(stop), at_most,
        [&] { return state_->size != seen.size || state_->wakes != seen.wakes; });
}

void Spool::wake() const
{
    const std::lock_guard lock{state_->mutex};
    ++state_->wakes;
    state_->grown.notify_all();
}

} // namespace slipway::launcher
