#pragma once

#include <cstddef>

/// POSIX ustar (IEEE Std 1003.1, pax "ustar Interchange Format") with pax and GNU extensions.
namespace slipway::slot {

inline constexpr std::size_t kTarBlock = 512;
inline constexpr std::size_t kMaxPath = 4096;

struct TarHeader {
    char name[100];
    char mode[8];
    char uid[8];
    char gid[8];
    char size[12];
    char mtime[12];
    char checksum[8];
    char type;
    char link[100];
    char magic[6];
    char version[2];
    char owner[32];
    char group[32];
    char major[8];
    char minor[8];
    char prefix[155];
    char padding[12];
};

static_assert(sizeof(TarHeader) == kTarBlock);

/// The sum of the header's bytes with its checksum field as blanks.
inline unsigned tar_checksum(const TarHeader& header)
{
    const auto* bytes = reinterpret_cast<const unsigned char*>(&header);
    unsigned sum = 8 * ' ';
    for (std::size_t i = 0; i < sizeof header; ++i)
        sum += i >= offsetof(TarHeader, checksum) && i < offsetof(TarHeader, type) ? 0U : bytes[i];
    return sum;
}

} // namespace slipway::slot
