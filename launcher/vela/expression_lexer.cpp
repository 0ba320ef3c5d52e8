#include "launcher/vela/expression_lexer.h"

#include <array>
#include <charconv>

namespace slipway::vela::expression {

namespace {

constexpr std::size_t kMaxExpression = 64 * 1024;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_name(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$'
        || static_cast<unsigned char>(c) >= 0x80;
}

class Lexer {
public:
    explicit Lexer(std::string_view text)
        : text_{text}
    {
    }

    Result<std::vector<Token>> all();

private:
    [[nodiscard]] char at(std::size_t place) const { return place < text_.size() ? text_[place] : '\0'; }

    Result<void> skip();
    Result<Token> quoted();
    Result<void> escape(std::string& text);
    Result<Token> sign();
    Token while_name(Kind kind);

    std::string_view text_;
    std::size_t at_ = 0;
};

/// White space and comments.
Result<void> Lexer::skip()
{
    while (at_ < text_.size()) {
        const auto rest = text_.substr(at_);
        if (std::string_view{" \t\r\n"}.find(rest[0]) != std::string_view::npos) {
            ++at_;
        } else if (rest.starts_with("//")) {
            at_ = std::min(text_.find('\n', at_), text_.size());
        } else if (rest.starts_with("/*")) {
            const auto end = text_.find("*/", at_ + 2);
            if (end == std::string_view::npos)
                return error_at(at_, "the comment does not end");
            at_ = end + 2;
        } else {
            return {};
        }
    }
    return {};
}

void append_character(std::string& text, unsigned c)
{
    if (c < 0x80) {
        text += static_cast<char>(c);
    } else if (c < 0x800) {
        text += static_cast<char>(0xC0 | (c >> 6));
        text += static_cast<char>(0x80 | (c & 0x3F));
    } else {
        text += static_cast<char>(0xE0 | (c >> 12));
        text += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
        text += static_cast<char>(0x80 | (c & 0x3F));
    }
}

/// After the backslash.
Result<void> Lexer::escape(std::string& text)
{
    constexpr std::string_view kNames = "abfnrtv\\'\"";
    constexpr std::string_view kMeant = "\a\b\f\n\r\t\v\\'\"";
    const char name = at(at_);
    if (const auto known = name == '\0' ? kNames.npos : kNames.find(name); known != kNames.npos) {
        text += kMeant[known];
        ++at_;
        return {};
    }
    const std::size_t digits = name == 'x' ? 2 : name == 'u' ? 4 : 0;
    const auto hex = text_.substr(std::min(at_ + 1, text_.size()), digits);
    unsigned c = 0;
    const auto [end, failure] = std::from_chars(hex.data(), hex.data() + hex.size(), c, 16);
    if (digits == 0 || failure != std::errc{} || hex.size() != digits || end != hex.data() + digits
        || (c >= 0xD800 && c < 0xE000))
        return error_at(at_ - 1, "the escape sequence is not known");
    append_character(text, c);
    at_ += 1 + digits;
    return {};
}

Result<Token> Lexer::quoted()
{
    Token token{.kind = Kind::text, .text = {}, .at = at_};
    const char quote = text_[at_++];
    while (at(at_) != quote) {
        if (at_ >= text_.size() || (text_[at_] == '\n' && quote != '`'))
            return error_at(token.at, "the text does not end");
        const char c = text_[at_++];
        if (c == '\\' && quote != '`')
            SLIPWAY_TRY(escape(token.text));
        else
            token.text += c;
    }
    ++at_;
    return token;
}

Result<Token> Lexer::sign()
{
    constexpr std::array<std::string_view, 28> kSigns{"==", "!=", "<=", ">=", "&&", "||", "??", "?.", "**",
        "..", "(", ")", "[", "]", ",", "<", ">", "!", "?", ":", "+", "-", "*", "/", "%", "^", ".", "|"};
    for (const auto sign : kSigns) {
        if (!text_.substr(at_).starts_with(sign))
            continue;
        at_ += sign.size();
        return Token{.kind = Kind::sign, .text = std::string{sign}, .at = at_ - sign.size()};
    }
    return error_at(at_, "this character means nothing here");
}

Token Lexer::while_name(Kind kind)
{
    Token token{.kind = kind, .text = {}, .at = at_};
    while (is_name(at(at_))
        || (kind == Kind::number && at(at_) == '.' && (is_digit(at(at_ + 1)) || !is_name(at(at_ + 1)))
            && at(at_ + 1) != '.'))
        token.text += text_[at_++];
    return token;
}

Result<std::vector<Token>> Lexer::all()
{
    if (text_.size() > kMaxExpression)
        return error_at(kMaxExpression, "the expression is longer than 64 KiB");
    std::vector<Token> found;
    for (;;) {
        SLIPWAY_TRY(skip());
        const char c = at(at_);
        if (at_ >= text_.size())
            break;
        if (is_digit(c) || (c == '.' && is_digit(at(at_ + 1))))
            found.push_back(while_name(Kind::number));
        else if (is_name(c))
            found.push_back(while_name(Kind::name));
        else if (c == '"' || c == '\'' || c == '`')
            found.push_back(SLIPWAY_TRY(quoted()));
        else
            found.push_back(SLIPWAY_TRY(sign()));
    }
    found.push_back({.kind = Kind::end, .text = {}, .at = text_.size()});
    return found;
}

} // namespace

Error error_at(std::size_t at, std::string_view what)
{
    return {
        Errc::invalid_input, "expression, character " + std::to_string(at + 1) + ": " + std::string{what}};
}

Result<std::vector<Token>> tokens(std::string_view text) { return Lexer{text}.all(); }

} // namespace slipway::vela::expression
