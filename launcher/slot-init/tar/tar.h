#pragma once

/// Moves trees of files as tar archives, run by children of slot-init only. No memory is allocated anywhere.
namespace slipway::slot {

/// Unpacks a tar archive from `in` into `directory`, with nothing outside of it ever touched. Complains to
/// `err`; `error_number` is then the errno of what failed, 0 if it was the archive.
[[nodiscard]] bool unpack_tar(int in, int directory, int err, int& error_number);

/// Packs `directory` to `out`; notes on what is left out go to `err`, the last line of it is the error if it
/// fails. A link that leads out of the directory becomes what it leads to, since it would lead nowhere where
/// the archive is unpacked.
[[nodiscard]] bool pack_tar(int directory, int out, int err);

/// Packs one regular file under the last part of `path`.
[[nodiscard]] bool pack_file(int file, const char* path, int out, int err);

} // namespace slipway::slot
