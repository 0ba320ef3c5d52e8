#pragma once

#include <cstddef>
#include <cstdint>

namespace slipway::slot {

/// Frames on stdin: without a zero byte, and ended by one (COBS: Cheshire and Baker, "Consistent Overhead
/// Byte Stuffing", 1999). A block is a byte with its length plus one, and so many bytes; a zero byte stands
/// after each block but the longest and the last. Shared by both ends; pure.
class CobsDecoder {
public:
    enum class Step : std::uint8_t {
        none,
        byte, ///< `out` is the frame's next byte.
        whole, ///< The frame ended, and was not cut short within a block.
        cut, ///< It ended where it should not.
    };

    Step take(std::uint8_t in, std::uint8_t& out)
    {
        if (in == 0) {
            const Step end = left_ == 0 ? Step::whole : Step::cut;
            left_ = 0;
            zero_due_ = false;
            return end;
        }
        if (left_ > 0) {
            --left_;
            out = in;
            return Step::byte;
        }
        const Step step = zero_due_ ? Step::byte : Step::none;
        out = 0;
        left_ = in - 1U;
        zero_due_ = in != 255;
        return step;
    }

private:
    std::size_t left_ = 0; ///< Of the block.
    bool zero_due_ = false;
};

} // namespace slipway::slot
