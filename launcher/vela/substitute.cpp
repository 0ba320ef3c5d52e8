#include "launcher/vela/substitute.h"

#include "common/utf8.h"
#include "launcher/vela/glob.h"
#include "launcher/vela/substitute_functions.h"

#include <algorithm>

namespace slipway::vela {

namespace {

constexpr int kMaxDepth = 100;
/// Replacements within replacements multiply: no text that a container takes is as large.
constexpr std::size_t kMaxResult = 16 * 1024 * 1024;

constexpr std::string_view kNoBrace = "missing closing brace";
constexpr std::string_view kNoName = "unable to parse variable name";
constexpr std::string_view kNoArgument = "unable to parse substitution within function";
constexpr std::string_view kBad = "bad substitution";

Error error(std::string_view text) { return {Errc::invalid_input, std::string{text}}; }

/// Reads and evaluates at once: an expression has no effect but its value.
class Expansion {
public:
    Expansion(std::string_view text, const Variables& variables)
        : text_{text}
        , variables_{variables}
    {
    }

    Result<std::string> all();

private:
    enum class Escapes : bool { none, some };

    [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }

    /// The next byte; 0 at the end.
    [[nodiscard]] char next() const { return at_ < text_.size() ? text_[at_] : '\0'; }

    [[nodiscard]] bool opens() const { return text_.substr(at_).starts_with("${"); }

    [[nodiscard]] bool escaped() const;
    std::string_view name();
    std::string operation(std::string_view first, std::string_view second);
    Result<std::string> close(std::string value);
    Result<std::string> expression();
    Result<std::string> function(const std::string& value);
    Result<std::string> length();
    Result<std::string> fallback(const std::string& value);
    Result<std::string> part(const std::string& value);
    Result<std::string> changed_case(const std::string& value);
    Result<std::string> trimmed(const std::string& value);
    Result<std::string> replaced(const std::string& value);
    Result<std::string> argument(std::string_view stops, Escapes escapes);
    [[nodiscard]] std::string value_of(std::string_view name) const;

    std::string_view text_;
    const Variables& variables_;
    std::size_t at_ = 0;
    int depth_ = 0;
};

bool Expansion::escaped() const
{
    if (at_ + 1 >= text_.size())
        return false;
    const char second = text_[at_ + 1];
    return (text_[at_] == '$' && second == '$') || (text_[at_] == '\\' && (second == '/' || second == '\\'));
}

Result<std::string> Expansion::all()
{
    std::string result;
    while (!at_end()) {
        if (opens()) {
            at_ += 2;
            result += SLIPWAY_TRY(expression());
        } else {
            if (escaped())
                ++at_;
            result += text_[at_++];
        }
        if (result.size() > kMaxResult)
            return error("the result is larger than 16 MiB");
    }
    return result;
}

std::string_view Expansion::name()
{
    const auto start = at_;
    while (!at_end()) {
        const auto rest = text_.substr(at_);
        const auto width = std::max<std::size_t>(utf8_length(rest), 1);
        const char32_t c = to_characters(rest.substr(0, width)).front();
        if (c != '_' && c != '-' && !is_letter_or_digit(c))
            break;
        at_ += width;
    }
    return text_.substr(start, at_ - start);
}

std::string Expansion::value_of(std::string_view name) const
{
    const auto found = variables_.find(name);
    return found == variables_.end() ? std::string{} : found->second;
}

/// One or two characters of these.
std::string Expansion::operation(std::string_view first, std::string_view second)
{
    std::string taken;
    if (!at_end() && first.find(next()) != std::string_view::npos)
        taken += text_[at_++];
    if (!taken.empty() && !at_end() && second.find(next()) != std::string_view::npos)
        taken += text_[at_++];
    return taken;
}

Result<std::string> Expansion::close(std::string value)
{
    if (next() != '}')
        return error(kNoBrace);
    ++at_;
    if (value.size() > kMaxResult)
        return error("the result is larger than 16 MiB");
    return value;
}

Result<std::string> Expansion::argument(std::string_view stops, Escapes escapes)
{
    if (opens()) {
        at_ += 2;
        return expression();
    }
    std::string result;
    while (!at_end() && !opens()) {
        if (escapes == Escapes::some && escaped())
            ++at_;
        else if (stops.find(next()) != std::string_view::npos)
            break;
        result += text_[at_++];
    }
    if (result.empty())
        return error(kNoArgument);
    return result;
}

Result<std::string> Expansion::expression()
{
    if (++depth_ > kMaxDepth)
        return error("expressions within expressions are more than 100 deep");
    auto result = next() == '#' ? length() : [&]() -> Result<std::string> {
        const auto variable = name();
        if (variable.empty())
            return error(kNoName);
        return function(value_of(variable));
    }();
    --depth_;
    return result;
}

Result<std::string> Expansion::length()
{
    ++at_;
    const auto variable = name();
    if (variable.empty())
        return error(kBad);
    return close(std::to_string(value_of(variable).size()));
}

Result<std::string> Expansion::function(const std::string& value)
{
    switch (next()) {
    case ':': {
        constexpr std::string_view kDefaults = "=-?+";
        const bool is_default = at_ + 1 < text_.size() && kDefaults.find(text_[at_ + 1]) != kDefaults.npos;
        at_ += is_default ? 2 : 1;
        return is_default ? fallback(value) : part(value);
    }
    case '=':
        ++at_;
        return fallback(value);
    case ',':
    case '^':
        return changed_case(value);
    case '/':
        return replaced(value);
    case '#':
    case '%':
        return trimmed(value);
    default:
        return close(value);
    }
}

Result<std::string> Expansion::fallback(const std::string& value)
{
    std::string otherwise;
    while (next() != '}') {
        otherwise += SLIPWAY_TRY(argument("}", Escapes::none));
        if (otherwise.size() > kMaxResult)
            return error("the result is larger than 16 MiB");
    }
    return close(value.empty() ? otherwise : value);
}

Result<std::string> Expansion::part(const std::string& value)
{
    const std::string position = SLIPWAY_TRY(argument(":}", Escapes::none));
    if (next() == '}')
        return close(slice(value, position, std::nullopt));
    if (next() != ':')
        return error(kBad);
    while (next() == ':')
        ++at_;
    const std::string count = SLIPWAY_TRY(argument("}", Escapes::none));
    return close(slice(value, position, count));
}

Result<std::string> Expansion::changed_case(const std::string& value)
{
    const auto how = operation(",^", ",^");
    const auto extent = how.size() == 2 ? Extent::all : Extent::first;
    if (how.starts_with(',') && how != ",^")
        return close(to_lower(value, extent));
    if (how.starts_with('^') && how != "^,")
        return close(to_upper(value, extent));
    return close(value);
}

Result<std::string> Expansion::trimmed(const std::string& value)
{
    const auto how = next() == '#' ? operation("#", "#") : operation("%", "%");
    const std::string pattern = SLIPWAY_TRY(argument("}", Escapes::none));
    return close(trim(value, pattern, how[0] == '#' ? End::front : End::back,
        how.size() == 1 ? Greed::shortest : Greed::longest));
}

Result<std::string> Expansion::replaced(const std::string& value)
{
    const auto how = operation("/", "/#%");
    const std::string pattern = SLIPWAY_TRY(argument("/", Escapes::some));
    if (next() != '/')
        return error(kBad);
    while (next() == '/')
        ++at_;
    const bool without = next() == '}';
    const std::string with = without ? std::string{} : SLIPWAY_TRY(argument("}", Escapes::some));
    // Counted before it is made: this is where a text can grow beyond all bounds.
    if ((value.size() + 1) > kMaxResult / (with.size() + 1))
        return error("the result is larger than 16 MiB");
    // At an end of the text, a replacement by nothing changes nothing: so it is in the original.
    if (how == "/#")
        return close(
            !without && value.starts_with(pattern) ? replace(value, pattern, with, Extent::first) : value);
    if (how == "/%")
        return close(!without && value.ends_with(pattern)
                ? value.substr(0, value.size() - pattern.size()) + with
                : value);
    return close(replace(value, pattern, with, how == "//" ? Extent::all : Extent::first));
}

} // namespace

Result<std::string> substitute(std::string_view text, const Variables& variables)
{
    return Expansion{text, variables}.all();
}

} // namespace slipway::vela
