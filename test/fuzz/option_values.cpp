// The values of options. The first byte chooses the reader; what is read and written again is read as the
// same.
#include "launcher/config.h"
#include "launcher/job_values.h"
#include "launcher/option_readers.h"
#include "launcher/value_syntax.h"

#include <cstdint>
#include <cstdlib>

namespace {

using namespace slipway;
using namespace slipway::launcher;

void require(bool truth)
{
    if (!truth)
        std::abort();
}

/// `write` of what `read` made of the text is read as the same again.
template <class Read, class Write> void round_trip(std::string_view text, Read read, Write write)
{
    const auto value = read(text);
    if (!value)
        return;
    const std::string written = write(*value);
    if (written.empty())
        return;
    const auto again = read(written);
    require(again && write(*again) == written);
}

void mounts(std::string_view text)
{
    const auto read = [](std::string_view list) { return read_mounts(list, StageClass::every); };
    round_trip(text, read, [](const auto& value) { return mounts_text(value, StageClass::every); });
    if (const auto value = read(text))
        for (const auto& mount : *value)
            require(mount.container.starts_with('/') && mount.container.size() > 1
                && !mount.container.starts_with("/mnt/workspace/") && mount.host.starts_with('/'));
}

void allowed(std::string_view text)
{
    round_trip(text, &read_allow_list, &allow_list_text);
    if (const auto value = read_allow_list(text))
        for (const auto& name : *value)
            require(name.name != "SPACELIFT_TOKEN" && name.name != "SPACELIFT_POOL_PRIVATE_KEY");
}

/// Who has a password in an address does not find it in a message.
void proxy(std::string_view text)
{
    if (text.find("hush-hush") != std::string_view::npos)
        return; // it stands in the address itself, too
    const std::string address = "http://me:hush-hush@" + std::string{text};
    if (const auto value = read_proxy(address); !value)
        require(value.error().message().find("hush-hush") == std::string::npos);
    require(without_password(address).find("hush-hush") == std::string::npos);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
    switch (data[0]) {
    case 'm':
        mounts(text);
        break;
    case 'a':
        allowed(text);
        break;
    case 'u':
        round_trip(text, &read_ulimits, &ulimits_text);
        break;
    case 'c':
        round_trip(text, &read_capabilities, &list_text);
        break;
    case 'o':
        round_trip(text, &read_security_options, &list_text);
        break;
    case 's':
        round_trip(text, &read_size, &size_text);
        break;
    case 'n':
        round_trip(text, &read_cpus, &cpus_text);
        break;
    case 'p':
        round_trip(text, &read_percent, &percent_text);
        break;
    case 'h':
        (void)read_host_port(text).has_value();
        break;
    case 'x':
        proxy(text);
        break;
    case 'r':
        if (const auto pem = read_root_cas(text))
            require(pem->find("-----BEGIN ") != std::string::npos);
        break;
    default:
        (void)read_user(text).has_value();
        break;
    }
    return 0;
}
