#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace slipway {

/// Overwrites memory in a way the compiler may not remove.
void wipe(void* data, std::size_t size) noexcept;

/// Overwrites a string's characters and empties it.
void wipe(std::string& text) noexcept;

/// Bytes that must not be seen: wiped when destroyed or replaced, kept out of core dumps with the pages they
/// lie in (madvise(2), MADV_DONTDUMP) and, where the memory-lock limit allows, out of swap. There is no way
/// to print one; `reveal` marks each place that reads it.
class Secret {
public:
    Secret() = default;
    /// Copies `bytes`; the caller wipes its own copy.
    explicit Secret(std::string_view bytes);
    /// Takes the bytes over and wipes `bytes`.
    static Secret take(std::string& bytes);

    Secret(const Secret& other);
    Secret& operator=(const Secret& other);
    Secret(Secret&& other) noexcept;
    Secret& operator=(Secret&& other) noexcept;
    ~Secret();

    /// Valid while this object lives and is not assigned to.
    [[nodiscard]] std::string_view reveal() const noexcept { return {data_, size_}; }

    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// Compares in time that depends on the lengths only.
    [[nodiscard]] bool equals(std::string_view other) const noexcept;

private:
    void clear() noexcept;

    char* data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace slipway
