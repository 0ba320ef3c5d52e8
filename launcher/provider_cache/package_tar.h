#pragma once

#include "common/result.h"
#include "launcher/slot-init/tar/format.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>

namespace slipway::launcher {

/// Who gets the files of a package. A failure ends the reading.
struct PackageFiles {
    /// `path` is relative, without "." and "..", comes once and has no control character.
    std::function<Result<void>(const std::string& path)> begin;
    std::function<Result<void>(std::string_view bytes)> bytes;
    std::function<Result<void>()> end;
};

/// What a package may hold at most.
struct PackageLimits {
    std::uint64_t bytes = 2ULL * 1024 * 1024 * 1024; ///< Of all files; the largest providers have 0.7 GiB.
    std::size_t entries = 10'000;
};

/// Reads the tar archive of an unpacked provider, in pieces as they come out of a job's container: all but
/// regular files and directories, as slot-init packs them, is refused with `rejected`. One thread.
class PackageTar {
public:
    PackageTar(PackageFiles files, PackageLimits limits)
        : files_{std::move(files)}
        , limits_{limits}
    {
    }

    /// After a failure nothing more is taken.
    Result<void> push(std::string_view bytes);
    /// Whether the archive came to its end.
    [[nodiscard]] Result<void> finish() const;

private:
    enum class Within : std::uint8_t { header, names, file, padding, end, refused };

    Result<void> take(std::string_view bytes);
    Result<void> header();
    Result<void> names();
    Result<void> entry(const slot::TarHeader& header, std::uint64_t size);
    Result<void> file_ends();
    void read_next(Within what, std::uint64_t size);
    void skip_padding();

    PackageFiles files_;
    PackageLimits limits_;
    Within within_ = Within::header;
    std::string block_; ///< Of the header or the extended header, so far.
    std::uint64_t left_ = 0; ///< Of the file, the extended header or the padding.
    std::uint64_t padding_ = 0; ///< That follows what is being read.
    std::string long_path_; ///< From an extended header, for the next entry.
    std::set<std::string, std::less<>> paths_;
    std::uint64_t total_ = 0;
};

} // namespace slipway::launcher
