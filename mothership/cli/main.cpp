#include "mothership/cli/command_line.h"
#include "mothership/cli/table.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>

namespace {

/// A chunk of a negative size is more memory to cpprestsdk than there is, and it throws on a thread of its
/// own, where nothing of ours can catch it.
[[noreturn]] void end_in_words()
{
    std::fputs(
        "slipway: unexpected: an answer that cannot be read; is the endpoint the control plane's?\n", stderr);
    std::_Exit(slipway::cli::kFailed);
}

} // namespace

int main(int argc, char** argv)
{
    std::set_terminate(end_in_words);
    std::signal(SIGPIPE, SIG_IGN); // NOLINT(cert-err33-c)
    try {
        return slipway::cli::run_command_line(argc, argv);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "slipway: %s\n", slipway::cli::printable(failure.what()).c_str());
        return slipway::cli::kFailed;
    }
}
