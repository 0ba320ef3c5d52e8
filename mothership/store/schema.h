#pragma once

#include "common/result.h"
#include "mothership/store/sqlite.h"

#include <span>
#include <string>

namespace slipway::mothership::sqlite {

/// One step of the schema's history. Released steps are never changed, only followed by new ones.
struct Migration {
    int version; ///< 1, 2, 3 … without gaps.
    const char* sql;
};

[[nodiscard]] std::span<const Migration> migrations();

/// Brings the database to the last of `steps`, each step in a transaction of its own. Fails with `rejected`
/// when the database is newer than that.
[[nodiscard]] Result<void> migrate(Connection& connection, std::span<const Migration> steps);

} // namespace slipway::mothership::sqlite
