#include "launcher/slot-init/exec/request.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static const auto request = std::make_unique<slipway::slot::RunRequest>();
    // Exactly as large as the payload, so that a read behind it is seen.
    const std::unique_ptr<char[]> payload{new char[size]};
    if (size > 0)
        std::memcpy(payload.get(), data, size);
    if (slipway::slot::parse_run(payload.get(), size, *request)) {
        std::size_t sum = std::strlen(request->user) + std::strlen(request->cwd);
        for (char** text = request->argv; *text != nullptr; ++text)
            sum += std::strlen(*text);
        for (char** text = request->env; *text != nullptr; ++text)
            sum += std::strlen(*text);
        if (sum > size)
            __builtin_trap();
    }
    const char* first = nullptr;
    const char* second = nullptr;
    (void)slipway::slot::parse_texts(payload.get(), size, first, second);
    return 0;
}
