#pragma once

#include "common/result.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// The dependency lock file of OpenTofu and Terraform (.terraform.lock.hcl): which provider plugins a
/// configuration wants, and what they hash to.
namespace slipway::launcher {

inline constexpr std::string_view kLockFileName = ".terraform.lock.hcl";
inline constexpr std::size_t kMaxLockFile = 1024 * 1024;

/// One `provider` block.
struct LockedProvider {
    std::string source; ///< "host/namespace/type"; safe as a relative path.
    std::string version; ///< Safe as the name of a directory.
    std::vector<std::string> hashes; ///< Of scheme h1, as 64 lower-case hexadecimal digits; one per platform.
};

/// The providers of a lock file in their order. Blocks and attributes that are not known are passed over, and
/// so are hashes of other schemes: they are of archives, not of what is in them. Fails with `invalid_input`,
/// naming the line, on what is no lock file, or one of more than `kMaxLockFile` bytes.
[[nodiscard]] Result<std::vector<LockedProvider>> parse_lock_file(std::string_view text);

} // namespace slipway::launcher
