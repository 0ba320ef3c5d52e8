#include "launcher/slot-init/complain.h"

#include <string.h>
#include <sys/uio.h>

#include <cstring>

namespace slipway::slot {

void complain(int fd, const char* what, const char* subject, int error_number)
{
    const char* reason = error_number != 0 ? ::strerrordesc_np(error_number) : nullptr;
    const char* parts[] = {"slipway: ", subject != nullptr ? subject : "", subject != nullptr ? ": " : "",
        what, reason != nullptr ? ": " : "", reason != nullptr ? reason : "", "\n"};
    iovec pieces[sizeof parts / sizeof parts[0]];
    for (std::size_t i = 0; i < sizeof parts / sizeof parts[0]; ++i)
        pieces[i] = {const_cast<char*>(parts[i]), std::strlen(parts[i])};
    (void)!::writev(fd, pieces, sizeof parts / sizeof parts[0]);
}

} // namespace slipway::slot
