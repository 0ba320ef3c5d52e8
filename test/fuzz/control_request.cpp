// A request over a launcher's control socket that is read is written in a form that is read as the same.
#include "launcher/control_request.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace slipway::launcher;
    const auto request = read_control_request({reinterpret_cast<const char*>(data), size});
    if (!request)
        return 0;
    const auto again = read_control_request(to_json(*request));
    if (!again || *again != *request)
        std::abort();
    return 0;
}
