#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::test {

/// Secrets that a test has planted, and the search for them in all that others can look at: as they are, in
/// base64 at each alignment and in both alphabets, in hexadecimal, and as URLs and JSON write them. What is
/// found is one line each: the secret's name, its form and the place. One thread.
class Canaries {
public:
    /// A value of at least 8 bytes.
    void plant(const std::string& name, std::string_view value);
    /// The others: for a place that these may be in.
    [[nodiscard]] Canaries without(std::initializer_list<std::string_view> names) const;

    [[nodiscard]] std::string in_text(std::string_view text, const std::string& place) const;
    /// Content and names of all files below; those that `skip` names are left out. A file that goes away
    /// meanwhile is none.
    [[nodiscard]] std::string in_files(const std::filesystem::path& directory,
        const std::function<bool(const std::filesystem::path&)>& skip = {}) const;
    /// Arguments and environment, of which the latter can be read by its own user and root alone.
    [[nodiscard]] std::string in_process(pid_t pid) const;
    /// Arguments and environment of all processes that `wanted` names.
    [[nodiscard]] std::string in_processes(const std::function<bool(pid_t)>& wanted) const;

private:
    struct Form {
        std::string name; ///< Of the secret.
        std::string form;
        std::string bytes;
    };

    std::vector<Form> forms_;
};

/// The file, of any kind and size; empty when it cannot be read.
[[nodiscard]] std::string whole_file(const std::filesystem::path& path);

/// Calls `take` with what a process has in its memory that can be written, in pieces of up to 64 MiB. Needs
/// CAP_SYS_PTRACE for a process that protects its memory.
void read_memory(pid_t pid, const std::function<void(std::string_view)>& take);

} // namespace slipway::test
