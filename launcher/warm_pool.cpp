#include "launcher/warm_pool.h"

#include "common/file.h"
#include "common/json.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace slipway::launcher {

namespace {

constexpr std::size_t kMaxMemory = 256UL * 1024;

std::string to_text(const std::deque<SlotClass>& classes)
{
    JsonWriter json;
    json.begin_object().key("classes").begin_array();
    for (const auto& one : classes) {
        json.begin_object().field("image", one.image).field("image_id", one.image_id);
        json.field("kind", one.kind == protocol::StageKind::write ? "write" : "read");
        json.field("memory_bytes", one.memory_bytes).field("nano_cpus", one.nano_cpus);
        json.field("pids", one.pids).end_object();
    }
    json.end_array().end_object();
    return json.take();
}

Result<std::deque<SlotClass>> parse_classes(std::string_view text)
{
    const auto document = SLIPWAY_TRY(JsonDocument::parse(text));
    const auto list = SLIPWAY_TRY(document.root().at("classes"));
    std::deque<SlotClass> classes;
    for (const auto& one : SLIPWAY_TRY(list.elements())) {
        SlotClass known;
        known.image = SLIPWAY_TRY(one.string("image"));
        known.image_id = SLIPWAY_TRY(one.string("image_id"));
        known.kind = SLIPWAY_TRY(one.string("kind")) == "write" ? protocol::StageKind::write
                                                                : protocol::StageKind::read;
        known.memory_bytes = SLIPWAY_TRY(one.integer("memory_bytes", 0));
        known.nano_cpus = SLIPWAY_TRY(one.integer("nano_cpus", 0));
        known.pids = SLIPWAY_TRY(one.integer("pids", 0));
        classes.push_back(std::move(known));
    }
    return classes;
}

} // namespace

WarmPool::WarmPool(
    WarmPoolSettings settings, SlotMaker& maker, const Clock& clock, Random& random, Logger logger)
    : settings_{std::move(settings)}
    , maker_{maker}
    , clock_{clock}
    , logger_{std::move(logger)}
    , backoff_{clock, random, std::chrono::minutes{1}}
{
    load();
    thread_ = std::jthread{[this](std::stop_token stop) { run(std::move(stop)); }};
}

WarmPool::~WarmPool()
{
    thread_.request_stop();
    thread_ = {};
}

/// A memory that cannot be read costs a few cold starts.
void WarmPool::load()
{
    if (settings_.count == 0)
        return;
    const auto text = read_file_if_exists(settings_.memory, kMaxMemory);
    if (!text || !*text)
        return;
    if (auto classes = parse_classes(**text)) {
        used_ = *std::move(classes);
        used_.resize(std::min(used_.size(), static_cast<std::size_t>(settings_.count)));
    } else {
        logger_.warn("the classes of warm slots are forgotten", classes.error());
    }
}

void WarmPool::save()
{
    std::string text;
    {
        const std::lock_guard lock{mutex_};
        if (!std::exchange(unsaved_, false))
            return;
        text = to_text(used_);
    }
    if (const auto written = replace_file(settings_.memory, text); !written)
        logger_.warn("the classes of warm slots could not be written down", written.error());
}

/// Under the lock, as the next three. So many as are to be idle: the classes of the last stages, over again
/// where there were fewer.
std::vector<SlotClass> WarmPool::wanted() const
{
    std::vector<SlotClass> classes;
    if (warm_ == Warm::no || used_.empty())
        return classes;
    for (std::size_t i = 0; i < static_cast<std::size_t>(settings_.count); ++i)
        classes.push_back(used_[i % used_.size()]);
    return classes;
}

/// Of the class of which the most are missing, since stages of one class tend to come together.
std::optional<SlotClass> WarmPool::missing() const
{
    std::optional<SlotClass> most;
    std::ptrdiff_t most_count = 0;
    const auto classes = wanted();
    for (const auto& one : classes) {
        const auto count = std::ranges::count(classes, one)
            - std::ranges::count_if(idle_, [&](const Held& held) { return held.fits == one; });
        if (count > most_count) {
            most = one;
            most_count = count;
        }
    }
    return most;
}

void WarmPool::note_use(const SlotClass& used)
{
    if (settings_.count == 0)
        return;
    const auto before = used_;
    // The name means another image now: nobody will ask for the old one but a plan's apply.
    std::erase_if(
        used_, [&](const auto& one) { return one.image == used.image && one.image_id != used.image_id; });
    used_.push_front(used);
    if (used_.size() > static_cast<std::size_t>(settings_.count))
        used_.pop_back();
    unsaved_ = unsaved_ || used_ != before;
}

void WarmPool::wait_before_next(std::chrono::nanoseconds time)
{
    const auto at = clock_.now() + time;
    // Not put off further by each of many stages.
    if (refill_at_ < clock_.now())
        refill_at_ = at;
    changed_.notify_all();
}

/// Under the lock. The first that fits and lives.
std::optional<WarmPool::Held> WarmPool::take_if(const std::function<bool(const SlotClass&)>& fits)
{
    for (auto it = idle_.begin(); it != idle_.end();) {
        if (!fits(it->fits)) {
            ++it;
            continue;
        }
        Held held = std::move(*it);
        it = idle_.erase(it);
        if (maker_.lives(*held.idle.slot))
            return held;
        discarded_.push_back(held.idle.fact.container);
    }
    return std::nullopt;
}

std::optional<IdleSlot> WarmPool::take(const SlotClass& wanted)
{
    const std::lock_guard lock{mutex_};
    note_use(wanted);
    wait_before_next(kRefillAfter);
    auto held = take_if([&](const SlotClass& one) { return one == wanted; });
    return held ? std::optional{std::move(held->idle)} : std::nullopt;
}

std::optional<WarmPool::Likely> WarmPool::take_likely(const SlotClass& wanted)
{
    const std::lock_guard lock{mutex_};
    auto held = take_if([&](SlotClass one) {
        one.image_id = wanted.image_id;
        return one == wanted;
    });
    if (!held)
        return std::nullopt;
    note_use(held->fits);
    wait_before_next(kRefillAfter);
    return Likely{.idle = std::move(held->idle), .image_id = held->fits.image_id};
}

void WarmPool::discard(const std::string& container)
{
    const std::lock_guard lock{mutex_};
    discarded_.push_back(container);
    changed_.notify_all();
}

void WarmPool::keep(Warm warm)
{
    const std::lock_guard lock{mutex_};
    if (std::exchange(warm_, warm) != warm)
        changed_.notify_all();
}

void WarmPool::settle(std::stop_token stop)
{
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, std::move(stop), kSettle,
        [this] { return !busy_ && discarded_.empty() && (warm_ == Warm::yes || idle_.empty()); });
}

std::size_t WarmPool::idle() const
{
    const std::lock_guard lock{mutex_};
    return idle_.size();
}

std::set<std::string> WarmPool::images() const
{
    const std::lock_guard lock{mutex_};
    std::set<std::string> ids;
    for (const auto& one : used_)
        ids.insert(one.image_id);
    return ids;
}

/// Under the lock.
void WarmPool::drop_dead()
{
    std::erase_if(idle_, [this](const Held& held) {
        const bool dead = !maker_.lives(*held.idle.slot);
        if (dead)
            discarded_.push_back(held.idle.fact.container);
        return dead;
    });
}

/// Under the lock. Those above what is wanted of their class.
void WarmPool::drop_unwanted()
{
    auto classes = wanted();
    std::erase_if(idle_, [&](const Held& held) {
        const auto it = std::ranges::find(classes, held.fits);
        if (it != classes.end()) {
            classes.erase(it);
            return false;
        }
        discarded_.push_back(held.idle.fact.container);
        return true;
    });
}

void WarmPool::run(std::stop_token stop)
{
    std::unique_lock lock{mutex_};
    while (!stop.stop_requested()) {
        drop_dead();
        drop_unwanted();
        const auto lacking = missing();
        const auto wait = refill_at_ - clock_.now();
        if (unsaved_ || !discarded_.empty() || (lacking && wait.count() <= 0)) {
            busy_ = true;
            std::string over;
            if (!discarded_.empty()) {
                over = std::move(discarded_.front());
                discarded_.pop_front();
            }
            lock.unlock();
            try {
                save();
                if (!over.empty())
                    remove(over, stop);
                else if (lacking && wait.count() <= 0)
                    make(*lacking, stop);
            } catch (const std::exception& failure) {
                logger_.error(
                    "keeping slots warm failed and is repeated", Error{Errc::internal, failure.what()});
            }
            lock.lock();
            busy_ = false;
            changed_.notify_all();
            continue;
        }
        changed_.notify_all();
        const std::chrono::nanoseconds longest = kLookEvery;
        changed_.wait_for(lock, stop, lacking ? std::min(wait, longest) : longest, [&, before = refill_at_] {
            return unsaved_ || !discarded_.empty() || refill_at_ != before
                || (warm_ == Warm::no && !idle_.empty());
        });
    }
}

void WarmPool::make(const SlotClass& missing, std::stop_token stop)
{
    auto made = maker_.make_idle(missing, stop);
    const std::lock_guard lock{mutex_};
    if (made) {
        backoff_.reset();
        told_.clear();
        idle_.push_back({.fits = missing, .idle = *std::move(made)});
        return;
    }
    if (stop.stop_requested())
        return;
    if (made.error().code() == Errc::not_found) {
        std::erase_if(used_, [&](const auto& one) { return one.image_id == missing.image_id; });
        unsaved_ = true;
        return;
    }
    if (std::exchange(told_, made.error().message()) != made.error().message())
        logger_.warn("no slot can be kept warm; stages start cold", made.error());
    refill_at_ = clock_.now() + backoff_.next();
}

void WarmPool::remove(const std::string& container, std::stop_token stop)
{
    if (const auto removed = maker_.remove_idle(container, std::move(stop)); !removed)
        logger_.warn("a container could not be removed; the next round of comparing records tries again",
            removed.error());
}

} // namespace slipway::launcher
