#include "launcher/provider_cache/provider_store.h"

#include "common/base64.h"
#include "common/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

namespace slipway::launcher {

namespace {

namespace fs = std::filesystem;
using std::chrono::system_clock;

constexpr std::string_view kVariable = "SLIPWAY_PROVIDER_CACHE";
constexpr std::size_t kHash = 64;
constexpr std::size_t kMaxIndex = 64;

Error refused(const fs::path& directory, const std::string& why)
{
    return {Errc::invalid_input, std::string{kVariable} + ": " + directory.string() + " " + why};
}

bool is_hash(std::string_view name)
{
    return name.size() == kHash && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Result<std::vector<std::string>> names_in(const fs::path& directory)
{
    std::vector<std::string> names;
    std::error_code code;
    for (fs::directory_iterator it{directory, code}, end; !code && it != end; it.increment(code))
        names.push_back(it->path().filename().string());
    if (code)
        return Error::from_errno("reading " + directory.string(), code.value());
    return names;
}

/// The size that an index file says; nothing when it was torn.
std::optional<std::uint64_t> size_in(const fs::path& index)
{
    const auto text = read_file(index, kMaxIndex);
    std::uint64_t size = 0;
    if (!text || !text->ends_with('\n'))
        return std::nullopt;
    const auto* const end = text->data() + text->size() - 1;
    const auto read = std::from_chars(text->data(), end, size);
    return read.ec == std::errc{} && read.ptr == end ? std::optional{size} : std::nullopt;
}

system_clock::time_point changed_at(const fs::path& file)
{
    struct stat info { };

    if (::stat(file.c_str(), &info) != 0)
        return {};
    return system_clock::time_point{std::chrono::duration_cast<system_clock::duration>(
        std::chrono::seconds{info.st_mtim.tv_sec} + std::chrono::nanoseconds{info.st_mtim.tv_nsec})};
}

/// Takes the directory for this process.
Result<UniqueFd> claim(const fs::path& directory)
{
    constexpr std::array<std::string_view, 5> own{"h1", "index", "incoming", "lock", "lost+found"};
    const auto names = names_in(directory);
    if (!names)
        return refused(directory,
            "cannot be used (" + names.error().message()
                + "): make the directory, for the launcher's user to write, or name another");
    for (const auto& name : *names)
        if (std::ranges::find(own, name) == own.end())
            return refused(
                directory, "holds \"" + name + "\", which is no provider cache's: name an empty directory");

    struct statvfs file_system { };

    if (::statvfs(directory.c_str(), &file_system) == 0 && (file_system.f_flag & ST_NOEXEC) != 0)
        return refused(
            directory, "is on a file system mounted noexec, and plugins are run from it: name another");
    auto lock = open_file(directory / "lock", O_RDWR | O_CREAT | O_NOFOLLOW);
    if (!lock)
        return refused(directory,
            "cannot be written (" + lock.error().message()
                + "): let the launcher's user own it, or name another");
    if (::flock(lock->get(), LOCK_EX | LOCK_NB) != 0)
        return refused(directory, "is used by another launcher: give each one a directory of its own");
    return *std::move(lock);
}

} // namespace

ProviderStore::ProviderStore(
    ProviderStoreSettings settings, const Clock& clock, Random& random, UniqueFd lock)
    : settings_{std::move(settings)}
    , clock_{clock}
    , random_{random}
    , lock_{std::move(lock)}
{
}

Result<std::unique_ptr<ProviderStore>> ProviderStore::open(
    ProviderStoreSettings settings, const Clock& clock, Random& random)
{
    auto lock = SLIPWAY_TRY(claim(settings.directory));
    std::error_code code;
    // As the engine's host names it.
    settings.directory = fs::canonical(settings.directory, code);
    std::unique_ptr<ProviderStore> store{
        new ProviderStore{std::move(settings), clock, random, std::move(lock)}};
    const auto& directory = store->settings_.directory;
    auto loaded = code ? Result<void>{Error::from_errno("finding its path", code.value())} : store->load();
    if (!loaded)
        return refused(directory, "cannot be used: " + loaded.error().message());
    return store;
}

/// What a crash left between two steps is removed.
Result<void> ProviderStore::load()
{
    SLIPWAY_TRY(remove_tree(settings_.directory / "incoming"));
    for (const auto* name : {"h1", "index", "incoming"})
        SLIPWAY_TRY(make_directories(settings_.directory / name, 0700));
    if (::chmod(packages().c_str(), 0711) != 0)
        return Error::from_errno("setting the mode of " + packages().string(), errno);
    std::error_code code;
    for (const auto& name : SLIPWAY_TRY(names_in(settings_.directory / "index"))) {
        const auto size = is_hash(name) ? size_in(index_of(name)) : std::nullopt;
        if (size && fs::is_directory(packages() / name, code)) {
            kept_[name] = {.bytes = *size, .used = changed_at(index_of(name))};
            total_ += *size;
        } else {
            SLIPWAY_TRY(remove_tree(index_of(name)));
        }
    }
    for (const auto& name : SLIPWAY_TRY(names_in(packages())))
        if (!kept_.contains(name))
            SLIPWAY_TRY(remove_tree(packages() / name));
    return {};
}

fs::path ProviderStore::index_of(const std::string& hash) const
{
    return settings_.directory / "index" / hash;
}

fs::path ProviderStore::new_incoming()
{
    std::array<std::byte, 8> bytes{};
    random_.fill(bytes);
    return settings_.directory / "incoming"
        / hex_encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

/// Only the order after a restart hangs on it: a failure is none.
void ProviderStore::stamp(const std::string& hash, system_clock::time_point time) const
{
    const auto since = time.time_since_epoch();
    const auto whole = std::chrono::floor<std::chrono::seconds>(since);
    const timespec at{.tv_sec = whole.count(),
        .tv_nsec = std::chrono::duration_cast<std::chrono::nanoseconds>(since - whole).count()};
    const std::array<timespec, 2> times{at, at};
    (void)::utimensat(AT_FDCWD, index_of(hash).c_str(), times.data(), AT_SYMLINK_NOFOLLOW);
}

std::optional<std::uint64_t> ProviderStore::use(const std::string& hash)
{
    const std::lock_guard lock{mutex_};
    const auto it = kept_.find(hash);
    if (it == kept_.end())
        return std::nullopt;
    it->second.used = clock_.wall();
    stamp(hash, it->second.used);
    return it->second.bytes;
}

Result<std::unique_ptr<ProviderStore::Intake>> ProviderStore::receive()
{
    std::unique_lock turn{turn_, std::try_to_lock};
    if (!turn)
        return std::unique_ptr<Intake>{};
    auto least = settings_.least;
    least.bytes += PackageLimits{}.bytes;
    if (const auto shortage = SLIPWAY_TRY(disk_shortage(settings_.directory, least)))
        return Error{Errc::exhausted, *shortage};
    auto directory = new_incoming();
    SLIPWAY_TRY(make_directories(directory));
    return std::make_unique<Intake>(*this, std::move(turn), std::move(directory));
}

ProviderStore::Intake::Intake(ProviderStore& store, std::unique_lock<std::mutex> turn, fs::path directory)
    : store_{store}
    , turn_{std::move(turn)}
    , directory_{directory}
    , receiver_{std::move(directory)}
{
}

ProviderStore::Intake::~Intake() { (void)remove_tree(directory_); }

Result<std::string> ProviderStore::Intake::keep(const std::vector<std::string>& hashes)
{
    auto package = SLIPWAY_TRY(receiver_.finish());
    if (std::ranges::find(hashes, package.hash) == hashes.end())
        return Error{Errc::rejected, "the lock file does not name its hash"};
    SLIPWAY_TRY(store_.add(package, directory_));
    return std::move(package.hash);
}

Result<void> ProviderStore::add(const ReceivedPackage& package, const fs::path& directory)
{
    const std::lock_guard lock{mutex_};
    if (kept_.contains(package.hash))
        return {};
    SLIPWAY_TRY(make_room(package.bytes));
    const auto place = packages() / package.hash;
    SLIPWAY_TRY(remove_tree(place)); // Of a step that failed.
    if (::rename(directory.c_str(), place.c_str()) != 0)
        return Error::from_errno("keeping " + place.string(), errno);
    // Without it the package is nobody's.
    SLIPWAY_TRY(replace_file(index_of(package.hash), std::to_string(package.bytes) + "\n", Durability::host));
    const auto now = clock_.wall();
    stamp(package.hash, now);
    kept_[package.hash] = {.bytes = package.bytes, .used = now};
    total_ += package.bytes;
    return {};
}

/// For so many bytes more. Called under the lock.
Result<void> ProviderStore::make_room(std::uint64_t bytes)
{
    const auto full = [&] { return bytes > settings_.max_bytes || total_ > settings_.max_bytes - bytes; };
    while (settings_.max_bytes != 0 && full()) {
        const auto oldest
            = std::ranges::min_element(kept_, {}, [](const auto& entry) { return entry.second.used; });
        if (bytes > settings_.max_bytes || oldest == kept_.end()
            || clock_.wall() - oldest->second.used < settings_.keep_for)
            return Error{Errc::exhausted, "there is no room for it in the provider cache"};
        SLIPWAY_TRY(remove(std::string{oldest->first}));
    }
    return {};
}

/// Called under the lock.
Result<void> ProviderStore::remove(const std::string& hash)
{
    SLIPWAY_TRY(remove_tree(index_of(hash)));
    total_ -= kept_[hash].bytes;
    kept_.erase(hash);
    return remove_tree(packages() / hash);
}

} // namespace slipway::launcher
