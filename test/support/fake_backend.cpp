#include "test/support/fake_backend.h"

#include "common/file.h"
#include "common/json.h"

#include <fcntl.h>
#include <unistd.h>

#include <stdexcept>

namespace slipway::test {

namespace {

namespace server = protocol::server;
using launcher::StageAnswer;
using launcher::StageRef;
using protocol::Fence;
using protocol::Millis;
using protocol::ServerPhase;
using protocol::ServerStage;

constexpr std::string_view kWorker = "01J00000000000000000000WKR";
constexpr std::size_t kMax = 1ULL << 30U;

/// A broken fake ends the test.
template <class T> T must(Result<T> result)
{
    if (!result)
        throw std::runtime_error{"fake backend: " + result.error().message()};
    if constexpr (!std::is_void_v<T>)
        return *std::move(result);
}

std::string to_text(const ServerStage& s)
{
    JsonWriter json;
    json.begin_object().flag("write", s.kind == protocol::StageKind::write);
    json.field("phase", static_cast<std::int64_t>(s.phase)).field("fence", s.fence.to_integer());
    json.field("holder", s.holder).field("until", s.until).field("run_limit", s.run_limit);
    json.field("outcome", static_cast<std::int64_t>(s.outcome));
    json.field("log_end", static_cast<std::int64_t>(s.log_end)).flag("held", s.held);
    json.flag("stop", s.stop_requested).end_object();
    return json.take();
}

ServerStage from_text(const std::string& text)
{
    const auto document = must(JsonDocument::parse(text));
    const auto json = document.root();
    ServerStage s;
    const auto yes = JsonValue::Boolean::yes;
    s.kind = must(json.boolean("write")) == yes ? protocol::StageKind::write : protocol::StageKind::read;
    s.phase = static_cast<ServerPhase>(must(json.integer("phase")));
    s.fence = Fence::from_integer(must(json.integer("fence")));
    s.holder = must(json.string("holder"));
    s.until = must(json.integer("until"));
    s.run_limit = must(json.integer("run_limit"));
    s.outcome = static_cast<protocol::Outcome>(must(json.integer("outcome")));
    s.log_end = static_cast<std::uint64_t>(must(json.integer("log_end")));
    s.held = must(json.boolean("held")) == yes;
    s.stop_requested = must(json.boolean("stop")) == yes;
    return s;
}

} // namespace

FakeBackend::FakeBackend(std::filesystem::path directory, const Clock& clock)
    : directory_{std::move(directory)}
    , clock_{clock}
{
    must(make_directories(directory_));
}

std::filesystem::path FakeBackend::file(const std::string& stage_id, std::string_view fact) const
{
    return directory_ / (stage_id + "." + std::string{fact});
}

Millis FakeBackend::now() const
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now().time_since_epoch()).count();
}

std::vector<std::string> FakeBackend::stage_ids() const
{
    std::vector<std::string> ids;
    for (const auto& entry : std::filesystem::directory_iterator{directory_})
        if (entry.path().extension() == ".state")
            ids.push_back(entry.path().stem().string());
    return ids;
}

void FakeBackend::save(const std::string& stage_id, const ServerStage& stage) const
{
    must(replace_file(file(stage_id, "state"), to_text(stage)));
}

ServerStage FakeBackend::stage(const std::string& stage_id) const
{
    const std::lock_guard lock{mutex_};
    return from_text(must(read_file(file(stage_id, "state"), kMax)));
}

server::Step FakeBackend::step(const std::string& stage_id, const server::Event& event) const
{
    const std::lock_guard lock{mutex_};
    const auto before = stage(stage_id);
    auto result = server::step(before, event, now(), terms_);
    if (result.state != before)
        save(stage_id, result.state);
    return result;
}

void FakeBackend::add(protocol::Assignment assignment)
{
    const std::lock_guard lock{mutex_};
    JsonWriter json;
    assignment.fence = {1, 1};
    protocol::write(json, assignment);
    must(replace_file(file(assignment.stage_id, "assignment"), json.text()));
    save(assignment.stage_id, {.kind = assignment.kind});
}

void FakeBackend::add_blob(std::string_view name, std::string_view bytes)
{
    must(replace_file(directory_ / ("blob-" + std::string{name}), bytes));
}

void FakeBackend::cancel(const std::string& stage_id) { step(stage_id, server::Cancel{}); }

void FakeBackend::declare_lost(const std::string& stage_id) { step(stage_id, server::DeclareLost{}); }

void FakeBackend::fail_next(int calls, Errc code)
{
    fail_code_ = code;
    fail_ = calls;
}

void FakeBackend::rewind_log(const std::string& stage_id, std::uint64_t expected)
{
    const std::lock_guard lock{mutex_};
    rewind_ = {stage_id, expected};
}

void FakeBackend::add_unreadable(const protocol::Unreadable& part)
{
    const std::lock_guard lock{mutex_};
    unreadable_.push_back(part);
}

void FakeBackend::command(protocol::CommandKind kind, const std::string& stage_id)
{
    const std::lock_guard lock{mutex_};
    commands_.push_back({kind, stage_id});
}

std::string FakeBackend::log(const std::string& stage_id) const
{
    const std::lock_guard lock{mutex_};
    auto text = must(read_file_if_exists(file(stage_id, "log"), kMax)).value_or("");
    text.resize(std::min<std::size_t>(text.size(), stage(stage_id).log_end));
    return text;
}

std::string FakeBackend::blob(std::string_view name) const
{
    return must(read_file_if_exists(directory_ / ("blob-" + std::string{name}), kMax)).value_or("");
}

std::vector<protocol::StateReport> FakeBackend::reports(const std::string& stage_id) const
{
    const std::lock_guard lock{mutex_};
    std::vector<protocol::StateReport> list;
    std::string text = must(read_file_if_exists(file(stage_id, "reports"), kMax)).value_or("");
    for (std::size_t end = 0; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1))
        list.push_back(must(protocol::read_state_report(text.substr(0, end))));
    return list;
}

std::optional<protocol::StateReport> FakeBackend::finish(const std::string& stage_id) const
{
    for (const auto& report : reports(stage_id))
        if (report.event == protocol::StageEvent::finished)
            return report;
    return {};
}

bool FakeBackend::wait_until(const std::function<bool()>& done, std::chrono::milliseconds at_most) const
{
    const auto until = std::chrono::steady_clock::now() + at_most;
    while (!done()) {
        if (std::chrono::steady_clock::now() > until)
            return false;
        SystemClock{}.sleep_for(std::chrono::milliseconds{5}, {});
    }
    return true;
}

bool FakeBackend::wait_finished(const std::string& stage_id, std::chrono::milliseconds at_most) const
{
    return wait_until([&] { return finish(stage_id).has_value(); }, at_most);
}

Result<void> FakeBackend::reach()
{
    if (away_)
        return Error{Errc::unreachable, "the fake backend is away"};
    if (fail_ > 0 && fail_-- > 0) // of two threads, one
        return Error{fail_code_, "the fake backend was told to fail"};
    return {};
}

Result<StageAnswer> FakeBackend::answer(const server::Step& step)
{
    if (lose_ > 0 && lose_-- > 0)
        return Error{Errc::timed_out, "the answer was lost"};
    StageAnswer given{.kind = StageAnswer::Kind::ok, .lease = terms_.lease, .expected = step.state.log_end};
    switch (step.verdict) {
    case server::Verdict::ok:
        break;
    case server::Verdict::gone:
    case server::Verdict::refused:
        given.kind = StageAnswer::Kind::gone;
        break;
    case server::Verdict::not_yet:
        given.kind = StageAnswer::Kind::not_yet;
        break;
    }
    return given;
}

Result<protocol::RegisterResponse> FakeBackend::enroll(const protocol::RegisterRequest&, std::stop_token)
{
    SLIPWAY_TRY(reach());
    ++enrolments_;
    const std::lock_guard lock{mutex_};
    return protocol::RegisterResponse{.worker_id = std::string{kWorker},
        .session = "s",
        .pool_id = "",
        .pool_name = "fake",
        .poll_wait = 60'000, // longer than any test waits: a lost wake-up shows
        .lease = terms_.lease,
        .server_id = server_id_,
        .served_ms = now(),
        .served_mark = "mark of " + server_id_,
        .wall_ms = 0};
}

/// Fills the answer; false when there is nothing to say yet.
bool FakeBackend::collect(const protocol::PollRequest& request, protocol::PollResponse& response)
{
    const std::lock_guard lock{mutex_};
    int free = offer_always_ ? 1 : request.draining ? 0 : request.free_places;
    response.commands.swap(commands_);
    response.unreadable.swap(unreadable_);
    for (const auto& id : stage_ids()) {
        auto state = step(id, server::Tick{}).state;
        if (state.phase == ServerPhase::waiting && free > 0)
            state = step(id, server::Grant{.worker = std::string{kWorker}}).state;
        if (state.phase == ServerPhase::offered && free > 0) {
            --free;
            const auto document = must(
                JsonDocument::parse(must(read_file(file(id, "assignment"), kMax)), {.max_bytes = kMax}));
            auto offer = must(protocol::read_assignment(document.root()));
            offer.fence = state.fence;
            response.offers.push_back(std::move(offer));
        }
        const bool ours = state.phase == ServerPhase::accepted || state.phase == ServerPhase::started;
        if (state.stop_requested && ours)
            response.commands.push_back({protocol::CommandKind::stop, id});
    }
    find_gone(response);
    return !response.offers.empty() || !response.commands.empty() || !response.gone.empty()
        || !response.unreadable.empty();
}

/// What was renewed when the poll came may be another's by now.
void FakeBackend::find_gone(protocol::PollResponse& response) const
{
    for (auto it = response.renewed.begin(); it != response.renewed.end();) {
        const server::Renew again{.worker = std::string{kWorker}, .fence = it->fence, .started = it->started};
        if (server::step(stage(it->stage_id), again, now(), terms_).verdict == server::Verdict::ok) {
            ++it;
            continue;
        }
        response.gone.push_back(*it);
        it = response.renewed.erase(it);
    }
}

Result<protocol::PollResponse> FakeBackend::poll(const protocol::PollRequest& request, std::stop_token stop)
{
    ++polls_;
    if (request.wait == 0)
        ++short_polls_;
    SLIPWAY_TRY(reach());
    protocol::PollResponse response{.renewed = {},
        .gone = {},
        .offers = {},
        .commands = {},
        .lease = terms_.lease,
        .served_ms = now(),
        .served_mark = "mark of " + server_id_};
    for (const auto& held : request.held) {
        const bool known = std::filesystem::exists(file(held.stage_id, "state"));
        const auto verdict = known
            ? step(held.stage_id,
                server::Renew{.worker = std::string{kWorker}, .fence = held.fence, .started = held.started})
                  .verdict
            : server::Verdict::gone;
        (verdict == server::Verdict::ok ? response.renewed : response.gone).push_back(held);
    }
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds{request.wait};
    while (!collect(request, response) && std::chrono::steady_clock::now() < until) {
        if (SystemClock{}.sleep_for(std::chrono::milliseconds{5}, stop) == Clock::Slept::stopped)
            return Error{Errc::cancelled, "stopped"};
        SLIPWAY_TRY(reach());
    }
    return response;
}

Result<StageAnswer> FakeBackend::accept(const StageRef& ref, Millis run_limit, std::stop_token)
{
    SLIPWAY_TRY(reach());
    return answer(step(ref.stage_id, server::Accept{std::string{kWorker}, ref.fence, run_limit}));
}

std::string FakeBackend::decline_reason() const
{
    const std::lock_guard lock{mutex_};
    return decline_reason_;
}

Result<void> FakeBackend::decline(const StageRef& ref, std::string_view reason, std::stop_token)
{
    SLIPWAY_TRY(reach());
    {
        const std::lock_guard lock{mutex_};
        decline_reason_ = reason;
    }
    ++declined_;
    step(ref.stage_id, server::Decline{std::string{kWorker}, ref.fence});
    return {};
}

Result<StageAnswer> FakeBackend::report(
    const StageRef& ref, const protocol::StateReport& report, std::stop_token)
{
    SLIPWAY_TRY(reach());
    int refused = static_cast<int>(report.event);
    if (refused_report_.compare_exchange_strong(refused, -1))
        return Error{refused_code_, "the fake backend was told to refuse this report"};
    const std::lock_guard lock{mutex_};
    const std::string worker{kWorker};
    server::Step result;
    switch (report.event) {
    case protocol::StageEvent::started:
        result = step(ref.stage_id, server::Started{worker, ref.fence});
        break;
    case protocol::StageEvent::preparing:
    case protocol::StageEvent::phase:
        result = step(
            ref.stage_id, server::Renew{worker, ref.fence, report.event == protocol::StageEvent::phase});
        break;
    case protocol::StageEvent::finished:
        result = step(ref.stage_id, server::Finish{worker, ref.fence, report.outcome, report.log_end});
        break;
    }
    if (result.verdict == server::Verdict::ok) {
        auto known = must(read_file_if_exists(file(ref.stage_id, "reports"), kMax)).value_or("");
        must(replace_file(file(ref.stage_id, "reports"), known + protocol::to_json(report) + "\n"));
    }
    return answer(result);
}

Result<StageAnswer> FakeBackend::append_log(
    const StageRef& ref, std::uint64_t offset, std::string_view bytes, std::stop_token)
{
    SLIPWAY_TRY(reach());
    const std::lock_guard lock{mutex_};
    if (rewind_ && rewind_->first == ref.stage_id) {
        auto state = stage(ref.stage_id);
        state.log_end = rewind_->second;
        save(ref.stage_id, state);
        rewind_.reset();
    }
    const auto before = stage(ref.stage_id);
    const auto result = server::step(
        before, server::AppendLog{std::string{kWorker}, ref.fence, offset, bytes.size()}, now(), terms_);
    if (result.verdict == server::Verdict::ok) {
        const UniqueFd fd = SLIPWAY_TRY(open_file(file(ref.stage_id, "log"), O_RDWR | O_CREAT));
        const auto fresh = bytes.substr(static_cast<std::size_t>(result.skip));
        if (::pwrite(fd.get(), fresh.data(), fresh.size(), static_cast<off_t>(offset + result.skip))
            != static_cast<ssize_t>(fresh.size()))
            return Error{Errc::internal, "the fake backend could not write"};
        save(ref.stage_id, result.state);
    }
    return answer(result);
}

Result<StageAnswer> FakeBackend::upload_blob(
    const StageRef& ref, std::string_view name, int fd, std::uint64_t size, std::stop_token)
{
    SLIPWAY_TRY(reach());
    if (stage(ref.stage_id).fence != ref.fence)
        return StageAnswer{.kind = StageAnswer::Kind::gone};
    {
        const std::lock_guard lock{mutex_};
        if (upload_failure_)
            return *upload_failure_;
    }
    std::string bytes(static_cast<std::size_t>(size), '\0');
    std::size_t used = 0;
    while (used < bytes.size()) {
        const ssize_t count = ::pread(fd, bytes.data() + used, bytes.size() - used, static_cast<off_t>(used));
        if (count <= 0)
            return Error{Errc::internal, "the fake backend could not read"};
        used += static_cast<std::size_t>(count);
    }
    add_blob(name, bytes);
    return answer({.state = stage(ref.stage_id)});
}

Result<StageAnswer> FakeBackend::download_blob(const StageRef& ref, std::string_view name,
    const std::function<Result<void>(std::string_view)>& sink, std::stop_token)
{
    SLIPWAY_TRY(reach());
    if (!early_ && stage(ref.stage_id).phase == protocol::ServerPhase::offered)
        return StageAnswer{.kind = StageAnswer::Kind::gone};
    const std::string bytes = blob(name);
    if (bytes.empty())
        return Error{Errc::not_found, "no blob " + std::string{name}};
    SLIPWAY_TRY(sink(bytes));
    return answer({.state = stage(ref.stage_id)});
}

Result<void> FakeBackend::sign_off(std::stop_token)
{
    SLIPWAY_TRY(reach());
    signed_off_ = true;
    return {};
}

} // namespace slipway::test
