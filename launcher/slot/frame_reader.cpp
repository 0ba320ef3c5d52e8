#include "launcher/slot/frame_reader.h"

namespace slipway::slot {

namespace {

constexpr std::size_t kMost = 4 * (sizeof(FrameHeader) + kMaxReply);

} // namespace

std::size_t FrameReader::room() const noexcept
{
    // A stranger may send one `ready` and nothing more.
    const std::size_t most = admitted_ ? kMost : sizeof(FrameHeader) + sizeof(ReadyFrame);
    const std::size_t held = buffer_.size() - used_;
    return held < most ? most - held : 0;
}

void FrameReader::feed(std::string_view bytes)
{
    buffer_.erase(0, used_);
    used_ = 0;
    buffer_.append(bytes);
}

bool FrameReader::believable(const FrameHeader& header) const noexcept
{
    if (!admitted_)
        return header.type == FrameType::ready && header.length == sizeof(ReadyFrame);
    switch (header.type) {
    case FrameType::out:
    case FrameType::get_data:
    case FrameType::transfer_end:
        return header.length <= kMaxReply;
    case FrameType::exited:
        return header.length == sizeof(ExitedFrame);
    case FrameType::notice:
        return header.length == sizeof(NoticeFrame);
    case FrameType::put_credit:
        return header.length == sizeof(CreditFrame);
    case FrameType::executed:
        return header.length == sizeof(ExecutedFrame);
    case FrameType::ready:
    case FrameType::hello:
    case FrameType::run:
    case FrameType::stop:
    case FrameType::lease:
    case FrameType::deadline:
    case FrameType::ack:
    case FrameType::bye:
    case FrameType::put:
    case FrameType::put_data:
    case FrameType::put_end:
    case FrameType::get:
    case FrameType::credit:
    case FrameType::cancel:
    case FrameType::attach:
        return false;
    }
    return false;
}

Result<std::optional<Frame>> FrameReader::next()
{
    const std::string_view rest = std::string_view{buffer_}.substr(used_);
    const auto header = payload_head<FrameHeader>(rest);
    if (!header)
        return std::optional<Frame>{};
    if (!believable(*header))
        return Error{Errc::invalid_input, "what the slot sent is not the slot protocol"};
    if (rest.size() < sizeof *header + header->length)
        return std::optional<Frame>{};
    used_ += sizeof *header + header->length;
    return std::optional{Frame{.type = header->type, .payload = rest.substr(sizeof *header, header->length)}};
}

} // namespace slipway::slot
