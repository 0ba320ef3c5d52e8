#pragma once

#include "common/secret.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::launcher {

/// The variables that the process was started with. Secrets are apart from the others, so that nothing that
/// walks over the variables or passes one on can meet them.
class Environment {
public:
    /// Copies the process's environment. The values of `secrets` are moved out: overwritten in the memory
    /// that /proc/self/environ shows and removed from `environ`, so that no child inherits them. Call it
    /// before the first thread, since getenv(3) of others reads the same memory.
    static Environment take(std::span<const std::string_view> secrets);

    /// Of given variables; those named in `secrets` are kept as secrets.
    static Environment of(const std::vector<std::pair<std::string, std::string>>& variables,
        std::span<const std::string_view> secrets);

    /// A variable that is no secret; an empty value counts as absent.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;

    /// A secret; empty when it was not set.
    [[nodiscard]] Secret secret(std::string_view name) const;

    [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& variables() const
    {
        return variables_;
    }

private:
    void add(std::string_view name, std::string_view value, std::span<const std::string_view> secrets);

    std::vector<std::pair<std::string, std::string>> variables_;
    std::vector<std::pair<std::string, Secret>> secrets_;
};

} // namespace slipway::launcher
