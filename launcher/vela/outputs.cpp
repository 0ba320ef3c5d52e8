#include "common/base64.h"
#include "common/utf8.h"
#include "launcher/vela/prepare.h"

#include <charconv>

namespace slipway::vela {

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view kBlank = " \t\r\n\v\f";

std::string_view trimmed(std::string_view text)
{
    const auto first = text.find_first_not_of(kBlank);
    return first == std::string_view::npos ? std::string_view{}
                                           : text.substr(first, text.find_last_not_of(kBlank) + 1 - first);
}

Error error(std::string_view what) { return {Errc::invalid_input, std::string{what}}; }

bool is_key(std::string_view key)
{
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    if (key.empty() || !letter(key.front()))
        return false;
    for (const char c : key)
        if (!letter(c) && !(c >= '0' && c <= '9') && c != '.' && c != '/')
            return false;
    return true;
}

void append_character(std::string& text, std::uint32_t c)
{
    const auto more = [&](unsigned shift) { text += static_cast<char>(0x80 | ((c >> shift) & 0x3F)); };
    if (c < 0x80) {
        text += static_cast<char>(c);
        return;
    }
    if (c < 0x800) {
        text += static_cast<char>(0xC0 | (c >> 6));
    } else if (c < 0x10000) {
        text += static_cast<char>(0xE0 | (c >> 12));
        more(6);
    } else {
        text += static_cast<char>(0xF0 | (c >> 18));
        more(12);
        more(6);
    }
    more(0);
}

/// The value of one line.
class Value {
public:
    explicit Value(std::string_view rest)
        : rest_{rest}
    {
    }

    Result<std::string> read();

private:
    char take()
    {
        const char c = rest_.front();
        rest_.remove_prefix(1);
        return c;
    }

    Result<void> single();
    Result<void> quoted();
    Result<void> escape();
    Result<std::uint32_t> hex();
    Result<void> unicode();

    std::string_view rest_;
    std::string value_;
    std::size_t kept_ = 0; ///< So much of it is not cut at its end.
};

Result<std::string> Value::read()
{
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size()));
    while (!rest_.empty() && rest_.front() != '#') {
        const char c = take();
        if (c == '\'') {
            SLIPWAY_TRY(single());
        } else if (c == '"') {
            SLIPWAY_TRY(quoted());
        } else {
            value_ += c;
            if (kBlank.find(c) != kBlank.npos)
                continue;
        }
        kept_ = value_.size();
    }
    value_.resize(kept_);
    return std::move(value_);
}

Result<void> Value::single()
{
    const auto end = rest_.find('\'');
    if (end == std::string_view::npos)
        return error("a single quote is not closed");
    value_.append(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return {};
}

Result<void> Value::quoted()
{
    while (!rest_.empty()) {
        const char c = take();
        if (c == '"')
            return {};
        if (c == '\\')
            SLIPWAY_TRY(escape());
        else
            value_ += c;
    }
    return error("a double quote is not closed");
}

Result<void> Value::escape()
{
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";
    if (rest_.empty())
        return error("an escape sequence is cut off");
    const char c = take();
    if (c == 'u')
        return unicode();
    const auto known = kNames.find(c);
    if (known == kNames.npos)
        return error("an escape sequence is not known");
    value_ += kMeant[known];
    return {};
}

Result<std::uint32_t> Value::hex()
{
    const auto digits = rest_.substr(0, 4);
    std::uint32_t number = 0;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
    if (digits.size() != 4 || failure != std::errc{} || end != digits.data() + 4)
        return error("\\u needs four hexadecimal digits");
    rest_.remove_prefix(4);
    return number;
}

Result<void> Value::unicode()
{
    std::uint32_t c = SLIPWAY_TRY(hex());
    if (c >= 0xD800 && c < 0xE000) {
        if (c >= 0xDC00 || !rest_.starts_with("\\u"))
            return error("half of a surrogate pair is missing");
        rest_.remove_prefix(2);
        const std::uint32_t low = SLIPWAY_TRY(hex());
        if (low < 0xDC00 || low >= 0xE000)
            return error("half of a surrogate pair is missing");
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    }
    if (c == 0)
        return error("a variable cannot hold a zero byte");
    append_character(value_, c);
    return {};
}

Result<void> read_line(std::string_view line, std::map<std::string, std::string>& found)
{
    line = trimmed(line);
    if (line.empty() || line.front() == '#')
        return {};
    for (const char c : line)
        if (static_cast<unsigned char>(c) < 0x20 && c != '\t')
            return error("a control character");
    const auto equals = line.find('=');
    if (equals == std::string_view::npos)
        return error("no \"=\"");
    auto key = trimmed(line.substr(0, equals));
    constexpr std::string_view kExport = "export ";
    if (key.starts_with(kExport))
        key = trimmed(key.substr(kExport.size()));
    if (!is_key(key))
        return error("the text before \"=\" is no name of a variable");
    found.insert_or_assign(std::string{key}, SLIPWAY_TRY(Value{line.substr(equals + 1)}.read()));
    return {};
}

} // namespace

Result<Pairs> read_outputs(std::string_view text)
{
    std::map<std::string, std::string> found;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto end = std::min(text.find('\n'), text.size());
        // Not the line itself: it may hold a secret.
        SLIPWAY_TRY(in("line " + std::to_string(number), read_line(text.substr(0, end), found)));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return Pairs{found.begin(), found.end()};
}

Result<Pairs> read_base64_outputs(std::string_view text)
{
    auto pairs = SLIPWAY_TRY(read_outputs(text));
    for (auto& [key, value] : pairs)
        if (auto decoded = base64_decode(value); decoded && decoded->find('\0') == std::string::npos)
            value = *std::move(decoded);
    return pairs;
}

void merge_outputs(Container& container, const Outputs& outputs)
{
    Variables added;
    for (const auto* list : {&outputs.plain, &outputs.masked})
        for (const auto& [key, value] : *list)
            if (!container.environment.contains(key))
                added.insert_or_assign(key, value);
    for (auto& [name, value] : container.environment)
        if (value.starts_with('$'))
            if (const auto output = added.find(std::string_view{value}.substr(1)); output != added.end())
                value = output->second;
    container.environment.merge(added);
}

} // namespace slipway::vela
