#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace slipway::test {

/// Output that can be checked byte by byte: what stands at a position follows from the seed alone, so that a
/// log can be compared without keeping what was written. The same lines come from a shell in a container.
class ByteGenerator {
public:
    explicit ByteGenerator(std::uint32_t seed)
        : seed_{seed}
    {
    }

    /// "slipway-line 00000012 345678\n"; all lines have the same length.
    [[nodiscard]] std::string line(std::uint32_t number) const;
    /// Lines `first`, `first + 1`, … as one text.
    [[nodiscard]] std::string lines(std::uint32_t first, std::uint32_t count) const;
    /// Any bytes, not text; `position` counts from 0.
    [[nodiscard]] std::string bytes(std::uint64_t position, std::size_t length) const;
    /// A command for a POSIX shell that prints `line(i)` of its variable i.
    [[nodiscard]] std::string shell_line() const;
    /// A command for a POSIX shell that prints `lines(first, count)`, waiting `pause` (for sleep(1); empty:
    /// not at all) after each line.
    [[nodiscard]] std::string shell(
        std::uint32_t first, std::uint32_t count, const std::string& pause = {}) const;

    /// What in `log` are not lines of attempts: each of those begins with line 0 and goes on without a gap, a
    /// repetition or a change of order, as far as it goes. The first place that is otherwise; empty: none.
    [[nodiscard]] std::string first_break(std::string_view log) const;

    /// What each line begins with; nothing else in a log does.
    static constexpr const char* kPrefix = "slipway-line ";

private:
    std::uint32_t seed_;
};

} // namespace slipway::test
