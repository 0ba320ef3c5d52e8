#pragma once

#include "launcher/job_host.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace slipway::test {

/// A command as it was started in a slot.
struct StartedCommand {
    std::string stage_id;
    launcher::SlotRun run;
};

/// Containers as values: they live on when the process under test lets go of them, take each command once,
/// keep output and ends until acknowledged, and do what the test says. Thread-safe.
class FakeHost final : public launcher::JobHost {
public:
    /// What a command writes and how it ends.
    struct Script {
        std::string output;
        launcher::SlotExit exit{.code = 0};
        bool waits = false; ///< Ends only when stopped, or when `let_go` is called.
    };

    /// Commands whose script text holds `part` behave so; others write nothing and succeed.
    void script(const std::string& part, Script script);
    void let_go();
    /// Every call for an image from now on fails so; empty: none does.
    void fail_image(std::optional<Error> error);
    /// The engine does not answer: every call fails with `unreachable`.
    void set_away(bool away);
    /// To remove a container takes until this is called with `false`, or the call is stopped.
    void hold_removals(bool hold);
    void fail_next_adopt(Error error);
    /// A file that every container has from now on, for `get` of its path; empty: it is there no more.
    void set_file(const std::string& path, const std::string& content);
    /// Called while `get` of this path is under way, before and after the second half of the bytes.
    void while_getting(const std::string& path, std::function<void()> call);
    /// Unpacking in a container fails from now on; none: works.
    void fail_put(std::optional<Error> error);
    /// The next container is given as one that was idle, and is of this image.
    void keep_idle(std::string image_id);
    /// Containers that were made so far.
    [[nodiscard]] int made() const;
    /// Reading a container's files fails from now on; none: works.
    void fail_get(std::optional<Error> error);
    /// The container ends as if someone had killed it.
    void lose(const std::string& stage_id);
    void add_stray(const std::string& container, const std::string& stage_id);

    [[nodiscard]] std::vector<StartedCommand> started() const;
    [[nodiscard]] std::vector<std::string> names() const;
    [[nodiscard]] launcher::SlotLimits limits() const;
    [[nodiscard]] int leases() const;
    [[nodiscard]] int stops() const;
    [[nodiscard]] std::vector<std::string> puts() const;

    Result<launcher::RunnerImage> image(const launcher::ImageRequest& request,
        const std::function<void(std::string_view)>& progress, std::stop_token stop) override;
    Result<std::unique_ptr<launcher::JobSlot>> create(
        const launcher::SlotRequest& request, const launcher::KeepSlot& keep, std::stop_token stop) override;
    Result<std::optional<launcher::LikelySlot>> take_likely(
        const launcher::SlotRequest& request, const launcher::KeepSlot& keep) override;
    Result<std::unique_ptr<launcher::JobSlot>> adopt(
        const launcher::SlotFact& slot, std::uint64_t have, std::stop_token stop) override;
    Result<std::vector<launcher::FoundContainer>> containers(std::stop_token stop) override;
    Result<void> remove(const std::string& container, std::stop_token stop) override;
    /// Removed at once, or when removals are not held any more.
    void discard(const std::string& container) override;
    void keep_warm(launcher::Warm warm) override;

    void settle(std::stop_token) override { }

    [[nodiscard]] std::size_t idle_slots() const override { return 0; }

    [[nodiscard]] bool ready() const override;
    void on_ready(std::function<void()> call) override;
    /// It is not known yet how slots are made; at first it is.
    void set_ready(bool ready);

    /// What the launcher wanted last.
    [[nodiscard]] launcher::Warm warm() const;

private:
    friend class FakeSlot;

    struct Container {
        std::string name;
        std::string stage_id;
        std::string output;
        int last_seq = 0;
        int running = 0;
        std::map<int, launcher::SlotExit> exits; ///< Not acknowledged.
        Script current;
        bool leased = false; ///< A lease ends what it does.
        bool gone = false;
    };

    void end(Container& container, launcher::SlotExit exit);
    [[nodiscard]] Result<void> reach() const;

    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::map<std::string, std::shared_ptr<Container>> containers_;
    std::map<std::string, Script> scripts_;
    std::vector<StartedCommand> started_;
    std::vector<std::string> puts_;
    launcher::SlotLimits limits_;
    int leases_ = 0;
    int stops_ = 0;
    int made_ = 0;
    bool away_ = false;
    bool hold_removals_ = false;
    std::set<std::string> discarded_;
    launcher::Warm warm_ = launcher::Warm::yes;
    bool ready_ = true;
    std::function<void()> on_ready_;
    std::optional<Error> image_failure_;
    std::optional<Error> adopt_failure_;
    std::optional<Error> get_failure_;
    std::optional<Error> put_failure_;
    std::optional<std::string> idle_image_;
    std::map<std::string, std::string> files_;
    std::map<std::string, std::function<void()>> while_getting_;
};

} // namespace slipway::test
