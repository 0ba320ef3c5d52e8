#include "mothership/cli/command_line.h"
#include "mothership/cli/table.h"

#include <csignal>
#include <cstdio>
#include <exception>

int main(int argc, char** argv)
{
    std::signal(SIGPIPE, SIG_IGN); // NOLINT(cert-err33-c)
    try {
        return slipway::cli::run_command_line(argc, argv);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "slipway: %s\n", slipway::cli::printable(failure.what()).c_str());
        return slipway::cli::kFailed;
    }
}
