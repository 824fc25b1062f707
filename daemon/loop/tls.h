// OpenSSL's contexts and sessions. TLS 1.2 and later, no compression, no renegotiation.
//
// Source: RFC 9325 (recommendations), RFC 3207 (STARTTLS), RFC 8996 (old versions are off).
#pragma once

#include <memory>
#include <string>

#include <openssl/ssl.h>

#include "daemon/loop/loop.h"
#include "mapping/result.h"

namespace mmgate {

using TlsSession = std::unique_ptr<SSL, FreedBy<SSL_free>>;

/// Certificates and rules, shared by the sessions made from it (they keep their own count), so that a reload swaps it under running sessions.
class TlsContext {
public:
    /// Fails: internal, with what is wrong with which file: unreadable, not PEM, key and certificate do not match.
    static Result<TlsContext> server(const std::string& certificate_file, const std::string& key_file);
    /// Opportunistic client: the peer's certificate is not verified (RFC 7435).
    static TlsContext client();

    TlsSession accept_session() const;
    TlsSession connect_session(const std::string& server_name) const;

private:
    using Handle = std::unique_ptr<SSL_CTX, FreedBy<SSL_CTX_free>>;
    explicit TlsContext(Handle handle) : handle_(std::move(handle)) {}
    Handle handle_;
};

}  // namespace mmgate
