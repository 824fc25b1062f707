#include "daemon/loop/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cassert>

#include "daemon/crypto.h"
#include "daemon/peer_directory.h"

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
    // No handshake fails for a certificate: whose it is, and what follows, is decided when it is done.
    SSL_CTX_set_cert_verify_callback(
        context, [](X509_STORE_CTX*, void*) { return 1; }, nullptr);
}

Result<void> load_certificate(SSL_CTX* context, const std::string& certificate_file, const std::string& key_file) {
    if (SSL_CTX_use_certificate_chain_file(context, certificate_file.c_str()) != 1) return fail(Fault::internal, "certificate " + certificate_file + ": " + openssl_reason());
    if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1) return fail(Fault::internal, "key " + key_file + ": " + openssl_reason());
    if (SSL_CTX_check_private_key(context) != 1) return fail(Fault::internal, "key " + key_file + " does not belong to certificate " + certificate_file);
    return {};
}

// ---------------------------------------------------------------------------------------------------------------------- certificates of others

constexpr std::size_t kNames = 200;       // of one certificate that are looked at
constexpr std::size_t kTextBytes = 300;   // of what people are shown of one

using Bio = std::unique_ptr<BIO, FreedBy<BIO_free_all>>;

/// What was printed, as one line of printable ASCII.
std::string line_of(BIO* bio) {
    char* text = nullptr;
    const long length = BIO_get_mem_data(bio, &text);
    std::string out(text, std::min<std::size_t>(static_cast<std::size_t>(std::max(length, 0L)), kTextBytes));
    for (char& c : out)
        if (c < ' ' || c > '~') c = '?';
    return out;
}

std::string text_of(const X509_NAME* name) {
    Bio bio(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253);
    return line_of(bio.get());
}

std::string text_of(const ASN1_TIME* time) {
    Bio bio(BIO_new(BIO_s_mem()));
    ASN1_TIME_print_ex(bio.get(), time, ASN1_DTFLGS_ISO8601);
    return line_of(bio.get());
}

std::vector<std::string> host_names(const X509* certificate) {
    std::vector<std::string> out;
    auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && out.size() < kNames; ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_DNS) continue;
        const std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)), static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
        // A NUL or a control in a name is there to deceive.
        if (std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; })) out.push_back(in_lower_case(text));
    }
    GENERAL_NAMES_free(names);
    return out;
}

std::string pin_of(const X509* certificate) {
    unsigned char* der = nullptr;
    const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    if (length <= 0) return {};
    std::string pin = base64(sha256(Bytes(reinterpret_cast<const char*>(der), static_cast<std::size_t>(length))));
    OPENSSL_free(der);
    return pin;
}

/// "" when it chains, else why not.
std::string chain_fault(X509_STORE* store, X509* certificate, STACK_OF(X509) * chain) {
    std::string fault;
    // Relays call each other with the certificate that they are called by, whatever it was issued for.
    for (int purpose : {X509_PURPOSE_SSL_SERVER, X509_PURPOSE_SSL_CLIENT}) {
        std::unique_ptr<X509_STORE_CTX, FreedBy<X509_STORE_CTX_free>> context(X509_STORE_CTX_new());
        if (!context || X509_STORE_CTX_init(context.get(), store, certificate, chain) != 1) return "out of memory";
        X509_STORE_CTX_set_purpose(context.get(), purpose);
        if (X509_verify_cert(context.get()) == 1) return {};
        fault = X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
        ERR_clear_error();
    }
    return fault;
}

}   // namespace

Result<TlsAuthorities> TlsAuthorities::of(const std::string& file) {
    Handle handle(X509_STORE_new());
    assert(handle);
    X509_STORE_set_flags(handle.get(), X509_V_FLAG_PARTIAL_CHAIN);
    const bool loaded = file.empty() ? X509_STORE_set_default_paths(handle.get()) == 1 : X509_STORE_load_file(handle.get(), file.c_str()) == 1;
    if (!loaded) return fail(Fault::internal, "authorities " + (file.empty() ? std::string("of the system") : file) + ": " + openssl_reason());
    return TlsAuthorities(std::move(handle), file);
}

TlsPeer::TlsPeer(const SSL* session) {
    if (!session) return;
    certificate_.reset(SSL_get1_peer_certificate(session));
    if (STACK_OF(X509)* chain = SSL_get_peer_cert_chain(session)) chain_.reset(X509_chain_up_ref(chain));
}

CertificateFacts TlsPeer::facts(const std::vector<const TlsAuthorities*>& authorities) const {
    CertificateFacts facts;
    if (!certificate_) {
        facts.chain_fault = "none was shown";
        return facts;
    }
    for (const TlsAuthorities* one : authorities) {
        std::string fault = chain_fault(one->handle_.get(), certificate_.get(), chain_.get());
        if (fault.empty()) facts.authorities.push_back(one->file());
        else facts.chain_fault = std::move(fault);
    }
    if (authorities.empty()) facts.chain_fault = "there is none to hold it against";
    facts.names = host_names(certificate_.get());
    facts.pin = pin_of(certificate_.get());
    facts.subject = text_of(X509_get_subject_name(certificate_.get()));
    facts.issuer = text_of(X509_get_issuer_name(certificate_.get()));
    facts.ends = text_of(X509_get0_notAfter(certificate_.get()));
    return facts;
}

// -------------------------------------------------------------------------------------------------------------------------------- contexts

Result<TlsContext> TlsContext::server(const std::string& certificate_file, const std::string& key_file) {
    Handle handle(SSL_CTX_new(TLS_server_method()));
    assert(handle);
    apply_rules(handle.get());
    // No resumption across a reload, and no early data, which could be replayed.
    SSL_CTX_set_session_cache_mode(handle.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_early_data(handle.get(), 0);
    if (auto loaded = load_certificate(handle.get(), certificate_file, key_file); !loaded) return fail(loaded.error());
    return TlsContext(std::move(handle));
}

TlsContext TlsContext::client() {
    Handle handle(SSL_CTX_new(TLS_client_method()));
    assert(handle);
    apply_rules(handle.get());
    SSL_CTX_set_verify(handle.get(), SSL_VERIFY_NONE, nullptr);
    return TlsContext(std::move(handle));
}

Result<TlsContext> TlsContext::client(const std::string& certificate_file, const std::string& key_file) {
    TlsContext context = client();
    if (auto loaded = load_certificate(context.handle_.get(), certificate_file, key_file); !loaded) return fail(loaded.error());
    return context;
}

std::optional<Instant> certificate_not_after(const std::string& file) {
    std::unique_ptr<BIO, FreedBy<BIO_free>> in(BIO_new_file(file.c_str(), "r"));
    std::unique_ptr<X509, FreedBy<X509_free>> certificate(in ? PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr) : nullptr);
    ERR_clear_error();
    std::tm ends{};
    if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &ends) != 1) return std::nullopt;
    return Instant(Seconds(timegm(&ends)));
}

TlsSession TlsContext::accept_session(ClientCertificate client) const {
    TlsSession session(SSL_new(handle_.get()));
    if (!session) return session;
    SSL_set_accept_state(session.get());
    if (client == ClientCertificate::asked) {
        SSL_set_verify(session.get(), SSL_VERIFY_PEER, nullptr);
        // A resumed session would not show it again.
        SSL_set_options(session.get(), SSL_OP_NO_TICKET);
        SSL_set_num_tickets(session.get(), 0);
    }
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

}   // namespace mmgate
