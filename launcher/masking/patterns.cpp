#include "launcher/masking/patterns.h"

#include "launcher/masking/needles.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <vector>

namespace slipway::launcher {

namespace {

using Characters = std::bitset<256>;

Characters operator+(Characters characters, std::string_view more)
{
    for (const char c : more)
        characters.set(static_cast<unsigned char>(c));
    return characters;
}

const Characters kCapitals = Characters{} + "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const Characters kLetters = kCapitals + "abcdefghijklmnopqrstuvwxyz";
const Characters kBase64 = kLetters + "+/=";
const Characters kBase64Url = kLetters + "-_";
const Characters kUrlValue = kBase64 + "%-_";
const Characters kAzureSecret = kLetters + "-_~.";
/// Between a name and its value in assignments, JSON, YAML and XML.
const Characters kJoints = Characters{} + " \t\"'=:>\\";
constexpr std::size_t kMostJoints = 16;
constexpr std::size_t kLeastJwtPart = 8;
constexpr std::string_view kKeyEnd = "-----END ";

enum class Kind : std::uint8_t {
    token, ///< The literal and at least `least` characters after it.
    value, ///< The same, after joints; the literal is the name.
    jwt,
    key,
};

struct Pattern {
    std::string_view literal;
    Kind kind;
    const Characters* characters;
    std::size_t least;
};

const std::array kPatterns{
    Pattern{"AKIA", Kind::token, &kCapitals, 16}, // AWS IAM User Guide, "Unique identifiers"
    Pattern{"ASIA", Kind::token, &kCapitals, 16},
    Pattern{"ecret_access_key", Kind::value, &kBase64, 40},
    Pattern{"ECRET_ACCESS_KEY", Kind::value, &kBase64, 40},
    Pattern{"ecretAccessKey", Kind::value, &kBase64, 40},
    Pattern{"ghp_", Kind::token, &kBase64Url, 36}, // docs.github.com, "GitHub's token formats"
    Pattern{"gho_", Kind::token, &kBase64Url, 36},
    Pattern{"ghu_", Kind::token, &kBase64Url, 36},
    Pattern{"ghs_", Kind::token, &kBase64Url, 36},
    Pattern{"ghr_", Kind::token, &kBase64Url, 36},
    Pattern{"github_pat_", Kind::token, &kBase64Url, 22},
    Pattern{"xoxa-", Kind::token, &kBase64Url, 10}, // api.slack.com, "Token types"
    Pattern{"xoxb-", Kind::token, &kBase64Url, 10},
    Pattern{"xoxe-", Kind::token, &kBase64Url, 10},
    Pattern{"xoxe.", Kind::token, &kAzureSecret, 10},
    Pattern{"xoxo-", Kind::token, &kBase64Url, 10},
    Pattern{"xoxp-", Kind::token, &kBase64Url, 10},
    Pattern{"xoxr-", Kind::token, &kBase64Url, 10},
    Pattern{"xoxs-", Kind::token, &kBase64Url, 10},
    Pattern{"xapp-", Kind::token, &kBase64Url, 10},
    Pattern{"hooks.slack.com/services/", Kind::value, &kBase64, 20},
    Pattern{
        "AccountKey=", Kind::value, &kBase64, 40}, // learn.microsoft.com, "Azure Storage connection strings"
    Pattern{"SharedAccessKey=", Kind::value, &kBase64, 40},
    Pattern{"&sig=", Kind::value, &kUrlValue, 40},
    Pattern{"?sig=", Kind::value, &kUrlValue, 40},
    Pattern{"CLIENT_SECRET", Kind::value, &kAzureSecret, 32},
    Pattern{"client_secret", Kind::value, &kAzureSecret, 32},
    Pattern{"clientSecret", Kind::value, &kAzureSecret, 32},
    // Private keys in base64, as SPACELIFT_POOL_PRIVATE_KEY: "-----BEGIN PRIVATE", RSA, EC, OPENSSH,
    // ENCRYPTED.
    Pattern{"LS0tLS1CRUdJTiBQUklWQVRF", Kind::token, &kBase64, 40},
    Pattern{"LS0tLS1CRUdJTiBSU0EgUFJJVkFURS", Kind::token, &kBase64, 40},
    Pattern{"LS0tLS1CRUdJTiBFQyBQUklWQVRF", Kind::token, &kBase64, 40},
    Pattern{"LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVEUg", Kind::token, &kBase64, 40},
    Pattern{"LS0tLS1CRUdJTiBFTkNSWVBURUQgUFJJVkFURS", Kind::token, &kBase64, 40},
    Pattern{"BEGIN PRIVATE KEY-----", Kind::key, nullptr, 0},
    Pattern{"BEGIN ENCRYPTED PRIVATE KEY-----", Kind::key, nullptr, 0},
    Pattern{"BEGIN RSA PRIVATE KEY-----", Kind::key, nullptr, 0},
    Pattern{"BEGIN EC PRIVATE KEY-----", Kind::key, nullptr, 0},
    Pattern{"BEGIN DSA PRIVATE KEY-----", Kind::key, nullptr, 0},
    Pattern{"BEGIN OPENSSH PRIVATE KEY-----", Kind::key, nullptr, 0},
    Pattern{"BEGIN PGP PRIVATE KEY BLOCK-----", Kind::key, nullptr, 0},
};

/// The part of an Azure client secret that all of them have, at its fourth character: a digit and this.
constexpr std::string_view kAzureMark = "Q~";
const Pattern kAzure{"", Kind::token, &kAzureSecret, 34};
/// A header is a JSON object whose first name begins with a small letter.
constexpr std::string_view kJwtMark = "eyJ";
const Pattern kJwt{"", Kind::jwt, nullptr, 0};

const Needles& literals()
{
    static const Needles needles = [] {
        std::vector<Needle> list;
        for (const auto& pattern : kPatterns)
            list.push_back({.text = std::string{pattern.literal}});
        for (const char fourth : std::string_view{"hijklmnopqrstuvwxyz0123456"}) // base64 of {"a to {"z
            list.push_back({.text = std::string{kJwtMark} + fourth});
        for (char digit = '0'; digit <= '9'; ++digit)
            for (std::size_t c = 0; c < kAzureSecret.size(); ++c)
                if (kAzureSecret.test(c))
                    list.push_back({.text = digit + std::string{kAzureMark} + static_cast<char>(c)});
        return Needles{list};
    }();
    return needles;
}

const Pattern& pattern_at(std::string_view text)
{
    if (text.starts_with(kJwtMark))
        return kJwt;
    if (text.substr(1).starts_with(kAzureMark))
        return kAzure;
    const auto* const found
        = std::ranges::find_if(kPatterns, [text](const Pattern& p) { return text.starts_with(p.literal); });
    return *found;
}

std::size_t count(std::string_view text, const Characters& characters)
{
    const auto* const end = std::ranges::find_if(
        text, [&characters](char c) { return !characters.test(static_cast<unsigned char>(c)); });
    return static_cast<std::size_t>(end - text.begin());
}

/// What is known of a place at which a pattern's literal stands.
struct Decision {
    enum class Kind : std::uint8_t { no, yes, open } kind = Kind::no;
    std::size_t shown = 0; ///< So much of it stays.
    const Characters* left_out = nullptr; ///< The rest: all of these characters; null: a private key.
};

Decision decide_value(std::string_view text, const Pattern& pattern)
{
    std::size_t at = pattern.literal.size();
    if (pattern.kind == Kind::value)
        at += count(text.substr(at, kMostJoints), kJoints);
    const std::size_t length = count(text.substr(at, pattern.least), *pattern.characters);
    if (length == pattern.least)
        return {Decision::Kind::yes, pattern.kind == Kind::value ? at : 0, pattern.characters};
    return {at + length == text.size() ? Decision::Kind::open : Decision::Kind::no};
}

Decision decide_jwt(std::string_view text)
{
    static const Characters with_dots = kBase64Url + ".";
    const std::size_t header = count(text.substr(0, PatternFilter::kLongestLook), kBase64Url);
    if (header == text.size())
        return {header < PatternFilter::kLongestLook ? Decision::Kind::open : Decision::Kind::no};
    if (header == PatternFilter::kLongestLook || text[header] != '.' || header < kLeastJwtPart)
        return {};
    const std::string_view payload = text.substr(header + 1, kLeastJwtPart);
    const std::size_t mark = std::min(payload.size(), kJwtMark.size());
    if (payload.substr(0, mark) != kJwtMark.substr(0, mark))
        return {};
    const std::size_t length = count(payload, kBase64Url);
    if (length == kLeastJwtPart)
        return {Decision::Kind::yes, 0, &with_dots};
    return {length == payload.size() ? Decision::Kind::open : Decision::Kind::no};
}

Decision decide(std::string_view text, char before)
{
    const Pattern& pattern = pattern_at(text);
    switch (pattern.kind) {
    case Kind::key:
        return {Decision::Kind::yes, pattern.literal.size(), nullptr};
    case Kind::jwt:
        return decide_jwt(text);
    case Kind::token:
        if (pattern.characters == &kCapitals && kCapitals.test(static_cast<unsigned char>(before)))
            return {}; // in the middle of something else
        break;
    case Kind::value:
        break;
    }
    return decide_value(text, pattern);
}

} // namespace

void PatternFilter::push(std::string_view bytes, std::string& out)
{
    if (held_.empty()) {
        held_ = bytes.substr(filter(bytes, false, out));
        return;
    }
    held_ += bytes;
    held_.erase(0, filter(held_, false, out));
}

void PatternFilter::finish(std::string& out)
{
    (void)filter(held_, true, out);
    held_.clear();
}

/// Works off as much as is decided and returns how much that is; with `last`, all of it.
std::size_t PatternFilter::filter(std::string_view text, bool last, std::string& out)
{
    std::size_t at = 0;
    const auto pass_until = [&](std::size_t end) {
        out += text.substr(at, end - at);
        at = end;
    };
    Needles::Search search{literals(), text, 0};
    while (at < text.size()) {
        if (left_out_ != nullptr || key_left_ != 0) {
            const std::size_t taken = leave_out(text.substr(at), last);
            at += taken;
            if (left_out_ != nullptr || key_left_ != 0)
                break;
            continue;
        }
        const auto found = search.from(at);
        if (!found) {
            pass_until(text.size() - (last ? 0 : literals().open_end(text.substr(at))));
            break;
        }
        const char before = found->begin == 0 ? before_ : text[found->begin - 1];
        const auto decision = decide(text.substr(found->begin), before);
        if (decision.kind == Decision::Kind::open && !last) {
            pass_until(found->begin);
            break;
        }
        if (decision.kind != Decision::Kind::yes) {
            pass_until(found->begin + 1);
            continue;
        }
        pass_until(found->begin + decision.shown);
        out += stars_;
        left_out_ = decision.left_out;
        key_left_ = left_out_ == nullptr ? kLongestKey : 0;
    }
    if (at != 0)
        before_ = text[at - 1];
    return at;
}

std::size_t PatternFilter::leave_out(std::string_view text, bool last)
{
    if (left_out_ == nullptr)
        return leave_out_key(text, last);
    const std::size_t length = count(text, *left_out_);
    if (length != text.size())
        left_out_ = nullptr;
    return length;
}

/// Up to the key's last line or a zero byte, which stands where a part of the log was lost.
std::size_t PatternFilter::leave_out_key(std::string_view text, bool last)
{
    const std::size_t overlap = kKeyEnd.size() - 1;
    const std::size_t end
        = std::min(text.substr(0, key_left_ + overlap).find(kKeyEnd), text.substr(0, key_left_).find('\0'));
    if (end != std::string_view::npos || last || text.size() >= key_left_ + overlap) {
        const std::size_t taken = std::min({end, key_left_, text.size()});
        key_left_ = 0;
        return taken;
    }
    const std::size_t taken = text.size() - std::min(text.size(), overlap);
    key_left_ -= taken;
    return taken;
}

} // namespace slipway::launcher
