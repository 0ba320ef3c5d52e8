#pragma once

#include "launcher/vela/build_context.h"
#include "launcher/vela/container_run.h"

#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace slipway::vela {

/// What the server shows of one step or service: its row, in the journal and on its way to the server. A
/// row moves forward only; what an earlier process has written is kept. Thread-safe.
class Row {
public:
    Row(BuildContext& context, ContainerKind kind, const Container& container, std::string_view stage);

    /// It runs from now on.
    void begin();
    /// Its command is over, or it could not be run.
    void finish(std::string_view status, int exit_code, std::string_view error);
    /// It does not run, or not any more, since the build was cancelled.
    void cancel();
    /// The build is over: whatever is open gets its last words. `code`: of a command that ended by itself.
    void settle(std::optional<int> code);

    [[nodiscard]] ContainerRow get() const;

private:
    void keep(std::string_view what); // mutex_ is held.

    BuildContext& context_;
    const ContainerKind kind_;
    const std::string name_; ///< In the journal.
    mutable std::mutex mutex_;
    ContainerRow row_;
};

} // namespace slipway::vela
