#pragma once

#include <memory>

namespace slipway {

/// Frees a handle of a C library; pointer-sized, since the function is part of the type.
template <auto Free> struct Freed {
    template <class T> void operator()(T* handle) const noexcept { Free(handle); }
};

/// Owns one handle of a C library: `using EvpPkey = CPtr<EVP_PKEY, &EVP_PKEY_free>;`
template <class T, auto Free> using CPtr = std::unique_ptr<T, Freed<Free>>;

} // namespace slipway
