#include "launcher/vela/build_run.h"

#include "launcher/backoff.h"
#include "launcher/vela/parse.h"

#include <algorithm>

namespace slipway::vela {

namespace {

/// How long the server may be away at the end of a build before its last words are given up: as long as a
/// build's token lasts after the build's own time, and some.
constexpr std::chrono::hours kLastWords{2};
/// How often the pipeline is asked for, some minutes in all. One that the server has given to a process that
/// died right then is never given again: such a build ends with an error.
constexpr int kAcquireTries = 24;
/// What the server is to know first: before the end of the build, and before an answer to a cancel.
constexpr std::chrono::seconds kToldFirst{5};
/// Until the server is asked again whether a build was cancelled.
constexpr std::chrono::seconds kFirstAsk{1};
constexpr std::chrono::seconds kLongestAsk{30};

/// Whether the server has no pipeline for a build any more. Only its words tell this from a database that is
/// away: with SQLite it finds no record, with PostgreSQL it decrypts an empty one.
bool is_given_away(const Error& error)
{
    const auto& words = error.message();
    return words.find("record not found") != std::string::npos
        || words.find("invalid value length for decrypt provided: 0") != std::string::npos;
}

} // namespace

BuildRun::BuildRun(const BuildServices& services, BuildJournal journal, QueueItem item, Callbacks callbacks,
    const Logger& logger)
    : services_{services}
    , journal_{std::move(journal)}
    , item_{std::move(item)}
    , callbacks_{std::move(callbacks)}
    , since_{services.clock.now()}
    , logger_{logger.with("build", item_.build.repo.full_name + "/" + std::to_string(item_.build.number))}
    , outbox_{journal_, services.clock, services.random, logger_}
    , shipper_{logger_}
    , context_{.services = services,
          .journal = journal_,
          .logger = logger_,
          .outbox = outbox_,
          .shipper = shipper_,
          .token = {},
          .pipeline_id = pipeline_id(item_.build.build_name()),
          .kit = {},
          .deadline = {},
          .lazy_secrets = {},
          .work = {},
          .mutex = {},
          .build = item_.build,
          .scm_token = {},
          .secrets = {},
          .masked_outputs = {},
          .images = {},
          .stoppers = {},
          .error = {}}
    , sidecar_{context_}
    , thread_{[this](std::stop_token leave) { run(std::move(leave)); }}
{
}

BuildRun::~BuildRun()
{
    thread_.request_stop();
    context_.work.request_stop();
    thread_ = {};
    // They have calls under way in which rows and logs are used, and steps use them: so they end before what
    // is theirs, and go after it.
    shipper_.end();
    outbox_.end();
}

std::string BuildRun::build_json() const
{
    const std::lock_guard lock{context_.mutex};
    return whole_build(context_.build);
}

std::string BuildRun::pipeline_json() const
{
    const std::lock_guard lock{mutex_};
    return pipeline_json_.empty() ? "{}" : pipeline_json_;
}

std::string BuildRun::cancel(std::chrono::milliseconds most)
{
    logger_.info("the build is cancelled");
    if (const auto kept = journal_.put("canceled", "1"); !kept)
        logger_.warn("the journal of a build", kept.error());
    context_.end_early(Ending::canceled);
    {
        std::unique_lock lock{mutex_};
        (void)gone_changed_.wait_for(lock, most, [&] { return gone_; });
    }
    return build_json();
}

void BuildRun::run(std::stop_token leave)
{
    const std::stop_callback ends{leave, [this] { context_.work.request_stop(); }};
    const auto taken = acquire(leave);
    if (leave.stop_requested())
        return;
    if (taken) {
        const auto worked = work(leave);
        if (leaves(worked, leave))
            return;
        if (!worked && context_.how_it_ends() == Ending::no)
            context_.fail(worked.error().message());
        report(leave);
        (void)outbox_.flush(kToldFirst, leave);
        if (!leave.stop_requested())
            callbacks_.on_reported();
        destroy(leave);
    } else if (taken.error().code() == Errc::conflict) {
        logger_.info("the build is not to be run any more");
    } else {
        give_up(taken.error(), leave);
    }
    flush(leave);
    if (leave.stop_requested())
        return;
    if (const auto removed = journal_.remove(); !removed)
        logger_.warn("the journal of a build was not removed", removed.error());
    else if (taken)
        services_.kits.give_back(context_.kit, leave);
    logger_.info("the build is over", {{"status", build_status().get()}});
    callbacks_.on_end();
}

bool BuildRun::leaves(const Result<void>& result, const std::stop_token& leave) const
{
    return leave.stop_requested()
        || (!result && result.error().code() == Errc::cancelled && !context_.work.stop_requested());
}

/// The server gives it once: what it gave to a process that ended before it was in the journal is gone. A
/// cancel takes it away, too, and says so in the build's row right after.
Result<std::string> BuildRun::fetch_pipeline(const std::stop_token& leave)
{
    const bool asked_before = journal_.find("asked").has_value();
    if (!asked_before)
        SLIPWAY_TRY(journal_.put("asked", "1", BuildJournal::Sync::later));
    auto given = services_.server.executable(context_.token, item_.build.build_name(), leave);
    if (!given && is_given_away(given.error())) {
        const auto row = services_.server.build(context_.token, item_.build.build_name(), leave);
        if (row && row->status == status::kCanceled)
            return Error{Errc::conflict, "the build was cancelled"};
        if (row && asked_before)
            return Error{Errc::rejected,
                "the server had handed out the pipeline, and the worker's process ended before it could keep "
                "it; restart the build"};
    }
    auto text = SLIPWAY_TRY(std::move(given));
    SLIPWAY_TRY(journal_.put("pipeline", text));
    return text;
}

/// Token and pipeline: from the journal, or from the server, which gives the pipeline once. `conflict`: the
/// build is not to be run.
Result<void> BuildRun::acquire(std::stop_token leave)
{
    if (auto token = journal_.find("token"))
        context_.token = Secret::take(*token);
    auto text = journal_.find("pipeline");
    launcher::Backoff backoff{services_.clock, services_.random};
    for (int tries = 1; context_.token.empty() || !text; ++tries) {
        const auto attempt = [&]() -> Result<void> {
            if (context_.token.empty()) {
                auto token = SLIPWAY_TRY(
                    services_.server.build_token(callbacks_.worker_token(), item_.build.build_name(), leave));
                if (!token)
                    return Error{Errc::conflict, "the server has taken the build back"};
                SLIPWAY_TRY(journal_.put("token", token->reveal()));
                context_.token = *std::move(token);
            }
            text = SLIPWAY_TRY(fetch_pipeline(leave));
            return {};
        };
        auto done = attempt();
        if (done)
            break;
        // Without the build's token nobody can be told of it: it would stay pending for ever.
        const bool can_tell = !context_.token.empty();
        const bool over = done.error().code() == Errc::conflict
            || (can_tell && (!http::is_retryable(done.error()) || tries >= kAcquireTries));
        if (over)
            return done;
        tries = can_tell ? tries : 0;
        logger_.warn("taking the build over from the server; trying again", done.error());
        (void)backoff.wait(leave);
        if (leave.stop_requested())
            return Error{Errc::cancelled, "stopped"};
    }
    if (item_.item_version != kItemVersion)
        return Error{Errc::invalid_input,
            "the queue's item has version " + std::to_string(item_.item_version)
                + "; this worker knows version " + std::to_string(kItemVersion)};
    pipeline_ = SLIPWAY_TRY(in("the pipeline of the build", read_pipeline(*text)));
    return {};
}

/// A build that cannot begin must not stay pending.
void BuildRun::give_up(const Error& error, std::stop_token leave)
{
    logger_.error("the build cannot be run", error);
    if (context_.token.empty())
        return;
    {
        const std::lock_guard lock{context_.mutex};
        context_.build.status = status::kError;
        context_.build.error = error.message();
        context_.build.finished = now_seconds(services_.clock);
        context_.build.host = services_.facts.host;
    }
    context_.tell_build("given-up");
    (void)leave;
}

/// The same in every process.
Result<void> BuildRun::take_place()
{
    if (auto known = journal_.find("place")) {
        context_.kit.place = *std::move(known);
        make_place();
        return {};
    }
    if (auto kit = services_.kits.take(context_.work.get_token()))
        context_.kit = *std::move(kit);
    else
        context_.kit.place = context_.pipeline_id;
    SLIPWAY_TRY(journal_.put("place", context_.kit.place, BuildJournal::Sync::later));
    make_place();
    return {};
}

/// A network and a volume with containers in them are there: nobody could have removed them. Others are made,
/// or found, while the server is told.
void BuildRun::make_place()
{
    if (!context_.kit.idle.empty()) {
        const auto known = [](const std::string& shown) {
            return std::async(std::launch::deferred, [&shown]() -> Result<std::string> { return shown; });
        };
        network_ = known(context_.kit.network);
        volume_ = known(context_.kit.volume);
        return;
    }
    network_ = std::async(std::launch::async,
        [this] { return services_.host.make_network(context_.kit.place, context_.work.get_token()); });
    volume_ = std::async(std::launch::async,
        [this] { return services_.host.make_volume(context_.kit.place, context_.work.get_token()); });
}

/// What a worker that does not answer runs is cancelled by the server alone.
Result<void> BuildRun::end_if_canceled(const std::stop_token& stop)
{
    const auto row = SLIPWAY_TRY(services_.server.build(context_.token, item_.build.build_name(), stop));
    if (row.status == status::kCanceled)
        context_.end_early(Ending::canceled);
    return {};
}

/// Of a build that an earlier process has begun. While the server is away it goes on and is asked for again.
void BuildRun::ask_for_cancel(const std::stop_token& leave)
{
    const auto asked = end_if_canceled(leave);
    if (asked)
        return;
    logger_.warn("the server does not say yet whether the build was cancelled; it goes on", asked.error());
    asking_ = std::jthread{[this](const std::stop_token& stop) {
        std::chrono::nanoseconds wait = kFirstAsk;
        do {
            if (services_.clock.sleep_for(wait, stop) == Clock::Slept::stopped)
                return;
            wait = std::min<std::chrono::nanoseconds>(2 * wait, kLongestAsk);
        } while (!end_if_canceled(stop));
    }};
}

Result<void> BuildRun::work(std::stop_token leave)
{
    if (journal_.find("canceled"))
        context_.end_early(Ending::canceled);
    else if (journal_.find("begun"))
        ask_for_cancel(leave);
    SLIPWAY_TRY(take_place());
    make_parts();
    SLIPWAY_TRY(open_logs());
    create();
    SLIPWAY_TRY(plan(context_.work.get_token()));
    SLIPWAY_TRY(assemble(context_.work.get_token()));
    return execute(std::move(leave));
}

/// How the build ended, as the original has it: what failed stays failed, an error is an error.
void BuildRun::report(const std::stop_token& leave)
{
    timer_ = {};
    asking_ = {};
    const bool prepared
        = context_.how_it_ends() == Ending::no || (init_row_ && init_row_->get().finished != 0);
    {
        const std::lock_guard lock{context_.mutex};
        auto& build = context_.build;
        if (build.status == status::kRunning)
            build.status = status::kSuccess;
        else if (build.status == status::kPending)
            build.status = status::kKilled;
        if (!context_.error.empty() && context_.ending != Ending::canceled) {
            build.status = status::kError;
            build.error = context_.error;
        }
        build.finished = now_seconds(services_.clock);
    }
    if (init_row_ && !prepared) {
        if (context_.how_it_ends() == Ending::canceled)
            init_row_->cancel();
        else
            init_row_->finish(status::kFailure, 0, "");
    }
    if (init_log_)
        shipper_.finish(*init_log_);
    for (const auto& flows : {&steps_, &services_flows_})
        for (const auto& flow : *flows)
            flow->settle(leave);
    // Who sees that the build is over finds its rows and logs whole.
    (void)shipper_.flush(kToldFirst, leave);
    context_.tell_build("end");
}

void BuildRun::destroy(std::stop_token leave)
{
    for (const auto& flows : {&steps_, &services_flows_})
        for (const auto& flow : *flows)
            flow->release();
    {
        const std::lock_guard lock{context_.mutex};
        context_.kit.idle.clear();
    }
    for (const auto& plugin : plugins_)
        plugin->settle(leave);
    if (const auto removed = sidecar_.remove(leave); !removed)
        logger_.warn("the outputs sidecar was not removed", removed.error());
    if (const auto removed = services_.kits.empty(context_.kit, leave); !removed)
        logger_.warn("network, volume and containers were not removed", removed.error());
    // What somebody else has removed leaves a directory.
    for (const auto& flows : {&steps_, &services_flows_})
        for (const auto& flow : *flows)
            flow->remove(leave);
    if (context_.how_it_ends() == Ending::canceled)
        (void)outbox_.flush(kToldFirst, leave);
    {
        const std::lock_guard lock{mutex_};
        gone_ = true;
    }
    gone_changed_.notify_all();
}

void BuildRun::flush(std::stop_token leave)
{
    const auto told = outbox_.flush(kLastWords, leave);
    const auto shipped = shipper_.flush(kLastWords, leave);
    if (!leave.stop_requested() && (told == Outbox::Flushed::no || shipped == LogShipper::Flushed::no))
        logger_.error("the server did not take the end of the build for too long; it is given up");
}

} // namespace slipway::vela
