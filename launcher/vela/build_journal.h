#pragma once

#include "common/result.h"

#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::vela {

/// What is known of one build on disk: names and values, each written once or replaced by a later one. A
/// build is a procedure that is begun anew after a crash: what it has done stands here, and is not done
/// again. A value counts once `put` has returned (see Sync). Holds secrets: mode 0600. Thread-safe.
class BuildJournal {
public:
    /// Makes the directory if it is new. A record that a crash tore is cut off.
    static Result<BuildJournal> open(const std::filesystem::path& directory);

    /// The builds that are on disk below `parent`.
    static Result<std::vector<std::filesystem::path>> list(const std::filesystem::path& parent);

    [[nodiscard]] std::optional<std::string> find(std::string_view name) const;

    /// When a value counts.
    enum class Sync : bool {
        later, ///< After a crash of this process: at once. After one of the host: with the next `now`.
        now, ///< After both, at once.
    };
    Result<void> put(std::string_view name, std::string_view value, Sync sync = Sync::now);

    /// Forgets the build: removes the directory.
    Result<void> remove();

    [[nodiscard]] const std::filesystem::path& directory() const;

    BuildJournal(BuildJournal&&) noexcept;
    BuildJournal& operator=(BuildJournal&&) noexcept;
    ~BuildJournal();

private:
    struct State;
    explicit BuildJournal(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

} // namespace slipway::vela
