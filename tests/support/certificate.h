// Certificates and their keys as PEM files, made on the spot: of their own, or from another one as from an authority.
#pragma once

#include <memory>
#include <string>

namespace mmgate::tests {

class Certificate {
public:
    /// For a host by its dNSName, and an authority for others.
    explicit Certificate(const std::string& host);
    /// Issued by another. `seconds` is how long it is still good, negative: since when not any more.
    Certificate(const std::string& host, const Certificate& issuer, long seconds = 3600);
    ~Certificate();
    Certificate(const Certificate&) = delete;
    Certificate& operator=(const Certificate&) = delete;

    std::string certificate_file() const { return folder_ + "/certificate.pem"; }
    std::string key_file() const { return folder_ + "/key.pem"; }
    /// As tls_pins writes it.
    const std::string& pin() const { return pin_; }

private:
    struct Made;
    void make(const std::string& host, const Certificate* issuer, long seconds);
    std::unique_ptr<Made> made_;
    std::string folder_, pin_;
};

}   // namespace mmgate::tests
