#include "launcher/vela/worker.h"

#include "launcher/backoff.h"
#include "launcher/drain_mark.h"
#include "launcher/vela/parse.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace slipway::vela {

namespace {

/// Docker has addresses for some thirty networks, unless it is told of more: most are for builds that run.
constexpr std::int64_t kMostKits = 3;

} // namespace

Worker::Worker(WorkerParts parts)
    : parts_{std::move(parts)}
    , services_{.server = parts_.server,
          .host = parts_.host,
          .kits = kits_,
          .options = parts_.options,
          .clock = parts_.clock,
          .random = parts_.random,
          .facts = parts_.facts}
    , kits_{{.count = static_cast<std::size_t>(std::min(parts_.options.build_limit + 1, kMostKits)),
                .containers = static_cast<std::size_t>(parts_.options.warm_slots),
                .memory = parts_.directory / "warm",
                .at_work = parts_.directory / "at-work"},
          parts_.host, parts_.clock, parts_.random, parts_.logger}
    , builds_(static_cast<std::size_t>(parts_.options.build_limit))
    , paused_{launcher::drain_mark(parts_.directory)}
    , began_{parts_.clock.now()}
{
}

Worker::~Worker()
{
    leave_.request_stop();
    poke();
    check_in_thread_ = {};
    std::vector<std::shared_ptr<BuildRun>> builds; // they call us until they are joined
    {
        const std::lock_guard lock{mutex_};
        builds = std::exchange(builds_, {});
        std::ranges::move(leaving_, std::back_inserter(builds));
        leaving_.clear();
    }
}

void Worker::run()
{
    if (const auto resumed = resume(); !resumed)
        parts_.logger.error("builds of an earlier process cannot be read; their directories stay as they are",
            resumed.error());
    kits_.begin();
    if (enlist())
        work();
    bool stays = false;
    {
        const std::lock_guard lock{mutex_};
        stays = handing_over_;
    }
    if (!stays)
        kits_.clear({});
}

void Worker::work()
{
    {
        const std::lock_guard lock{mutex_};
        works_ = true;
    }
    tell_change();
    check_in_thread_ = std::jthread{[this](std::stop_token stop) { check_in_loop(std::move(stop)); }};
    launcher::Backoff backoff{parts_.clock, parts_.random};
    while (!leave_.stop_requested()) {
        const auto found = take_left_over();
        if (found)
            break;
        if (!std::exchange(warned_of_interval_, true))
            parts_.logger.warn("Redis; trying again", found.error());
        (void)backoff.wait(leave_.get_token());
    }
    warned_of_interval_ = false;
    while (!leave_.stop_requested()) {
        collect();
        {
            const std::lock_guard lock{mutex_};
            if (is_done())
                return;
        }
        wait_room();
        const auto stop = poke_token();
        if (leave_.stop_requested() || stop.stop_requested())
            continue;
        take_one();
    }
}

std::stop_token Worker::poke_token()
{
    const std::lock_guard lock{mutex_};
    if (poke_.stop_requested())
        poke_ = {};
    if (draining_ || paused_ || leave_.stop_requested() || !over_.empty())
        poke_.request_stop();
    return poke_.get_token();
}

void Worker::poke()
{
    {
        const std::lock_guard lock{mutex_};
        poke_.request_stop();
    }
    tell_change();
}

void Worker::tell_change()
{
    changed_.notify_all();
    if (parts_.on_change)
        parts_.on_change();
}

/// Brings a token and the queue, however long the server takes. Fails only when the process is to end.
Result<void> Worker::enlist()
{
    launcher::Backoff backoff{parts_.clock, parts_.random};
    const auto stop = leave_.get_token();
    while (!stop.stop_requested()) {
        auto& credentials = parts_.credentials;
        if (!credentials.has_token()) {
            const auto& options = parts_.options;
            parts_.logger.info("waiting for registration; an admin types: vela add worker --worker.hostname "
                + options.hostname + " --worker.address " + options.worker_address);
            SLIPWAY_TRY(credentials.wait_offered(stop));
            parts_.logger.info("a registration has brought a token");
        }
        const auto opened = open_queue();
        if (opened)
            return {};
        if (opened.error().code() == Errc::cancelled)
            break;
        if (opened.error().code() == Errc::rejected && !credentials.is_shared_secret()) {
            parts_.logger.warn("the server refuses the token of the registration", opened.error());
            credentials.forget();
            continue;
        }
        {
            const std::lock_guard lock{mutex_};
            trouble_ = opened.error().message();
        }
        parts_.logger.warn("the server does not tell of the queue; trying again", opened.error());
        (void)backoff.wait(stop);
    }
    return Error{Errc::cancelled, "stopped"};
}

Result<void> Worker::open_queue()
{
    auto& credentials = parts_.credentials;
    const auto& options = parts_.options;
    auto known = credentials.queue();
    if (!known) {
        known = SLIPWAY_TRY(parts_.server.queue_info(credentials.token(), leave_.get_token()));
        SLIPWAY_TRY(credentials.set_queue(*known));
    }
    public_key_ = known->public_key;
    queue_ = SLIPWAY_TRY(Queue::open(
        {.address = options.queue_address.empty() ? Secret{known->address} : options.queue_address,
            .sentinel = options.queue_cluster,
            .own_list = "slipway:worker:" + options.hostname},
        parts_.logger));
    return {};
}

/// Builds that an earlier process has left.
Result<void> Worker::resume()
{
    std::set<std::string> kept;
    std::vector<std::pair<BuildJournal, QueueItem>> found;
    for (const auto& directory : SLIPWAY_TRY(BuildJournal::list(parts_.directory / "builds"))) {
        auto journal = SLIPWAY_TRY(BuildJournal::open(directory));
        const auto text = journal.find("item");
        if (!text) { // the crash came before it counted
            SLIPWAY_TRY(journal.remove());
            continue;
        }
        auto item = SLIPWAY_TRY(read_item(*text));
        kept.insert(journal.find("place").value_or(pipeline_id(item.build.build_name())));
        found.emplace_back(std::move(journal), std::move(item));
    }
    if (const auto swept = parts_.host.sweep(kept, leave_.get_token()); !swept)
        parts_.logger.warn("what earlier builds left in the engine", swept.error());
    for (auto& [journal, item] : found) {
        parts_.logger.info("a build of an earlier process goes on",
            {{"build", item.build.repo.full_name + "/" + std::to_string(item.build.number)}});
        start(std::move(journal), std::move(item));
    }
    return {};
}

Result<void> Worker::take_left_over()
{
    for (auto& taken : SLIPWAY_TRY(queue_->left_over(leave_.get_token()))) {
        const std::lock_guard lock{mutex_};
        waiting_.push_back(std::move(taken));
    }
    return {};
}

void Worker::wait_room()
{
    std::unique_lock lock{mutex_};
    (void)changed_.wait(lock, leave_.get_token(), [&] {
        const bool room = running() < static_cast<std::size_t>(parts_.options.build_limit);
        return !over_.empty() || is_done()
            || (room && !draining_ && !paused_ && (enlisted_ || !waiting_.empty()));
    });
}

Result<std::vector<std::string>> Worker::routes()
{
    const auto& options = parts_.options;
    const auto row
        = SLIPWAY_TRY(parts_.server.worker(parts_.credentials.token(), options.hostname, leave_.get_token()));
    if (row && !row->routes.empty())
        return row->routes;
    return options.queue_routes;
}

void Worker::take_one()
{
    {
        std::unique_lock lock{mutex_};
        if (!waiting_.empty()) {
            auto taken = std::move(waiting_.front());
            waiting_.pop_front();
            lock.unlock();
            accept(std::move(taken));
            return;
        }
    }
    const auto stop = poke_token();
    const auto places = routes();
    auto taken = places ? queue_->take(*places, parts_.options.pop_timeout, stop)
                        : Result<std::optional<Taken>>{places.error()};
    if (!taken && taken.error().code() == Errc::cancelled)
        return;
    if (!taken) {
        parts_.logger.warn("taking a build from the queue; trying again", taken.error());
        {
            const std::lock_guard lock{mutex_};
            enlisted_ = false; // the next check-in says when both are there again
            trouble_ = taken.error().message();
            status_changed_ = true;
        }
        tell_change();
        (void)parts_.clock.sleep_for(std::chrono::seconds{1}, stop);
        return;
    }
    if (*taken)
        accept(**std::move(taken));
}

/// An element that nobody can run is dropped; what is kept by mistake would come again at each start.
void Worker::accept(Taken taken)
{
    const auto stop = leave_.get_token();
    const auto drop = [&](std::string_view why, const Error& error) {
        parts_.logger.error(why, error);
        if (const auto done = queue_->done(taken, stop); !done)
            parts_.logger.warn("an element of the queue was not removed", done.error());
    };
    const auto message = verified_message(taken.element, public_key_);
    if (!message)
        return drop("an element of the queue is dropped: it does not come from this server", message.error());
    auto item = read_item(*message);
    if (!item)
        return drop("an element of the queue is dropped: it cannot be read", item.error());
    if (const auto begun = begin(taken, *std::move(item), *message); !begun) {
        parts_.logger.error("a build is given back to the queue: it cannot be written down", begun.error());
        if (const auto returned = queue_->give_back(taken, stop); !returned)
            parts_.logger.warn(
                "an element stays in this worker's list until the next start", returned.error());
        (void)parts_.clock.sleep_for(std::chrono::seconds{5}, stop);
    }
}

/// Written down first, forgotten by the queue then.
Result<void> Worker::begin(const Taken& taken, QueueItem item, const std::string& message)
{
    if (!holds(item.build.id)) {
        auto journal
            = SLIPWAY_TRY(BuildJournal::open(parts_.directory / "builds" / std::to_string(item.build.id)));
        SLIPWAY_TRY(journal.put("item", message));
        start(std::move(journal), std::move(item));
    }
    if (const auto done = queue_->done(taken, leave_.get_token()); !done)
        parts_.logger.warn("an element stays in this worker's list until the next start", done.error());
    return {};
}

void Worker::start(BuildJournal journal, QueueItem item)
{
    const auto id = item.build.id;
    auto run = std::make_shared<BuildRun>(services_, std::move(journal), std::move(item),
        BuildRun::Callbacks{.worker_token = [this] { return parts_.credentials.token(); },
            .on_reported = [this, id] { free_executor(id); },
            .on_end =
                [this, id] {
                    {
                        const std::lock_guard lock{mutex_};
                        over_.push_back(id);
                    }
                    leave_if_done();
                    poke();
                }},
        parts_.logger);
    {
        const std::lock_guard lock{mutex_};
        const auto free = std::ranges::find(builds_, nullptr);
        if (free == builds_.end())
            builds_.push_back(std::move(run));
        else
            *free = std::move(run);
        ++taken_count_;
        last_started_ = now_seconds(parts_.clock);
        status_changed_ = true;
    }
    tell_change();
}

/// Another build may begin while what is left of this one goes.
void Worker::free_executor(std::int64_t build)
{
    {
        const std::lock_guard lock{mutex_};
        for (auto& held : builds_)
            if (held && held->id() == build)
                leaving_.push_back(std::exchange(held, nullptr));
        last_finished_ = now_seconds(parts_.clock);
        status_changed_ = true;
    }
    tell_change();
}

void Worker::collect()
{
    std::vector<std::shared_ptr<BuildRun>> gone; // joined outside of the lock
    std::vector<std::shared_ptr<BuildRun>> ended;
    {
        const std::lock_guard lock{mutex_};
        for (auto& build : builds_)
            if (build && std::ranges::find(over_, build->id()) != over_.end())
                ended.push_back(std::move(build));
        for (auto& build : leaving_)
            if (std::ranges::find(over_, build->id()) != over_.end())
                gone.push_back(std::move(build));
        std::erase(leaving_, nullptr);
        over_.clear();
        if (!ended.empty()) {
            last_finished_ = now_seconds(parts_.clock);
            status_changed_ = true;
        }
    }
    if (!ended.empty())
        tell_change();
}

std::size_t Worker::running() const
{
    return static_cast<std::size_t>(
        std::ranges::count_if(builds_, [](const auto& build) { return build != nullptr; }));
}

bool Worker::is_done() const { return draining_ && running() == 0 && leaving_.empty(); }

bool Worker::holds(std::int64_t build) const
{
    const std::lock_guard lock{mutex_};
    const auto is_it = [&](const auto& held) { return held != nullptr && held->id() == build; };
    return std::ranges::any_of(builds_, is_it) || std::ranges::any_of(leaving_, is_it);
}

} // namespace slipway::vela
