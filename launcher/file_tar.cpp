#include "launcher/file_tar.h"

#include "launcher/slot-init/tar/format.h"
#include "launcher/tar_number.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>

namespace slipway::launcher {

using slot::TarHeader;

namespace {

constexpr std::size_t kBlock = slot::kTarBlock;

template <std::size_t N> void octal(char (&field)[N], std::uint64_t value)
{
    for (std::size_t i = N - 1; i-- > 0; value >>= 3U)
        field[i] = static_cast<char>('0' + (value & 7U));
}

Result<std::string> safe_path(const std::string& text)
{
    const std::filesystem::path path{text};
    const bool leaves = path.is_absolute()
        || std::any_of(path.begin(), path.end(), [](const auto& p) { return p == ".."; });
    std::string normal = path.lexically_normal().string();
    if (leaves || normal.empty() || normal == "." || normal.ends_with('/')
        || text.find('\0') != std::string::npos)
        return Error{Errc::invalid_input, "\"" + text + "\" is not a file within the workspace"};
    if (normal.size() >= sizeof(TarHeader::name))
        return Error{Errc::invalid_input, "\"" + text + "\" is longer than 99 bytes"};
    return normal;
}

void add_file(std::string& tar, const std::string& path, const TarFile& file)
{
    TarHeader header{};
    std::memcpy(header.name, path.data(), path.size());
    octal(header.mode, static_cast<std::uint64_t>(file.mode));
    octal(header.uid, 0);
    octal(header.gid, 0);
    octal(header.size, file.content.size());
    octal(header.mtime, 0);
    header.type = file.link.empty() ? '0' : '2';
    std::memcpy(header.link, file.link.data(), file.link.size());
    std::memcpy(header.magic, "ustar", 6);
    std::memcpy(header.version, "00", 2);
    char digits[7]{};
    octal(digits, slot::tar_checksum(header));
    std::memcpy(header.checksum, digits, sizeof(digits));
    header.checksum[7] = ' ';
    tar.append(reinterpret_cast<const char*>(&header), sizeof(header));
    tar.append(file.content);
    tar.append((kBlock - file.content.size() % kBlock) % kBlock, '\0');
}

} // namespace

Result<std::string> make_tar(const std::vector<TarFile>& files)
{
    std::string tar;
    for (const auto& file : files) {
        if (file.link.size() > sizeof(TarHeader::link))
            return Error{Errc::invalid_input, "\"" + file.link + "\" is longer than 100 bytes"};
        add_file(tar, SLIPWAY_TRY(safe_path(file.path)), file);
    }
    tar.append(2 * kBlock, '\0');
    return tar;
}

Result<std::string> only_file_of(std::string_view tar)
{
    TarHeader header{};
    if (tar.size() < 3 * kBlock)
        return Error{Errc::invalid_input, "the archive is cut off"};
    std::memcpy(&header, tar.data(), sizeof(header));
    const auto checksum = SLIPWAY_TRY(tar_number(header.checksum, Errc::invalid_input));
    const auto size = SLIPWAY_TRY(tar_number(header.size, Errc::invalid_input));
    if (checksum != slot::tar_checksum(header) || std::memcmp(header.magic, "ustar", 5) != 0
        || header.type != '0')
        return Error{Errc::invalid_input, "the archive does not hold a file"};
    if (size > tar.size() - 3 * kBlock)
        return Error{Errc::invalid_input, "the archive is cut off"};
    const std::uint64_t whole = kBlock + (size + kBlock - 1) / kBlock * kBlock + 2 * kBlock;
    if (tar.size() != whole || tar.find_first_not_of('\0', kBlock + size) != std::string_view::npos)
        return Error{Errc::invalid_input, "the archive holds more than one file"};
    return std::string{tar.substr(kBlock, size)};
}

Result<void> OnlyFile::take(std::string_view piece)
{
    while (!piece.empty()) {
        if (part_ == Part::header) {
            const auto more = piece.substr(0, kBlock - header_.size());
            header_ += more;
            piece.remove_prefix(more.size());
            if (header_.size() == kBlock)
                SLIPWAY_TRY(take_header());
            continue;
        }
        const auto part = piece.substr(0, part_ == Part::end ? piece.npos : std::min(left_, piece.size()));
        piece.remove_prefix(part.size());
        if (part_ == Part::content)
            SLIPWAY_TRY(content_(part));
        else if (part_ == Part::end && part.find_first_not_of('\0') != part.npos)
            return Error{Errc::invalid_input, "the archive holds more than one file"};
        left_ -= std::min<std::uint64_t>(left_, part.size());
        if (left_ == 0 && part_ == Part::extension)
            part_ = Part::header;
        if (left_ == 0 && part_ == Part::content)
            end_content();
    }
    return {};
}

Result<void> OnlyFile::take_header()
{
    TarHeader header{};
    std::memcpy(&header, header_.data(), sizeof(header));
    header_.clear();
    const auto checksum = SLIPWAY_TRY(tar_number(header.checksum, Errc::invalid_input));
    const auto size = SLIPWAY_TRY(tar_number(header.size, Errc::invalid_input));
    const bool extends = header.type == 'x' || header.type == 'g';
    if (checksum != slot::tar_checksum(header) || std::memcmp(header.magic, "ustar", 5) != 0
        || (!extends && header.type != '0'))
        return Error{Errc::invalid_input, "the archive does not hold a file"};
    left_ = extends ? (size + kBlock - 1) / kBlock * kBlock : size;
    if (extends) {
        part_ = left_ == 0 ? Part::header : Part::extension;
        return {};
    }
    if (size > most_)
        return Error{Errc::exhausted,
            "it has " + std::to_string(size) + " bytes; " + std::to_string(most_) + " are allowed"};
    size_ = size;
    part_ = Part::content;
    if (size == 0)
        end_content();
    return {};
}

void OnlyFile::end_content()
{
    part_ = Part::end;
    left_ = (kBlock - size_ % kBlock) % kBlock + 2 * kBlock;
}

Result<std::uint64_t> OnlyFile::finish() const
{
    if (part_ != Part::end || left_ != 0)
        return Error{Errc::invalid_input, "the archive is cut off"};
    return size_;
}

} // namespace slipway::launcher
