#include "launcher/slot/init_volume.h"

#include "common/base64.h"
#include "common/file.h"
#include "common/unique_fd.h"
#include "launcher/slot-init/frames.h"
#include "launcher/slot/slot_init_file.h"

#include <sys/mman.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>

namespace slipway::slot {

namespace {

constexpr std::string_view kRepository = "slipway/empty";
constexpr std::string_view kTag = "1";
constexpr std::size_t kBlock = 512;
/// Two blocks of zeroes end an archive (POSIX pax, "ustar Interchange Format").
const std::string kEnd(2 * kBlock, '\0');

/// A number in octal digits, as the header of an archive has them, before the byte at `end`.
void put_octal(std::array<char, kBlock>& header, std::size_t from, std::size_t end, std::uint64_t number)
{
    for (std::size_t at = end; at-- > from; number /= 8)
        header.at(at) = static_cast<char>('0' + number % 8);
}

/// An archive of the one file, that everyone may read and execute.
std::string archive_of(std::string_view name, std::string_view bytes)
{
    std::array<char, kBlock> header{};
    std::memcpy(header.data(), name.data(), name.size());
    put_octal(header, 100, 107, 0755);
    put_octal(header, 108, 115, 0);
    put_octal(header, 116, 123, 0);
    put_octal(header, 124, 135, bytes.size());
    put_octal(header, 136, 147, 0);
    std::memset(header.data() + 148, ' ', 8);
    header[156] = '0';
    std::memcpy(header.data() + 257,
        "ustar\0"
        "00",
        8);
    unsigned sum = 0;
    for (const char byte : header)
        sum += static_cast<unsigned char>(byte);
    put_octal(header, 148, 154, sum);
    header[154] = '\0';
    std::string tar{header.data(), header.size()};
    tar += bytes;
    tar.resize((tar.size() + kBlock - 1) / kBlock * kBlock, '\0');
    return tar + kEnd;
}

Result<std::string> filled(
    docker::Docker& docker, const std::string& container, std::string volume, std::stop_token stop)
{
    const std::string path = std::string{kSlotMount} + "/" + kInitName;
    const auto size = SLIPWAY_TRY(docker.file_size(container, path, stop));
    if (size != static_cast<std::int64_t>(slot_init_bytes().size()))
        SLIPWAY_TRY(
            docker.put_archive(container, kSlotMount, archive_of(kInitName, slot_init_bytes()), stop));
    return volume;
}

} // namespace

Result<std::string> empty_image(docker::Docker& docker, std::stop_token stop)
{
    const std::string name = std::string{kRepository} + ":" + std::string{kTag};
    auto image = docker.inspect_image(name, stop);
    if (image)
        return image->id;
    if (image.error().code() != Errc::not_found)
        return in("looking for the image " + name, std::move(image)).error();
    const UniqueFd file{::memfd_create("empty", MFD_CLOEXEC)};
    if (!file)
        return Error::from_errno("making an empty archive", errno);
    SLIPWAY_TRY(write_all(file.get(), kEnd));
    return docker.import_image({.repository = std::string{kRepository},
                                   .tag = std::string{kTag},
                                   .changes = {"LABEL io.slipway.image=empty"}},
        file.get(), stop);
}

Result<std::string> fill_init_volume(
    docker::Docker& docker, const docker::StringPairs& labels, Random& random, std::stop_token stop)
{
    std::array<std::byte, 6> bytes{};
    random.fill(bytes);
    const std::string volume = "slipway-init-" + SLIPWAY_TRY(slot_init_digest());
    docker::ContainerSpec spec;
    spec.name
        = "slipway-check-fill-" + hex_encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    spec.image = SLIPWAY_TRY(empty_image(docker, stop));
    spec.entrypoint = docker::Strings{std::string{kSlotMount} + "/" + kInitName}; // never started
    spec.labels = labels;
    spec.mounts
        = {{.kind = docker::MountKind::volume, .source = volume, .target = kSlotMount, .read_only = false}};
    const auto container
        = SLIPWAY_TRY(in("filling the volume " + volume, docker.create_container(spec, stop)));
    auto result = in("filling the volume " + volume, filled(docker, container.id, volume, std::move(stop)));
    auto removed = docker.remove_container(container.id, {.force = true, .volumes = false}, {});
    if (result && !removed)
        return std::move(removed).error();
    return result;
}

} // namespace slipway::slot
