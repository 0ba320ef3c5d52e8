#pragma once

#include "common/result.h"

#include <cstddef>
#include <cstdint>
#include <functional>
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

/// The same of an archive that comes in pieces and is never held: the content goes on as it comes, and counts
/// only when `finish` has said so. Extended headers before the file are passed over: Docker writes one for a
/// long name or a fine time. One thread.
class OnlyFile {
public:
    /// `most`: of the content.
    OnlyFile(std::function<Result<void>(std::string_view)> content, std::uint64_t most)
        : content_{std::move(content)}
        , most_{most}
    {
    }

    /// `invalid_input`; `exhausted`: the file is larger than `most`, told before any of it; or as `content`
    /// fails.
    Result<void> take(std::string_view piece);
    /// That was all. The file's size.
    Result<std::uint64_t> finish() const;

private:
    enum class Part : std::uint8_t { header, extension, content, end };

    Result<void> take_header();
    void end_content();

    std::function<Result<void>(std::string_view)> content_;
    std::uint64_t most_;
    Part part_ = Part::header;
    std::string header_;
    std::uint64_t size_ = 0;
    std::uint64_t left_ = 0; ///< Of this part.
};

} // namespace slipway::launcher
