#include "launcher/vela/nameless_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace slipway::vela {

Result<UniqueFd> open_nameless(const std::filesystem::path& directory)
{
    // Not O_TMPFILE, which some file systems refuse.
    const auto path = directory / "sending";
    UniqueFd file{::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!file || ::unlink(path.c_str()) != 0)
        return Error::from_errno("making " + path.string(), errno);
    return file;
}

} // namespace slipway::vela
