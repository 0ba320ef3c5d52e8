#include "launcher/start_pages.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace slipway::launcher {

namespace {

/// Of one loaded object; dl_iterate_phdr(3) keeps it loaded meanwhile.
int release_object(dl_phdr_info* info, std::size_t, void*)
{
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    for (int i = 0; i < info->dlpi_phnum; ++i) {
        const auto& segment = info->dlpi_phdr[i];
        // A segment that may be written holds relocated addresses and data, also where it is protected later.
        if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0)
            continue;
        const auto begin = (info->dlpi_addr + segment.p_vaddr) / page * page;
        const auto end = info->dlpi_addr + segment.p_vaddr + segment.p_memsz;
        // Refused for the kernel's own object, which has no pages to give.
        // NOLINTNEXTLINE(performance-no-int-to-ptr): the loader tells addresses as numbers.
        (void)::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
    }
    return 0;
}

} // namespace

void release_start_pages()
{
    ::dl_iterate_phdr(release_object, nullptr);
    ::malloc_trim(0);
}

} // namespace slipway::launcher
