#include "launcher/slot-init/slot_init.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <new>

int main()
{
    using namespace slipway::slot;
    // Else a job of the same user rewrites this process through /proc/1/mem.
    if (::prctl(PR_SET_DUMPABLE, 0) != 0 || ::getpid() != 1) {
        complain(2, "slot-init is made to be PID 1 of a container that slipway-launcher started", nullptr, 0);
        return 125;
    }
    alignas(SlotInit) static char place[sizeof(SlotInit)];
    (new (place) SlotInit)->run("/.slipway/s");
}
