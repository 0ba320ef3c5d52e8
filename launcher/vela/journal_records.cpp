#include "launcher/vela/journal_records.h"

#include "common/secret.h"
#include "crypto/digest.h"

namespace slipway::vela {

namespace {

constexpr std::size_t kLengths = 8;
constexpr std::size_t kCheck = 8;
constexpr std::size_t kHead = kLengths + kCheck;

void put_u32(std::string& to, std::size_t value)
{
    for (unsigned i = 0; i < 4; ++i)
        to.push_back(static_cast<char>(value >> (8 * i)));
}

std::size_t get_u32(std::string_view from)
{
    std::size_t value = 0;
    for (unsigned i = 0; i < 4; ++i)
        value |= static_cast<std::size_t>(static_cast<unsigned char>(from[i])) << (8 * i);
    return value;
}

std::string check_of(std::string_view lengths, std::string_view name_and_value)
{
    crypto::Sha256 sum;
    sum.update(lengths);
    sum.update(name_and_value);
    return std::string{sum.finish().view().substr(0, kCheck)};
}

} // namespace

std::size_t read_records(
    std::string_view bytes, const std::function<void(std::string_view name, std::string_view value)>& take)
{
    std::size_t length = 0;
    while (bytes.size() - length >= kHead) {
        const auto rest = bytes.substr(length);
        const std::size_t name = get_u32(rest);
        const std::size_t value = get_u32(rest.substr(4));
        if (name == 0 || name > kMaxRecordName || value > kMaxRecordValue
            || name + value > rest.size() - kHead)
            break;
        const auto content = rest.substr(kHead, name + value);
        if (check_of(rest.substr(0, kLengths), content) != rest.substr(kLengths, kCheck))
            break;
        take(content.substr(0, name), content.substr(name));
        length += kHead + content.size();
    }
    return length;
}

Result<std::string> make_record(std::string_view name, std::string_view value)
{
    if (name.empty())
        return Error{Errc::invalid_input, "a record of a journal needs a name"};
    if (name.size() > kMaxRecordName || value.size() > kMaxRecordValue)
        return Error{Errc::exhausted,
            "a journal takes names of up to 256 bytes and values of up to 32 MiB; this value has "
                + std::to_string(value.size()) + " bytes"};
    std::string record;
    record.reserve(kHead + name.size() + value.size());
    put_u32(record, name.size());
    put_u32(record, value.size());
    std::string content;
    content.reserve(name.size() + value.size());
    content.append(name).append(value);
    record += check_of(record, content);
    record += content;
    wipe(content);
    return record;
}

} // namespace slipway::vela
