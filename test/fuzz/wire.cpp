// Each reader of the worker protocol on any bytes: what it takes, it writes in a form that it takes again
// unchanged.
#include "common/protocol/wire.h"

#include <cstdint>
#include <cstdlib>

namespace {

using namespace slipway::protocol;

template <class Read> void check(Read read, std::string_view text)
{
    const auto message = read(text);
    if (!message)
        return;
    const std::string written = to_json(*message);
    if (written.size() > kMaxMessageBytes)
        return; // escapes made it longer than a message may be
    const auto again = read(written);
    if (!again || to_json(*again) != written)
        std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    check(read_register_request, text);
    check(read_register_response, text);
    check(read_poll_request, text);
    check(read_poll_response, text);
    check(read_accept_request, text);
    check(read_decline_request, text);
    check(read_state_report, text);
    check(read_lease_answer, text);
    check(read_log_answer, text);
    return 0;
}
