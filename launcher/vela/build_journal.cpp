#include "launcher/vela/build_journal.h"

#include "common/file.h"
#include "common/secret.h"
#include "launcher/vela/journal_records.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace slipway::vela {

namespace {

constexpr const char* kFile = "journal";
/// Of a directory that is being removed.
constexpr std::string_view kGone = ".gone-";

Result<void> sync(int fd, const std::filesystem::path& path)
{
    if (::fsync(fd) != 0)
        return Error::from_errno("syncing " + path.string(), errno);
    return {};
}

Result<void> sync_directory(const std::filesystem::path& path)
{
    const auto directory = SLIPWAY_TRY(open_file(path, O_RDONLY | O_DIRECTORY));
    return sync(directory.get(), path);
}

Result<void> cut(int fd, std::uint64_t length, const std::filesystem::path& path)
{
    if (::ftruncate(fd, static_cast<off_t>(length)) != 0)
        return Error::from_errno("cutting " + path.string(), errno);
    return {};
}

} // namespace

struct BuildJournal::State {
    std::filesystem::path directory;
    UniqueFd file; ///< Its offset is at `length`.
    std::uint64_t length = 0;
    bool broken = false; ///< The end of the file is not known.
    mutable std::mutex mutex;
    std::map<std::string, std::string, std::less<>> facts;

    void set(std::string_view name, std::string_view value);

    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    ~State()
    {
        for (auto& [name, value] : facts)
            wipe(value);
    }

    Result<void> append(std::string_view record, Sync when);
};

BuildJournal::BuildJournal(std::unique_ptr<State> state)
    : state_{std::move(state)}
{
}

BuildJournal::BuildJournal(BuildJournal&&) noexcept = default;
BuildJournal& BuildJournal::operator=(BuildJournal&&) noexcept = default;
BuildJournal::~BuildJournal() = default;

Result<BuildJournal> BuildJournal::open(const std::filesystem::path& directory)
{
    SLIPWAY_TRY(make_directories(directory));
    auto state = std::make_unique<State>();
    state->directory = directory;
    const auto path = directory / kFile;
    state->file = SLIPWAY_TRY(open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW));
    std::string bytes = SLIPWAY_TRY(read_file(path, kMaxJournal));
    state->length = read_records(
        bytes, [&](std::string_view name, std::string_view value) { state->set(name, value); });
    const bool torn = state->length != bytes.size();
    wipe(bytes);
    if (torn) {
        SLIPWAY_TRY(cut(state->file.get(), state->length, path));
        SLIPWAY_TRY(sync(state->file.get(), path));
    }
    if (::lseek(state->file.get(), static_cast<off_t>(state->length), SEEK_SET) < 0)
        return Error::from_errno("opening " + path.string(), errno);
    SLIPWAY_TRY(sync_directory(directory));
    SLIPWAY_TRY(sync_directory(directory.parent_path()));
    return BuildJournal{std::move(state)};
}

Result<std::vector<std::filesystem::path>> BuildJournal::list(const std::filesystem::path& parent)
{
    std::vector<std::filesystem::path> builds;
    std::vector<std::filesystem::path> gone;
    std::error_code code;
    std::filesystem::directory_iterator it{parent, code};
    if (code == std::errc::no_such_file_or_directory)
        return builds;
    for (const std::filesystem::directory_iterator end; !code && it != end; it.increment(code)) {
        const auto name = it->path().filename().string();
        if (name.starts_with(kGone))
            gone.push_back(it->path());
        else if (std::error_code ignored; std::filesystem::exists(it->path() / kFile, ignored))
            builds.push_back(it->path());
    }
    if (code)
        return Error::from_errno("listing the builds in " + parent.string(), code.value());
    for (const auto& path : gone)
        SLIPWAY_TRY(remove_tree(path));
    std::sort(builds.begin(), builds.end());
    return builds;
}

std::optional<std::string> BuildJournal::find(std::string_view name) const
{
    const std::lock_guard lock{state_->mutex};
    const auto it = state_->facts.find(name);
    return it == state_->facts.end() ? std::nullopt : std::optional{it->second};
}

void BuildJournal::State::set(std::string_view name, std::string_view value)
{
    auto& fact = facts[std::string{name}];
    wipe(fact);
    fact = value;
}

/// A record that is there in part is taken back: what follows it would not be read.
Result<void> BuildJournal::State::append(std::string_view record, Sync when)
{
    auto written = write_all(file.get(), record);
    if (written && when == Sync::now)
        written = sync(file.get(), directory / kFile);
    if (written) {
        length += record.size();
        return {};
    }
    const bool back = ::ftruncate(file.get(), static_cast<off_t>(length)) == 0
        && ::lseek(file.get(), static_cast<off_t>(length), SEEK_SET) >= 0;
    broken = !back;
    return written;
}

Result<void> BuildJournal::put(std::string_view name, std::string_view value, Sync sync)
{
    std::string record = SLIPWAY_TRY(make_record(name, value));
    const std::lock_guard lock{state_->mutex};
    auto& s = *state_;
    if (s.broken)
        return Error{
            Errc::internal, "the journal " + (s.directory / kFile).string() + " cannot be written any more"};
    if (record.size() > kMaxJournal - s.length)
        return Error{Errc::exhausted, "the journal " + (s.directory / kFile).string() + " is full"};
    auto appended = s.append(record, sync);
    wipe(record);
    SLIPWAY_TRY(std::move(appended));
    s.set(name, value);
    return {};
}

/// In one step, so that no crash leaves a build of which a part is known.
Result<void> BuildJournal::remove()
{
    const std::lock_guard lock{state_->mutex};
    const auto& directory = state_->directory;
    const auto gone = directory.parent_path() / (std::string{kGone} + directory.filename().string());
    SLIPWAY_TRY(remove_tree(gone));
    if (::rename(directory.c_str(), gone.c_str()) != 0 && errno != ENOENT)
        return Error::from_errno("removing " + directory.string(), errno);
    return remove_tree(gone);
}

const std::filesystem::path& BuildJournal::directory() const { return state_->directory; }

} // namespace slipway::vela
