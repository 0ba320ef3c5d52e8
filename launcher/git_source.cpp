#include "launcher/git_source.h"

#include "common/protocol/git_source.h"
#include "launcher/file_tar.h"
#include "launcher/job_settings.h"

#include <array>
#include <utility>

namespace slipway::launcher {

namespace {

/// In the container's memory, beside the session of the phases.
constexpr std::string_view kCommitFile = "/dev/shm/.slipway-commit";
constexpr std::size_t kMaxCommitTar = 64 * 1024;

// Exit codes of the command that no git has.
constexpr int kNoGit = 41;
constexpr int kNoAnswer = 42;
constexpr int kNoRef = 43;
constexpr int kNoDirectory = 44;
constexpr int kEmpty = 45;

/// Set before it: url, ref, commit and root (or nothing), source, told, whole (nothing).
/// Passwords go to the host of the URL alone, wherever a redirection leads. Of an interactive question, which
/// nobody would answer, an error is made.
constexpr std::string_view kFetch = R"sh(
command -v git >/dev/null 2>&1 || exit 41
export GIT_TERMINAL_PROMPT=0 GIT_ALLOW_PROTOCOL=file:git:http:https:ssh LC_ALL=C
[ -n "$GIT_SSH_COMMAND" ] || export GIT_SSH_COMMAND='ssh -o BatchMode=yes -o ConnectTimeout=30'
give='!f() { [ "$1" != get ] || printf "username=%s\npassword=%s\n" "${GIT_USERNAME:-git}" "$GIT_PASSWORD"; }; f'
case $url in
http://* | https://* | private://*)
    site=$(git ls-remote --get-url "$url")
    path=${site#*://*/}
    site=${site%"/$path"}
    ;;
*) site=none ;;
esac
g() {
    if [ -n "$GIT_PASSWORD" ]; then
        git -c http.lowSpeedLimit=1 -c http.lowSpeedTime=60 -c "credential.$site.helper=" \
            -c "credential.$site.helper=$give" -C "$source" "$@"
    else
        git -c http.lowSpeedLimit=1 -c http.lowSpeedTime=60 -C "$source" "$@"
    fi
}
mkdir -p "$source" && git -c init.defaultBranch=main init -q "$source" && g remote add origin "$url" || exit
want=${commit:-${ref:-HEAD}}
if ! g fetch -q --depth 1 --no-tags origin "$want"; then
    g ls-remote -q origin HEAD >/dev/null || exit 42
    whole=
    case $want in
    *[!0-9a-f]*) ;;
    ????????????????????????????????????????*) whole=1 ;;
    esac
    if [ -n "$whole" ]; then
        echo '[slipway] the server gives no commit by its name: fetching all branches and tags'
        g fetch -q --tags origin '+refs/heads/*:refs/remotes/origin/*' || exit 42
        g cat-file -e "$want^{commit}" 2>/dev/null || exit 43
    elif [ -z "$(g ls-remote -q origin)" ]; then
        exit 45
    elif [ -z "$(g ls-remote -q origin "$want")" ]; then
        exit 43
    else
        echo '[slipway] the server gives no part of a history: fetching all of it'
        g fetch -q --no-tags origin "$want" || exit 42
    fi
fi
[ -n "$whole" ] || want=FETCH_HEAD
g -c advice.detachedHead=false checkout -q -f --detach "$want" || exit
g log -1 --format='[slipway] sources: commit %H of %cI' || exit
[ -z "$root" ] || [ -d "$source/$root" ] || exit 44
g rev-parse HEAD >"$told"
)sh";

std::string at_ref(const protocol::Assignment& a)
{
    if (!a.git_commit.empty())
        return "commit " + a.git_commit;
    return a.git_ref.empty() ? "HEAD" : "ref " + a.git_ref;
}

} // namespace

bool fetches_sources(const protocol::Assignment& assignment)
{
    return !assignment.git_url.empty() && assignment.workspace_in.empty();
}

std::string prepare_command(const protocol::Assignment& a)
{
    // A shell of its own: what it exports is nothing to the phases.
    std::string command = "(\n";
    const std::array<std::pair<std::string_view, std::string_view>, 7> values{
        {{"url", a.git_url}, {"ref", a.git_ref}, {"commit", a.git_commit}, {"root", a.project_root},
            {"source", kSource}, {"told", kCommitFile}, {"whole", ""}}};
    for (const auto& [name, value] : values)
        command.append(name).append("=").append(shell_quoted(value)).append(" ");
    command += kFetch;
    return command + ")";
}

std::string prepare_words(int code, const protocol::Assignment& a)
{
    const std::string image = a.image.empty() ? "its image" : "the image " + a.image;
    switch (code) {
    case kNoGit:
        return "the sources are in git, and " + image
            + " has no git: use an image with git, or push the sources";
    case kNoAnswer:
        return "the sources could not be fetched from " + a.git_url
            + ": the host does not answer, the repository is not there, or it asks for credentials that the "
              "stack "
              "does not give; git's own words are above"
            + (a.git_url.starts_with("private://")
                    ? ". Workers need SPACELIFT_PRIVATEVCS_MAPPING_NAME_0 and _BASE_ENDPOINT_0 for private://"
                    : "");
    case kNoRef:
        return "the repository " + a.git_url + " has no " + at_ref(a)
            + (a.git_commit.empty() ? ": give a branch, a tag, or a whole commit"
                                    : ", which the run is of: somebody has removed it; start a new run");
    case kNoDirectory:
        return "the repository " + a.git_url + " has no directory " + a.project_root + " at " + at_ref(a);
    case kEmpty:
        return "the repository " + a.git_url + " is empty: push a branch first";
    default:
        return {};
    }
}

Result<std::string> fetched_commit(JobSlot& slot, std::stop_token stop)
{
    std::string tar;
    const Sink append = [&](std::string_view bytes) -> Result<void> {
        if (tar.size() + bytes.size() > kMaxCommitTar)
            return Error{Errc::rejected, std::string{kCommitFile} + " is larger than the name of a commit"};
        tar.append(bytes);
        return {};
    };
    const auto got = slot.get(kCommitFile, append, std::move(stop));
    if (!got && got.error().code() == Errc::conflict)
        return Error{Errc::invalid_input, std::string{kCommitFile} + " is missing"};
    SLIPWAY_TRY(got);
    std::string commit = SLIPWAY_TRY(only_file_of(tar));
    if (commit.ends_with('\n'))
        commit.pop_back();
    if (!protocol::is_git_commit(commit))
        return Error{Errc::invalid_input, std::string{kCommitFile} + " holds no name of a commit"};
    return commit;
}

} // namespace slipway::launcher
