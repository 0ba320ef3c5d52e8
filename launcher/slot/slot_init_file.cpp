#include "launcher/slot/slot_init_file.h"

#include "common/file.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>

extern "C" {
extern const char slipway_slot_init_begin[];
extern const char slipway_slot_init_end[];
}

namespace slipway::slot {

std::string_view slot_init_bytes() noexcept
{
    return {
        slipway_slot_init_begin, static_cast<std::size_t>(slipway_slot_init_end - slipway_slot_init_begin)};
}

namespace {

std::string hex_sha256(std::string_view bytes)
{
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
        return {};
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
        text.push_back(kDigits[digest[i] >> 4]);
        text.push_back(kDigits[digest[i] & 15]);
    }
    return text;
}

} // namespace

Result<std::string> slot_init_digest()
{
    std::string digest = hex_sha256(slot_init_bytes());
    if (digest.empty())
        return Error{Errc::internal, "SHA-256 is not available"};
    digest.resize(16);
    return digest;
}

Result<std::filesystem::path> install_slot_init(const std::filesystem::path& directory)
{
    const std::string digest = SLIPWAY_TRY(slot_init_digest());
    SLIPWAY_TRY(make_directories(directory));
    const auto path = directory / ("slot-init-" + digest);
    const auto there = SLIPWAY_TRY(read_file_if_exists(path, slot_init_bytes().size() + 1));
    if (there && *there == slot_init_bytes())
        return path;
    SLIPWAY_TRY(in("installing slot-init", replace_file(path, slot_init_bytes(), Durability::process, 0755)));
    return path;
}

} // namespace slipway::slot
