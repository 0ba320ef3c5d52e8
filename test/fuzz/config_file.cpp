// The configuration file: whatever the bytes, entries with a key, or a failure in words.
#include "launcher/config_file.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto entries = slipway::launcher::parse_config_text({reinterpret_cast<const char*>(data), size});
    if (!entries && entries.error().message().empty())
        std::abort();
    return 0;
}
