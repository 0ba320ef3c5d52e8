#include "launcher/provider_cache/job_plugins.h"

#include "launcher/file_tar.h"
#include "launcher/job_settings.h"
#include "launcher/provider_cache/places.h"
#include "launcher/provider_cache/provider_store.h"

#include <algorithm>

namespace slipway::launcher {

namespace {

/// Of all that one job is offered: less than what may be behind links when its workspace moves.
constexpr std::uint64_t kMaxOffered = 3ULL * 1024 * 1024 * 1024;
/// The file and what the archive adds to it.
constexpr std::size_t kMaxLockTar = kMaxLockFile + 16 * 1024;
/// Of all packages of one phase: a job that is slow to give them keeps them.
constexpr std::chrono::minutes kTakeTime{2};

} // namespace

/// None when there is no such file.
Result<std::vector<LockedProvider>> JobPlugins::lock_file(JobSlot& slot, std::stop_token stop)
{
    std::string tar;
    const Sink append = [&](std::string_view bytes) -> Result<void> {
        if (tar.size() + bytes.size() > kMaxLockTar)
            return Error{Errc::rejected, "it is larger than 1 MiB"};
        tar.append(bytes);
        return {};
    };
    const auto path = SLIPWAY_TRY(directory_of(context_.assignment)) + "/" + std::string{kLockFileName};
    const auto got = slot.get(path, append, std::move(stop));
    if (!got && got.error().code() == Errc::conflict)
        return std::vector<LockedProvider>{};
    SLIPWAY_TRY(got);
    return parse_lock_file(SLIPWAY_TRY(only_file_of(tar)));
}

Result<void> JobPlugins::link(
    JobSlot& slot, const LockedProvider& provider, const std::string& hash, std::stop_token stop)
{
    const auto tar = SLIPWAY_TRY(make_tar({{.path = std::string{this_platform()},
        .content = {},
        .link = std::string{kPackagesMount} + "/" + hash}}));
    return slot.put(
        std::string{kJobPlugins} + "/" + provider.source + "/" + provider.version,
        [&](const Sink& sink) { return sink(tar); }, std::move(stop));
}

void JobPlugins::offer(JobSlot& slot, std::stop_token stop)
{
    auto* const store = context_.services.providers;
    context_.plugins_wanted.clear();
    // A later stage of a run finds its plugins in its workspace.
    if (store == nullptr || !context_.assignment.workspace_in.empty())
        return;
    std::size_t here = 0;
    std::size_t all = 0;
    const auto make = [&]() -> Result<void> {
        auto providers = SLIPWAY_TRY(in(kLockFileName, lock_file(slot, stop)));
        all = providers.size();
        std::uint64_t offered = 0;
        for (auto& provider : providers) {
            std::string found;
            for (const auto& hash : provider.hashes) {
                const auto size = found.empty() ? store->use(hash) : std::nullopt;
                if (size && *size <= kMaxOffered - offered) {
                    offered += *size;
                    found = hash;
                }
            }
            if (!found.empty()) {
                SLIPWAY_TRY(link(slot, provider, found, stop));
                ++here;
            } else if (!provider.hashes.empty()) {
                context_.plugins_wanted.push_back(std::move(provider));
            }
        }
        return {};
    };
    const auto made = make();
    if (!made && made.error().code() == Errc::cancelled)
        return;
    const std::string words = !made
        ? "the provider cache is not used: " + made.error().message()
        : "provider cache: " + std::to_string(here) + " of " + std::to_string(all) + " providers are here";
    if (made && all == 0)
        return;
    if (const auto told = context_.spool.append_once(line_id(LogLine::plugins), own_line(words)); !told)
        context_.logger.warn("a line could not be written to the log", told.error());
}

Result<JobPlugins::Taken> JobPlugins::take_one(JobSlot& slot, const LockedProvider& provider,
    const std::function<Result<void>()>& watch, std::stop_token stop)
{
    auto& store = *context_.services.providers;
    if (std::ranges::any_of(provider.hashes, [&](const auto& hash) { return store.use(hash).has_value(); }))
        return Taken::refused; // Another job was first.
    const auto intake = SLIPWAY_TRY(store.receive());
    if (!intake)
        return Taken::refused;
    const Sink push = [&](std::string_view bytes) -> Result<void> {
        SLIPWAY_TRY(watch());
        return intake->push(bytes);
    };
    const std::string path = SLIPWAY_TRY(directory_of(context_.assignment)) + "/.terraform/providers/"
        + provider.source + "/" + provider.version + "/" + std::string{this_platform()};
    const auto got = slot.get(path, push, std::move(stop));
    if (!got && got.error().code() == Errc::conflict)
        return Taken::absent;
    SLIPWAY_TRY(got);
    SLIPWAY_TRY(intake->keep(provider.hashes));
    return Taken::kept;
}

void JobPlugins::take(JobSlot& slot, const std::function<Result<void>()>& meanwhile, std::stop_token stop)
{
    if (context_.services.providers == nullptr)
        return;
    std::string kept;
    const auto& clock = context_.services.clock;
    const auto until = clock.now() + kTakeTime;
    const auto watch = [&]() -> Result<void> {
        if (clock.now() > until)
            return Error{Errc::timed_out, "the job takes more than two minutes to give its providers"};
        return meanwhile();
    };
    std::erase_if(context_.plugins_wanted, [&](const LockedProvider& provider) {
        const Result<Taken> taken
            = clock.now() > until ? Taken::absent : take_one(slot, provider, watch, stop);
        const std::string name = provider.source + " " + provider.version;
        if (taken && *taken == Taken::kept)
            kept += (kept.empty() ? "" : ", ") + name;
        if (!taken)
            context_.logger.warn("a provider was not taken into the cache",
                {{"provider", name}, {"error", taken.error().message()}});
        return !taken || *taken != Taken::absent;
    });
    if (kept.empty())
        return;
    if (const auto told = context_.spool.append_line(own_line("provider cache: kept " + kept)); !told)
        context_.logger.warn("a line could not be written to the log", told.error());
}

std::string JobPlugins::words_of_shell() const
{
    if (context_.services.providers == nullptr)
        return {};
    const std::string place{kJobPlugins};
    return "[ -n \"$TF_PLUGIN_CACHE_DIR\" ] || [ ! -d " + place + " ] || export TF_PLUGIN_CACHE_DIR=" + place
        + "\n";
}

} // namespace slipway::launcher
