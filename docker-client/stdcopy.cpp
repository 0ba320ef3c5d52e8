#include "docker-client/stdcopy.h"

#include <algorithm>

namespace slipway::docker {

Result<void> StdcopyReader::feed(std::string_view bytes)
{
    while (!bytes.empty()) {
        if (remaining_ > 0) {
            const std::string_view payload = bytes.substr(0, remaining_);
            bytes.remove_prefix(payload.size());
            remaining_ -= static_cast<std::uint32_t>(payload.size());
            SLIPWAY_TRY(take_payload(payload));
            continue;
        }
        const std::size_t count = std::min(head_.size() - head_size_, bytes.size());
        std::copy_n(bytes.begin(), count, head_.begin() + static_cast<std::ptrdiff_t>(head_size_));
        bytes.remove_prefix(count);
        head_size_ += count;
        if (head_size_ == head_.size())
            SLIPWAY_TRY(begin_frame());
    }
    return {};
}

Result<void> StdcopyReader::begin_frame()
{
    head_size_ = 0;
    if (head_[0] > kErrorStream || head_[1] != 0 || head_[2] != 0 || head_[3] != 0)
        return Error{Errc::invalid_input, "the output is not in frames: does the container have a terminal?"};
    remaining_ = 0;
    for (std::size_t i = 4; i < head_.size(); ++i)
        remaining_ = remaining_ << 8U | head_[i];
    if (remaining_ > kMaxFrame)
        return Error{
            Errc::invalid_input, "a frame of output claims " + std::to_string(remaining_) + " bytes"};
    if (remaining_ == 0 && head_[0] == kErrorStream)
        return take_payload({});
    return {};
}

Result<void> StdcopyReader::take_payload(std::string_view payload)
{
    if (head_[0] != kErrorStream)
        return handler_(head_[0] == 2 ? Stream::err : Stream::out, payload);
    error_text_ += payload.substr(0, kMaxErrorText - error_text_.size());
    if (remaining_ == 0)
        return Error{Errc::internal, "the engine: " + error_text_};
    return {};
}

Result<void> StdcopyReader::finish() const
{
    if (head_size_ > 0 || remaining_ > 0)
        return Error{Errc::unreachable, "the output broke off within a frame"};
    return {};
}

} // namespace slipway::docker
