#include "test/fault/fault_places.h"

#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <sstream>

namespace slipway::test {

namespace {

Text text_of(pid_t pid)
{
    std::array<char, 4096> path{};
    const std::string proc = "/proc/" + std::to_string(pid);
    if (::readlink((proc + "/exe").c_str(), path.data(), path.size() - 1) <= 0)
        return {};
    Text text;
    std::ifstream maps{proc + "/maps"};
    for (std::string line; std::getline(maps, line);) {
        if (!line.ends_with(path.data()) || line.find(" r-xp ") == std::string::npos)
            continue;
        unsigned long long begin = 0;
        unsigned long long end = 0;
        if (std::sscanf(line.c_str(), "%llx-%llx", &begin, &end) == 2)
            text = {begin, end};
    }
    return text;
}

template <std::size_t Count>
std::size_t read_words(pid_t thread, std::uint64_t address, std::array<std::uint64_t, Count>& words)
{
    iovec to{words.data(), sizeof words};
    iovec from{reinterpret_cast<void*>(address), sizeof words};
    const auto count = ::process_vm_readv(thread, &to, 1, &from, 1, 0);
    return count < 0 ? 0 : static_cast<std::size_t>(count) / sizeof words[0];
}

void add(std::string& chain, std::uint64_t address, const Text& text)
{
    std::ostringstream digits;
    digits << std::hex << (address - text.begin);
    chain += ' ' + digits.str();
}

/// The program's own return addresses above the call, as far as frame pointers lead.
std::string by_frames(pid_t thread, const user_regs_struct& registers, const Text& text)
{
    constexpr int kMost = 24;
    std::string chain;
    std::uint64_t frame = registers.rbp;
    for (int depth = 0; depth < kMost; ++depth) {
        std::array<std::uint64_t, 2> words{};
        if (frame % 8 != 0 || read_words(thread, frame, words) != words.size())
            break;
        if (text.holds(words[1]))
            add(chain, words[1], text);
        if (words[0] <= frame)
            break;
        frame = words[0];
    }
    return chain;
}

std::string by_stack(pid_t thread, const user_regs_struct& registers, const Text& text)
{
    constexpr int kMost = 2;
    std::string chain;
    std::array<std::uint64_t, 32> words{};
    const auto count = read_words(thread, registers.rsp, words);
    int found = 0;
    for (std::size_t at = 0; at < count && found < kMost; ++at) {
        if (!text.holds(words[at]))
            continue;
        add(chain, words[at], text);
        ++found;
    }
    return chain;
}

/// The type of the frame that a slot is about to send: all of them leave it in one place.
std::string frame_of(pid_t thread, const user_regs_struct& registers)
{
    std::array<std::uint64_t, 1> header{};
    if (registers.orig_rax != SYS_write || read_words(thread, registers.rsi, header) != 1)
        return {};
    return " frame " + std::to_string(header.front() >> 32U);
}

/// Not of a program that it started.
bool is_of(pid_t process, pid_t thread)
{
    return ::access(("/proc/" + std::to_string(process) + "/task/" + std::to_string(thread)).c_str(), F_OK)
        == 0;
}

} // namespace

FaultPlaces::FaultPlaces(const Mode& mode, Sample sample, Unwind unwind, std::string seen_file)
    : mode_{mode}
    , sample_{sample}
    , unwind_{unwind}
    , seen_file_{std::move(seen_file)}
{
    read_seen();
}

void FaultPlaces::read_seen()
{
    std::ifstream seen{seen_file_};
    for (std::string line; std::getline(seen, line);)
        seen_.insert(line);
}

bool FaultPlaces::has_turn(pid_t process, pid_t thread, const user_regs_struct& registers)
{
    const auto what = name_of(mode_, thread, registers);
    if (!what || !is_of(process, thread))
        return false;
    if (text_.end == 0)
        text_ = text_of(process);
    const auto callers = unwind_ == Unwind::frames ? by_frames(thread, registers, text_)
                                                   : by_stack(thread, registers, text_);
    begun_ = begun_ || !callers.empty();
    const auto place
        = *what + callers + (unwind_ == Unwind::stack ? frame_of(thread, registers) : std::string{});
    if (!begun_ || seen_.contains(place))
        return false;
    read_seen();
    if (!seen_.insert(place).second || !chosen(place))
        return false;
    std::ofstream{seen_file_, std::ios::app} << place << '\n';
    return true;
}

bool FaultPlaces::chosen(const std::string& place) const
{
    std::uint32_t hash = 2166136261U ^ sample_.seed; // FNV-1a
    for (const char byte : place)
        hash = (hash ^ static_cast<unsigned char>(byte)) * 16777619U;
    return (hash >> 8U) % sample_.every == 0;
}

} // namespace slipway::test
