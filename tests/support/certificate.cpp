#include "tests/support/certificate.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cassert>
#include <cstdio>
#include <cstdlib>

#include "daemon/crypto.h"

namespace mmgate::tests {

struct Certificate::Made {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    ~Made() {
        X509_free(certificate);
        EVP_PKEY_free(key);
    }
};

namespace {

void extend(X509* certificate, int kind, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
    assert(extension != nullptr);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

}   // namespace

Certificate::Certificate(const std::string& host) : made_(std::make_unique<Made>()) { make(host, nullptr, 3600); }
Certificate::Certificate(const std::string& host, const Certificate& issuer, long seconds) : made_(std::make_unique<Made>()) { make(host, &issuer, seconds); }

void Certificate::make(const std::string& host, const Certificate* issuer, long seconds) {
    folder_ = "/tmp/mmgate-certificate-XXXXXX";
    [[maybe_unused]] char* made = mkdtemp(folder_.data());
    assert(made != nullptr);
    EVP_PKEY* key = made_->key;
    X509* certificate = made_->certificate;
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), issuer ? 2 : 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
    X509_gmtime_adj(X509_getm_notAfter(certificate), seconds);
    X509_set_pubkey(certificate, key);
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(host.c_str()), -1, -1, 0);
    X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer->made_->certificate) : name);
    extend(certificate, NID_basic_constraints, issuer ? "CA:FALSE" : "CA:TRUE");
    extend(certificate, NID_subject_alt_name, "DNS:" + host);
    X509_sign(certificate, issuer ? issuer->made_->key : key, EVP_sha256());

    unsigned char* der = nullptr;
    const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    pin_ = base64(sha256(Bytes(reinterpret_cast<const char*>(der), static_cast<std::size_t>(length))));
    OPENSSL_free(der);

    std::FILE* file = std::fopen(certificate_file().c_str(), "w");
    PEM_write_X509(file, certificate);
    std::fclose(file);
    file = std::fopen(key_file().c_str(), "w");
    PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
}

Certificate::~Certificate() {
    std::remove(certificate_file().c_str());
    std::remove(key_file().c_str());
    rmdir(folder_.c_str());
}

}   // namespace mmgate::tests
