#include "daemon/loop/tls.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <array>
#include <cassert>

namespace mmgate {

namespace {

/// The first word of OpenSSL's error queue, for a person; empties the queue.
std::string openssl_reason() {
    std::array<char, 256> text{};
    unsigned long code = ERR_get_error();
    ERR_error_string_n(code, text.data(), text.size());
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    ERR_clear_error();
    return reason ? reason : text.data();
}

void apply_rules(SSL_CTX* context) {
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    // TLS 1.2 only with forward secrecy and authenticated ciphers (RFC 9325 §4.2); those of 1.3 are all so.
    SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
}

}  // namespace

Result<TlsContext> TlsContext::server(const std::string& certificate_file, const std::string& key_file) {
    Handle handle(SSL_CTX_new(TLS_server_method()));
    assert(handle);
    apply_rules(handle.get());
    // No resumption across a reload, and no early data, which could be replayed.
    SSL_CTX_set_session_cache_mode(handle.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_early_data(handle.get(), 0);
    if (SSL_CTX_use_certificate_chain_file(handle.get(), certificate_file.c_str()) != 1)
        return fail(Fault::internal, "certificate " + certificate_file + ": " + openssl_reason());
    if (SSL_CTX_use_PrivateKey_file(handle.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1) return fail(Fault::internal, "key " + key_file + ": " + openssl_reason());
    if (SSL_CTX_check_private_key(handle.get()) != 1) return fail(Fault::internal, "key " + key_file + " does not belong to certificate " + certificate_file);
    return TlsContext(std::move(handle));
}

TlsContext TlsContext::client() {
    Handle handle(SSL_CTX_new(TLS_client_method()));
    assert(handle);
    apply_rules(handle.get());
    SSL_CTX_set_verify(handle.get(), SSL_VERIFY_NONE, nullptr);
    return TlsContext(std::move(handle));
}

TlsSession TlsContext::accept_session() const {
    TlsSession session(SSL_new(handle_.get()));
    if (session) SSL_set_accept_state(session.get());
    return session;
}

TlsSession TlsContext::connect_session(const std::string& server_name) const {
    TlsSession session(SSL_new(handle_.get()));
    if (!session) return session;
    SSL_set_connect_state(session.get());
    // SNI takes host names only (RFC 6066 §3).
    if (!server_name.empty() && server_name.find_first_not_of("0123456789.") != std::string::npos && server_name.find(':') == std::string::npos)
        SSL_set_tlsext_host_name(session.get(), server_name.c_str());
    return session;
}

}  // namespace mmgate
