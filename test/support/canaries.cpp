#include "test/support/canaries.h"

#include "common/base64.h"
#include "common/http/url.h"
#include "common/json.h"
#include "common/unique_fd.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace slipway::test {

namespace {

std::string upper(std::string text)
{
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
    return text;
}

/// The characters that depend on the value alone when `before` bytes stand in front of it, whatever follows.
std::string base64_within(std::string_view value, std::size_t before)
{
    const auto all = base64_encode(std::string(before, 'x') + std::string{value});
    const auto begin = (before * 8 + 5) / 6;
    const auto end = (before + value.size()) * 8 / 6;
    return all.substr(begin, end - begin);
}

std::string url_alphabet(std::string text)
{
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
    return text;
}

std::string json_within(std::string_view value)
{
    JsonWriter json;
    json.value(value);
    const auto quoted = json.take();
    return quoted.substr(1, quoted.size() - 2);
}

} // namespace

std::string whole_file(const std::filesystem::path& path)
{
    std::ifstream stream{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{stream}, {}};
}

void read_memory(pid_t pid, const std::function<void(std::string_view)>& take)
{
    constexpr std::size_t most = 64U << 20U; // more is address space that a sanitizer has put aside
    const auto process = "/proc/" + std::to_string(pid);
    const UniqueFd memory{::open((process + "/mem").c_str(), O_RDONLY | O_CLOEXEC)};
    if (!memory)
        return;
    std::istringstream maps{whole_file(process + "/maps")};
    std::string bytes;
    for (std::string line; std::getline(maps, line);) {
        unsigned long begin = 0;
        unsigned long end = 0;
        if (std::sscanf(line.c_str(), "%lx-%lx rw", &begin, &end) != 2 || end - begin > most)
            continue;
        bytes.resize(end - begin);
        const auto got = ::pread(memory.get(), bytes.data(), bytes.size(), static_cast<off_t>(begin));
        if (got > 0)
            take({bytes.data(), static_cast<std::size_t>(got)});
    }
}

void Canaries::plant(const std::string& name, std::string_view value)
{
    if (value.size() < 8)
        throw std::runtime_error{"the canary " + name + " is too short to be told from others"};
    const auto add = [&](std::string form, std::string bytes) {
        forms_.push_back({name, std::move(form), std::move(bytes)});
    };
    add("as it is", std::string{value});
    for (std::size_t before = 0; before < 3; ++before) {
        add("in base64", base64_within(value, before));
        add("in base64 of URLs", url_alphabet(base64_within(value, before)));
    }
    add("in hexadecimal", hex_encode(value));
    add("in capital hexadecimal", upper(hex_encode(value)));
    add("as in a URL", http::percent_encode(value));
    add("as in JSON", json_within(value));
}

Canaries Canaries::without(std::initializer_list<std::string_view> names) const
{
    Canaries others;
    std::ranges::copy_if(forms_, std::back_inserter(others.forms_),
        [&](const Form& form) { return std::ranges::find(names, form.name) == names.end(); });
    return others;
}

std::string Canaries::in_text(std::string_view text, const std::string& place) const
{
    std::string found;
    const std::string* told = nullptr;
    for (const auto& [name, form, bytes] : forms_) {
        if (told != nullptr && *told == name)
            continue; // one form is enough
        if (::memmem(text.data(), text.size(), bytes.data(), bytes.size()) == nullptr)
            continue;
        found += name + " " + form + " in " + place + "\n";
        told = &name;
    }
    return found;
}

std::string Canaries::in_files(const std::filesystem::path& directory,
    const std::function<bool(const std::filesystem::path&)>& skip) const
{
    using Iterator = std::filesystem::recursive_directory_iterator;
    std::string found;
    std::error_code code;
    for (Iterator entry{directory, code}, end; !code && entry != end; entry.increment(code)) {
        const auto& path = entry->path();
        if (skip && skip(path))
            continue;
        found += in_text(path.filename().string(), "the name of " + path.string());
        std::error_code gone;
        if (entry->is_regular_file(gone) && !entry->is_symlink(gone))
            found += in_text(whole_file(path), path.string());
    }
    return found;
}

std::string Canaries::in_process(pid_t pid) const
{
    const auto process = "/proc/" + std::to_string(pid);
    const auto name = process + " (" + whole_file(process + "/comm") + ")";
    return in_text(whole_file(process + "/cmdline"), "the arguments of " + name)
        + in_text(whole_file(process + "/environ"), "the environment of " + name);
}

std::string Canaries::in_processes(const std::function<bool(pid_t)>& wanted) const
{
    std::string found;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc"}) {
        const auto name = entry.path().filename().string();
        if (!std::ranges::all_of(name, [](unsigned char c) { return std::isdigit(c) != 0; }))
            continue;
        const auto pid = static_cast<pid_t>(std::stol(name));
        if (wanted(pid))
            found += in_process(pid);
    }
    return found;
}

} // namespace slipway::test
