#include "launcher/vela/journal_records.h"

#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

using Facts = std::map<std::string, std::string>;

static std::size_t read(std::string_view bytes, Facts& facts)
{
    return slipway::vela::read_records(
        bytes, [&](std::string_view name, std::string_view value) { facts[std::string{name}] = value; });
}

/// What is read of any bytes is a beginning of them, reads as the same without the rest, and takes more.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    Facts facts;
    const std::size_t length = read(bytes, facts);
    if (length > size)
        std::abort();
    const std::string whole{bytes.substr(0, length)};
    Facts again;
    if (read(whole, again) != length || again != facts)
        std::abort();
    const auto more = slipway::vela::make_record("more", bytes.substr(length));
    if (!more)
        return 0;
    Facts longer;
    facts["more"] = bytes.substr(length);
    if (read(whole + *more, longer) != whole.size() + more->size() || longer != facts)
        std::abort();
    return 0;
}
