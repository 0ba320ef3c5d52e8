#include "launcher/vela/build_kits.h"

#include "common/file.h"
#include "common/json.h"
#include "common/ulid.h"

#include <algorithm>
#include <exception>
#include <fstream>
#include <future>
#include <utility>

namespace slipway::vela {

namespace {

constexpr std::size_t kMaxMemory = std::size_t{64} * 1024;
constexpr std::chrono::milliseconds kBetweenSweeps{200};

Result<std::vector<std::string>> read_references(std::string_view text)
{
    const auto document = SLIPWAY_TRY(JsonDocument::parse(text));
    return document.root().string_list("images");
}

} // namespace

BuildKits::BuildKits(
    BuildKitsSettings settings, BuildHost& host, const Clock& clock, Random& random, Logger logger)
    : settings_{std::move(settings)}
    , host_{host}
    , clock_{clock}
    , random_{random}
    , logger_{std::move(logger)}
    , places_{host, settings_.containers == 0 ? 0 : settings_.count + 1}
    , backoff_{clock, random}
{
}

BuildKits::~BuildKits() = default;

void BuildKits::begin()
{
    if (settings_.containers != 0)
        load();
    std::error_code code;
    if (std::filesystem::exists(settings_.at_work, code))
        last_sweep_from_ = clock_.now() + kAfterKill;
    const std::ofstream mark{settings_.at_work};
    sweep_at_ = clock_.now() + kSweepSoon;
    thread_ = std::jthread{[this](std::stop_token stop) { run(std::move(stop)); }};
}

/// A memory that cannot be read costs a few cold starts.
void BuildKits::load()
{
    const auto text = read_file_if_exists(settings_.memory, kMaxMemory);
    if (!text || !*text)
        return;
    auto references = read_references(**text);
    if (!references) {
        logger_.warn("the images of the last build are forgotten", references.error());
        return;
    }
    references_ = *std::move(references);
    references_.resize(std::min(references_.size(), settings_.containers));
}

void BuildKits::save()
{
    JsonWriter json;
    {
        const std::lock_guard lock{mutex_};
        if (!std::exchange(unsaved_, false))
            return;
        json.begin_object().key("images").begin_array();
        for (const auto& reference : references_)
            json.value(reference);
        json.end_array().end_object();
    }
    if (const auto written = replace_file(settings_.memory, json.take()); !written)
        logger_.warn("the images of the last build could not be written down", written.error());
}

std::optional<Kit> BuildKits::take(std::stop_token stop)
{
    std::unique_lock lock{mutex_};
    // After a failure nobody waits for the next try.
    if (kits_.empty() && !making_ && told_.empty() && !closing_ && lacks()) {
        ordered_ = true;
        changed_.notify_all();
    }
    (void)changed_.wait_for(
        lock, std::move(stop), kWait, [this] { return !kits_.empty() || (!making_ && !ordered_); });
    if (kits_.empty())
        return std::nullopt;
    Kit kit = std::move(kits_.front());
    kits_.erase(kits_.begin());
    std::erase_if(kit.idle, [this](const IdleContainer& idle) { return !host_.lives(*idle.slot); });
    refill_at_ = clock_.now() + kRefillAfter;
    changed_.notify_all();
    return kit;
}

Result<void> BuildKits::empty(Kit& kit, const std::stop_token& stop)
{
    {
        const std::lock_guard lock{mutex_};
        refill_at_ = clock_.now(); // the machine is free again
    }
    changed_.notify_all();
    if (!kit.network.empty() && host_.empty_place(kit.place, stop))
        return {};
    kit.network.clear();
    return host_.remove_place(kit.place, stop);
}

void BuildKits::give_back(const Kit& kit, const std::stop_token& stop)
{
    if (kit.network.empty())
        return;
    if (const auto kept = places_.keep(kit.place, stop); !kept)
        logger_.warn("the network of a build was not removed; the next start does it", kept.error());
}

void BuildKits::learn(std::vector<std::string> references)
{
    references.resize(std::min(references.size(), settings_.containers));
    const std::lock_guard lock{mutex_};
    if (references == references_)
        return;
    references_ = std::move(references);
    unsaved_ = true;
    changed_.notify_all();
}

void BuildKits::clear(std::stop_token stop)
{
    {
        const std::lock_guard lock{mutex_};
        closing_ = true;
    }
    changed_.notify_all();
    // What it asks the engine for is not cut off: it would be made all the same, and belong to nobody.
    if (thread_.joinable())
        thread_.join();
    std::vector<Kit> kits;
    {
        const std::lock_guard lock{mutex_};
        kits = std::exchange(kits_, {});
    }
    for (auto& kit : kits) {
        kit.idle.clear();
        remove(kit.place, stop);
    }
    for (const auto& place : places_.take_all())
        remove(place, stop);
    for (const auto& place : std::exchange(over_, {}))
        remove(place, stop);
    last_sweep(stop);
}

/// What a process before this one asked for and did not live to see.
void BuildKits::last_sweep(const std::stop_token& stop)
{
    if (const std::chrono::nanoseconds early = last_sweep_from_ - clock_.now(); early.count() > 0)
        (void)clock_.sleep_for(early, stop);
    const auto until = clock_.now() + kLastSweeps;
    auto swept = host_.sweep({}, stop);
    while (!swept && clock_.now() < until && clock_.sleep_for(kBetweenSweeps, stop) == Clock::Slept::whole)
        swept = host_.sweep({}, stop);
    std::error_code code;
    if (swept)
        std::filesystem::remove(settings_.at_work, code);
    else
        logger_.warn("what nobody owns in the engine was not removed; the next start does it", swept.error());
}

std::size_t BuildKits::ready() const
{
    const std::lock_guard lock{mutex_};
    return static_cast<std::size_t>(
        std::ranges::count_if(kits_, [this](const Kit& kit) { return !is_bare(kit); }));
}

std::size_t BuildKits::idle() const
{
    const std::lock_guard lock{mutex_};
    std::size_t count = 0;
    for (const auto& kit : kits_)
        count += kit.idle.size();
    return count;
}

std::string BuildKits::trouble() const
{
    const std::lock_guard lock{mutex_};
    return told_;
}

/// Under the lock, as the next two. A kit that lost a container is made anew as a whole.
void BuildKits::drop_dead()
{
    std::erase_if(kits_, [this](Kit& kit) {
        const bool dead = std::ranges::any_of(
            kit.idle, [this](const IdleContainer& idle) { return !host_.lives(*idle.slot); });
        if (dead)
            over_.push_back(kit.place);
        return dead;
    });
}

bool BuildKits::lacks() const
{
    return settings_.containers != 0
        && (kits_.size() < settings_.count
            || std::ranges::any_of(kits_, [this](const Kit& kit) { return is_bare(kit); }));
}

bool BuildKits::is_bare(const Kit& kit) const { return kit.idle.empty() && kit.references != references_; }

void BuildKits::run(std::stop_token stop)
{
    std::unique_lock lock{mutex_};
    while (!stop.stop_requested() && !closing_) {
        drop_dead();
        const auto job = next_job();
        if (job == Job::none) {
            wait_for_job(lock, stop);
            continue;
        }
        making_ = job == Job::make;
        if (making_)
            ordered_ = false;
        lock.unlock();
        try {
            act(job, stop);
        } catch (const std::exception& failure) {
            logger_.error("keeping networks and containers ready failed and is repeated",
                Error{Errc::internal, failure.what()});
        }
        lock.lock();
        making_ = false;
        changed_.notify_all();
    }
    ordered_ = false;
    changed_.notify_all();
}

/// Under the lock, as the next. What a build waits for goes first.
BuildKits::Job BuildKits::next_job()
{
    if (!lacks())
        ordered_ = false;
    if (ordered_)
        return Job::make;
    if (unsaved_)
        return Job::save;
    if (!over_.empty())
        return Job::remove;
    if (sweep_at_ <= clock_.now())
        return Job::sweep;
    return lacks() && refill_at_ <= clock_.now() ? Job::make : Job::none;
}

void BuildKits::wait_for_job(std::unique_lock<std::mutex>& lock, const std::stop_token& stop)
{
    std::chrono::nanoseconds wait = kLookEvery;
    if (lacks())
        wait = std::min<std::chrono::nanoseconds>(wait, refill_at_ - clock_.now());
    changed_.wait_for(lock, stop, wait, [&, before = refill_at_] {
        return closing_ || ordered_ || unsaved_ || !over_.empty() || refill_at_ != before;
    });
}

void BuildKits::act(Job job, const std::stop_token& stop)
{
    if (job == Job::save)
        save();
    else if (job == Job::sweep)
        sweep(stop);
    else if (job == Job::make)
        make(stop);
    else if (job == Job::remove) {
        std::unique_lock lock{mutex_};
        const auto place = std::move(over_.front());
        over_.pop_front();
        lock.unlock();
        remove(place, stop);
    }
}

void BuildKits::sweep(std::stop_token stop)
{
    const auto swept = host_.sweep({}, stop);
    if (!swept && !stop.stop_requested())
        logger_.warn("what nobody owns in the engine was not removed; trying again soon", swept.error());
    sweep_at_ = clock_.now() + (swept ? kSweepEvery : kSweepSoon);
}

void BuildKits::make(const std::stop_token& stop)
{
    Kit kit;
    const auto made = [&]() -> Result<void> {
        auto bare = take_bare();
        kit = bare ? *std::move(bare) : SLIPWAY_TRY(make_place(stop));
        return fill(kit, stop);
    }();
    const std::lock_guard lock{mutex_};
    if (made) {
        backoff_.reset();
        told_.clear();
        kits_.push_back(std::move(kit));
        return;
    }
    if (!kit.place.empty())
        over_.push_back(kit.place);
    if (stop.stop_requested())
        return;
    if (std::exchange(told_, made.error().message()) != made.error().message())
        logger_.warn("nothing can be made ready for the next build; builds start cold", made.error());
    refill_at_ = clock_.now() + backoff_.next();
}

/// One that was made before the first build told what it runs in.
std::optional<Kit> BuildKits::take_bare()
{
    const std::lock_guard lock{mutex_};
    const auto bare = std::ranges::find_if(kits_, [this](const Kit& kit) { return is_bare(kit); });
    if (bare == kits_.end())
        return std::nullopt;
    Kit kit = std::move(*bare);
    kits_.erase(bare);
    return kit;
}

Result<Kit> BuildKits::make_place(const std::stop_token& stop)
{
    Kit kit;
    if (auto emptied = places_.take())
        kit.place = *std::move(emptied);
    else
        kit.place = "slipway-" + make_ulid(clock_, random_);
    auto volume = std::async(std::launch::async, [&] { return host_.make_volume(kit.place, stop); });
    auto network = host_.make_network(kit.place, stop);
    auto made = volume.get();
    if (!network || !made) {
        remove(kit.place, {});
        return network ? made.error() : network.error();
    }
    kit.network = *std::move(network);
    kit.volume = *std::move(made);
    return kit;
}

Result<void> BuildKits::fill(Kit& kit, const std::stop_token& stop)
{
    {
        const std::lock_guard lock{mutex_};
        kit.references = references_;
    }
    std::vector<std::future<Result<std::optional<IdleContainer>>>> making;
    for (std::size_t number = 0; number < kit.references.size(); ++number)
        making.push_back(std::async(std::launch::async,
            [&, number] { return make_idle(kit.place, number, kit.references[number], stop); }));
    Result<void> filled;
    for (auto& one : making) {
        auto made = one.get();
        if (!made)
            filled = made.error();
        else if (*made)
            kit.idle.push_back(**std::move(made));
    }
    if (!filled)
        kit.idle.clear();
    return filled;
}

/// Nothing: the image is not there any more.
Result<std::optional<IdleContainer>> BuildKits::make_idle(
    const std::string& place, std::size_t number, const std::string& reference, std::stop_token stop)
{
    const auto image = host_.image(
        reference, Fetch::never, [](std::string_view) {}, stop);
    if (!image)
        return std::optional<IdleContainer>{};
    Container container;
    container.id = place + "-" + std::to_string(number + 1);
    container.image = reference;
    IdleContainer idle{.reference = reference, .image_id = image->id, .slot = {}, .fact = {}};
    const auto keep = [&idle](const launcher::SlotFact& fact) -> Result<void> {
        idle.fact = fact;
        return {};
    };
    const ContainerWish wish{.container = container, .image_id = image->id, .place = place};
    idle.slot = SLIPWAY_TRY(host_.create(wish, keep, std::move(stop)));
    return std::optional{std::move(idle)};
}

void BuildKits::remove(const std::string& place, std::stop_token stop)
{
    if (const auto removed = host_.remove_place(place, std::move(stop)); !removed)
        logger_.warn("a network that stood ready was not removed; the next start does it", removed.error());
}

} // namespace slipway::vela
