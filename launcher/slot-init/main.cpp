#include "launcher/slot-init/slot_init.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <cstring>
#include <new>

int main(int argc, char** argv)
{
    using namespace slipway::slot;
    // Else a job of the same user rewrites this process through /proc/1/mem.
    if (::prctl(PR_SET_DUMPABLE, 0) != 0 || ::getpid() != 1) {
        complain(2, "slot-init is made to be PID 1 of a container that slipway-launcher started", nullptr, 0);
        return 125;
    }
    alignas(SlotInit) static char place[sizeof(SlotInit)];
    const bool stdio = argc > 1 && std::strcmp(argv[1], kStdioArgument) == 0;
    (new (place) SlotInit)->run(stdio ? nullptr : "/.slipway/s");
}
