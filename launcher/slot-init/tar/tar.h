#pragma once

/// Moves trees of files as tar archives, run by children of slot-init only. No memory is allocated anywhere.
namespace slipway::slot {

/// Unpacks a tar archive from `in` into `directory`, with nothing outside of it ever touched. Complains to
/// `err`.
[[nodiscard]] bool unpack_tar(int in, int directory, int err);

/// Packs `directory` to `out`; notes on what is left out go to `err`, the last line of it is the error if it
/// fails.
[[nodiscard]] bool pack_tar(int directory, int out, int err);

} // namespace slipway::slot
