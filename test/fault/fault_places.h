#pragma once

#include "test/fault/traced_calls.h"

#include <cstdint>
#include <set>
#include <string>

namespace slipway::test {

/// Which places have their turn: one of `every`, chosen by `seed`; 1: all.
struct Sample {
    std::uint32_t every = 1;
    std::uint32_t seed = 0;
};

/// Where a program's own code lies.
struct Text {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;

    [[nodiscard]] bool holds(std::uint64_t address) const { return address >= begin && address < end; }
};

/// How the calls above a system call are found.
enum class Unwind : std::uint8_t {
    frames, ///< By frame pointers; the program is one that loads libraries.
    stack, ///< By the first addresses of its code on the stack: enough for a small program without them.
};

/// The places at which a program makes system calls of a mode's kind, each of which has its turn once. A
/// place is a call, what it is made on, and the calls in the program that led there. Those that had their
/// turn are lines of a file, which others may append to meanwhile.
class FaultPlaces {
public:
    FaultPlaces(const Mode& mode, Sample sample, Unwind unwind, std::string seen_file);

    /// A thread of `process` stands before a call: whether this place has its turn now. It is noted then.
    [[nodiscard]] bool has_turn(pid_t process, pid_t thread, const user_regs_struct& registers);

private:
    [[nodiscard]] bool chosen(const std::string& place) const;
    void read_seen();

    const Mode& mode_;
    Sample sample_;
    Unwind unwind_;
    std::string seen_file_;
    std::set<std::string> seen_;
    Text text_;
    bool begun_ = false; ///< The loader is done.
};

} // namespace slipway::test
