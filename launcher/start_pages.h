#pragma once

namespace slipway::launcher {

/// Lets go of the pages of program text and of the heap that the start has touched: libraries are loaded and
/// looked through, certificates and keys read, and most of it is never needed again, while a launcher may
/// wait for work for days. What is needed again comes back from the page cache, or from the file. Call it
/// once the start is over. Any thread.
void release_start_pages();

} // namespace slipway::launcher
