#include "daemon/smtp/tls_material.h"

namespace mmgate::smtp {

CertificateFacts TlsMaterial::facts(const TlsPeer& peer) const {
    std::vector<const TlsAuthorities*> held;
    if (authorities) held.push_back(&*authorities);
    return peer.facts(held);
}

Result<std::shared_ptr<const TlsMaterial>> TlsMaterials::of(const TlsTerms& terms) {
    const bool by_authority = terms.use == TlsUse::verified && terms.peer.pins.empty();
    std::shared_ptr<const TlsMaterial>& known = read_[{terms.certificate, terms.key, by_authority ? terms.peer.authorities : "-"}];
    if (known) return known;
    auto context = terms.certificate.empty() ? Result<TlsContext>(TlsContext::client()) : TlsContext::client(terms.certificate, terms.key);
    if (!context) return fail(context.error());
    TlsMaterial material{std::move(*context), std::nullopt};
    if (by_authority) {
        auto authorities = TlsAuthorities::of(terms.peer.authorities);
        if (!authorities) return fail(authorities.error());
        material.authorities = std::move(*authorities);
    }
    known = std::make_shared<const TlsMaterial>(std::move(material));
    return known;
}

}   // namespace mmgate::smtp
