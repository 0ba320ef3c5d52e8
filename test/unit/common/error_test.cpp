#include "common/error.h"

#include <catch2/catch.hpp>

#include <cerrno>

using namespace slipway;

TEST_CASE("context is put before the cause, from copies and from temporaries alike")
{
    const Error cause{Errc::unreachable, "connection refused"};
    CHECK(cause.in("pulling image").message() == "pulling image: connection refused");
    CHECK(cause.in("pulling image").in("starting job 7").message()
        == "starting job 7: pulling image: connection refused");
    CHECK(cause.in("x").code() == Errc::unreachable);
    CHECK(cause.message() == "connection refused");
}

TEST_CASE("an errno becomes what its caller can do about it")
{
    const std::pair<int, Errc> codes[]{{ENOENT, Errc::not_found}, {EEXIST, Errc::conflict},
        {EACCES, Errc::rejected}, {EROFS, Errc::exhausted}, {ENOSPC, Errc::exhausted},
        {EMFILE, Errc::exhausted}, {ECONNREFUSED, Errc::unreachable}, {EPIPE, Errc::unreachable},
        {ETIMEDOUT, Errc::timed_out}, {ENAMETOOLONG, Errc::invalid_input}, {EIO, Errc::internal}};
    for (const auto& [number, code] : codes)
        CHECK(Error::from_errno("opening x", number).code() == code);
    CHECK(Error::from_errno("opening x", ENOENT).message() == "opening x: No such file or directory");
}

TEST_CASE("each code has a name of its own")
{
    std::string names;
    for (const auto code : {Errc::invalid_input, Errc::not_found, Errc::conflict, Errc::rejected,
             Errc::unreachable, Errc::timed_out, Errc::cancelled, Errc::exhausted, Errc::internal})
        names += std::string{to_string(code)} + " ";
    CHECK(names
        == "invalid_input not_found conflict rejected unreachable timed_out cancelled exhausted internal ");
}
