#include "mothership/cli/secret_input.h"

#include "common/file.h"

#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace slipway::cli {

namespace {

/// A terminal that does not show what is typed, while this lives.
class HiddenTyping {
public:
    explicit HiddenTyping(int terminal)
        : terminal_{terminal}
        , known_{::tcgetattr(terminal, &before_) == 0}
    {
        termios hidden = before_;
        hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        hidden.c_lflag |= ECHONL;
        known_ = known_ && ::tcsetattr(terminal, TCSAFLUSH, &hidden) == 0;
    }

    HiddenTyping(const HiddenTyping&) = delete;
    HiddenTyping& operator=(const HiddenTyping&) = delete;

    ~HiddenTyping()
    {
        if (known_)
            ::tcsetattr(terminal_, TCSANOW, &before_);
    }

private:
    int terminal_;
    termios before_{};
    bool known_;
};

} // namespace

Result<Secret> read_typed(const std::string& prompt)
{
    const HiddenTyping hidden{STDIN_FILENO};
    std::fputs((prompt + " (it is not shown): ").c_str(), stderr);
    std::string line(4096, '\0'); // a terminal hands over one line, and no longer one
    ssize_t count = 0;
    do
        count = ::read(STDIN_FILENO, line.data(), line.size());
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return Error::from_errno("reading standard input", errno);
    line.resize(static_cast<std::size_t>(count));
    return Secret::take(line);
}

Result<Secret> read_secret_file(const std::string& path, std::size_t most)
{
    struct stat info { };

    if (::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & 077U) != 0)
        return Error{
            Errc::rejected, path + " can be read by others: chmod 600 it, or hand it over on standard input"};
    std::string text = SLIPWAY_TRY(read_file(path, most));
    return Secret::take(text);
}

Result<Secret> read_secret_input(const std::string& prompt, std::size_t most)
{
    if (::isatty(STDIN_FILENO) != 0)
        return read_typed(prompt);
    std::string text = SLIPWAY_TRY(read_file("/dev/stdin", most));
    return Secret::take(text);
}

Secret without_line_end(const Secret& text)
{
    std::string_view bytes = text.reveal();
    if (bytes.ends_with('\n'))
        bytes.remove_suffix(1);
    if (bytes.ends_with('\r'))
        bytes.remove_suffix(1);
    return Secret{bytes};
}

} // namespace slipway::cli
