#include "launcher/slot-init/exec/request.h"

#include "launcher/slot-init/frames.h"

#include <cstring>

namespace slipway::slot {

namespace {

char* next_text(char*& at, char* end)
{
    char* text = at;
    char* nul
        = at < end ? static_cast<char*>(std::memchr(at, '\0', static_cast<std::size_t>(end - at))) : nullptr;
    at = nul != nullptr ? nul + 1 : end;
    return nul != nullptr ? text : nullptr;
}

} // namespace

bool parse_texts(const char* payload, std::size_t size, const char*& first, const char*& second)
{
    char* at = const_cast<char*>(payload);
    char* const end = at + size;
    first = next_text(at, end);
    second = next_text(at, end);
    return first != nullptr && second != nullptr && at == end;
}

bool parse_run(char* payload, std::size_t size, RunRequest& request)
{
    RunFrame head{};
    if (size < sizeof head)
        return false;
    std::memcpy(&head, payload, sizeof head);
    if ((head.flags & ~kTellExecuted) != 0 || head.seq == 0 || head.argc == 0
        || head.argc > RunRequest::kMaxTexts || head.envc > RunRequest::kMaxTexts)
        return false;
    char* at = payload + sizeof head;
    char* const end = payload + size;
    request.seq = head.seq;
    request.user = next_text(at, end);
    request.cwd = next_text(at, end);
    for (std::size_t i = 0; i < head.argc; ++i)
        if ((request.argv[i] = next_text(at, end)) == nullptr)
            return false;
    request.argv[head.argc] = nullptr;
    for (std::size_t i = 0; i < head.envc; ++i)
        if ((request.env[i] = next_text(at, end)) == nullptr)
            return false;
    request.env[head.envc] = nullptr;
    request.env_count = head.envc;
    return request.user != nullptr && request.cwd != nullptr && at == end;
}

} // namespace slipway::slot
