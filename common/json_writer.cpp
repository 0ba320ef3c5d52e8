#include "common/json.h"
#include "common/utf8.h"

#include <array>
#include <cmath>
#include <cstdio>

namespace slipway {

namespace {

void append_escaped(std::string& out, std::string_view text)
{
    out += '"';
    while (!text.empty()) {
        const char c = text.front();
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (const std::size_t length = utf8_length(text); length != 0) {
            if (const char32_t point = utf8_decode(text.substr(0, length)); is_control(point)) {
                std::array<char, 8> escape{};
                std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(point));
                out += escape.data();
            } else {
                out += text.substr(0, length);
            }
            text.remove_prefix(length);
            continue;
        } else {
            out += "\xEF\xBF\xBD";
        }
        text.remove_prefix(1);
    }
    out += '"';
}

} // namespace

void JsonWriter::separate()
{
    if (need_comma_)
        text_ += ',';
    need_comma_ = true;
}

JsonWriter& JsonWriter::begin_object()
{
    separate();
    text_ += '{';
    need_comma_ = false;
    return *this;
}

JsonWriter& JsonWriter::end_object()
{
    text_ += '}';
    need_comma_ = true;
    return *this;
}

JsonWriter& JsonWriter::begin_array()
{
    separate();
    text_ += '[';
    need_comma_ = false;
    return *this;
}

JsonWriter& JsonWriter::end_array()
{
    text_ += ']';
    need_comma_ = true;
    return *this;
}

JsonWriter& JsonWriter::key(std::string_view name)
{
    separate();
    append_escaped(text_, name);
    text_ += ':';
    need_comma_ = false;
    return *this;
}

JsonWriter& JsonWriter::value(std::string_view text)
{
    separate();
    append_escaped(text_, text);
    return *this;
}

JsonWriter& JsonWriter::value(std::int64_t number)
{
    separate();
    text_ += std::to_string(number);
    return *this;
}

JsonWriter& JsonWriter::value(double number)
{
    if (!std::isfinite(number))
        return null();
    separate();
    std::array<char, 40> digits{};
    std::snprintf(digits.data(), digits.size(), "%.17g", number);
    text_ += digits.data();
    return *this;
}

JsonWriter& JsonWriter::boolean(bool truth)
{
    separate();
    text_ += truth ? "true" : "false";
    return *this;
}

JsonWriter& JsonWriter::null()
{
    separate();
    text_ += "null";
    return *this;
}

JsonWriter& JsonWriter::raw(std::string_view json)
{
    separate();
    text_ += json;
    return *this;
}

JsonWriter& JsonWriter::string_map(
    std::string_view name, const std::vector<std::pair<std::string, std::string>>& map)
{
    key(name).begin_object();
    for (const auto& [member, text] : map)
        field(member, text);
    return end_object();
}

JsonWriter& JsonWriter::string_list(std::string_view name, const std::vector<std::string>& list)
{
    key(name).begin_array();
    for (const auto& text : list)
        value(text);
    return end_array();
}

} // namespace slipway
