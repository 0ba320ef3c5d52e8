#include "mothership/store/checkpointer.h"

#include <utility>

namespace slipway::mothership::sqlite {

Checkpointer::Checkpointer(std::unique_ptr<Connection> own, Connection& writer, CheckpointSettings settings)
    : own_{std::move(own)}
    , writer_{writer}
    , settings_{settings}
{
    writer_.on_commit([this](int pages) { committed(pages); });
    thread_ = std::jthread{[this](std::stop_token stop) { run(std::move(stop)); }};
}

Result<std::unique_ptr<Checkpointer>> Checkpointer::start(
    const std::filesystem::path& path, Connection& writer, CheckpointSettings settings)
{
    auto own = SLIPWAY_TRY(Connection::open(path, Connection::Access::write));
    return std::unique_ptr<Checkpointer>{new Checkpointer{std::move(own), writer, settings}};
}

Checkpointer::~Checkpointer() { writer_.on_commit({}); }

/// On the thread that commits.
void Checkpointer::committed(int pages)
{
    if (pages >= settings_.most)
        writer_.checkpoint();
    if (pages < settings_.wanted)
        return;
    const std::lock_guard lock{mutex_};
    due_ = true;
    changed_.notify_all();
}

void Checkpointer::run(std::stop_token stop)
{
    std::unique_lock lock{mutex_};
    while (changed_.wait(lock, stop, [this] { return due_; })) {
        if (changed_.wait_for(lock, stop, settings_.rest, [] { return false; }); stop.stop_requested())
            return;
        due_ = false;
        lock.unlock();
        own_->checkpoint();
        lock.lock();
    }
}

} // namespace slipway::mothership::sqlite
