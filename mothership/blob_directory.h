#pragma once

#include "common/clock.h"
#include "common/http/reply.h"
#include "common/random.h"
#include "common/result.h"
#include "common/unique_fd.h"
#include "crypto/digest.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::mothership {

/// A file that was written whole.
struct StoredFile {
    std::string name; ///< Within the blob directory.
    std::uint64_t size = 0;
    std::string sha256; ///< Hexadecimal.
};

/// A file that is being written; nothing is left of it unless `commit` succeeded. One thread at a time.
class BlobWriter {
public:
    BlobWriter(BlobWriter&& other) noexcept;
    BlobWriter& operator=(BlobWriter&&) = delete;
    ~BlobWriter();

    Result<void> write(std::string_view bytes);
    /// Makes the file durable under its name.
    Result<StoredFile> commit();

private:
    friend class BlobDirectory;
    BlobWriter(std::filesystem::path directory, std::string name, UniqueFd fd);

    std::filesystem::path directory_;
    std::string name_;
    UniqueFd fd_;
    crypto::Sha256 hash_;
    std::uint64_t size_ = 0;
};

/// Sources and envelopes as files with random names; which is what stands in the store. Every failure is
/// `internal`: the disk is ours, not the caller's. Thread-safe.
class BlobDirectory {
public:
    BlobDirectory(std::filesystem::path directory, const Clock& clock, Random& random)
        : directory_{std::move(directory)}
        , clock_{clock}
        , random_{random}
    {
    }

    [[nodiscard]] Result<BlobWriter> create() const;
    [[nodiscard]] Result<http::FileBody> open(const std::string& name) const;
    /// A file that is gone already is a success.
    Result<void> remove(const std::string& name) const;
    enum class Orphans { keep, remove };

    /// Removes what uploads left that were cut off and, with `remove`, files that have no name in `known` and
    /// have not been touched for a week. How many. No upload may be under way.
    Result<std::size_t> sweep(std::vector<std::string> known, Orphans orphans) const;

private:
    std::filesystem::path directory_;
    const Clock& clock_;
    Random& random_;
};

} // namespace slipway::mothership
