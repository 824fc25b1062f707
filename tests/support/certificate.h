// A self-signed certificate and its key as PEM files, made on the spot.
#pragma once

#include <string>

namespace mmgate::tests {

class Certificate {
public:
    explicit Certificate(const std::string& host);
    ~Certificate();
    Certificate(const Certificate&) = delete;
    Certificate& operator=(const Certificate&) = delete;

    std::string certificate_file() const { return folder_ + "/certificate.pem"; }
    std::string key_file() const { return folder_ + "/key.pem"; }

private:
    std::string folder_;
};

}   // namespace mmgate::tests
