#include "launcher/slot-init/child.h"
#include "launcher/slot-init/tar_format.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <new>

namespace slipway::slot {

namespace {

/// One archive on its way into one directory. Every path is walked from that directory with O_NOFOLLOW, so that no link,
/// planted or unpacked, leads out of it.
class Unpacker {
public:
    Unpacker(int in, int root, int err)
        : in_{in}
        , root_{root}
        , err_{err}
    {
    }

    bool run();

private:
    struct OpenDirectory {
        std::size_t path_size;
        mode_t mode;
        std::int64_t mtime;
    };

    bool fail(const char* what, int error_number = 0)
    {
        complain(err_, what, path_[0] != '\0' ? path_ : nullptr, error_number);
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
    bool make_directory(const TarHeader& header);
    bool make_file(const TarHeader& header);
    int open_parent(const char* path, const char*& name);
    bool settle_directories(const char* upto);
    static bool number(const char* field, std::size_t width, std::uint64_t& value);

    int in_;
    int root_;
    int err_;
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
    OpenDirectory open_[128] = {}; ///< It and those around it: modes and times are set when nothing more goes in.
    std::size_t open_count_ = 0;
    char buffer_[64 * 1024];
};

bool Unpacker::read_exactly(void* bytes, std::size_t size)
{
    auto* at = static_cast<char*>(bytes);
    while (size > 0) {
        const ssize_t count = ::read(in_, at, size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return fail("the archive ends early");
        at += count;
        size -= static_cast<std::size_t>(count);
    }
    return true;
}

bool Unpacker::skip(std::uint64_t size)
{
    while (size > 0) {
        const std::size_t part = size < sizeof buffer_ ? static_cast<std::size_t>(size) : sizeof buffer_;
        if (!read_exactly(buffer_, part))
            return false;
        size -= part;
    }
    return true;
}

/// Octal, or base 256 with the first bit set (GNU).
bool Unpacker::number(const char* field, std::size_t width, std::uint64_t& value)
{
    value = 0;
    const auto* bytes = reinterpret_cast<const unsigned char*>(field);
    if ((bytes[0] & 0x80) != 0) {
        for (std::size_t i = 0; i < width; ++i) {
            if (value >> 54 != 0)
                return false;
            value = value << 8 | (i == 0 ? bytes[i] & 0x7FU : bytes[i]);
        }
        return true;
    }
    std::size_t i = 0;
    while (i < width && bytes[i] == ' ')
        ++i;
    for (; i < width && bytes[i] != ' ' && bytes[i] != '\0'; ++i) {
        if (bytes[i] < '0' || bytes[i] > '7')
            return false;
        value = value << 3 | static_cast<std::uint64_t>(bytes[i] - '0');
    }
    return true;
}

bool Unpacker::read_header(TarHeader& header, bool& end)
{
    if (!read_exactly(&header, sizeof header))
        return false;
    const auto* bytes = reinterpret_cast<const char*>(&header);
    end = bytes[0] == '\0' && std::memcmp(bytes, bytes + 1, sizeof header - 1) == 0;
    std::uint64_t sum = 0;
    std::uint64_t mtime = 0;
    if (end)
        return true;
    if (!number(header.checksum, sizeof header.checksum, sum) || sum != tar_checksum(header))
        return fail("this is no tar archive, or it is damaged");
    std::uint64_t size = 0;
    if (!number(header.size, sizeof header.size, size) || !number(header.mode, sizeof header.mode, mode_))
        return fail("the archive has a header that cannot be read");
    size_ = size;
    mtime_ = number(header.mtime, sizeof header.mtime, mtime) ? static_cast<std::int64_t>(mtime) : 0;
    return true;
}

bool Unpacker::read_text(char* text, std::uint64_t size)
{
    if (size >= kMaxPath)
        return fail("the archive has a name that is too long");
    if (!read_exactly(text, static_cast<std::size_t>(size)))
        return false;
    text[size] = '\0';
    return skip((kTarBlock - size % kTarBlock) % kTarBlock);
}

bool Unpacker::apply_pax(const char* key, const char* value, std::size_t size)
{
    const bool is_path = std::strcmp(key, "path") == 0;
    if (is_path || std::strcmp(key, "linkpath") == 0) {
        if (size >= kMaxPath || std::memchr(value, '\0', size) != nullptr)
            return fail("the archive has a name that is too long or not a name");
        char* text = is_path ? path_ : link_;
        std::memcpy(text, value, size);
        text[size] = '\0';
        (is_path ? have_path_ : have_link_) = true;
    } else if (std::strcmp(key, "size") == 0 || std::strcmp(key, "mtime") == 0) {
        std::uint64_t number = 0;
        std::size_t i = 0;
        for (; i < size && value[i] >= '0' && value[i] <= '9' && number < UINT64_MAX / 100; ++i)
            number = number * 10 + static_cast<std::uint64_t>(value[i] - '0');
        if (key[0] == 's') {
            if (i != size || size == 0)
                return fail("the archive has a size that cannot be read");
            pax_size_ = number;
            have_size_ = true;
        } else {
            pax_mtime_ = static_cast<std::int64_t>(number);
            have_mtime_ = i > 0;
        }
    }
    return true;
}

/// Records of "length key=value\n", see pax(1).
bool Unpacker::read_pax(std::uint64_t size)
{
    if (size > sizeof buffer_)
        return fail("the archive has an extended header that is too large");
    const auto total = static_cast<std::size_t>(size);
    if (!read_exactly(buffer_, total))
        return false;
    for (std::size_t at = 0; at < total;) {
        std::size_t length = 0;
        std::size_t i = at;
        for (; i < total && buffer_[i] >= '0' && buffer_[i] <= '9' && length <= total; ++i)
            length = length * 10 + static_cast<std::size_t>(buffer_[i] - '0');
        if (length > total - at || length < i - at + 3 || buffer_[i] != ' ' || buffer_[at + length - 1] != '\n')
            return fail("the archive has an extended header that cannot be read");
        char* key = buffer_ + i + 1;
        char* end = buffer_ + at + length - 1;
        char* equals = static_cast<char*>(std::memchr(key, '=', static_cast<std::size_t>(end - key)));
        if (equals == nullptr)
            return fail("the archive has an extended header that cannot be read");
        *equals = '\0';
        if (!apply_pax(key, equals + 1, static_cast<std::size_t>(end - equals - 1)))
            return false;
        at += length;
    }
    return skip((kTarBlock - size % kTarBlock) % kTarBlock);
}

bool Unpacker::extension(const TarHeader& header, bool& handled)
{
    handled = true;
    switch (header.type) {
    case 'x':
        return read_pax(size_);
    case 'g':
        return skip(size_ + (kTarBlock - size_ % kTarBlock) % kTarBlock);
    case 'L':
        have_path_ = true;
        return read_text(path_, size_);
    case 'K':
        have_link_ = true;
        return read_text(link_, size_);
    default:
        handled = false;
        return true;
    }
}

void Unpacker::fill_names(const TarHeader& header)
{
    if (!have_path_) {
        const bool ustar = std::memcmp(header.magic, "ustar", 6) == 0;
        const std::size_t prefix = ustar ? ::strnlen(header.prefix, sizeof header.prefix) : 0;
        const std::size_t name = ::strnlen(header.name, sizeof header.name);
        std::memcpy(path_, header.prefix, prefix);
        path_[prefix] = '/';
        std::memcpy(path_ + prefix + (prefix > 0 ? 1 : 0), header.name, name);
        path_[prefix + (prefix > 0 ? 1 : 0) + name] = '\0';
    }
    if (!have_link_) {
        const std::size_t size = ::strnlen(header.link, sizeof header.link);
        std::memcpy(link_, header.link, size);
        link_[size] = '\0';
    }
    std::size_t size = std::strlen(path_);
    while (size > 1 && path_[size - 1] == '/')
        path_[--size] = '\0';
}

/// The directory that holds the last part of `path`, made as needed; a new descriptor or -1 after a complaint.
int Unpacker::open_parent(const char* path, const char*& name)
{
    int at = ::fcntl(root_, F_DUPFD_CLOEXEC, 3);
    if (path[0] == '/' || path[0] == '\0') {
        (void)fail("the archive has an absolute or an empty name");
        ::close(at);
        return -1;
    }
    for (;;) {
        char part[256];
        const std::size_t size = std::strcspn(path, "/");
        const bool here = size == 0 || (size == 1 && path[0] == '.');
        if ((size == 2 && path[0] == '.' && path[1] == '.') || size >= sizeof part) {
            (void)fail("the archive has a name with .. or with a part that is too long");
            break;
        }
        name = here ? "." : path;
        const char* rest = path + size + std::strspn(path + size, "/");
        if (*rest == '\0')
            return at;
        path = rest;
        if (here)
            continue;
        std::memcpy(part, name, size);
        part[size] = '\0';
        (void)::mkdirat(at, part, 0755);
        const int next = ::openat(at, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0) {
            (void)fail("a part of the name is no directory of its own", errno);
            break;
        }
        ::close(at);
        at = next;
    }
    ::close(at);
    return -1;
}

/// Gives the directories that `upto` does not lie in their modes and times, innermost first.
bool Unpacker::settle_directories(const char* upto)
{
    while (open_count_ > 0) {
        const OpenDirectory& top = open_[open_count_ - 1];
        if (upto != nullptr && std::strncmp(upto, open_path_, top.path_size) == 0 && upto[top.path_size] == '/')
            return true;
        open_path_[top.path_size] = '\0';
        const char* name = nullptr;
        const int parent = open_parent(open_path_, name);
        if (parent < 0)
            return false;
        const int fd = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        const timespec times[2] = {{0, UTIME_OMIT}, {top.mtime, 0}};
        const bool done = fd >= 0 && ::futimens(fd, times) == 0 && ::fchmod(fd, top.mode) == 0;
        const int error_number = errno;
        ::close(fd);
        ::close(parent);
        if (!done)
            return fail("cannot finish the directory", error_number);
        --open_count_;
    }
    return true;
}

bool Unpacker::make_directory(const TarHeader& header)
{
    const char* name = nullptr;
    const int parent = open_parent(path_, name);
    if (parent < 0)
        return false;
    // The archive's own top directory keeps what the caller gave it.
    const bool top = std::strcmp(name, ".") == 0;
    bool done = top || ::mkdirat(parent, name, 0700) == 0 || errno == EEXIST;
    if (done && !top) {
        const int fd = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        done = fd >= 0 && ::fchmod(fd, (mode_ & 07777) | 0700) == 0;
        const int error_number = errno;
        ::close(fd);
        errno = error_number;
    }
    const int error_number = errno;
    ::close(parent);
    if (!done)
        return fail("cannot make the directory", error_number);
    if (!top && open_count_ < sizeof open_ / sizeof open_[0]) {
        const std::size_t size = std::strlen(path_);
        std::memcpy(open_path_, path_, size + 1);
        open_[open_count_++] = {size, static_cast<mode_t>(mode_ & 07777), mtime_};
    }
    return skip(header.type == '5' ? size_ + (kTarBlock - size_ % kTarBlock) % kTarBlock : 0);
}

bool Unpacker::make_file(const TarHeader& header)
{
    const char* name = nullptr;
    const int parent = open_parent(path_, name);
    if (parent < 0)
        return false;
    if (::unlinkat(parent, name, 0) != 0 && errno != ENOENT) {
        const int error_number = errno;
        ::close(parent);
        return fail("cannot replace what is there", error_number);
    }
    const timespec times[2] = {{0, UTIME_OMIT}, {mtime_, 0}};
    bool done = true;
    if (header.type == '2') {
        done = ::symlinkat(link_, parent, name) == 0 && ::utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) == 0;
    } else if (header.type == '1') {
        const char* target = nullptr;
        const int from = open_parent(link_, target);
        done = from >= 0 && ::linkat(from, target, parent, name, 0) == 0;
        const int error_number = errno;
        ::close(from);
        errno = error_number;
    } else {
        const int fd = ::openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        done = fd >= 0;
        for (std::uint64_t left = size_; done && left > 0;) {
            const std::size_t part = left < sizeof buffer_ ? static_cast<std::size_t>(left) : sizeof buffer_;
            if (!read_exactly(buffer_, part)) {
                ::close(fd);
                ::close(parent);
                return false;
            }
            for (std::size_t at = 0; done && at < part;) {
                const ssize_t count = ::write(fd, buffer_ + at, part - at);
                done = count > 0 || (count < 0 && errno == EINTR);
                at += count > 0 ? static_cast<std::size_t>(count) : 0;
            }
            left -= part;
        }
        done = done && ::futimens(fd, times) == 0 && ::fchmod(fd, static_cast<mode_t>(mode_ & 07777)) == 0;
        const int error_number = errno;
        ::close(fd);
        errno = error_number;
    }
    const int error_number = errno;
    ::close(parent);
    if (!done)
        return fail("cannot be written", error_number);
    return header.type == '1' || header.type == '2' || skip((kTarBlock - size_ % kTarBlock) % kTarBlock);
}

bool Unpacker::entry(const TarHeader& header)
{
    fill_names(header);
    if (!settle_directories(path_))
        return false;
    const bool old_directory = header.name[0] != '\0' && !have_path_
        && header.name[::strnlen(header.name, sizeof header.name) - 1] == '/';
    switch (header.type) {
    case '5':
        return make_directory(header);
    case '0':
    case '7':
    case '\0':
        return old_directory ? make_directory(header) : make_file(header);
    case '1':
    case '2':
        return make_file(header);
    default:
        return fail("the archive has a device, a fifo or another kind of entry that is not unpacked");
    }
}

bool Unpacker::run()
{
    for (;;) {
        TarHeader header;
        bool end = false;
        bool handled = false;
        if (!read_header(header, end))
            return false;
        if (end)
            break;
        if (!extension(header, handled))
            return false;
        if (handled)
            continue;
        size_ = have_size_ ? pax_size_ : size_;
        mtime_ = have_mtime_ ? pax_mtime_ : mtime_;
        if (!entry(header))
            return false;
        have_path_ = have_link_ = have_size_ = have_mtime_ = false;
        path_[0] = '\0';
    }
    while (::read(in_, buffer_, sizeof buffer_) > 0) { }
    return settle_directories(nullptr);
}

} // namespace

bool unpack_tar(int in, int directory, int err)
{
    ::umask(0);
    alignas(Unpacker) static char place[sizeof(Unpacker)];
    auto* unpacker = new (place) Unpacker{in, directory, err};
    return unpacker->run();
}

} // namespace slipway::slot
