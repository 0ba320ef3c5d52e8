#include "test/unit/launcher/engine_fake_host.h"

#include "launcher/file_tar.h"
#include "launcher/job_settings.h"

#include <algorithm>

namespace slipway::test {

using namespace slipway::launcher;

class FakeSlot final : public JobSlot {
public:
    FakeSlot(FakeHost& host, std::shared_ptr<FakeHost::Container> container, std::uint64_t have)
        : host_{host}
        , container_{std::move(container)}
        , given_{have}
        , last_seq_{container_->last_seq}
    {
    }

    [[nodiscard]] std::string container() const override { return container_->name; }

    [[nodiscard]] int last_seq() const override { return last_seq_; }

    Result<void> put(std::string_view directory, const Producer& tar, std::stop_token) override
    {
        std::string bytes;
        SLIPWAY_TRY(tar([&](std::string_view piece) -> Result<void> {
            bytes.append(piece);
            return {};
        }));
        const std::lock_guard lock{host_.mutex_};
        if (host_.put_failure_)
            return *host_.put_failure_;
        host_.puts_.push_back(std::string{directory} + ":" + bytes);
        return {};
    }

    Result<std::string> get(std::string_view path, const Sink& tar, std::stop_token) override
    {
        std::string bytes = "the workspace";
        std::function<void()> meanwhile = [] {};
        {
            const std::lock_guard lock{host_.mutex_};
            if (host_.get_failure_)
                return *host_.get_failure_;
            if (container_->leased && path == kWorkspace) // one that may take longer than a lease
                return Error{Errc::cancelled, "the lease ended the transfer"};
            if (path != kWorkspace) {
                const auto file = host_.files_.find(std::string{path});
                if (file == host_.files_.end())
                    return Error{Errc::conflict, "nothing is there"};
                bytes = SLIPWAY_TRY(make_tar({{.path = "file", .content = file->second}}));
                if (const auto call = host_.while_getting_.find(file->first);
                    call != host_.while_getting_.end())
                    meanwhile = call->second;
            }
        }
        SLIPWAY_TRY(tar(bytes.substr(0, bytes.size() / 2)));
        meanwhile();
        SLIPWAY_TRY(tar(bytes.substr(bytes.size() / 2)));
        meanwhile();
        return std::string{};
    }

    Result<void> run(const SlotRun& run) override
    {
        const std::lock_guard lock{host_.mutex_};
        auto& c = *container_;
        if (run.seq <= c.last_seq)
            return {};
        c.last_seq = run.seq;
        c.running = run.seq;
        c.exits.clear();
        host_.started_.push_back({c.stage_id, run});
        c.current = {};
        for (const auto& [part, script] : host_.scripts_)
            if (run.argv.back().find(part) != std::string::npos)
                c.current = script;
        c.output += c.current.output;
        if (!c.current.waits)
            host_.end(c, c.current.exit);
        host_.changed_.notify_all();
        return {};
    }

    Result<SlotEvent> next(std::chrono::milliseconds at_most, std::stop_token stop) override
    {
        std::unique_lock lock{host_.mutex_};
        auto& c = *container_;
        if (!ready_told_) {
            ready_told_ = true;
            return SlotEvent{SlotReady{.last_seq = c.last_seq, .output_begin = 0}};
        }
        const auto something = [&] {
            return woken_ || c.gone || given_ < c.output.size()
                || (!c.exits.empty() && c.exits.rbegin()->first > told_);
        };
        host_.changed_.wait_for(lock, stop, at_most, something);
        woken_ = false;
        if (stop.stop_requested())
            return Error{Errc::cancelled, "stopped"};
        if (c.gone)
            return Error{Errc::not_found, "the container ended with code 137"};
        if (given_ < c.output.size()) {
            auto bytes = c.output.substr(given_, 1000);
            given_ += bytes.size();
            return SlotEvent{SlotOutput{std::move(bytes)}};
        }
        if (!c.exits.empty() && c.exits.rbegin()->first > told_) {
            told_ = c.exits.rbegin()->first;
            return SlotEvent{c.exits.rbegin()->second};
        }
        return SlotEvent{Nothing{}};
    }

    void wake() noexcept override
    {
        const std::lock_guard lock{host_.mutex_};
        woken_ = true;
        host_.changed_.notify_all();
    }

    Result<void> ack(std::uint64_t, int seq) override
    {
        const std::lock_guard lock{host_.mutex_};
        std::erase_if(container_->exits, [&](const auto& exit) { return exit.first <= seq; });
        return {};
    }

    Result<void> lease(protocol::Millis) override
    {
        const std::lock_guard lock{host_.mutex_};
        ++host_.leases_;
        container_->leased = true;
        return {};
    }

    Result<void> end_lease() override
    {
        const std::lock_guard lock{host_.mutex_};
        container_->leased = false;
        return {};
    }

    Result<void> limits(const SlotLimits& limits) override
    {
        const std::lock_guard lock{host_.mutex_};
        host_.limits_ = limits;
        return {};
    }

    Result<void> stop_run(protocol::Millis) override
    {
        const std::lock_guard lock{host_.mutex_};
        ++host_.stops_;
        if (container_->running != 0)
            host_.end(*container_, {.code = 130, .by = EndedBy::stop});
        return {};
    }

    Result<void> dismiss() override { return {}; }

private:
    FakeHost& host_;
    std::shared_ptr<FakeHost::Container> container_;
    std::uint64_t given_;
    int last_seq_;
    int told_ = 0;
    bool ready_told_ = false;
    bool woken_ = false;
};

void FakeHost::end(Container& container, SlotExit exit)
{
    exit.seq = container.running;
    container.exits[container.running] = exit;
    container.running = 0;
    changed_.notify_all();
}

void FakeHost::script(const std::string& part, Script script)
{
    const std::lock_guard lock{mutex_};
    scripts_[part] = std::move(script);
}

void FakeHost::let_go()
{
    const std::lock_guard lock{mutex_};
    for (auto& [name, container] : containers_)
        if (container->running != 0)
            end(*container, container->current.exit);
}

void FakeHost::set_away(bool away)
{
    const std::lock_guard lock{mutex_};
    away_ = away;
}

void FakeHost::hold_removals(bool hold)
{
    const std::lock_guard lock{mutex_};
    hold_removals_ = hold;
    if (!hold)
        for (const auto& name : std::exchange(discarded_, {}))
            containers_.erase(name);
    changed_.notify_all();
}

/// Under the lock.
Result<void> FakeHost::reach() const
{
    if (away_)
        return Error{Errc::unreachable, "docker: nobody listens"};
    return {};
}

void FakeHost::fail_image(std::optional<Error> error)
{
    const std::lock_guard lock{mutex_};
    image_failure_ = std::move(error);
}

void FakeHost::fail_next_adopt(Error error)
{
    const std::lock_guard lock{mutex_};
    adopt_failure_ = std::move(error);
}

void FakeHost::fail_put(std::optional<Error> error)
{
    const std::lock_guard lock{mutex_};
    put_failure_ = std::move(error);
}

void FakeHost::while_getting(const std::string& path, std::function<void()> call)
{
    const std::lock_guard lock{mutex_};
    while_getting_[path] = std::move(call);
}

void FakeHost::set_file(const std::string& path, const std::string& content)
{
    const std::lock_guard lock{mutex_};
    if (content.empty())
        files_.erase(path);
    else
        files_[path] = content;
}

void FakeHost::fail_get(std::optional<Error> error)
{
    const std::lock_guard lock{mutex_};
    get_failure_ = std::move(error);
}

void FakeHost::lose(const std::string& stage_id)
{
    const std::lock_guard lock{mutex_};
    std::erase_if(containers_, [&](const auto& one) {
        const bool hit = one.second->stage_id == stage_id;
        one.second->gone = one.second->gone || hit;
        return hit;
    });
    changed_.notify_all();
}

void FakeHost::add_stray(const std::string& container, const std::string& stage_id)
{
    const std::lock_guard lock{mutex_};
    containers_[container] = std::make_shared<Container>(Container{.name = container, .stage_id = stage_id});
}

std::vector<StartedCommand> FakeHost::started() const
{
    const std::lock_guard lock{mutex_};
    return started_;
}

std::vector<std::string> FakeHost::names() const
{
    const std::lock_guard lock{mutex_};
    std::vector<std::string> names;
    for (const auto& [name, container] : containers_)
        names.push_back(name);
    return names;
}

SlotLimits FakeHost::limits() const
{
    const std::lock_guard lock{mutex_};
    return limits_;
}

int FakeHost::leases() const
{
    const std::lock_guard lock{mutex_};
    return leases_;
}

int FakeHost::stops() const
{
    const std::lock_guard lock{mutex_};
    return stops_;
}

std::vector<std::string> FakeHost::puts() const
{
    const std::lock_guard lock{mutex_};
    return puts_;
}

Result<RunnerImage> FakeHost::image(
    const ImageRequest& request, const std::function<void(std::string_view)>& progress, std::stop_token)
{
    const std::lock_guard lock{mutex_};
    SLIPWAY_TRY(reach());
    progress("looking for " + request.image);
    if (image_failure_)
        return *image_failure_;
    return RunnerImage{request.id.empty() ? "sha256:fake" : request.id};
}

void FakeHost::keep_idle(std::string image_id)
{
    const std::lock_guard lock{mutex_};
    idle_image_ = std::move(image_id);
}

int FakeHost::made() const
{
    const std::lock_guard lock{mutex_};
    return made_;
}

Result<std::optional<LikelySlot>> FakeHost::take_likely(const SlotRequest& request, const KeepSlot& keep)
{
    std::optional<std::string> image;
    {
        const std::lock_guard lock{mutex_};
        image.swap(idle_image_);
    }
    if (!image)
        return std::optional<LikelySlot>{};
    auto idle = request;
    idle.image_id = *image;
    auto slot = SLIPWAY_TRY(create(idle, keep, {}));
    return std::optional{LikelySlot{.slot = std::move(slot), .image_id = *std::move(image)}};
}

Result<std::unique_ptr<JobSlot>> FakeHost::create(
    const SlotRequest& request, const KeepSlot& keep, std::stop_token)
{
    std::shared_ptr<Container> container;
    {
        const std::lock_guard lock{mutex_};
        SLIPWAY_TRY(reach());
        const std::string name = "c" + std::to_string(++made_);
        container = std::make_shared<Container>(Container{.name = name, .stage_id = request.stage_id});
        containers_[name] = container;
    }
    SLIPWAY_TRY(keep({.record = "r", .container = container->name, .image_id = request.image_id}));
    return std::unique_ptr<JobSlot>{std::make_unique<FakeSlot>(*this, container, 0)};
}

Result<std::unique_ptr<JobSlot>> FakeHost::adopt(const SlotFact& slot, std::uint64_t have, std::stop_token)
{
    const std::lock_guard lock{mutex_};
    SLIPWAY_TRY(reach());
    if (adopt_failure_) {
        Error error = *std::move(adopt_failure_);
        adopt_failure_.reset();
        return error;
    }
    const auto it = containers_.find(slot.container);
    if (it == containers_.end())
        return Error{Errc::not_found, "no such container"};
    return std::unique_ptr<JobSlot>{std::make_unique<FakeSlot>(*this, it->second, have)};
}

Result<std::vector<FoundContainer>> FakeHost::containers(std::stop_token)
{
    const std::lock_guard lock{mutex_};
    SLIPWAY_TRY(reach());
    std::vector<FoundContainer> found;
    for (const auto& [name, container] : containers_)
        if (!discarded_.contains(name))
            found.push_back({.id = name, .stage_id = container->stage_id, .running = true});
    return found;
}

Result<void> FakeHost::remove(const std::string& name, std::stop_token stop)
{
    std::unique_lock lock{mutex_};
    SLIPWAY_TRY(reach());
    if (!changed_.wait(lock, stop, [this] { return !hold_removals_; }))
        return Error{Errc::cancelled, "stopped"};
    if (const auto it = containers_.find(name); it != containers_.end()) {
        it->second->gone = true;
        containers_.erase(it);
    }
    changed_.notify_all();
    return {};
}

void FakeHost::discard(const std::string& name)
{
    const std::lock_guard lock{mutex_};
    if (hold_removals_)
        discarded_.insert(name);
    else
        containers_.erase(name);
    changed_.notify_all();
}

void FakeHost::keep_warm(Warm warm)
{
    const std::lock_guard lock{mutex_};
    warm_ = warm;
}

Warm FakeHost::warm() const
{
    const std::lock_guard lock{mutex_};
    return warm_;
}

bool FakeHost::ready() const
{
    const std::lock_guard lock{mutex_};
    return ready_;
}

void FakeHost::on_ready(std::function<void()> call)
{
    const std::lock_guard lock{mutex_};
    on_ready_ = std::move(call);
}

void FakeHost::set_ready(bool ready)
{
    std::function<void()> call;
    {
        const std::lock_guard lock{mutex_};
        ready_ = ready;
        if (ready)
            call = on_ready_;
    }
    if (call)
        call();
}

} // namespace slipway::test
