#include "launcher/decrypt.h"

#include "common/file.h"
#include "crypto/envelope.h"
#include "launcher/compression.h"
#include "launcher/exit_codes.h"
#include "launcher/slot-init/tar/tar.h"

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <thread>
#include <vector>

namespace slipway::launcher {

namespace {

constexpr std::size_t kMaxKey = 64 * 1024;

struct Request {
    std::string file;
    std::vector<std::string> key_files;
    std::string out;
    bool insecure_unsigned = false;
};

Result<crypto::EnvelopeInfo> read_info(int fd)
{
    std::string prefix(crypto::kMaxEnvelopeHeaderSize, '\0');
    const ssize_t count = ::pread(fd, prefix.data(), prefix.size(), 0);
    if (count < 0)
        return Error::from_errno("reading the envelope", errno);
    prefix.resize(static_cast<std::size_t>(count));
    return crypto::read_envelope_info(prefix);
}

/// What a stranger wrote, for a terminal.
std::string shown(std::string text)
{
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return text.empty() ? "-" : text;
}

void print_info(const crypto::EnvelopeInfo& info)
{
    const auto& context = info.context;
    std::fprintf(stderr, "object  %s\npool    %s\nrun     %s\nstage   %s\nfence   %llu\n",
        shown(context.object).c_str(), shown(context.pool).c_str(), shown(context.run).c_str(),
        shown(context.stage).c_str(), static_cast<unsigned long long>(context.fence));
    std::fprintf(stderr, "maker   %s\n",
        info.maker ? ("SHA256:" + info.maker->hex() + " (says the envelope)").c_str()
                   : "nobody: it is not signed, so anyone who has the pool's certificate may have made it");
    for (const auto& reader : info.recipients)
        std::fprintf(stderr, "reader  SHA256:%s\n", reader.hex().c_str());
}

Result<std::vector<crypto::PrivateKey>> read_keys(const Request& request, const Environment& environment)
{
    std::vector<crypto::PrivateKey> keys;
    for (const auto& file : request.key_files) {
        std::string text = SLIPWAY_TRY(in("--private-key-file", read_file(file, kMaxKey)));
        const Secret pem = Secret::take(text);
        keys.push_back(
            SLIPWAY_TRY(in("--private-key-file " + file, crypto::PrivateKey::from_base64_pem(pem.reveal()))));
    }
    if (const Secret given = environment.secret("SPACELIFT_POOL_PRIVATE_KEY"); keys.empty() && !given.empty())
        keys.push_back(SLIPWAY_TRY(
            in("SPACELIFT_POOL_PRIVATE_KEY", crypto::PrivateKey::from_base64_pem(given.reveal()))));
    if (keys.empty())
        return Error{Errc::invalid_input,
            "a key is needed to open it: --private-key-file FILE, or SPACELIFT_POOL_PRIVATE_KEY"};
    return keys;
}

/// Gives the plain bytes of the envelope to `sink`.
Result<void> open_envelope(int fd, crypto::OpenOptions options, const Sink& sink)
{
    crypto::Opener opener{std::move(options), sink};
    std::string piece(crypto::kEnvelopeChunkSize, '\0');
    for (off_t at = 0;;) {
        const ssize_t count = ::pread(fd, piece.data(), piece.size(), at);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return Error::from_errno("reading the envelope", errno);
        if (count == 0)
            return opener.finish();
        SLIPWAY_TRY(opener.push({piece.data(), static_cast<std::size_t>(count)}));
        at += count;
    }
}

/// As `open_envelope`, with the compression taken off where the object has one.
Result<void> open_content(int fd, const crypto::OpenOptions& options, bool compressed, const Sink& sink)
{
    if (!compressed)
        return open_envelope(fd, options, sink);
    Decompressor plain{sink};
    SLIPWAY_TRY(open_envelope(fd, options, [&](std::string_view bytes) { return plain.push(bytes); }));
    return plain.finish();
}

/// A new directory that gets the tree.
Result<void> unpack(int fd, const crypto::OpenOptions& options, const std::filesystem::path& directory)
{
    if (::mkdir(directory.c_str(), 0700) != 0)
        return Error::from_errno(
            "making the directory " + directory.string() + " (it must be a new one)", errno);
    const UniqueFd root = SLIPWAY_TRY(open_file(directory, O_RDONLY | O_DIRECTORY));
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return Error::from_errno("making a pipe", errno);
    UniqueFd to{ends[1]};
    bool unpacked = false;
    // The reading end goes with the reader: what is written after it has failed fails, too.
    std::jthread unpacker{[&unpacked, from = UniqueFd{ends[0]}, directory_fd = root.get()]() mutable {
        int error_number = 0;
        unpacked = slot::unpack_tar(from.get(), directory_fd, STDERR_FILENO, error_number);
        from = UniqueFd{};
    }};
    auto done
        = open_content(fd, options, true, [&](std::string_view bytes) { return write_all(to.get(), bytes); });
    to = UniqueFd{};
    unpacker.join();
    if (done && unpacked)
        return {};
    const Error error = done ? Error{Errc::invalid_input, "the tree could not be unpacked"} : done.error();
    return Error{error}.in("what is in " + directory.string() + " is not the whole");
}

Result<void> write_content(
    const Request& request, int fd, const crypto::OpenOptions& options, bool compressed)
{
    if (compressed && request.out != "-")
        return unpack(fd, options, request.out);
    UniqueFd file;
    if (request.out != "-")
        file = SLIPWAY_TRY(open_file(request.out, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    const int to = request.out == "-" ? STDOUT_FILENO : file.get();
    return open_content(
        fd, options, compressed, [to](std::string_view bytes) { return write_all(to, bytes); });
}

Result<void> decrypt(const Request& request, const Environment& environment)
{
    const UniqueFd fd = SLIPWAY_TRY(open_file(request.file, O_RDONLY));
    const auto info = SLIPWAY_TRY(in(request.file, read_info(fd.get())));
    print_info(info);
    if (request.out.empty())
        return {};
    if (!info.maker && !request.insecure_unsigned)
        return Error{Errc::rejected,
            "it is not signed: nothing proves that a worker of the pool made it. If it comes from you "
            "(a variable, a mounted file), add --insecure-unsigned"};
    crypto::OpenOptions options{.context = info.context,
        .keys = SLIPWAY_TRY(read_keys(request, environment)),
        .policy = request.insecure_unsigned ? crypto::SignaturePolicy::unsigned_allowed
                                            : crypto::SignaturePolicy::signature_required,
        .makers = {}};
    for (const auto& key : options.keys)
        options.makers.push_back(key.public_key());
    const bool compressed = info.context.object == "workspace" || info.context.object == "rescue";
    return write_content(request, fd.get(), options, compressed);
}

} // namespace

int decrypt_command(int argc, const char* const* argv, const Environment& environment)
{
    Request request;
    CLI::App app{
        "Shows what an envelope is about and, with --out, opens it with the pool's key.\n"
        "The context that it shows is bound to the content, but whether it is the one you expect is for you "
        "to look at."};
    app.name("slipway-launcher decrypt");
    app.add_option("file", request.file, "The envelope")->required();
    app.add_option("--private-key-file", request.key_files,
           "The pool's private key (PEM, or its base64); SPACELIFT_POOL_PRIVATE_KEY if none is given; "
           "several: once "
           "for each")
        ->allow_extra_args(false);
    app.add_option("--out", request.out,
        "A new directory for a workspace or a rescue, a new file for anything else; - for standard output "
        "(of a "
        "workspace: a tar archive)");
    app.add_flag(
        "--insecure-unsigned", request.insecure_unsigned, "Open it although nothing proves who made it");
    app.footer(
        "Example: slipway-launcher decrypt workspace.slip --private-key-file spacelift.key --out workspace");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? to_int(ExitCode::done) : to_int(ExitCode::bad_option);
    }
    (void)std::signal(SIGPIPE, SIG_IGN); // a reader that goes is a failure with words
    const auto done = decrypt(request, environment);
    if (done)
        return to_int(ExitCode::done);
    std::fprintf(stderr, "slipway-launcher: %s\n", done.error().message().c_str());
    return to_int(ExitCode::internal);
}

} // namespace slipway::launcher
