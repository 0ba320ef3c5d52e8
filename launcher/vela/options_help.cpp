#include "launcher/vela/option_rows.h"
#include "launcher/vela/options.h"

#include <algorithm>

namespace slipway::vela {

namespace {

constexpr std::size_t kWidth = 100;
constexpr std::string_view kIndent = "      ";

/// The names of variables and the file, in the order in which they count.
std::vector<std::string_view> names_of(const OptionRow& row)
{
    std::vector<std::string_view> names;
    std::ranges::copy_if(
        row.variables, std::back_inserter(names), [](std::string_view name) { return !name.empty(); });
    if (!row.file.empty())
        names.push_back(row.file);
    return names;
}

std::string default_of(const OptionRow& row)
{
    return row.show == nullptr ? std::string{} : row.show(Options{});
}

/// Breaks between words.
void append_wrapped(std::string& out, std::string_view text)
{
    std::size_t column = kWidth;
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        const auto word = text.substr(0, end);
        if (column + 1 + word.size() > kWidth) {
            out.append(out.empty() || out.ends_with('\n') ? "" : "\n").append(kIndent);
            column = kIndent.size();
        } else {
            out += ' ';
            ++column;
        }
        out += word;
        column += word.size();
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    out += '\n';
}

std::string without_marks(std::string_view text)
{
    std::string plain{text};
    std::erase(plain, '`');
    return plain;
}

/// In a cell of a table a bar would end it.
std::string cell(std::string_view text)
{
    std::string out;
    for (const char c : text)
        out.append(c == '|' ? "\\" : "").push_back(c);
    return out;
}

} // namespace

std::string help_text()
{
    std::string out;
    for (const auto& row : rows()) {
        if (!row.group.empty())
            out.append(out.empty() ? "" : "\n").append(row.group).append(":\n");
        out.append("  --").append(row.flag);
        out.append(row.kind == Kind::boolean ? "[=" : "=").append(row.argument);
        out.append(row.kind == Kind::boolean ? "]\n" : "\n");
        std::string names;
        for (const auto name : names_of(row))
            names.append(names.empty() ? "" : ", ").append(name);
        append_wrapped(out, names);
        const auto shown = default_of(row);
        append_wrapped(out, without_marks(row.help) + (shown.empty() ? "" : " Default: " + shown));
    }
    return out;
}

std::string help_markdown()
{
    std::string out;
    for (const auto& row : rows()) {
        if (!row.group.empty())
            out.append(out.empty() ? "" : "\n")
                .append("### ")
                .append(row.group)
                .append(
                    "\n\n| Flag | Variables, then file | Default | Meaning |\n| --- | --- | --- | --- |\n");
        std::string names;
        for (const auto name : names_of(row))
            names.append(names.empty() ? "`" : ", `").append(name).append("`");
        const auto shown = default_of(row);
        out.append("| `--").append(row.flag).append("` | ").append(names).append(" | ");
        out.append(shown.empty() ? "" : "`" + shown + "`")
            .append(" | ")
            .append(cell(row.help))
            .append(" |\n");
    }
    return out;
}

} // namespace slipway::vela
