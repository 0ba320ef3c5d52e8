#pragma once

#include "mothership/store/sqlite.h"

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <thread>

namespace slipway::mothership::sqlite {

struct CheckpointSettings {
    int wanted = 1000; ///< Pages in the write-ahead log from which it is copied in the background.
    /// From which whoever commits copies it: where commits follow one another without a pause the background
    /// never finds the end of the log, and it would grow for ever.
    int most = 16'384;
    /// Waited before copying, so that a burst of commits has the disk for itself.
    std::chrono::milliseconds rest{250};
};

/// Copies the write-ahead log into the database on a thread of its own. SQLite would do it within whichever
/// commit makes the log a thousand pages long, and a worker that waits for that commit with it. What is
/// durable, and when, is the log's affair and does not change. One that fails is tried again after the next
/// commit.
class Checkpointer {
public:
    /// `writer` outlives it.
    static Result<std::unique_ptr<Checkpointer>> start(
        const std::filesystem::path& path, Connection& writer, CheckpointSettings settings = {});
    Checkpointer(const Checkpointer&) = delete;
    Checkpointer& operator=(const Checkpointer&) = delete;
    ~Checkpointer();

private:
    Checkpointer(std::unique_ptr<Connection> own, Connection& writer, CheckpointSettings settings);
    void committed(int pages);
    void run(std::stop_token stop);

    std::unique_ptr<Connection> own_;
    Connection& writer_;
    const CheckpointSettings settings_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    bool due_ = false;
    std::jthread thread_;
};

} // namespace slipway::mothership::sqlite
