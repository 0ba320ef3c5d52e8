#include "launcher/vela/log_body.h"

#include "common/base64.h"
#include "common/file.h"
#include "launcher/vela/nameless_file.h"

namespace slipway::vela {

Result<void> LogBody::append(std::string_view text)
{
    if (text.empty())
        return {};
    size_ += text.size();
    last_ = text.back();
    if (!rest_.empty()) { // whole threes first
        const auto more = text.substr(0, 3 - rest_.size());
        rest_ += more;
        text.remove_prefix(more.size());
        if (rest_.size() < 3)
            return {};
        SLIPWAY_TRY(put(base64_encode(rest_)));
    }
    const auto whole = text.size() / 3 * 3;
    rest_ = text.substr(whole);
    return put(base64_encode(text.substr(0, whole)));
}

Result<void> LogBody::put(std::string_view body)
{
    if (!file_ && body_.size() + body.size() <= kInMemory) {
        body_ += body;
        return {};
    }
    if (!file_) {
        file_ = SLIPWAY_TRY(open_nameless(directory_));
        SLIPWAY_TRY(write_all(file_.get(), body_));
        written_ = body_.size();
        body_ = {};
    }
    written_ += body.size();
    return write_all(file_.get(), body);
}

Result<http::ClientRequest::Body> LogBody::finish()
{
    SLIPWAY_TRY(put(base64_encode(rest_) + "\"}"));
    if (file_)
        return http::ClientRequest::File{.fd = file_.get(), .offset = 0, .length = written_};
    return std::move(body_);
}

} // namespace slipway::vela
