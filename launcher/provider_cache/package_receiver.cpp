#include "launcher/provider_cache/package_receiver.h"

#include "common/file.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>

namespace slipway::launcher {

namespace {

constexpr std::string_view kProgramPrefix = "terraform-provider-";

#if defined(__x86_64__)
constexpr std::string_view kPlatform = "linux_amd64";
constexpr Elf64_Half kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::string_view kPlatform = "linux_arm64";
constexpr Elf64_Half kMachine = EM_AARCH64;
#else
#error "name this machine's kind as OpenTofu does"
#endif

/// A program of Linux for this processor (elf(5)).
bool is_program_here(std::string_view head)
{
    Elf64_Ehdr header{};
    if (head.size() < sizeof header)
        return false;
    std::memcpy(&header, head.data(), sizeof header);
    constexpr unsigned char order = std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
    const unsigned char system = header.e_ident[EI_OSABI];
    return std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_ident[EI_CLASS] == ELFCLASS64
        && header.e_ident[EI_DATA] == order && (system == ELFOSABI_NONE || system == ELFOSABI_LINUX)
        && header.e_machine == kMachine;
}

} // namespace

std::string_view this_platform() { return kPlatform; }

std::string h1_hash(const std::map<std::string, crypto::Digest>& files)
{
    std::string text;
    for (const auto& [name, digest] : files)
        text.append(digest.hex()).append("  ").append(name).append("\n");
    return crypto::sha256(text).hex();
}

PackageReceiver::PackageReceiver(std::filesystem::path directory, PackageLimits limits)
    : directory_{std::move(directory)}
    , tar_{{.begin = [this](const std::string& path) { return begin(path); },
               .bytes = [this](std::string_view piece) { return bytes(piece); },
               .end = [this] { return end(); }},
          limits}
{
}

Result<void> PackageReceiver::begin(const std::string& path)
{
    const auto place = directory_ / path;
    SLIPWAY_TRY(make_directories(place.parent_path(), 0755));
    file_ = SLIPWAY_TRY(open_file(place, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    path_ = path;
    digest_.emplace();
    head_.clear();
    return {};
}

Result<void> PackageReceiver::bytes(std::string_view piece)
{
    digest_->update(piece);
    total_ += piece.size();
    if (head_.size() < sizeof(Elf64_Ehdr))
        head_.append(piece.substr(0, sizeof(Elf64_Ehdr)));
    return write_all(file_.get(), piece);
}

Result<void> PackageReceiver::end()
{
    // On disk before it is anyone's: a crash of the host must not leave a package that is not what it is
    // called.
    if (::fchmod(file_.get(), 0555) != 0 || ::fsync(file_.get()) != 0)
        return Error::from_errno("writing " + (directory_ / path_).string(), errno);
    file_.reset();
    if (path_.starts_with(kProgramPrefix) && path_.find('/') == std::string::npos)
        has_program_ = has_program_ || is_program_here(head_);
    files_.emplace(std::move(path_), digest_->finish());
    return {};
}

Result<ReceivedPackage> PackageReceiver::finish()
{
    SLIPWAY_TRY(tar_.finish());
    if (!has_program_)
        return Error{
            Errc::rejected, "it holds no program terraform-provider-… for " + std::string{kPlatform}};
    // Whatever the umask was: the users of all jobs pass through.
    std::error_code code;
    if (::chmod(directory_.c_str(), 0755) != 0)
        return Error::from_errno("setting the mode of " + directory_.string(), errno);
    for (std::filesystem::recursive_directory_iterator it{directory_, code}, end; !code && it != end;
         it.increment(code))
        if (it->is_directory() && ::chmod(it->path().c_str(), 0755) != 0)
            return Error::from_errno("setting the mode of " + it->path().string(), errno);
    if (code)
        return Error::from_errno("reading " + directory_.string(), code.value());
    return ReceivedPackage{.hash = h1_hash(files_), .bytes = total_};
}

} // namespace slipway::launcher
