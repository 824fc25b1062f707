// OpenSSL's contexts and sessions. TLS 1.2 and later, no compression, no renegotiation.
//
// Source: RFC 9325 (recommendations), RFC 3207 (STARTTLS), RFC 8996 (old versions are off).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <openssl/ssl.h>

#include "daemon/certificate.h"
#include "daemon/loop/loop.h"
#include "mapping/mm.h"
#include "mapping/result.h"

namespace mmgate {

using TlsSession = std::unique_ptr<SSL, FreedBy<SSL_free>>;

/// Those whose certificates are believed.
class TlsAuthorities {
public:
    /// Of a PEM file; "": those of the system. Any certificate in the file is an anchor, also one of no authority.
    /// Fails: internal, with what is wrong with the file.
    static Result<TlsAuthorities> of(const std::string& file);
    const std::string& file() const { return file_; }

private:
    friend class TlsPeer;
    using Handle = std::unique_ptr<X509_STORE, FreedBy<X509_STORE_free>>;
    TlsAuthorities(Handle handle, std::string file) : handle_(std::move(handle)), file_(std::move(file)) {}
    Handle handle_;
    std::string file_;
};

/// The certificate that the other side of a session has shown, and proved to hold the key of.
class TlsPeer {
public:
    explicit TlsPeer(const SSL* session);
    bool has_certificate() const { return certificate_ != nullptr; }
    /// Holds it against these authorities, as the certificate of a relay in either role.
    CertificateFacts facts(const std::vector<const TlsAuthorities*>& authorities) const;

private:
    struct FreeChain {
        void operator()(STACK_OF(X509) * chain) const noexcept { sk_X509_pop_free(chain, X509_free); }
    };
    std::unique_ptr<X509, FreedBy<X509_free>> certificate_;
    std::unique_ptr<STACK_OF(X509), FreeChain> chain_;
};

/// Whether a client is asked for a certificate. One that has none gets on all the same: what it may do is decided later.
enum class ClientCertificate : std::uint8_t { not_asked,
                                              asked };

/// Certificates and rules, shared by the sessions made from it (they keep their own count), so that a reload swaps it under running sessions.
class TlsContext {
public:
    /// Fails: internal, with what is wrong with which file: unreadable, not PEM, key and certificate do not match.
    static Result<TlsContext> server(const std::string& certificate_file, const std::string& key_file);
    /// A client that takes any certificate (RFC 7435): who is to be somebody is looked at when the handshake is done, as TlsPeer.
    static TlsContext client();
    /// ... and shows this certificate when asked for one. Fails: as `server`.
    static Result<TlsContext> client(const std::string& certificate_file, const std::string& key_file);

    TlsSession accept_session(ClientCertificate client = ClientCertificate::not_asked) const;
    TlsSession connect_session(const std::string& server_name) const;

private:
    using Handle = std::unique_ptr<SSL_CTX, FreedBy<SSL_CTX_free>>;
    explicit TlsContext(Handle handle) : handle_(std::move(handle)) {}
    Handle handle_;
};

/// When the first certificate of a PEM file ends; nothing when it cannot be read.
std::optional<Instant> certificate_not_after(const std::string& file);

}   // namespace mmgate
