#include "launcher/slot-init/slot_init.h"

#include <errno.h>
#include <unistd.h>

#include <cstring>

namespace slipway::slot {

void SlotInit::read_stdin()
{
    static std::uint8_t bytes[kMaxChunk];
    const ssize_t count = ::read(link_, bytes, sizeof bytes);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
        return drop_link();
    for (ssize_t i = 0; i < count; ++i) {
        std::uint8_t byte = 0;
        const auto step = cobs_.take(bytes[i], byte);
        if (step == CobsDecoder::Step::byte && rx_used_ < sizeof in_) {
            reinterpret_cast<std::uint8_t*>(&in_)[rx_used_++] = byte;
        } else if (step == CobsDecoder::Step::whole && rx_used_ == frame_size()) {
            end_frame();
        } else if (step != CobsDecoder::Step::none) {
            rx_used_ = step == CobsDecoder::Step::byte ? rx_used_ : 0;
        }
    }
    ::explicit_bzero(bytes, sizeof bytes);
}

bool SlotInit::take_attach()
{
    AttachFrame attach{};
    if (!payload(attach))
        return false;
    reset_link();
    std::memcpy(nonce_, attach.nonce, sizeof nonce_);
    nonce_due_ = true;
    return true;
}

} // namespace slipway::slot
