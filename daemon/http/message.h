// HTTP requests and responses as values, as our servers see them.
//
// Source: RFC 9110 (semantics), RFC 9112 (HTTP/1.1).
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mapping/result.h"

namespace mmgate::http {

struct Field {
    std::string name;    // lower case
    std::string value;   // without outer space; no controls but tabs
    bool operator==(const Field&) const = default;
};

struct Request {
    std::string method;          // as it came: methods are case-sensitive
    std::string path;            // with its query; of an absolute-form target what follows the authority; percent-encoding untouched
    std::vector<Field> fields;   // in their order
    Octets body;
    bool body_cut = false;    // it was longer than the limit: `body` is its beginning, the rest is not read
    bool keep_alive = true;   // the peer wants to use the connection again

    /// The first field of this name (in lower case), or nullptr.
    const std::string* field(std::string_view name) const {
        for (const Field& f : fields)
            if (f.name == name) return &f.value;
        return nullptr;
    }
    std::size_t count(std::string_view name) const {
        return static_cast<std::size_t>(std::ranges::count(fields, name, &Field::name));
    }
};

struct Response {
    int status = 200;
    std::string content_type;   // "" leaves the field out
    Octets body;
    std::shared_ptr<const Octets> tail;   // follows `body` and is not copied: content shared with the connection that sends it
    std::string allow;                    // of 405
    bool close = false;                   // the connection ends behind it

    std::size_t body_bytes() const { return body.size() + (tail ? tail->size() : 0); }
};

}   // namespace mmgate::http
