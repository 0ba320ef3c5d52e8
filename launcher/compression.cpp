#include "launcher/compression.h"

#include <zstd.h>

#include <string>

namespace slipway::launcher {

namespace {

constexpr int kLevel = 3;
/// Of a reader's window: level 3 asks for 2 MiB.
constexpr int kMaxWindowLog = 23;

Error failure(std::string_view what, std::size_t code)
{
    return {Errc::internal, std::string{what} + ": zstd: " + ZSTD_getErrorName(code)};
}

} // namespace

struct Compressor::Impl {
    struct Free {
        void operator()(ZSTD_CCtx* freed) const noexcept { ZSTD_freeCCtx(freed); }
    };

    const Sink& sink;
    std::unique_ptr<ZSTD_CCtx, Free> context{ZSTD_createCCtx()};
    std::string out = std::string(ZSTD_CStreamOutSize(), '\0');

    Result<void> run(std::string_view bytes, ZSTD_EndDirective directive)
    {
        if (!context)
            return Error{Errc::exhausted, "there is no memory for compression"};
        ZSTD_inBuffer from{.src = bytes.data(), .size = bytes.size(), .pos = 0};
        for (;;) {
            ZSTD_outBuffer to{.dst = out.data(), .size = out.size(), .pos = 0};
            const std::size_t left = ZSTD_compressStream2(context.get(), &to, &from, directive);
            if (ZSTD_isError(left) != 0)
                return failure("compressing", left);
            if (to.pos > 0)
                SLIPWAY_TRY(sink({out.data(), to.pos}));
            if (directive == ZSTD_e_end ? left == 0 : from.pos == from.size)
                return {};
        }
    }
};

Compressor::Compressor(const Sink& sink)
    : impl_{std::make_unique<Impl>(Impl{.sink = sink})}
{
    if (impl_->context) {
        (void)ZSTD_CCtx_setParameter(impl_->context.get(), ZSTD_c_compressionLevel, kLevel);
        (void)ZSTD_CCtx_setParameter(impl_->context.get(), ZSTD_c_checksumFlag, 1);
    }
}

Compressor::Compressor(Compressor&&) noexcept = default;
Compressor::~Compressor() = default;

Result<void> Compressor::push(std::string_view bytes) { return impl_->run(bytes, ZSTD_e_continue); }

Result<void> Compressor::finish() { return impl_->run({}, ZSTD_e_end); }

struct Decompressor::Impl {
    struct Free {
        void operator()(ZSTD_DCtx* freed) const noexcept { ZSTD_freeDCtx(freed); }
    };

    const Sink& sink;
    std::unique_ptr<ZSTD_DCtx, Free> context{ZSTD_createDCtx()};
    std::string out = std::string(ZSTD_DStreamOutSize(), '\0');
    bool ended = false;
};

Decompressor::Decompressor(const Sink& sink)
    : impl_{std::make_unique<Impl>(Impl{.sink = sink})}
{
    if (impl_->context)
        (void)ZSTD_DCtx_setParameter(impl_->context.get(), ZSTD_d_windowLogMax, kMaxWindowLog);
}

Decompressor::Decompressor(Decompressor&&) noexcept = default;
Decompressor::~Decompressor() = default;

Result<void> Decompressor::push(std::string_view bytes)
{
    Impl& it = *impl_;
    if (!it.context)
        return Error{Errc::exhausted, "there is no memory for decompression"};
    ZSTD_inBuffer from{.src = bytes.data(), .size = bytes.size(), .pos = 0};
    bool full = false; // so that there may be more to come out without anything going in
    while (from.pos < from.size || full) {
        if (it.ended && from.pos < from.size)
            return Error{Errc::invalid_input, "there are bytes after the end of the compressed stream"};
        if (it.ended)
            return {};
        ZSTD_outBuffer to{.dst = it.out.data(), .size = it.out.size(), .pos = 0};
        const std::size_t left = ZSTD_decompressStream(it.context.get(), &to, &from);
        if (ZSTD_isError(left) != 0)
            return Error{Errc::invalid_input,
                std::string{"the content is no zstd stream that can be read here: "}
                    + ZSTD_getErrorName(left)};
        if (to.pos > 0)
            SLIPWAY_TRY(it.sink({it.out.data(), to.pos}));
        it.ended = left == 0;
        full = to.pos == to.size;
    }
    return {};
}

Result<void> Decompressor::finish()
{
    if (impl_->ended)
        return {};
    return Error{Errc::invalid_input, "the compressed stream ends too early"};
}

} // namespace slipway::launcher
