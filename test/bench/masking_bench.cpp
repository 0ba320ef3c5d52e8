// Processor time of masking.
//   masking_bench [TIMES [MIB]]   the median of so many passes (15) over so much log (64 MiB)
#include "launcher/masking/masker.h"
#include "test/bench/harness.h"
#include "test/support/mask_reference.h"

#include <time.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>

using namespace slipway;
using namespace slipway::launcher;

namespace {

/// Processor time of this thread, since other programs may have the cores for most of a run.
std::chrono::nanoseconds cpu_time()
{
    timespec time{};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

constexpr std::size_t kMebibytes = 64; // without an argument
constexpr std::size_t kPiece = 64U << 10U;
/// The reference is slow: it gets so much.
constexpr std::size_t kReferenceBytes = 64U << 10U;

std::string random_word(std::mt19937& random, std::size_t length)
{
    constexpr std::string_view characters
        = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/-_";
    std::string word;
    while (word.size() < length)
        word += characters[random() % characters.size()];
    return word;
}

std::vector<std::string> secrets(std::mt19937& random, std::size_t count, std::size_t least)
{
    std::vector<std::string> list;
    while (list.size() < count)
        list.push_back(random_word(random, least + random() % 40));
    return list;
}

/// Lines as programs write them; of 1000, `with` hold a secret.
std::string log_text(
    std::mt19937& random, const std::vector<std::string>& values, unsigned with, std::size_t bytes)
{
    constexpr std::string_view words[] = {"module.network", "aws_instance.web", "Creating...", "Still",
        "creating...", "[10s elapsed]", "Refreshing", "state...", "[id=i-0abcd1234]", "INFO",
        "2026-01-01T00:00:00Z", "account", "+ resource", "=", "\"subnet\"", "->", "(known", "after", "apply)",
        "https://registry.example.com/v1/modules"};
    std::string text;
    text.reserve(bytes + 4096);
    while (text.size() < bytes) {
        for (std::size_t i = 0; i < 12; ++i) {
            text += words[random() % std::size(words)];
            text += ' ';
        }
        if (random() % 1000 < with)
            text += values[random() % values.size()];
        text += '\n';
    }
    text.resize(bytes);
    return text;
}

/// The median of `times` runs over the text, piece by piece, into a buffer that is reused.
template <class Work> double measure(int times, const std::string& text, Work&& work)
{
    bench::Samples samples;
    for (int i = 0; i < times; ++i) {
        std::string out;
        out.reserve(2 * kPiece);
        const auto begin = cpu_time();
        auto step = work();
        for (std::size_t at = 0; at < text.size(); at += kPiece) {
            out.clear();
            step(std::string_view{text}.substr(at, kPiece), out);
        }
        samples.add(cpu_time() - begin);
    }
    return samples.quantile(0.5) / (static_cast<double>(text.size()) / 1e6);
}

auto masking(const std::shared_ptr<const MaskRules>& rules)
{
    return [rules] {
        return [masker = std::make_shared<Masker>(rules)](
                   std::string_view piece, std::string& out) { masker->push(piece, out); };
    };
}

} // namespace

int main(int argc, char** argv)
{
    const int times = argc > 1 ? std::atoi(argv[1]) : 15;
    const std::size_t mebibytes = argc > 2 ? static_cast<std::size_t>(std::atoi(argv[2])) : kMebibytes;
    const std::size_t bytes = mebibytes << 20U;
    std::mt19937 random{1};
    const auto values = secrets(random, 1000, 20);
    const auto short_ones = secrets(random, 3, 5);
    const std::vector<std::string_view> thousand{values.begin(), values.end()};
    const std::vector<std::string_view> hundred{values.begin(), values.begin() + 100};
    auto with_short = hundred;
    with_short.insert(with_short.end(), short_ones.begin(), short_ones.end());
    const std::string text = log_text(random, {values.begin(), values.begin() + 100}, 0, bytes);
    const std::string showing = log_text(random, {values.begin(), values.begin() + 100}, 50, bytes);

    bench::Table table{"masking " + std::to_string(mebibytes) + " MiB of log in pieces of 64 KiB", "ms/MB"};
    table.baseline("copy the bytes", measure(times, text, [] {
        return [](std::string_view piece, std::string& out) { out.append(piece); };
    }));
    table.row("nothing to mask", measure(times, text, masking(make_mask_rules({}, false))));
    table.row(
        "100 secrets of 20 to 60 bytes", measure(times, text, masking(make_mask_rules(hundred, false))), 0.5);
    table.row(
        "the same and known patterns", measure(times, text, masking(make_mask_rules(hundred, true))), 0.5);
    table.row("the same, a secret in each 20th line",
        measure(times, showing, masking(make_mask_rules(hundred, true))));
    table.row("the same and 3 secrets of 5 bytes and more",
        measure(times, text, masking(make_mask_rules(with_short, true))));
    table.row(
        "1000 secrets and known patterns", measure(times, text, masking(make_mask_rules(thousand, true))));

    table.row("100 secrets by looking for each form alone", measure(1, text.substr(0, kReferenceBytes), [&] {
        return [&](std::string_view piece, std::string& out) {
            out = test::masked_log_by_reference(std::string{piece}, {hundred.begin(), hundred.end()}, kStars);
        };
    }));
    std::fputs(table.text().c_str(), stdout);
    return 0;
}
