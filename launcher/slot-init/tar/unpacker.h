#pragma once

#include "launcher/slot-init/complain.h"
#include "launcher/slot-init/tar/format.h"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace slipway::slot {

/// One archive on its way into one directory. Every path is walked from that directory with O_NOFOLLOW, so
/// that no link, planted or unpacked, leads out of it.
class Unpacker {
public:
    Unpacker(int in, int root, int err)
        : in_{in}
        , root_{root}
        , err_{err}
    {
    }

    bool run();

    /// The errno of what failed, 0 if it was the archive.
    [[nodiscard]] int error_number() const { return error_number_; }

private:
    struct OpenDirectory {
        std::size_t path_size;
        mode_t mode;
        std::int64_t mtime;
    };

    bool fail(const char* what, int error_number = 0)
    {
        complain(err_, what, path_[0] != '\0' ? path_ : nullptr, error_number);
        error_number_ = error_number_ != 0 ? error_number_ : error_number;
        return false;
    }

    bool read_exactly(void* bytes, std::size_t size);
    bool skip(std::uint64_t size);
    bool read_header(TarHeader& header, bool& end);
    bool read_text(char* text, std::uint64_t size);
    bool read_pax(std::uint64_t size);
    bool apply_pax(const char* key, const char* value, std::size_t size);
    void fill_names(const TarHeader& header);
    bool extension(const TarHeader& header, bool& handled);
    bool entry(const TarHeader& header);
    bool make_directory();
    bool make_file(const TarHeader& header);
    int open_parent(const char* path, const char*& name);
    bool settle_directories(const char* upto);
    static bool number(const char* field, std::size_t width, std::uint64_t& value);

    int in_;
    int root_;
    int err_;
    int error_number_ = 0;
    std::uint64_t size_ = 0;
    std::uint64_t pax_size_ = 0;
    std::uint64_t mode_ = 0;
    std::int64_t mtime_ = 0;
    std::int64_t pax_mtime_ = 0;
    bool have_path_ = false;
    bool have_link_ = false;
    bool have_size_ = false;
    bool have_mtime_ = false;
    char path_[kMaxPath] = "";
    char link_[kMaxPath] = "";
    char open_path_[kMaxPath] = ""; ///< The directory entry that was made last.
    OpenDirectory open_[256]
        = {}; ///< It and those around it: modes and times are set when nothing more goes in.
    std::size_t open_count_ = 0;
    char buffer_[64 * 1024];
};

} // namespace slipway::slot
