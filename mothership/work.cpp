#include "mothership/work.h"

#include "common/base64.h"
#include "common/secret.h"
#include "common/ulid.h"

#include <span>

namespace slipway::mothership {

std::string Work::new_id() const { return make_ulid(clock, random); }

std::string random_hex(Random& random, std::size_t bytes)
{
    std::string raw(bytes, '\0');
    random.fill(std::as_writable_bytes(std::span{raw}));
    std::string text = hex_encode(raw);
    wipe(raw);
    return text;
}

std::string pool_topic(std::string_view pool_id) { return "pool/" + std::string{pool_id}; }

std::string worker_topic(std::string_view worker_id) { return "worker/" + std::string{worker_id}; }

std::string run_topic(std::string_view run_id) { return "run/" + std::string{run_id}; }

std::string log_topic(std::string_view run_id) { return "log/" + std::string{run_id}; }

} // namespace slipway::mothership
