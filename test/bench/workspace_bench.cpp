// Memory and time of a workspace on its way out of a worker and in again: compressed and sealed, opened and
// decompressed. The tar stream comes from memory and goes nowhere.
//   workspace_bench [N]   of N times 16 MiB (128, which is 2 GiB)
#include "common/file.h"
#include "common/random.h"
#include "launcher/compression.h"
#include "launcher/vault.h"
#include "test/bench/harness.h"
#include "test/support/temp_dir.h"

#include <fcntl.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <stdexcept>

namespace {

using namespace slipway;
using namespace slipway::launcher;
using slipway::bench::Table;

constexpr int kPieces = 128;
constexpr std::size_t kPiece = 16 * 1024 * 1024;
constexpr double kGoalMegabytes = 32 * 1024 * 1024 / 1e6;

template <class T> T must(Result<T> result)
{
    if (!result)
        throw std::runtime_error{result.error().message()};
    if constexpr (!std::is_void_v<T>)
        return *std::move(result);
}

double megabytes(const std::string& name)
{
    const std::string status = must(read_file("/proc/self/status", 65536));
    const auto at = status.find(name + ":");
    if (at == std::string::npos)
        throw std::runtime_error{"no " + name + " in /proc/self/status"};
    return std::stod(status.substr(at + name.size() + 1)) * 1024 / 1e6;
}

/// Half of it text that repeats, half of it noise: a provider's program is about so.
std::string make_piece()
{
    std::string piece(kPiece, '\0');
    SystemRandom random;
    random.fill(std::as_writable_bytes(std::span{piece.data(), kPiece / 2}));
    for (std::size_t i = kPiece / 2; i < kPiece; ++i)
        piece[i] = "resource \"null_resource\" \"one\" {}\n"[i % 34];
    return piece;
}

double seconds_since(std::chrono::steady_clock::time_point begin)
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void run(int pieces)
{
    const test::TempDir directory;
    SystemRandom random;
    const Vault vault{{must(crypto::PrivateKey::generate(4096))}, random};
    const crypto::EnvelopeContext context{
        .pool = "pool", .run = "run", .stage = "stage", .fence = 1, .object = "workspace"};
    const std::string piece = make_piece();
    const double idle = megabytes("VmRSS");
    const double total = static_cast<double>(kPiece) * pieces / 1e6;

    const UniqueFd file = must(open_file(directory.path() / "envelope", O_RDWR | O_CREAT));
    auto begin = std::chrono::steady_clock::now();
    auto sealer = must(vault.seal(context, file.get()));
    const Sink seal = [&](std::string_view bytes) { return sealer.push(bytes); };
    Compressor out{seal};
    for (int i = 0; i < pieces; ++i)
        for (std::size_t at = 0; at < piece.size(); at += 64 * 1024)
            must(out.push(std::string_view{piece}.substr(at, 64 * 1024)));
    must(out.finish());
    must(sealer.finish());
    const double sealed = seconds_since(begin);
    const double after_sealing = megabytes("VmHWM");

    begin = std::chrono::steady_clock::now();
    std::uint64_t plain = 0;
    const Sink count = [&](std::string_view bytes) -> Result<void> {
        plain += bytes.size();
        return {};
    };
    Decompressor in{count};
    must(vault.open(context, file.get(), [&](std::string_view bytes) { return in.push(bytes); }));
    must(in.finish());
    const double opened = seconds_since(begin);
    if (plain != kPiece * static_cast<std::uint64_t>(pieces))
        throw std::runtime_error{"not all came back"};

    Table memory{"memory of a workspace of " + std::to_string(static_cast<int>(total)) + " MB", "MB"};
    memory.baseline("before (VmRSS)", idle);
    memory.row("above it, compressed and sealed (VmHWM)", after_sealing - idle, kGoalMegabytes);
    memory.row("above it, opened and decompressed (VmHWM)", megabytes("VmHWM") - idle, kGoalMegabytes);
    Table time{"time of the same", "s"};
    time.baseline("compress and seal", sealed);
    time.row("open and decompress", opened);
    std::printf("%s\n%s\n%.0f MB/s out, %.0f MB/s in, %.0f MB of %.0f stored\n", memory.text().c_str(),
        time.text().c_str(), total / sealed, total / opened,
        static_cast<double>(std::filesystem::file_size(directory.path() / "envelope")) / 1e6, total);
}

} // namespace

int main(int argc, char** argv)
{
    try {
        run(argc > 1 ? std::stoi(argv[1]) : kPieces);
        return 0;
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "%s\n", failure.what());
        return 1;
    }
}
