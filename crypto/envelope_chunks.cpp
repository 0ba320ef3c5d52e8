#include "crypto/envelope_chunks.h"

#include "crypto/openssl_error.h"

#include <openssl/err.h>

#include <algorithm>
#include <array>

namespace slipway::crypto {

namespace {

constexpr std::size_t kNonceSize = 12;
/// NIST SP 800-38D allows 2^32 uses of a key: 256 TiB.
constexpr std::uint64_t kMaxChunks = std::uint64_t{1} << 32U;

} // namespace

ChunkCipher::ChunkCipher(EvpCipherCtx context)
    : context_{std::move(context)}
{
}

Result<ChunkCipher> ChunkCipher::create(Direction direction, const Secret& key)
{
    const EvpCipher cipher{EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr)};
    EvpCipherCtx context{EVP_CIPHER_CTX_new()};
    if (cipher == nullptr || context == nullptr
        || EVP_CIPHER_get_key_length(cipher.get()) != static_cast<int>(key.size())
        || EVP_CipherInit_ex2(context.get(), cipher.get(), bytes_of(key.reveal()), nullptr,
               direction == Direction::seal ? 1 : 0, nullptr)
            != 1)
        return openssl_error("preparing AES-256-GCM");
    return ChunkCipher{std::move(context)};
}

Result<void> ChunkCipher::start(Place place)
{
    if (counter_ >= kMaxChunks)
        return Error{Errc::exhausted, "the envelope is larger than 256 TiB"};
    std::array<unsigned char, kNonceSize> nonce{};
    for (std::size_t i = 0; i < 8; ++i)
        nonce[10 - i] = static_cast<unsigned char>(counter_ >> (8 * i));
    nonce[11] = static_cast<unsigned char>(place);
    if (EVP_CipherInit_ex2(context_.get(), nullptr, nullptr, nonce.data(), -1, nullptr) != 1)
        return openssl_error("preparing a chunk");
    return {};
}

Result<void> ChunkCipher::seal(std::string_view plain, Place place, std::string& out)
{
    SLIPWAY_TRY(start(place));
    out.resize(plain.size() + kTagSize);
    int size = 0;
    int rest = 0;
    unsigned char* const tag = bytes_of(out.data()) + plain.size();
    if (EVP_CipherUpdate(
            context_.get(), bytes_of(out.data()), &size, bytes_of(plain), static_cast<int>(plain.size()))
            != 1
        || EVP_CipherFinal_ex(context_.get(), tag, &rest) != 1
        || EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(kTagSize), tag) != 1)
        return openssl_error("sealing a chunk");
    ++counter_;
    return {};
}

Result<ChunkCipher::Verdict> ChunkCipher::try_open(std::string_view sealed, Place place, std::string& out)
{
    SLIPWAY_TRY(start(place));
    const auto cipher_text = sealed.substr(0, sealed.size() - kTagSize);
    std::array<unsigned char, kTagSize> tag{};
    std::copy_n(bytes_of(sealed.substr(cipher_text.size())), kTagSize, tag.begin());
    out.resize(cipher_text.size());
    int size = 0;
    unsigned char unused = 0; // GCM leaves nothing for the end
    if (EVP_CipherUpdate(context_.get(), bytes_of(out.data()), &size, bytes_of(cipher_text),
            static_cast<int>(cipher_text.size()))
            != 1
        || EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(kTagSize), tag.data())
            != 1)
        return openssl_error("opening a chunk");
    if (EVP_CipherFinal_ex(context_.get(), &unused, &size) == 1)
        return Verdict::authentic;
    ERR_clear_error();
    wipe(out);
    return Verdict::wrong;
}

Result<void> ChunkCipher::open(std::string_view sealed, Place place, std::string& out)
{
    const std::string number = std::to_string(counter_ + 1);
    if (sealed.size() < kTagSize) {
        wipe(out);
        return Error{Errc::invalid_input, "the envelope is truncated in chunk " + number};
    }
    if (SLIPWAY_TRY(try_open(sealed, place, out)) == Verdict::authentic) {
        ++counter_;
        return {};
    }
    // Only to say what is wrong: nothing is taken from here.
    const bool is_last = place == Place::last;
    const auto other = SLIPWAY_TRY(try_open(sealed, is_last ? Place::middle : Place::last, out));
    wipe(out);
    if (other == Verdict::authentic && is_last)
        return Error{Errc::invalid_input,
            "the envelope is truncated: it ends after chunk " + number + ", which is not the last"};
    if (other == Verdict::authentic)
        return Error{Errc::rejected, "bytes follow the envelope's last chunk, number " + number};
    return Error{Errc::rejected,
        "chunk " + number
            + " of the envelope is not the one that was sealed: changed, cut short or out of place"};
}

} // namespace slipway::crypto
