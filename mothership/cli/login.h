#pragma once

#include "mothership/cli/api_client.h"

#include <filesystem>

namespace slipway::cli {

/// $XDG_CONFIG_HOME/slipway/config.json if that is an absolute path, else ~/.config/slipway/config.json.
/// Fails with `not_found` when there is no HOME either.
[[nodiscard]] Result<std::filesystem::path> account_file();

/// What `slipway login` stored. Fails with `not_found` and the command to type when nobody logged in.
[[nodiscard]] Result<Account> load_account();

/// Keeps the account for later calls, readable by its owner alone.
[[nodiscard]] Result<void> save_account(const Account& account);

struct LoginOptions {
    std::string endpoint;
    std::string ca_file;
    std::string key_file; ///< Readable by its owner alone. Empty or "-": standard input.
};

/// A key that is typed at a terminal is not shown. Checks the key against the server before anything is
/// stored.
[[nodiscard]] Result<void> login(const LoginOptions& options);

} // namespace slipway::cli
