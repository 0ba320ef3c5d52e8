#pragma once

#include "mothership/store.h"

#include <filesystem>
#include <memory>

namespace slipway::mothership {

/// Makes the database file, or goes on with one whose making was cut off. The caller makes sure that one
/// process uses it at a time (see DirectoryLock).
[[nodiscard]] Result<std::unique_ptr<Store>> make_sqlite_store(const std::filesystem::path& path);

/// Opens a database that was made and brings it to the schema of this program. A missing or empty file is
/// `not_found`, never made: an empty store beside the files of a full one would orphan them all. Fails with
/// `rejected` when the file was written by a newer program.
[[nodiscard]] Result<std::unique_ptr<Store>> open_sqlite_store(const std::filesystem::path& path);

} // namespace slipway::mothership
