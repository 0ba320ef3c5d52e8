#pragma once

#include "common/clock.h"
#include "common/protocol/server_core.h"
#include "launcher/backend.h"

#include <atomic>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::test {

/// A control plane in a directory: every decision is the protocol core's, so it refuses what the real one
/// refuses; every state is in files, so it outlives the process that calls it, and processes may take turns.
/// May be told to fail, to lose answers and to be away. Thread-safe.
class FakeBackend final : public launcher::Backend {
public:
    /// `clock` is the served time and outlives the backend.
    FakeBackend(std::filesystem::path directory, const Clock& clock);

    // What a test does to it.
    void add(protocol::Assignment assignment);
    void add_blob(std::string_view name, std::string_view bytes);
    void cancel(const std::string& stage_id);
    void declare_lost(const std::string& stage_id);

    void set_away(bool away) { away_ = away; }

    /// The next `calls` calls do what they shall, but their answers are lost.
    void lose_answers(int calls) { lose_ = calls; }

    /// The next `calls` calls, whoever's, fail with `code` and do nothing.
    void fail_next(int calls, Errc code);

    /// The next report of `event` fails and does nothing; by default it finds its session over.
    void refuse_report(protocol::StageEvent event, Errc code = Errc::rejected)
    {
        refused_code_ = code;
        refused_report_ = static_cast<int>(event);
    }

    /// The next `calls` log appends are told that the log is known up to `expected` only.
    void rewind_log(const std::string& stage_id, std::uint64_t expected);
    /// Comes once, with the next answer to a poll.
    void add_unreadable(const protocol::Unreadable& part);
    void command(protocol::CommandKind kind, const std::string& stage_id = {});

    /// Uploads fail from now on.
    void fail_uploads(Error error)
    {
        const std::lock_guard lock{mutex_};
        upload_failure_ = std::move(error);
    }

    /// It becomes another control plane.
    void set_server_id(std::string id)
    {
        const std::lock_guard lock{mutex_};
        server_id_ = std::move(id);
    }

    /// Whether blobs of a stage are given before it is accepted; at first they are.
    void give_early(bool early) { early_ = early; }

    /// Offers even where no place is free, as an offer does that was made just before.
    void offer_always(bool always) { offer_always_ = always; }

    void set_terms(const protocol::Terms& terms) { terms_ = terms; }

    // What a test asks it.
    [[nodiscard]] protocol::ServerStage stage(const std::string& stage_id) const;
    [[nodiscard]] std::string log(const std::string& stage_id) const;
    [[nodiscard]] std::string blob(std::string_view name) const;
    /// The reports that were accepted, in their order.
    [[nodiscard]] std::vector<protocol::StateReport> reports(const std::string& stage_id) const;
    [[nodiscard]] std::optional<protocol::StateReport> finish(const std::string& stage_id) const;

    [[nodiscard]] int enrolments() const { return enrolments_; }

    [[nodiscard]] int declined() const { return declined_; }

    /// Why the newest offer that was declined was.
    [[nodiscard]] std::string decline_reason() const;

    /// Polls that were begun so far.
    [[nodiscard]] int polls() const { return polls_; }

    /// Those of them that may not wait.
    [[nodiscard]] int short_polls() const { return short_polls_; }

    [[nodiscard]] bool signed_off() const { return signed_off_; }

    /// Polls the files until `done` says so; false when the time is over.
    [[nodiscard]] bool wait_until(const std::function<bool()>& done, std::chrono::milliseconds at_most) const;
    [[nodiscard]] bool wait_finished(const std::string& stage_id, std::chrono::milliseconds at_most) const;

    // launcher::Backend
    Result<protocol::RegisterResponse> enroll(
        const protocol::RegisterRequest& request, std::stop_token stop) override;
    Result<protocol::PollResponse> poll(const protocol::PollRequest& request, std::stop_token stop) override;
    Result<launcher::StageAnswer> accept(
        const launcher::StageRef& stage, protocol::Millis run_limit, std::stop_token stop) override;
    Result<void> decline(
        const launcher::StageRef& stage, std::string_view reason, std::stop_token stop) override;
    Result<launcher::StageAnswer> report(
        const launcher::StageRef& stage, const protocol::StateReport& report, std::stop_token stop) override;
    Result<launcher::StageAnswer> append_log(const launcher::StageRef& stage, std::uint64_t offset,
        std::string_view bytes, std::stop_token stop) override;
    Result<launcher::StageAnswer> upload_blob(const launcher::StageRef& stage, std::string_view name, int fd,
        std::uint64_t size, std::stop_token stop) override;
    Result<launcher::StageAnswer> download_blob(const launcher::StageRef& stage, std::string_view name,
        const std::function<Result<void>(std::string_view)>& sink, std::stop_token stop) override;
    Result<void> sign_off(std::stop_token stop) override;

private:
    [[nodiscard]] std::filesystem::path file(const std::string& stage_id, std::string_view fact) const;
    [[nodiscard]] std::vector<std::string> stage_ids() const;
    void save(const std::string& stage_id, const protocol::ServerStage& stage) const;
    protocol::server::Step step(const std::string& stage_id, const protocol::server::Event& event) const;
    [[nodiscard]] protocol::Millis now() const;
    Result<void> reach();
    Result<launcher::StageAnswer> answer(const protocol::server::Step& step);
    bool collect(const protocol::PollRequest& request, protocol::PollResponse& response);
    void find_gone(protocol::PollResponse& response) const;

    std::filesystem::path directory_;
    const Clock& clock_;
    protocol::Terms terms_;
    mutable std::recursive_mutex mutex_;
    std::atomic<bool> away_{false};
    std::atomic<bool> early_{true};
    std::atomic<bool> offer_always_{false};
    std::atomic<int> lose_{0};
    std::atomic<int> fail_{0};
    std::atomic<Errc> fail_code_{Errc::unreachable};
    std::atomic<int> enrolments_{0};
    std::atomic<int> declined_{0};
    std::atomic<int> polls_{0};
    std::atomic<int> refused_report_{-1};
    std::atomic<Errc> refused_code_{Errc::rejected};
    std::atomic<int> short_polls_{0};
    std::atomic<bool> signed_off_{false};
    std::vector<protocol::Command> commands_;
    std::string decline_reason_;
    std::optional<Error> upload_failure_;
    std::string server_id_ = "01J00000000000000000000SRV";
    std::vector<protocol::Unreadable> unreadable_;
    std::optional<std::pair<std::string, std::uint64_t>> rewind_;
};

} // namespace slipway::test
