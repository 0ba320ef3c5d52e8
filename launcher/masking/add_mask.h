#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::launcher {

/// Finds the lines by which a job asks for more masking:
///
///   ::add-mask WORD…
///
/// at the begin of a line, words between blanks; `::add-mask::WORD` means the same. The line goes on with
/// `stars` in place of each word. It is held back until it ends; beyond kLongestLine bytes the rest of it is
/// left out, and a zero byte ends it as a newline does. One thread.
class AddMask {
public:
    static constexpr std::size_t kLongestLine = 64 * 1024;
    static constexpr std::size_t kMostWords = 1000;
    static constexpr std::size_t kMostBytes = 64 * 1024; ///< Of all words together.

    /// Where the stream goes on: bytes in their order.
    using Pass = std::function<void(std::string_view bytes)>;
    /// Words of a line, before anything of it is passed on.
    using Learn = std::function<void(const std::vector<std::string_view>& words)>;

    AddMask(std::string_view stars, Pass pass, Learn learn);

    void push(std::string_view bytes);
    void finish();

private:
    [[nodiscard]] std::size_t take(std::string_view text, bool last);
    [[nodiscard]] std::size_t take_line(std::string_view text, bool last);
    void learn(std::string_view words, std::string_view note);

    std::string_view stars_;
    Pass pass_;
    Learn learn_;
    std::string held_;
    std::size_t words_ = 0;
    std::size_t bytes_ = 0;
    bool at_begin_ = true; ///< What comes next begins a line.
    bool leaving_out_ = false; ///< The rest of a line that is too long.
};

} // namespace slipway::launcher
