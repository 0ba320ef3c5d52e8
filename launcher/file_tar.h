#pragma once

#include "common/result.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::launcher {

/// One file of a tar archive.
struct TarFile {
    std::string path;
    std::string content;
    int mode = 0644;
    std::string link = {}; ///< Not empty: a symbolic link to this, without content.
};

/// A tar archive (POSIX ustar) of these files. Fails with `invalid_input` on a path that is absolute, leaves
/// the directory, or, as a link's target, is longer than the format holds.
[[nodiscard]] Result<std::string> make_tar(const std::vector<TarFile>& files);

/// The content of the one regular file that an archive holds. The bytes come out of a container: anything
/// else in the archive is `invalid_input`.
[[nodiscard]] Result<std::string> only_file_of(std::string_view tar);

/// An archive without the extended headers at its begin: Docker writes one for a file with a long name or a
/// fine time.
[[nodiscard]] std::string_view without_extended_headers(std::string_view tar);

} // namespace slipway::launcher
