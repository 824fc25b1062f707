// The next hop: which route and lane a recipient takes, or why there is none. Pure: a table in, a decision out.
#pragma once

#include <string>
#include <vector>

#include "daemon/config.h"
#include "mapping/address.h"
#include "mapping/result.h"

namespace mmgate {

struct Route {
    Address address;      // phone in E.164, or mailbox
    std::string route;    // "mm1", "mail"; "mm4:NAME" when peers are there
    std::string lane;     // "mm1", "mail:[127.0.0.1]:1025", "mail:example.org"
    std::string why;      // one clause for people: "+447700 is served here"
};

class Router {
public:
    explicit Router(const Config& config);

    /// A recipient that a phone or a report names: a number in any written form, or a mailbox. A mailbox in one of our domains is a phone.
    /// Fails: recipient_unknown, recipient_syntax.
    Result<Route> of_recipient(const Address& recipient) const;
    /// A recipient of Internet mail (RCPT TO): only our domains; postmaster goes to gateway.postmaster.
    /// Fails: relay_denied for foreign domains, recipient_unknown for numbers that are not served.
    Result<Route> of_mail_recipient(const Address& mailbox) const;
    /// The phone of an identity that a trusted proxy or the client table gives. Fails: sender_denied when it is not served here.
    Result<Address> subscriber(std::string_view msisdn) const;
    bool is_our_domain(std::string_view domain) const;
    /// "+447700900123@mms.example.net".
    Address mail_address_of(const Address& phone) const;

private:
    Result<Route> of_phone(std::string number) const;
    Result<Route> of_foreign_mailbox(const Address& mailbox) const;
    NumberingPlan numbering_;
    std::vector<std::string> domains_;
    std::string postmaster_;
    std::string mail_relay_;
    std::vector<std::string> served_prefixes_;
};

}  // namespace mmgate
