#pragma once

#include "launcher/slot-init/complain.h"
#include "launcher/slot-init/tar/format.h"

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace slipway::slot {

/// Of what links lead to outside of the directory; a plugin of a large provider has some 700 MB.
inline constexpr std::uint64_t kMaxFollowed = 4ULL << 30;

/// One directory on its way into one archive. Hard links become files of their own. A symbolic link stays one
/// if it will lead to the same where the archive is unpacked, at the same place: within the directory, to a
/// device, into /proc; or if it leads nowhere here already. Any other becomes what it leads to.
class Packer {
public:
    Packer(int out, int err)
        : out_{out}
        , err_{err}
    {
    }

    /// A directory.
    bool run(int root);
    /// One regular file, under the last part of `path`.
    bool run_file(int file, const char* path);

private:
    static constexpr int kMaxDepth = 200;

    /// A directory that is being packed, and where its path in the archive ends.
    struct Open {
        dev_t device;
        ino_t inode;
        std::size_t path_size;
    };

    bool fail(const char* what, int error_number)
    {
        complain(err_, what, path_, error_number);
        return false;
    }

    static bool is_kernels(int fd);
    static bool path_of(int fd, char (&path)[kMaxPath]);
    bool directory(int fd, std::size_t path_size);
    bool entry(int parent, const char* name, std::size_t path_size);
    bool tree(int fd, const struct stat& info, std::size_t path_size);
    bool link(int parent, const char* name, const struct stat& info, std::size_t path_size);
    bool follow(int parent, const char* name, const struct stat& info, std::size_t path_size);
    bool link_to(const struct stat& info, const char* directory, const char* rest, std::size_t rest_size);
    bool link_stays(std::size_t path_size) const;
    const Open* open_as(const struct stat& info) const;
    bool contents(int fd, const struct stat& info);
    bool header(const struct stat& info, char type, std::uint64_t size, const char* link);
    bool pax(const struct stat& info, std::uint64_t size, const char* link);
    bool block(const char* name, const char* link, const struct stat& info, char type, std::uint64_t size);
    bool write(const char* bytes, std::size_t size);
    bool pad(std::uint64_t size);
    bool finish();

    int out_;
    int err_;
    int depth_ = 0;
    int outside_ = 0; ///< Links on the way here that lead out of the directory.
    std::uint64_t left_ = kMaxFollowed;
    Open open_[kMaxDepth];
    char root_[kMaxPath] = "";
    char path_[kMaxPath] = "";
    char link_[kMaxPath] = "";
    char target_[kMaxPath] = "";
    char records_[3 * kMaxPath];
    char buffer_[64 * 1024];
};

} // namespace slipway::slot
