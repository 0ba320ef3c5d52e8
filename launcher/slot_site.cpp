#include "launcher/slot_site.h"

#include "common/file.h"
#include "launcher/own_container.h"
#include "launcher/slot/slot_init_file.h"

#include <algorithm>
#include <thread>
#include <vector>

namespace slipway::launcher {

namespace {

/// How many containers are started at once: more only queue in the engine, and each start takes longer.
int start_places() { return 2 * static_cast<int>(std::max(1U, std::thread::hardware_concurrency())); }

} // namespace

SlotSite::SlotSite(SlotSiteSettings settings, const Clock& clock, Random& random)
    : settings_{std::move(settings)}
    , clock_{clock}
    , random_{random}
    , gate_{start_places()}
{
}

Result<std::unique_ptr<SlotSite>> SlotSite::open(SlotSiteSettings settings, const Clock& clock,
    Random& random, const Logger& logger, std::function<void()> on_known, std::stop_token stop)
{
    std::unique_ptr<SlotSite> site{new SlotSite{std::move(settings), clock, random}};
    const auto& with = site->settings_;
    site->init_file_ = SLIPWAY_TRY(slot::install_slot_init(with.state_directory / "bin"));
    SLIPWAY_TRY(make_directories(with.state_directory / "slots"));
    auto docker = SLIPWAY_TRY(docker::Docker::open(with.engine));
    site->state_on_host_
        = SLIPWAY_TRY(state_directory_on_host(docker, with.state_directory, std::move(stop)));
    site->transport_ = std::make_unique<TransportCheck>(TransportCheckSettings{.engine = with.engine,
                                                            .wanted = with.transport,
                                                            .runtime = with.runtime,
                                                            .boot_id = with.boot_id,
                                                            .labels = with.labels,
                                                            .state_directory = with.state_directory,
                                                            .state_on_host = site->state_on_host_,
                                                            .init_file = site->init_file_},
        clock, random, logger, std::move(on_known));
    return site;
}

Result<std::unique_ptr<DockerSlot>> SlotSite::make(
    const slot::SlotSpec& spec, const SlotImage& image, const KeepSlot& keep, std::stop_token stop)
{
    auto docker = SLIPWAY_TRY(docker::Docker::open(settings_.engine));
    const auto way = SLIPWAY_TRY(transport_->answer(stop));
    SlotRecord record{.directory = directory_of(spec.name).string(),
        .key = {},
        .environment = image.environment,
        .user = image.user,
        .stdio = way.stdio.has_value()};
    const auto keep_record = [&record, &keep, &name = spec.name, &image](const Secret& key) {
        record.key = key;
        return keep({.record = record.to_text(), .container = name, .image_id = image.id});
    };
    // The key comes with the first connection, within this call: the callback's referents live long enough.
    std::unique_ptr<slot::Slot> created;
    {
        const auto pass = SLIPWAY_TRY(gate_.enter(stop));
        created = SLIPWAY_TRY(slot::Slot::create(docker, spec,
            {.directory = record.directory,
                .host_directory = state_on_host_ / "slots" / spec.name,
                .init_file = init_file_,
                .stdio = way.stdio},
            keep_record, random_, stop));
    }
    auto made = std::make_unique<DockerSlot>(std::move(created), std::move(docker), record, clock_);
    SLIPWAY_TRY(made->wait_ready(std::move(stop)));
    return made;
}

Result<std::unique_ptr<DockerSlot>> SlotSite::adopt(
    const SlotFact& slot, std::uint64_t have, std::stop_token stop)
{
    auto docker = SLIPWAY_TRY(docker::Docker::open(settings_.engine));
    auto record = SlotRecord::parse(slot.record);
    if (!record || record->key.empty())
        return Error{Errc::not_found, "the journal does not hold the slot's key"};
    const auto container = SLIPWAY_TRY(docker.inspect_container(slot.container, std::move(stop)));
    if (!container.state.running)
        return Error{
            Errc::not_found, "the container ended with code " + std::to_string(container.state.exit_code)};
    auto taken = SLIPWAY_TRY(slot::Slot::adopt(slot.container,
        {.directory = record->directory, .key = record->key, .have = have, .keep_key = {}},
        record->stdio ? std::optional{settings_.engine} : std::nullopt, random_));
    return std::make_unique<DockerSlot>(std::move(taken), std::move(docker), *std::move(record), clock_);
}

Result<void> remove_stale_slots(const std::filesystem::path& state_directory,
    const std::set<std::string>& names, const std::function<bool(const std::string& name)>& is_ours)
{
    std::vector<std::filesystem::path> stale;
    std::error_code code;
    for (std::filesystem::directory_iterator it{state_directory / "slots", code}, end; !code && it != end;
         it.increment(code)) {
        const auto name = it->path().filename().string();
        if (!names.contains(name) && is_ours(name))
            stale.push_back(it->path());
    }
    for (const auto& path : stale)
        SLIPWAY_TRY(remove_tree(path));
    return {};
}

} // namespace slipway::launcher
