#pragma once

#include <string>
#include <string_view>

namespace slipway::slot {

/// Appends a frame as it travels on stdin: without a zero byte, and one at its end. See slot-init/cobs.h.
void append_cobs(std::string& to, std::string_view frame);

} // namespace slipway::slot
