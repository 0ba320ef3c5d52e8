#include "common/random.h"

#include <openssl/rand.h>

#include <cassert>
#include <cstdio>
#include <cstdlib>
#include <limits>

namespace slipway {

std::uint64_t Random::below(std::uint64_t bound)
{
    assert(bound != 0);
    const std::uint64_t limit = std::numeric_limits<std::uint64_t>::max() / bound * bound;
    std::uint64_t value = 0;
    do
        fill(std::as_writable_bytes(std::span{&value, 1}));
    while (value >= limit);
    return value % bound;
}

void SystemRandom::fill(std::span<std::byte> bytes)
{
    if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size())) == 1)
        return;
    std::fputs("fatal: the random number generator failed\n", stderr);
    std::abort();
}

} // namespace slipway
