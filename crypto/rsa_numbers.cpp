#include "crypto/rsa_numbers.h"

#include <openssl/core_names.h>

namespace slipway::crypto {

namespace {

using Secretnum = CPtr<BIGNUM, &BN_clear_free>;
using Context = CPtr<BN_CTX, &BN_CTX_free>;

Secretnum number_of(const EVP_PKEY* pkey, const char* name)
{
    BIGNUM* number = nullptr;
    if (EVP_PKEY_get_bn_param(pkey, name, &number) != 1)
        return {};
    BN_set_flags(number, BN_FLG_CONSTTIME);
    return Secretnum{number};
}

/// Wiped like the key's own numbers.
Secretnum new_number()
{
    Secretnum number{BN_secure_new()};
    if (number)
        BN_set_flags(number.get(), BN_FLG_CONSTTIME);
    return number;
}

/// a · b ≡ 1 (mod `modulus`)
bool are_inverse(const BIGNUM* a, const BIGNUM* b, const BIGNUM* modulus, BN_CTX* context)
{
    const Secretnum rest = new_number();
    return rest && BN_mod_mul(rest.get(), a, b, modulus, context) == 1 && BN_is_one(rest.get());
}

/// What makes a factor fit: its exponent for the remainders, and the exponent of the whole.
bool factor_fits(
    const BIGNUM* factor, const BIGNUM* exponent, const BIGNUM* d, const BIGNUM* e, BN_CTX* context)
{
    const Secretnum less_one{BN_dup(factor)};
    if (!less_one || BN_sub_word(less_one.get(), 1) != 1 || BN_is_zero(less_one.get()))
        return false;
    BN_set_flags(less_one.get(), BN_FLG_CONSTTIME);
    return BN_is_odd(factor) && BN_cmp(exponent, factor) < 0
        && are_inverse(exponent, e, less_one.get(), context) && are_inverse(d, e, less_one.get(), context);
}

} // namespace

bool numbers_fit(const EVP_PKEY* pkey)
{
    const auto n = number_of(pkey, OSSL_PKEY_PARAM_RSA_N);
    const auto e = number_of(pkey, OSSL_PKEY_PARAM_RSA_E);
    const auto d = number_of(pkey, OSSL_PKEY_PARAM_RSA_D);
    const auto p = number_of(pkey, OSSL_PKEY_PARAM_RSA_FACTOR1);
    const auto q = number_of(pkey, OSSL_PKEY_PARAM_RSA_FACTOR2);
    const auto dp = number_of(pkey, OSSL_PKEY_PARAM_RSA_EXPONENT1);
    const auto dq = number_of(pkey, OSSL_PKEY_PARAM_RSA_EXPONENT2);
    const auto qinv = number_of(pkey, OSSL_PKEY_PARAM_RSA_COEFFICIENT1);
    const Context context{BN_CTX_secure_new()};
    const auto product = new_number();
    if (!n || !e || !d || !p || !q || !dp || !dq || !qinv || !context || !product)
        return false;
    return BN_mul(product.get(), p.get(), q.get(), context.get()) == 1 && BN_cmp(product.get(), n.get()) == 0
        && factor_fits(p.get(), dp.get(), d.get(), e.get(), context.get())
        && factor_fits(q.get(), dq.get(), d.get(), e.get(), context.get()) && BN_cmp(qinv.get(), p.get()) < 0
        && are_inverse(qinv.get(), q.get(), p.get(), context.get());
}

} // namespace slipway::crypto
