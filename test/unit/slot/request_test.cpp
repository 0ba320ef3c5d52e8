#include "launcher/slot-init/exec/request.h"
#include "launcher/slot-init/frames.h"

#include <catch2/catch.hpp>

#include <memory>
#include <string>

using namespace slipway::slot;

namespace {

std::string run_payload(const RunFrame& head, const std::string& texts)
{
    return std::string{reinterpret_cast<const char*>(&head), sizeof head} + texts;
}

} // namespace

TEST_CASE("a run payload is taken apart in place", "[slot]")
{
    std::string bytes = run_payload(
        {.seq = 3, .flags = 0, .argc = 2, .envc = 1}, std::string{"root\0/w\0echo\0hi\0A=b\0", 20});
    const auto request = std::make_unique<RunRequest>();
    REQUIRE(parse_run(bytes.data(), bytes.size(), *request));
    CHECK(request->seq == 3);
    CHECK(std::string{request->user} == "root");
    CHECK(std::string{request->cwd} == "/w");
    CHECK(std::string{request->argv[1]} == "hi");
    CHECK(request->argv[2] == nullptr);
    CHECK(std::string{request->env[0]} == "A=b");
    CHECK(request->env[1] == nullptr);
}

TEST_CASE("a run payload that breaks the layout is refused", "[slot]")
{
    const auto request = std::make_unique<RunRequest>();
    const std::string texts{"root\0/w\0echo\0", 13};
    const RunFrame good{.seq = 1, .flags = 0, .argc = 1, .envc = 0};
    std::string bytes = run_payload(good, texts);
    REQUIRE(parse_run(bytes.data(), bytes.size(), *request));
    std::string asking = run_payload({.seq = 1, .flags = kTellExecuted, .argc = 1, .envc = 0}, texts);
    CHECK(parse_run(asking.data(), asking.size(), *request));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        std::string part = bytes.substr(0, size);
        CHECK_FALSE(parse_run(part.data(), part.size(), *request));
    }
    std::string longer = bytes + '\0';
    CHECK_FALSE(parse_run(longer.data(), longer.size(), *request));
    for (const RunFrame& head : {RunFrame{0, 0, 1, 0}, RunFrame{1, 2, 1, 0}, RunFrame{1, 0, 0, 0},
             RunFrame{1, 0, 2, 0}, RunFrame{1, 0, 0xffffffff, 0}, RunFrame{1, 0, 1, 0xffffffff}}) {
        std::string wrong = run_payload(head, texts);
        CHECK_FALSE(parse_run(wrong.data(), wrong.size(), *request));
    }
}
