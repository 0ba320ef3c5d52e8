#include "launcher/journal.h"

#include "common/file.h"
#include "common/json.h"
#include "common/secret.h"
#include "common/ulid.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>

namespace slipway::launcher {

namespace {

using protocol::Fence;
using protocol::Outcome;
using protocol::StageKind;
using protocol::WorkerPhase;
using protocol::WorkerStage;

constexpr std::size_t kMaxFact = protocol::kMaxAssignmentBytes + 64 * 1024;
constexpr std::size_t kMaxSmall = 4096;

constexpr std::array<std::string_view, 2> kKinds{"read", "write"};
constexpr std::array<std::string_view, 7> kPhases{
    "offered", "accepted", "starting", "running", "finished", "gone", "done"};
constexpr std::array<std::string_view, 4> kOutcomes{"none", "succeeded", "failed", "lost"};

template <class E, std::size_t N>
std::string_view name_of(const std::array<std::string_view, N>& names, E value)
{
    return names.at(static_cast<std::size_t>(value));
}

template <class E, std::size_t N>
Result<E> read_name(const std::array<std::string_view, N>& names, const JsonValue& json, std::string_view key)
{
    const std::string text = SLIPWAY_TRY(json.string(key));
    for (std::size_t i = 0; i < N; ++i)
        if (names.at(i) == text)
            return static_cast<E>(i);
    return Error{Errc::invalid_input, json.path() + "." + std::string{key} + ": unknown"};
}

void write_end(JsonWriter& json, const StageEnd& end)
{
    json.begin_object().field("outcome", name_of(kOutcomes, end.outcome));
    json.field("exit_code", std::int64_t{end.exit_code}).field("cause", end.cause);
    json.field("message", end.message).field("workspace", end.workspace).end_object();
}

Result<StageEnd> read_end(const JsonValue& json)
{
    StageEnd end;
    end.outcome = SLIPWAY_TRY(read_name<Outcome>(kOutcomes, json, "outcome"));
    end.exit_code = static_cast<int>(SLIPWAY_TRY(json.integer("exit_code", -1, 255)));
    end.cause = SLIPWAY_TRY(json.string("cause"));
    end.message = SLIPWAY_TRY(json.string("message"));
    end.workspace = SLIPWAY_TRY(json.string("workspace"));
    return end;
}

Result<Progress> read_progress(const JsonValue& json)
{
    Progress progress{.seq = static_cast<int>(SLIPWAY_TRY(json.integer("seq", 0, 1'000'000)))};
    progress.began = SLIPWAY_TRY(json.integer("began_ms"));
    const JsonValue end = SLIPWAY_TRY(json.at("end"));
    progress.end = SLIPWAY_TRY(read_end(end));
    progress.over = SLIPWAY_TRY(json.boolean("over")) == JsonValue::Boolean::yes;
    progress.commit = SLIPWAY_TRY(json.string_or("commit", ""));
    return progress;
}

Result<WorkerStage> read_stage(const JsonValue& json, std::string_view boot_id)
{
    WorkerStage stage;
    stage.kind = SLIPWAY_TRY(read_name<StageKind>(kKinds, json, "kind"));
    stage.fence = Fence::from_integer(SLIPWAY_TRY(json.integer("fence", 1)));
    stage.phase = SLIPWAY_TRY(read_name<WorkerPhase>(kPhases, json, "phase"));
    stage.outcome = SLIPWAY_TRY(read_name<Outcome>(kOutcomes, json, "outcome"));
    stage.lease_until = SLIPWAY_TRY(json.integer("lease_until_ms"));
    stage.frame_until = SLIPWAY_TRY(json.integer_or("frame_until_ms", 0));
    stage.log_end = static_cast<std::uint64_t>(SLIPWAY_TRY(json.integer("log_end", 0)));
    stage.log_acked = static_cast<std::uint64_t>(SLIPWAY_TRY(json.integer("log_acked", 0)));
    stage.may_be_started = SLIPWAY_TRY(json.boolean_or("may_be_started", false)) == JsonValue::Boolean::yes;
    if (SLIPWAY_TRY(json.string("boot")) != boot_id)
        stage.lease_until = stage.frame_until = 0;
    return stage;
}

Result<SlotFact> read_slot(const JsonValue& json)
{
    SlotFact slot;
    slot.record = SLIPWAY_TRY(json.string("record"));
    slot.container = SLIPWAY_TRY(json.string("container"));
    slot.image_id = SLIPWAY_TRY(json.string("image_id"));
    return slot;
}

Result<SeenTime> read_seen(const JsonValue& json)
{
    SeenTime seen;
    seen.server_id = SLIPWAY_TRY(json.string("server_id"));
    seen.served = SLIPWAY_TRY(json.integer("served_ms", 0));
    seen.mark = SLIPWAY_TRY(json.string("mark"));
    return seen;
}

/// A crash of the host tears a text, so that it is no JSON any more: it is absent. JSON that `read` refuses
/// was written by another version of us, or by someone else, and is not for us to drop.
template <class Read>
auto parse_fact(const std::filesystem::path& path, const std::optional<std::string>& text, const Read& read)
    -> Result<std::optional<typename decltype(read(std::declval<JsonValue>()))::value_type>>
{
    using Value = typename decltype(read(std::declval<JsonValue>()))::value_type;
    if (!text)
        return std::optional<Value>{};
    const auto document = JsonDocument::parse(*text, {.max_bytes = kMaxFact});
    if (!document)
        return std::optional<Value>{};
    return std::optional<Value>{SLIPWAY_TRY(in(path.string(), read(document->root())))};
}

std::string trimmed(std::string text)
{
    while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
        text.pop_back();
    return text;
}

std::optional<std::int64_t> number(std::string_view text)
{
    std::int64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc{} || end != text.data() + text.size())
        return {};
    return value;
}

Result<UniqueFd> lock_directory(const std::filesystem::path& directory)
{
    const auto path = directory / "lock";
    UniqueFd fd = SLIPWAY_TRY(open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return Error::from_errno("locking " + path.string(), errno);
        const std::string pid = trimmed(read_file(path, kMaxSmall).value_or(""));
        return Error{Errc::conflict,
            "the state directory " + directory.string() + " is in use by "
                + (pid.empty() ? "another process" : "process " + pid)
                + "; give each launcher a directory of its own (SLIPWAY_STATE_DIR)"};
    }
    if (::ftruncate(fd.get(), 0) != 0)
        return Error::from_errno("writing " + path.string(), errno);
    SLIPWAY_TRY(in("writing " + path.string(), write_all(fd.get(), std::to_string(::getpid()) + "\n")));
    return fd;
}

Result<std::string> instance_of(const std::filesystem::path& directory, const Clock& clock, Random& random)
{
    const auto path = directory / "instance";
    const auto text = SLIPWAY_TRY(read_file_if_exists(path, kMaxSmall));
    if (text && is_ulid(trimmed(*text)))
        return trimmed(*text);
    std::string id = make_ulid(clock, random);
    SLIPWAY_TRY(replace_file(path, id + "\n", Durability::host, 0644));
    return id;
}

} // namespace

JobEntry::JobEntry(std::filesystem::path directory, std::string stage_id, std::string boot_id, StepHook hook)
    : directory_{std::move(directory)}
    , stage_id_{std::move(stage_id)}
    , boot_id_{std::move(boot_id)}
    , hook_{std::move(hook)}
{
}

void JobEntry::passed(std::string_view step) const
{
    if (hook_)
        hook_(step);
}

Result<void> JobEntry::put(std::string_view fact, std::string_view content) const
{
    passed("before " + std::string{fact});
    SLIPWAY_TRY(replace_file(directory_ / fact, content));
    passed(fact);
    return {};
}

Result<std::optional<std::string>> JobEntry::get(std::string_view fact) const
{
    auto text = SLIPWAY_TRY(read_file_if_exists(directory_ / fact, kMaxFact));
    if (text && text->empty())
        text.reset();
    return text;
}

Result<void> JobEntry::write(const protocol::Assignment& assignment) const
{
    JsonWriter json;
    protocol::write(json, assignment);
    std::string text = json.take();
    auto written = put("assignment", text);
    wipe(text);
    return written;
}

Result<void> JobEntry::write(const WorkerStage& stage) const
{
    JsonWriter json;
    json.begin_object().field("boot", boot_id_).field("kind", name_of(kKinds, stage.kind));
    json.field("fence", stage.fence.to_integer()).field("phase", name_of(kPhases, stage.phase));
    json.field("outcome", name_of(kOutcomes, stage.outcome)).field("lease_until_ms", stage.lease_until);
    json.field("frame_until_ms", stage.frame_until);
    json.field("log_end", static_cast<std::int64_t>(stage.log_end));
    json.field("log_acked", static_cast<std::int64_t>(stage.log_acked));
    json.flag("may_be_started", stage.may_be_started).end_object();
    return put("state", json.text());
}

Result<void> JobEntry::write(const Progress& progress) const
{
    JsonWriter json;
    json.begin_object().field("seq", std::int64_t{progress.seq}).field("began_ms", progress.began).key("end");
    write_end(json, progress.end);
    json.flag("over", progress.over).field("commit", progress.commit).end_object();
    return put("phase", json.text());
}

Result<void> JobEntry::write(const StageEnd& end) const
{
    JsonWriter json;
    write_end(json, end);
    return put("report", json.text());
}

Result<void> JobEntry::write(const SlotFact& slot) const
{
    JsonWriter json;
    json.begin_object().field("record", slot.record).field("container", slot.container);
    json.field("image_id", slot.image_id).end_object();
    std::string text = json.take();
    auto written = put("slot", text);
    wipe(text);
    return written;
}

Result<void> JobEntry::clear_slot() const { return put("slot", ""); }

Result<void> JobEntry::write_boot() const { return put("boot", boot_id_); }

Result<JobEntry::Boot> JobEntry::boot() const
{
    return SLIPWAY_TRY(get("boot")) == boot_id_ ? Boot::same : Boot::earlier;
}

Result<std::int64_t> JobEntry::next_sequence() const
{
    const auto text = SLIPWAY_TRY(get("sequence"));
    const std::int64_t next = (text ? number(*text).value_or(0) : 0) + 1;
    SLIPWAY_TRY(put("sequence", std::to_string(next)));
    return next;
}

Result<std::optional<protocol::Assignment>> JobEntry::assignment() const
{
    const auto text = SLIPWAY_TRY(get("assignment"));
    return parse_fact(directory_ / "assignment", text, protocol::read_assignment);
}

Result<std::optional<WorkerStage>> JobEntry::stage() const
{
    const auto text = SLIPWAY_TRY(get("state"));
    return parse_fact(
        directory_ / "state", text, [this](const JsonValue& json) { return read_stage(json, boot_id_); });
}

Result<std::optional<Progress>> JobEntry::progress() const
{
    const auto text = SLIPWAY_TRY(get("phase"));
    return parse_fact(directory_ / "phase", text, read_progress);
}

Result<std::optional<StageEnd>> JobEntry::end() const
{
    const auto text = SLIPWAY_TRY(get("report"));
    return parse_fact(directory_ / "report", text, read_end);
}

Result<std::optional<SlotFact>> JobEntry::slot() const
{
    const auto text = SLIPWAY_TRY(get("slot"));
    return parse_fact(directory_ / "slot", text, read_slot);
}

Result<void> JobEntry::sync() const
{
    for (const std::string_view name :
        {"spool", "segments", "assignment", "masks", "state", "phase", "report", "."}) {
        const auto fd = open_file(directory_ / name, O_RDONLY);
        if (!fd && fd.error().code() == Errc::not_found)
            continue;
        if (!fd)
            return fd.error();
        if (::fsync(fd->get()) != 0)
            return Error::from_errno("syncing " + (directory_ / name).string(), errno);
    }
    passed("sync");
    return {};
}

Result<void> JobEntry::remove() const
{
    passed("before remove");
    SLIPWAY_TRY(remove_tree(directory_ / "state"));
    passed("remove state");
    SLIPWAY_TRY(remove_tree(directory_));
    passed("remove");
    return {};
}

Result<Journal> Journal::open(
    const std::filesystem::path& directory, const Clock& clock, Random& random, StepHook hook)
{
    SLIPWAY_TRY(make_directories(directory / "jobs"));
    std::error_code code;
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all, code);
    if (code)
        return Error::from_errno("making " + directory.string() + " private (mode 0700)", code.value());
    Journal journal;
    journal.directory_ = directory;
    journal.lock_ = SLIPWAY_TRY(lock_directory(directory));
    journal.instance_id_ = SLIPWAY_TRY(instance_of(directory, clock, random));
    journal.boot_id_ = trimmed(SLIPWAY_TRY(read_file("/proc/sys/kernel/random/boot_id", kMaxSmall)));
    journal.hook_ = std::move(hook);
    return journal;
}

Result<JobEntry> Journal::create(const protocol::Assignment& assignment, const WorkerStage& stage) const
{
    JobEntry entry{directory_ / "jobs" / assignment.stage_id, assignment.stage_id, boot_id_, hook_};
    SLIPWAY_TRY(remove_tree(entry.directory()));
    SLIPWAY_TRY(make_directories(entry.directory()));
    SLIPWAY_TRY(entry.write_boot());
    SLIPWAY_TRY(entry.write(assignment));
    SLIPWAY_TRY(entry.write(stage));
    return entry;
}

Result<std::vector<JobEntry>> Journal::entries() const
{
    std::vector<JobEntry> list;
    std::error_code code;
    std::vector<std::filesystem::path> directories;
    for (std::filesystem::directory_iterator it{directory_ / "jobs", code}, end; !code && it != end;
         it.increment(code))
        directories.push_back(it->path());
    if (code)
        return Error::from_errno("reading " + (directory_ / "jobs").string(), code.value());
    for (const auto& path : directories) {
        JobEntry entry{path, path.filename().string(), boot_id_, hook_};
        if (!is_ulid(entry.stage_id()) || !SLIPWAY_TRY(entry.stage())) {
            SLIPWAY_TRY(remove_tree(path));
            continue;
        }
        SLIPWAY_TRY(entry.assignment());
        SLIPWAY_TRY(entry.slot());
        SLIPWAY_TRY(entry.progress());
        SLIPWAY_TRY(entry.end());
        list.push_back(std::move(entry));
    }
    return list;
}

SeenTime Journal::seen() const
{
    const auto path = directory_ / "seen";
    const auto text = read_file(path, kMaxSmall);
    if (!text)
        return {};
    const auto seen = parse_fact(path, *text, read_seen);
    return seen ? seen->value_or(SeenTime{}) : SeenTime{};
}

Result<void> Journal::write_seen(const SeenTime& seen) const
{
    JsonWriter json;
    json.begin_object().field("server_id", seen.server_id).field("served_ms", seen.served);
    json.field("mark", seen.mark).end_object();
    return replace_file(directory_ / "seen", json.text());
}

} // namespace slipway::launcher
