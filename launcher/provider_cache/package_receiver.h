#pragma once

#include "common/result.h"
#include "common/unique_fd.h"
#include "crypto/digest.h"
#include "launcher/provider_cache/package_tar.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace slipway::launcher {

/// A package as it was received.
struct ReceivedPackage {
    std::string hash; ///< As `LockedProvider::hashes`.
    std::uint64_t bytes = 0;
};

/// How OpenTofu and Terraform call this machine's kind in the paths of packages: "linux_amd64".
[[nodiscard]] std::string_view this_platform();

/// The hash of scheme h1 of files by their names: SHA-256 over "<digest in hexadecimal>  <name>\n" in the
/// order of the names. Said of modes, owners and empty directories is nothing.
[[nodiscard]] std::string h1_hash(const std::map<std::string, crypto::Digest>& files);

/// Unpacks one provider's archive, which a hostile container gives, into a directory of its own and works out
/// its hash from the very bytes that are written. Modes are not the archive's: every file is 0555. One
/// thread.
class PackageReceiver {
public:
    /// `directory`: there and empty; what it holds is the caller's to remove.
    explicit PackageReceiver(std::filesystem::path directory, PackageLimits limits = {});

    /// The next piece. `rejected`: no such package.
    Result<void> push(std::string_view bytes) { return tar_.push(bytes); }

    /// All of it is there and on disk. `rejected`: it is no provider for this machine: a lock file names the
    /// hashes of all kinds of machines, so that the hash alone does not tell.
    Result<ReceivedPackage> finish();

private:
    Result<void> begin(const std::string& path);
    Result<void> bytes(std::string_view piece);
    Result<void> end();

    std::filesystem::path directory_;
    std::map<std::string, crypto::Digest> files_;
    std::string path_; ///< Of the file that is being written.
    UniqueFd file_;
    std::optional<crypto::Sha256> digest_;
    std::string head_; ///< The first bytes of a plugin's program.
    bool has_program_ = false; ///< For this machine.
    std::uint64_t total_ = 0;
    PackageTar tar_; ///< Last: it calls the others.
};

} // namespace slipway::launcher
