#include "launcher/slot-init/tar/tar.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

/// Unpacks into a directory between two others, one of which a link in it leads to: whatever the archive
/// says, nothing may appear in or beside them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static const std::filesystem::path base = [] {
        std::string name = (std::filesystem::temp_directory_path() / "slipway-fuzz-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr)
            std::abort();
        static std::string to_remove = name;
        (void)std::atexit([] {
            std::error_code ignored;
            std::filesystem::remove_all(to_remove, ignored);
        });
        return std::filesystem::path{name};
    }();
    static const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    const auto root = base / "root";
    const auto outside = base / "outside";
    std::filesystem::create_directory(root);
    std::filesystem::create_directory(outside);
    std::filesystem::create_directory_symlink(outside, root / "d");
    const int directory = ::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int in = ::memfd_create("archive", MFD_CLOEXEC);
    if (::write(in, data, size) != static_cast<ssize_t>(size) || ::lseek(in, 0, SEEK_SET) != 0)
        std::abort();
    int error_number = 0;
    (void)slipway::slot::unpack_tar(in, directory, null, error_number);
    ::close(in);
    ::close(directory);
    std::error_code ignored;
    std::filesystem::remove_all(root, ignored);
    for (const auto& entry : std::filesystem::directory_iterator{base})
        if (entry.path() != root && entry.path() != outside)
            __builtin_trap();
    if (!std::filesystem::is_empty(outside))
        __builtin_trap();
    return 0;
}
