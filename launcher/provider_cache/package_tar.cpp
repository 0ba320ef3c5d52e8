#include "launcher/provider_cache/package_tar.h"

#include "launcher/tar_number.h"

#include <algorithm>
#include <cstring>

namespace slipway::launcher {

using slot::TarHeader;

namespace {

constexpr std::size_t kBlock = slot::kTarBlock;
constexpr std::size_t kMaxNames = 16 * 1024;
constexpr std::size_t kMaxPath = 1024;

Error refused(std::string_view why) { return {Errc::rejected, "the archive " + std::string{why}}; }

bool is_path(std::string_view path)
{
    if (path.empty() || path.size() > kMaxPath || std::ranges::any_of(path, [](char c) {
            return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
        }))
        return false;
    for (std::size_t at = 0; at <= path.size();) {
        const auto end = std::min(path.find('/', at), path.size());
        const auto part = path.substr(at, end - at);
        if (part.empty() || part == "." || part == "..")
            return false;
        at = end + 1;
    }
    return true;
}

} // namespace

/// What is read next has so many bytes, and is filled up to a whole block.
void PackageTar::read_next(Within what, std::uint64_t size)
{
    within_ = what;
    left_ = size;
    padding_ = (kBlock - size % kBlock) % kBlock;
}

void PackageTar::skip_padding()
{
    left_ = padding_;
    within_ = left_ == 0 ? Within::header : Within::padding;
}

Result<void> PackageTar::push(std::string_view bytes)
{
    if (within_ == Within::refused)
        return refused("was refused");
    auto taken = take(bytes);
    if (!taken)
        within_ = Within::refused;
    return taken;
}

Result<void> PackageTar::take(std::string_view bytes)
{
    while (!bytes.empty()) {
        if (within_ == Within::end) {
            if (bytes.find_first_not_of('\0') != std::string_view::npos)
                return refused("goes on after its end");
            return {};
        }
        const std::uint64_t want = within_ == Within::header ? kBlock - block_.size() : left_;
        const auto part
            = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(want, bytes.size())));
        bytes.remove_prefix(part.size());
        if (within_ == Within::header) {
            block_.append(part);
            if (block_.size() == kBlock)
                SLIPWAY_TRY(header());
            continue;
        }
        left_ -= part.size();
        if (within_ == Within::names)
            block_.append(part);
        if (within_ == Within::file)
            SLIPWAY_TRY(files_.bytes(part));
        if (left_ > 0)
            continue;
        if (within_ == Within::names)
            SLIPWAY_TRY(names());
        else if (within_ == Within::file)
            SLIPWAY_TRY(file_ends());
        else
            within_ = Within::header;
    }
    return {};
}

Result<void> PackageTar::finish() const
{
    return within_ == Within::end ? Result<void>{} : refused("is cut off");
}

Result<void> PackageTar::header()
{
    TarHeader header{};
    std::memcpy(&header, block_.data(), sizeof header);
    const bool zero = block_.find_first_not_of('\0') == std::string::npos;
    block_.clear();
    if (zero) {
        within_ = Within::end;
        return {};
    }
    const auto checksum = SLIPWAY_TRY(tar_number(header.checksum, Errc::rejected));
    const auto size = SLIPWAY_TRY(tar_number(header.size, Errc::rejected));
    if (checksum != slot::tar_checksum(header) || std::memcmp(header.magic, "ustar", 5) != 0
        || header.prefix[0] != '\0')
        return refused("has a header that cannot be read");
    if (header.type == 'x') {
        if (size == 0 || size > kMaxNames || !long_path_.empty())
            return refused("has an extended header that cannot be read");
        read_next(Within::names, size);
        return {};
    }
    return entry(header, size);
}

/// One record, "length path=value\n": slot-init writes others for what no provider has.
Result<void> PackageTar::names()
{
    const std::string record = std::exchange(block_, {});
    const auto key = record.find(" path=");
    if (key == std::string::npos || record.substr(0, key) != std::to_string(record.size())
        || record.back() != '\n')
        return refused("has an extended header that cannot be read");
    long_path_ = record.substr(key + 6, record.size() - key - 7);
    if (long_path_.empty())
        return refused("has an extended header that cannot be read");
    skip_padding();
    return {};
}

Result<void> PackageTar::entry(const TarHeader& header, std::uint64_t size)
{
    std::string path = std::exchange(long_path_, {});
    if (path.empty())
        path.assign(header.name, ::strnlen(header.name, sizeof header.name));
    const bool is_directory = header.type == '5';
    if (is_directory && path.ends_with('/'))
        path.pop_back();
    if (!is_path(path))
        return refused("has a name that no file of a provider has");
    if (header.type != '0' && !is_directory)
        return refused("has " + path + ", which is neither a file nor a directory");
    if (paths_.size() == limits_.entries)
        return refused("has more than " + std::to_string(limits_.entries) + " files");
    if (!paths_.insert(path).second)
        return refused("has " + path + " twice");
    if (is_directory)
        return size == 0 ? Result<void>{} : refused("has a directory with content");
    if (size > limits_.bytes - total_)
        return refused("is larger than " + std::to_string(limits_.bytes) + " bytes");
    total_ += size;
    SLIPWAY_TRY(files_.begin(path));
    read_next(Within::file, size);
    return size == 0 ? file_ends() : Result<void>{};
}

Result<void> PackageTar::file_ends()
{
    skip_padding();
    return files_.end();
}

} // namespace slipway::launcher
