// The certificates and authorities that transports name, read from their files once.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "daemon/loop/tls.h"
#include "daemon/smtp/transport.h"

namespace mmgate::smtp {

struct TlsMaterial {
    TlsContext context;
    std::optional<TlsAuthorities> authorities;   // where certificates are verified by them

    /// What the certificate of the other side is, and whether it is as it must be.
    CertificateFacts facts(const TlsPeer& peer) const;
};

class TlsMaterials {
public:
    /// Shared by the connections that use it: it stays with them when the files have changed.
    /// Fails: internal, with what is wrong with which file.
    Result<std::shared_ptr<const TlsMaterial>> of(const TlsTerms& terms);
    /// The files are read anew for connections from now on.
    void forget() { read_.clear(); }

private:
    using Files = std::tuple<std::string, std::string, std::string>;   // certificate, key, authorities; those "-" that are not needed
    std::map<Files, std::shared_ptr<const TlsMaterial>> read_;
};

}   // namespace mmgate::smtp
