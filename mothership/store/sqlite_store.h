#pragma once

#include "mothership/store.h"

#include <filesystem>
#include <memory>

namespace slipway::mothership {

/// Opens the database file (made if missing) and brings it to the schema of this program. The caller makes
/// sure that one process uses it at a time (see DirectoryLock). Fails with `rejected` when the file was
/// written by a newer program.
[[nodiscard]] Result<std::unique_ptr<Store>> open_sqlite_store(const std::filesystem::path& path);

} // namespace slipway::mothership
