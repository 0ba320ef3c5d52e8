// Speed and memory of an envelope: from memory to memory beside `openssl speed` of the cipher alone, from
// file to file beside age(1) where it is installed.
//   envelope_bench [MB]   of so many megabytes (2000)
#include "common/file.h"
#include "common/random.h"
#include "crypto/envelope.h"
#include "test/bench/harness.h"
#include "test/support/process.h"
#include "test/support/temp_dir.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <exception>
#include <stdexcept>

namespace {

using namespace slipway;
using namespace slipway::test;
using slipway::bench::Table;

constexpr int kMegabytes = 2000; // without an argument
constexpr std::size_t kPiece = 1 << 20;
constexpr double kGoalOfCipher = 0.6; ///< Of the cipher's speed.
constexpr double kGoalMegabytes = 32;

template <class T> T must(Result<T> result)
{
    if (!result)
        throw std::runtime_error{result.error().message()};
    if constexpr (!std::is_void_v<T>)
        return *std::move(result);
}

double megabytes_of(const std::string& name)
{
    const std::string status = must(read_file("/proc/self/status", 65536));
    const auto at = status.find(name + ":");
    if (at == std::string::npos)
        throw std::runtime_error{"no " + name + " in /proc/self/status"};
    return std::stod(status.substr(at + name.size() + 1)) * 1024 / 1e6;
}

/// Processor time of this process in ms: others may have the cores.
double cpu_ms()
{
    timespec time{};
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

/// Of the same library, in pieces of the envelope's size.
double cipher_ms_per_megabyte()
{
    const std::string text = must(
        run_program({"openssl", "speed", "-mr", "-seconds", "1", "-bytes", "65536", "-evp", "aes-256-gcm"}));
    const auto line = text.find("+F:");
    const auto colon = line == std::string::npos ? line : text.find_last_of(':', text.find('\n', line));
    if (colon == std::string::npos)
        throw std::runtime_error{"openssl speed says: " + text};
    return 1e9 / std::stod(text.substr(colon + 1)); // it tells bytes in a second
}

struct Keys {
    crypto::PrivateKey key = must(crypto::PrivateKey::generate(4096));
    SystemRandom random;
    crypto::EnvelopeContext context{
        .pool = "pool", .run = "run", .stage = "stage", .fence = 1, .object = "workspace"};

    crypto::Sealer sealer(crypto::ByteSink sink)
    {
        return must(crypto::Sealer::create(
            {.context = context, .recipients = {key.public_key()}, .maker = key}, random, std::move(sink)));
    }

    [[nodiscard]] crypto::Opener opener(crypto::ByteSink sink) const
    {
        return {{.context = context, .keys = {key}, .makers = {key.public_key()}}, std::move(sink)};
    }
};

void measure_memory(Keys& keys, int megabytes)
{
    std::string piece(kPiece, '\0');
    keys.random.fill(std::as_writable_bytes(std::span{piece}));
    std::string sealed;
    sealed.reserve(2 * kPiece);
    const double count = static_cast<double>(megabytes) * 1e6 / kPiece;
    auto opened = keys.opener([](std::string_view) { return Result<void>{}; });
    double opening = 0;
    auto sealer = keys.sealer([&](std::string_view bytes) -> Result<void> {
        const double begin = cpu_ms();
        auto done = opened.push(bytes);
        opening += cpu_ms() - begin;
        return done;
    });
    const double begin = cpu_ms();
    for (int i = 0; i < static_cast<int>(count); ++i)
        must(sealer.push(piece));
    must(sealer.finish());
    must(opened.finish());
    const double all = cpu_ms() - begin;
    const double cipher = cipher_ms_per_megabyte();
    const double bytes = static_cast<double>(static_cast<int>(count)) * kPiece / 1e6;
    Table table{"processor time of an envelope, memory to memory", "ms/MB"};
    table.baseline("openssl speed -evp aes-256-gcm", cipher);
    table.row("seal", (all - opening) / bytes, cipher / kGoalOfCipher);
    table.row("open", opening / bytes, cipher / kGoalOfCipher);
    std::fputs(table.text().c_str(), stdout);
}

/// The bytes of one file, piece by piece.
template <class Take> void each_piece(const std::filesystem::path& path, Take&& take)
{
    const UniqueFd fd = must(open_file(path, O_RDONLY));
    std::string piece(kPiece, '\0');
    for (;;) {
        const ssize_t got = ::read(fd.get(), piece.data(), piece.size());
        if (got < 0)
            throw std::runtime_error{"reading " + path.string()};
        if (got == 0)
            return;
        must(take(std::string_view{piece.data(), static_cast<std::size_t>(got)}));
    }
}

crypto::ByteSink into(const UniqueFd& fd)
{
    return [raw = fd.get()](std::string_view bytes) { return write_all(raw, bytes); };
}

template <class Work> double seconds_of(Work&& work)
{
    ::sync(); // what was written before must not hold up who comes next
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void measure_files(Keys& keys, int megabytes)
{
    const TempDir directory;
    const auto path = [&](const char* name) { return directory.path() / name; };
    must(run_program({"sh", "-c",
        "head -c " + std::to_string(megabytes) + "000000 /dev/urandom >" + path("plain").string()}));
    const double idle = megabytes_of("VmRSS");
    const double seal = seconds_of([&] {
        const UniqueFd fd = must(open_file(path("sealed"), O_WRONLY | O_CREAT));
        auto sealer = keys.sealer(into(fd));
        each_piece(path("plain"), [&](std::string_view bytes) { return sealer.push(bytes); });
        must(sealer.finish());
    });
    const double open = seconds_of([&] {
        const UniqueFd fd = must(open_file(path("opened"), O_WRONLY | O_CREAT));
        auto opener = keys.opener(into(fd));
        each_piece(path("sealed"), [&](std::string_view bytes) { return opener.push(bytes); });
        must(opener.finish());
    });
    const double grown = megabytes_of("VmHWM") - idle;
    must(run_program({"cmp", path("plain"), path("opened")}));
    Table time{"file to file, " + std::to_string(megabytes) + " MB", "s"};
    std::filesystem::remove(path("opened"));
    if (run_program({"age-keygen", "-o", path("key")})) {
        const auto to = must(run_program({"age-keygen", "-y", path("key")}));
        const double theirs = seconds_of([&] {
            must(run_program({"age", "-r", to.substr(0, to.find('\n')), "-o", path("age"), path("plain")}));
        });
        const double back = seconds_of([&] {
            must(run_program({"age", "-d", "-i", path("key"), "-o", path("opened"), path("age")}));
        });
        time.baseline("age", theirs);
        time.row("seal", seal, theirs);
        time.row("age -d", back);
        time.row("open", open, back);
    } else {
        time.baseline("seal (there is no age(1) here to compare with)", seal);
        time.row("open", open);
    }
    std::fputs(time.text().c_str(), stdout);
    Table memory{"memory of the same", "MB"};
    memory.baseline("before (VmRSS)", idle);
    memory.row("above it (VmHWM)", grown, kGoalMegabytes);
    std::fputs(memory.text().c_str(), stdout);
}

} // namespace

int main(int argc, char** argv)
{
    try {
        const int megabytes = argc > 1 ? std::stoi(argv[1]) : kMegabytes;
        Keys keys;
        measure_files(keys, megabytes);
        measure_memory(keys, megabytes);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "envelope_bench: %s\n", failure.what());
        return 1;
    }
    return 0;
}
