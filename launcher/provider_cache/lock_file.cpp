#include "launcher/provider_cache/lock_file.h"

#include "common/base64.h"

#include <algorithm>
#include <optional>

namespace slipway::launcher {

namespace {

/// Far above what a configuration has.
constexpr std::size_t kMaxProviders = 1000;
constexpr std::size_t kMaxHashes = 1000;
constexpr std::size_t kMaxPart = 200;
constexpr int kMaxDepth = 20;
constexpr std::size_t kDigest = 32;

bool is_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

/// A name that is a directory's of its own and no way out of another one.
bool is_part(std::string_view text, std::string_view beside)
{
    return !text.empty() && text.size() <= kMaxPart && is_alnum(text.front())
        && std::ranges::all_of(
            text, [&](char c) { return is_alnum(c) || beside.find(c) != std::string_view::npos; });
}

bool is_source(std::string_view text)
{
    const auto first = text.find('/');
    const auto second = text.find('/', std::min(first, text.size() - 1) + 1);
    if (first == std::string_view::npos || second == std::string_view::npos)
        return false;
    return is_part(text.substr(0, first), ".-:") && is_part(text.substr(first + 1, second - first - 1), "-_")
        && is_part(text.substr(second + 1), "-_");
}

/// The subset of HCL that the programs write: blocks with labels, attributes of strings and lists of them.
class Parser {
public:
    explicit Parser(std::string_view text)
        : text_{text}
    {
    }

    Result<std::vector<LockedProvider>> run()
    {
        for (skip(); at_ < text_.size(); skip())
            SLIPWAY_TRY(block());
        return std::move(providers_);
    }

private:
    struct Value {
        std::vector<std::string> strings;
        bool is_list = false;
    };

    [[nodiscard]] Error bad(std::string_view why) const
    {
        const auto line = 1 + std::ranges::count(text_.substr(0, at_), '\n');
        return {Errc::invalid_input, "line " + std::to_string(line) + ": " + std::string{why}};
    }

    /// Blanks, line ends and comments.
    void skip()
    {
        while (at_ < text_.size()) {
            const auto rest = text_.substr(at_);
            if (std::string_view{" \t\r\n"}.find(rest.front()) != std::string_view::npos)
                ++at_;
            else if (rest.front() == '#' || rest.starts_with("//"))
                at_ = std::min(text_.find('\n', at_), text_.size());
            else if (rest.starts_with("/*"))
                at_ = std::min(text_.find("*/", at_ + 2), text_.size() - 2) + 2;
            else
                return;
        }
    }

    [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

    bool take(char c)
    {
        skip();
        if (peek() != c || at_ == text_.size())
            return false;
        ++at_;
        return true;
    }

    Result<std::string_view> word()
    {
        skip();
        const auto begin = at_;
        while (is_alnum(peek()) || peek() == '_' || peek() == '-')
            ++at_;
        if (at_ == begin)
            return bad("a name is missing");
        return text_.substr(begin, at_ - begin);
    }

    /// The programs write no escapes, and a template would have to be worked out.
    Result<std::string> string()
    {
        if (!take('"'))
            return bad("a string is missing");
        const auto end = text_.find_first_of("\"\\\n", at_);
        if (end == std::string_view::npos || text_[end] != '"')
            return bad("a string without escapes and an end is missing");
        std::string value{text_.substr(at_, end - at_)};
        at_ = end + 1;
        if (value.find("${") != std::string::npos || value.find("%{") != std::string::npos)
            return bad("a string is a template");
        return value;
    }

    Result<Value> value()
    {
        Value all;
        if (!take('[')) {
            all.strings.push_back(SLIPWAY_TRY(string()));
            return all;
        }
        all.is_list = true;
        while (!take(']')) {
            if (all.strings.size() == kMaxHashes)
                return bad("a list has more than 1000 entries");
            all.strings.push_back(SLIPWAY_TRY(string()));
            if (!take(',') && (skip(), peek()) != ']')
                return bad("a comma is missing");
        }
        return all;
    }

    Result<void> block()
    {
        const auto type = SLIPWAY_TRY(word());
        std::vector<std::string> labels;
        for (skip(); peek() == '"'; skip())
            labels.push_back(SLIPWAY_TRY(string()));
        std::optional<LockedProvider> provider;
        if (type == "provider") {
            if (labels.size() != 1 || !is_source(labels[0]))
                return bad("a provider's address is not host/namespace/type");
            if (std::ranges::find(providers_, labels[0], &LockedProvider::source) != providers_.end())
                return bad(labels[0] + " is there twice");
            if (providers_.size() == kMaxProviders)
                return bad("there are more than 1000 providers");
            provider.emplace().source = std::move(labels[0]);
        }
        if (!take('{'))
            return bad("{ is missing");
        SLIPWAY_TRY(body(provider, 1));
        if (!provider)
            return {};
        if (provider->version.empty())
            return bad(provider->source + " has no version");
        providers_.push_back(*std::move(provider));
        return {};
    }

    Result<void> body(std::optional<LockedProvider>& provider, int depth)
    {
        while (!take('}')) {
            const auto name = SLIPWAY_TRY(word());
            if (take('=')) {
                auto given = SLIPWAY_TRY(value());
                if (provider)
                    SLIPWAY_TRY(attribute(*provider, name, given));
                continue;
            }
            for (skip(); peek() == '"'; skip())
                SLIPWAY_TRY(string());
            if (depth == kMaxDepth)
                return bad("blocks are nested too deeply");
            if (!take('{'))
                return bad("= or { is missing");
            std::optional<LockedProvider> none;
            SLIPWAY_TRY(body(none, depth + 1));
        }
        return {};
    }

    Result<void> attribute(LockedProvider& provider, std::string_view name, Value& given)
    {
        if (name == "version") {
            if (given.is_list || !is_part(given.strings[0], ".-+"))
                return bad("the version of " + provider.source + " is none");
            provider.version = std::move(given.strings[0]);
        } else if (name == "hashes") {
            if (!given.is_list)
                return bad("the hashes of " + provider.source + " are no list");
            for (const std::string_view hash : given.strings) {
                if (!hash.starts_with("h1:"))
                    continue;
                const auto digest = base64_decode(hash.substr(3));
                if (!digest || digest->size() != kDigest)
                    return bad("a hash of " + provider.source + " is no SHA-256 in base64");
                provider.hashes.push_back(hex_encode(*digest));
            }
        }
        return {};
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::vector<LockedProvider> providers_;
};

} // namespace

Result<std::vector<LockedProvider>> parse_lock_file(std::string_view text)
{
    if (text.size() > kMaxLockFile)
        return Error{Errc::invalid_input, "it is larger than 1 MiB"};
    return Parser{text}.run();
}

} // namespace slipway::launcher
