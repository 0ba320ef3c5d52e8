#pragma once

namespace slipway::slot {

/// "slipway: what: why\n" with at most one path; `error_number` 0 leaves out the reason. Allocates nothing.
void complain(int fd, const char* what, const char* subject, int error_number);

} // namespace slipway::slot
