#include "test/support/mask_reference.h"

#include "launcher/masking/add_mask.h"
#include "launcher/masking/forms.h"

namespace slipway::test {

using launcher::AddMask;
using launcher::Needle;

std::string masked_by_reference(
    std::string_view text, const std::vector<Needle>& needles, std::string_view stars)
{
    std::vector<bool> covered(text.size(), false);
    for (const auto& needle : needles)
        for (std::size_t at = text.find(needle.text); at != std::string_view::npos;
             at = text.find(needle.text, at + 1))
            if (at >= needle.from)
                for (std::size_t i = 0; i < needle.text.size(); ++i)
                    covered[at + i] = true;
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (!covered[i])
            out += text[i];
        else if (i == 0 || !covered[i - 1])
            out += stars;
    }
    return out;
}

namespace {

struct Known {
    std::size_t count = 0;
    std::size_t bytes = 0;
};

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/// What comes of one line, without its end; its words go to `words`.
std::string line_by_reference(
    std::string line, std::string_view stars, Known& known, std::vector<std::string>& words)
{
    const std::string marker = "::add-mask";
    if (!line.starts_with(marker))
        return line;
    std::string note;
    std::string rest = line.substr(marker.size());
    if (rest.starts_with("::"))
        rest = rest.substr(2);
    else if (!rest.empty() && !is_blank(rest[0]))
        return line;
    if (line.size() > AddMask::kLongestLine) {
        rest.resize(rest.size() - (line.size() - AddMask::kLongestLine));
        while (!rest.empty() && !is_blank(rest.back()))
            rest.pop_back();
        note = "the line is too long: what is left out here is not masked";
    }
    std::string out = marker;
    std::vector<std::string> found;
    std::string word;
    for (const char c : rest + " ") {
        if (!is_blank(c)) {
            word += c;
            continue;
        }
        if (!word.empty())
            out += " " + std::string{stars};
        if (word.size() >= 4)
            found.push_back(word);
        else if (!word.empty() && note.empty())
            note = "a word of fewer than 4 bytes is not masked: use a longer one";
        word.clear();
    }
    for (const auto& one : found) {
        if (known.count == AddMask::kMostWords || known.bytes + one.size() > AddMask::kMostBytes) {
            note = "a job may have 1000 words of 64 KiB masked: the others are not";
            break;
        }
        ++known.count;
        known.bytes += one.size();
        words.push_back(one);
    }
    return note.empty() ? out : out + " [slipway: " + note + "]";
}

} // namespace

std::string masked_log_by_reference(
    std::string_view log, const std::vector<std::string>& values, std::string_view stars)
{
    std::vector<Needle> needles;
    const auto add = [&](const std::string& value, std::uint64_t from) {
        std::vector<std::string> forms;
        launcher::add_forms(value, forms);
        for (auto& form : forms)
            needles.push_back({.text = form, .from = from});
    };
    for (const auto& value : values)
        add(value, 0);
    std::string seen; // by those who look for values
    Known known;
    while (!log.empty()) {
        const std::size_t end = std::min(log.find_first_of(std::string_view{"\n\0", 2}), log.size());
        std::vector<std::string> words;
        const std::string line = line_by_reference(std::string{log.substr(0, end)}, stars, known, words);
        for (const auto& word : words)
            add(word, seen.size());
        seen += line;
        seen += log.substr(end, 1);
        log.remove_prefix(std::min(end + 1, log.size()));
    }
    return masked_by_reference(seen, needles, stars);
}

} // namespace slipway::test
