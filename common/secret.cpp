#include "common/secret.h"

#include <openssl/crypto.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <utility>

namespace slipway {

void wipe(void* data, std::size_t size) noexcept { OPENSSL_cleanse(data, size); }

void wipe(std::string& text) noexcept
{
    text.resize(text.capacity()); // also what it held before it shrank
    OPENSSL_cleanse(text.data(), text.size());
    text.clear();
}

namespace {

void keep_out_of_dumps(char* data, std::size_t size) noexcept
{
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t before = reinterpret_cast<std::uintptr_t>(data) % page; // madvise takes whole pages
    ::madvise(data - before, size + before, MADV_DONTDUMP);
}

} // namespace

Secret::Secret(std::string_view bytes)
    : size_{bytes.size()}
{
    if (size_ == 0)
        return;
    data_ = new char[size_];
    std::memcpy(data_, bytes.data(), size_);
    ::mlock(data_, size_); // best effort: RLIMIT_MEMLOCK may be small
    keep_out_of_dumps(data_, size_);
}

Secret Secret::take(std::string& bytes)
{
    Secret taken{bytes};
    wipe(bytes);
    return taken;
}

Secret::Secret(const Secret& other)
    : Secret{other.reveal()}
{
}

Secret& Secret::operator=(const Secret& other)
{
    if (this != &other)
        *this = Secret{other};
    return *this;
}

Secret::Secret(Secret&& other) noexcept
    : data_{std::exchange(other.data_, nullptr)}
    , size_{std::exchange(other.size_, 0)}
{
}

Secret& Secret::operator=(Secret&& other) noexcept
{
    if (this != &other) {
        clear();
        data_ = std::exchange(other.data_, nullptr);
        size_ = std::exchange(other.size_, 0);
    }
    return *this;
}

Secret::~Secret() { clear(); }

bool Secret::equals(std::string_view other) const noexcept
{
    return size_ == other.size() && (size_ == 0 || CRYPTO_memcmp(data_, other.data(), size_) == 0);
}

void Secret::clear() noexcept
{
    if (data_ == nullptr)
        return;
    wipe(data_, size_);
    delete[] data_;
    data_ = nullptr;
    size_ = 0;
}

} // namespace slipway
