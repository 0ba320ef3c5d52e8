#pragma once

#include "common/result.h"
#include "launcher/job_host.h"

#include <memory>
#include <string_view>

namespace slipway::launcher {

/// Makes a zstd stream (RFC 8878) at level 3, in constant memory (some 5 MiB) and on the caller's thread. It
/// carries a checksum of its content. One thread.
class Compressor {
public:
    /// What is finished goes to `sink`, which outlives this.
    explicit Compressor(const Sink& sink);
    Compressor(Compressor&&) noexcept;
    Compressor& operator=(Compressor&&) = delete;
    ~Compressor();

    [[nodiscard]] Result<void> push(std::string_view bytes);
    /// Writes the end. Without it the stream is truncated and no one will take it.
    [[nodiscard]] Result<void> finish();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Reads what `Compressor` made, in at most 16 MiB whatever the stream asks for. Fails with `invalid_input`
/// on anything else, bytes after the end among it. One thread.
class Decompressor {
public:
    /// The plain bytes go to `sink`, which outlives this.
    explicit Decompressor(const Sink& sink);
    Decompressor(Decompressor&&) noexcept;
    Decompressor& operator=(Decompressor&&) = delete;
    ~Decompressor();

    [[nodiscard]] Result<void> push(std::string_view bytes);
    /// No more bytes will come: fails when the stream has not ended.
    [[nodiscard]] Result<void> finish();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace slipway::launcher
