#include "launcher/vela/step_flow.h"

#include "launcher/vela/ruleset.h"
#include "launcher/vela/substitute.h"

#include <algorithm>

namespace slipway::vela {

namespace {

/// How long before its end a token of the SCM is replaced.
constexpr std::int64_t kTokenAhead = 45 * 60;
/// Some calls are answered only for a build that the server knows to run.
constexpr std::chrono::seconds kToldWithin{30};

std::string journal_name(ContainerKind kind, const Container& container)
{
    return (kind == ContainerKind::step ? "step." : "service.") + std::to_string(container.number);
}

std::string words_of(const RunEnd& end, const Container& container)
{
    if (end.lost)
        return "the container went away: " + end.words;
    if (end.never_executed)
        return "the command of " + container.name + " could not be executed; its log says why";
    if (end.oom)
        return "a process of " + container.name + " was killed for want of memory";
    return {};
}

} // namespace

StepFlow::StepFlow(BuildContext& context, OutputsSidecar& sidecar, ContainerKind kind, Container container,
    std::string stage)
    : context_{context}
    , sidecar_{sidecar}
    , kind_{kind}
    , container_{std::move(container)}
    , stage_{std::move(stage)}
    , name_{journal_name(kind, container_)}
    , row_{context, kind, container_, stage_}
{
}

Result<void> StepFlow::open()
{
    log_ = SLIPWAY_TRY(ContainerLog::open(context_.journal.directory() / name_,
        {.server = context_.services.server,
            .token = [this] { return context_.token; },
            .build = context_.build.build_name(),
            .clock = context_.services.clock,
            .logger = context_.logger.with(is_service() ? "service" : "step", container_.name),
            .max_size = context_.services.options.max_log_size},
        kind_, container_.number));
    run_.emplace(context_, container_, log_->spool());
    const std::lock_guard lock{context_.mutex};
    context_.stoppers.emplace_back([this](std::chrono::milliseconds grace) {
        if (!is_detached())
            run_->stop_soon(grace);
    });
    return {};
}

/// Scripts are substituted before a step runs, and its environment is made when it does: only this says so.
void StepFlow::tell_own_state()
{
    const std::string prefix = is_service() ? "VELA_SERVICE_" : "VELA_STEP_";
    container_.environment[prefix + "STATUS"] = status::kRunning;
    container_.environment[prefix + "STARTED"] = std::to_string(row_.get().started);
}

void StepFlow::make_ahead()
{
    if (ahead_.valid() || !image_ || is_init() || run_->known_end())
        return;
    ahead_ = std::async(std::launch::async,
        [this] { return run_->prepare(*image_, privileged_, context_.work.get_token()); });
}

/// Once for each step, so that a later process takes the same turn.
Result<StepFlow::Turn> StepFlow::take_turn(const StatusView& status)
{
    const std::string key = "turn." + name_;
    if (const auto known = context_.journal.find(key))
        return *known == "run" ? Turn::taken : Turn::skipped;
    Build build;
    {
        const std::lock_guard lock{context_.mutex};
        build = context_.build;
    }
    const auto runs = SLIPWAY_TRY(should_run(container_, build, status.get()));
    SLIPWAY_TRY(context_.journal.put(key, runs == Runs::yes ? "run" : "skip", BuildJournal::Sync::later));
    return runs == Runs::yes ? Turn::taken : Turn::skipped;
}

Result<void> StepFlow::merge_outputs()
{
    if (!sidecar_.is_on() || is_service())
        return {};
    const auto outputs = SLIPWAY_TRY(in("reading outputs", sidecar_.read(context_.work.get_token())));
    vela::merge_outputs(container_, outputs);
    const std::lock_guard lock{context_.mutex};
    for (const auto& [name, value] : outputs.masked)
        if (!value.empty())
            context_.masked_outputs.push_back(value);
    return {};
}

Result<void> StepFlow::add_token()
{
    const auto stop = context_.work.get_token();
    auto& server = context_.services.server;
    const auto name = context_.build.build_name();
    if (!container_.git.repositories.empty()) {
        (void)context_.outbox.flush(kToldWithin, stop);
        const auto own = SLIPWAY_TRY(
            in("a token of the SCM", server.scm_token(context_.token, name, container_.git, stop)));
        add_scm_token(container_, own.token, own.expiration);
        return {};
    }
    Secret token;
    std::int64_t expires = 0;
    {
        const std::lock_guard lock{context_.mutex};
        token = context_.scm_token;
        expires = context_.scm_token_exp;
    }
    if (expires != 0 && expires - now_seconds(context_.services.clock) < kTokenAhead) {
        if (auto fresh = server.refresh_scm_token(context_.token, name, token, stop)) {
            token = fresh->token;
            expires = fresh->expiration;
            const std::lock_guard lock{context_.mutex};
            context_.scm_token = token;
            context_.scm_token_exp = expires;
        } else {
            context_.logger.warn("the token of the SCM stays as it is", fresh.error());
        }
    }
    add_scm_token(container_, token, expires);
    return {};
}

/// Everything that the container is told, in the original's order.
Result<void> StepFlow::fill()
{
    std::string id_token;
    if (!container_.id_request.empty()) {
        (void)context_.outbox.flush(kToldWithin, context_.work.get_token());
        const auto token = SLIPWAY_TRY(in("a token for OIDC",
            context_.services.server.id_request_token(
                context_.token, context_.build.build_name(), container_, context_.work.get_token())));
        id_token = token.reveal();
    }
    SLIPWAY_TRY(add_lazy_secrets());
    std::map<std::string, SecretValue> secrets;
    {
        const std::lock_guard lock{context_.mutex};
        add_variables(container_, is_service() ? Role::service : Role::step, context_.services.facts,
            context_.build, stage_, id_token);
        secrets = context_.secrets;
    }
    SLIPWAY_TRY(add_token());
    inject_secrets(container_, secrets, Substitutable::yes);
    if (!is_service())
        apply_script(container_);
    SLIPWAY_TRY(substitute(container_));
    inject_secrets(container_, secrets, Substitutable::no);
    std::vector<std::string> more{id_token};
    {
        const std::lock_guard lock{context_.mutex};
        more.insert(more.end(), context_.masked_outputs.begin(), context_.masked_outputs.end());
    }
    if (const auto password = container_.environment.find("VELA_NETRC_PASSWORD");
        password != container_.environment.end())
        more.push_back(password->second);
    if (!is_service())
        log_->mask(masked_values(container_, more));
    return {};
}

/// Those that are wanted here and fetched at the start of their step.
Result<void> StepFlow::add_lazy_secrets()
{
    if (is_service())
        return {};
    for (const auto& secret : context_.lazy_secrets) {
        if (std::ranges::none_of(
                container_.secrets, [&](const auto& wanted) { return wanted.source == secret.name; }))
            continue;
        const auto tell = [&](std::string_view text) {
            if (const auto told = log_->append(text_identity(secret.name), text); !told)
                context_.logger.warn("the log of a step", told.error());
        };
        if (auto fetched = fetch_secret(context_, secret, tell, context_.work.get_token()); !fetched)
            return fetched;
    }
    return {};
}

/// A step that cannot be run: its row says why, and the build ends with an error.
Result<void> StepFlow::fail(const Error& error)
{
    if (error.code() == Errc::cancelled)
        return error;
    row_.finish(status::kError, 0, error.message());
    return error;
}

Result<void> StepFlow::run(const StatusView& status, std::stop_token leave)
{
    if (is_init())
        return {};
    if (ahead_.valid()) {
        // One that failed is tried again below, where its words belong to the step.
        const auto made = ahead_.get();
        if (!made)
            context_.logger.debug("a container was not made ahead", {{"error", made.error().message()}});
    }
    if (const auto end = run_->known_end()) {
        take_end(*end, status);
        return end->never_executed ? Error{Errc::rejected, words_of(*end, container_)} : Result<void>{};
    }
    // Outputs come before the turn in a pipeline of steps, after it in one of stages, as the original has it.
    if (stage_.empty())
        SLIPWAY_TRY(merge_outputs());
    if (SLIPWAY_TRY(take_turn(status)) == Turn::skipped)
        return {};
    if (!stage_.empty())
        SLIPWAY_TRY(merge_outputs());
    SLIPWAY_TRY(fill());
    return execute(status, std::move(leave));
}

Result<void> StepFlow::execute(const StatusView& status, std::stop_token leave)
{
    row_.begin();
    context_.shipper.add(*log_);
    if (!image_) {
        auto image = fetch_at_start();
        if (!image)
            return fail(image.error());
        image_ = *std::move(image);
    }
    tell_own_state();
    auto made = run_->prepare(*image_, privileged_, context_.work.get_token());
    if (!made && run_->was_started() && made.error().code() == Errc::not_found) {
        take_end({.code = 137, .lost = true, .words = made.error().message()}, status);
        return {};
    }
    if (!made)
        return fail(made.error());
    if (auto started = run_->start(leave); !started)
        return fail(started.error());
    if (is_detached()) {
        const auto over = run_->await_executed(context_.work.get_token());
        if (!over)
            return fail(over.error());
        if (*over && (*over)->never_executed) {
            code_ = (*over)->code;
            return Error{Errc::rejected, words_of(**over, container_)};
        }
        follower_ = std::jthread{[this](std::stop_token stop) {
            if (const auto end = run_->follow(std::move(stop))) {
                code_ = end->code;
                if (end->never_executed)
                    context_.fail(words_of(*end, container_));
            }
        }};
        return {};
    }
    auto end = run_->follow(std::move(leave));
    if (!end)
        return fail(end.error());
    take_end(*end, status);
    if (end->never_executed)
        return Error{Errc::rejected, words_of(*end, container_)};
    if (!container_.artifact_paths.empty())
        sidecar_.upload(container_, context_.work.get_token());
    return {};
}

void StepFlow::take_end(const RunEnd& end, const StatusView& status)
{
    code_ = end.code;
    const auto ending = context_.how_it_ends();
    if (end.timed_out && ending == Ending::no)
        context_.end_early(Ending::timed_out);
    if (end.code != 0 && !container_.ruleset.continues)
        status.failed();
    if (end.timed_out || (ending == Ending::timed_out && end.code != 0))
        row_.finish(status::kFailure, 137, kDeadlineWords);
    else if (ending == Ending::canceled)
        row_.cancel();
    else
        row_.finish(end.code == 0 ? status::kSuccess : status::kFailure, end.code, words_of(end, container_));
    context_.shipper.finish(*log_);
}

void StepFlow::settle(const std::stop_token& leave)
{
    if (is_init() || !run_)
        return;
    if (ahead_.valid())
        ahead_.wait();
    if (follower_.joinable()) {
        follower_.request_stop();
        follower_.join();
        if (const auto still = run_->look(leave); !still)
            context_.logger.warn("the last output of a container", still.error());
    }
    const auto ending = context_.how_it_ends();
    if (ending == Ending::canceled)
        row_.cancel();
    else if (!is_detached() && !code_ && row_.get().status == status::kRunning) // it began, and has no end
        row_.finish(status::kFailure, 137, ending == Ending::timed_out ? kDeadlineWords : kCanceledWords);
    else
        row_.settle(code_);
    context_.shipper.finish(*log_);
}

std::optional<std::string> StepFlow::ready_image() const
{
    return !is_init() && !is_service() && image_ && fits_any(container_, privileged_)
        ? std::optional{container_.image}
        : std::nullopt;
}

void StepFlow::release()
{
    if (run_)
        run_->release();
}

void StepFlow::remove(std::stop_token leave)
{
    if (is_init() || !run_)
        return;
    if (const auto removed = run_->remove(std::move(leave)); !removed)
        context_.logger.with("container", run_->id()).warn("a container was not removed", removed.error());
}

} // namespace slipway::vela
