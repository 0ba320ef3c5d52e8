#pragma once

#include "launcher/config_file.h"
#include "launcher/options.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Where the values of options come from: flags, then variables, then the configuration file.
namespace slipway::launcher {

struct Sources {
    const CommandLine& command_line;
    const Environment& environment;
    const ConfigFile* file = nullptr; ///< May be null.
};

/// A text and the name under which it was given.
struct Given {
    std::string text;
    std::string name; ///< For messages: "--network", "SPACELIFT_WORKER_NETWORK", "/etc/…: network".
    std::string origin; ///< "flag", "environment", "file …"
};

/// A secret, and the same of it.
struct GivenSecret {
    Secret secret;
    std::string origin;
};

/// One member of a family.
struct GivenMember {
    std::string member;
    Given given;
    bool is_flag_form = false; ///< Named as the family's flag and section do, not as its variables.
};

/// The key of a secret itself in the configuration file; the flag's name is that of its file: "token" and
/// "token-file".
[[nodiscard]] std::string_view secret_key(const Option& option);

/// The value that counts; nothing: not given. Fails with `invalid_input`.
[[nodiscard]] Result<std::optional<Given>> given_value(const Option& option, const Sources& sources);
[[nodiscard]] Result<std::vector<GivenSecret>> given_secrets(const Option& option, const Sources& sources);
/// Each member once, from where it counts.
[[nodiscard]] Result<std::vector<GivenMember>> given_members(const Option& option, const Sources& sources);

/// Refuses a key of the file that is no option's.
[[nodiscard]] Result<void> check_keys_of(const ConfigFile& file);

} // namespace slipway::launcher
