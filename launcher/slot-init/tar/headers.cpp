#include "launcher/slot-init/tar/unpacker.h"

#include <errno.h>
#include <unistd.h>

#include <cstring>

namespace slipway::slot {

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
        if (length > total - at || length < i - at + 3 || buffer_[i] != ' '
            || buffer_[at + length - 1] != '\n')
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

} // namespace slipway::slot
