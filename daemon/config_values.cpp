#include "daemon/config_values.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace mmgate {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::optional<std::uint64_t> whole_number(std::string_view text) {
    std::uint64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

struct Unit {
    char letter;
    std::uint64_t factor;
};
constexpr Unit kSizeUnits[] = {{'g', 1ull << 30}, {'m', 1ull << 20}, {'k', 1ull << 10}};
constexpr Unit kTimeUnits[] = {{'w', 7 * 86400}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

const Unit* unit_of(std::span<const Unit> units, char letter) {
    auto it = std::ranges::find(units, lower(letter), &Unit::letter);
    return it == units.end() ? nullptr : &*it;
}

constexpr std::uint64_t kMostSeconds = 100ull * 366 * 86400;

/// The address of a literal, IPv4-mapped ones as IPv4.
struct AddressBits {
    bool v6 = false;
    std::array<std::uint8_t, 16> octets{};
};
std::optional<AddressBits> address_bits(std::string_view literal) {
    AddressBits out;
    std::array<char, 64> text{};
    literal = literal.substr(0, literal.find('%'));   // a zone is no part of the address
    if (literal.size() >= text.size()) return std::nullopt;
    literal.copy(text.data(), literal.size());
    if (inet_pton(AF_INET, text.data(), out.octets.data()) == 1) return out;
    if (inet_pton(AF_INET6, text.data(), out.octets.data()) != 1) return std::nullopt;
    constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    if (std::equal(kMapped.begin(), kMapped.end(), out.octets.begin())) {
        std::copy(out.octets.begin() + 12, out.octets.end(), out.octets.begin());
        std::fill(out.octets.begin() + 4, out.octets.end(), std::uint8_t{0});
    } else {
        out.v6 = true;
    }
    return out;
}

bool is_domain(std::string_view text) {
    if (text.empty() || text.size() > 253 || is_digit(text.back())) return false;
    std::size_t start = 0;
    for (std::size_t i = 0; i <= text.size(); ++i) {
        if (i < text.size() && text[i] != '.') {
            if (!is_alnum(text[i]) && text[i] != '-') return false;
            continue;
        }
        std::string_view label = text.substr(start, i - start);
        if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
        start = i + 1;
    }
    return true;
}
bool is_mailbox(std::string_view text) {
    std::size_t at = text.rfind('@');
    if (at == std::string_view::npos || at == 0 || at > 64) return false;
    auto atext = [](char c) { return is_alnum(c) || std::string_view("!#$%&'*+-/=?^_`{|}~.").find(c) != std::string_view::npos; };
    return std::ranges::all_of(text.substr(0, at), atext) && is_domain(text.substr(at + 1));
}
bool has_controls(std::string_view text) {
    return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}
bool is_path(std::string_view text) { return !text.empty() && text.size() < 4096 && !has_controls(text); }
bool are_digits(std::string_view text) { return text.size() <= 8 && std::ranges::all_of(text, is_digit); }
bool is_prefix(std::string_view text) {
    return text.size() <= 16 && text.starts_with('+') && !text.starts_with("+0") && std::ranges::all_of(text.substr(1), is_digit);
}
bool is_address(std::string_view text) { return text.find('%') == std::string_view::npos && address_bits(text).has_value(); }
bool is_token(std::string_view text) {
    auto tchar = [](char c) { return is_alnum(c) || std::string_view("!#$%&'*+-.^_`|~/:").find(c) != std::string_view::npos; };
    return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, tchar);
}
bool is_version(std::string_view text) { return mm4::parse_version(text).has_value(); }
bool is_pin(std::string_view text) {
    auto base64 = [](char c) { return is_alnum(c) || c == '+' || c == '/'; };
    return text.size() == 44 && text.ends_with('=') && std::ranges::all_of(text.substr(0, 43), base64);
}
bool is_url(std::string_view text) {
    std::string_view scheme = text.starts_with("http://") ? "http://" : text.starts_with("https://") ? "https://"
                                                                                                     : "";
    if (scheme.empty() || text.size() > 180) return false;
    text.remove_prefix(scheme.size());
    std::string_view authority = text.substr(0, text.find('/'));
    std::string_view path = text.substr(authority.size());
    auto uri_character = [](char c) { return c > 0x20 && c < 0x7F && std::string_view("\"<>\\^`{|}#").find(c) == std::string_view::npos; };
    if (!std::ranges::all_of(path, uri_character) || authority.find('@') != std::string_view::npos) return false;
    if (parse_endpoint(authority, HostNames::allowed)) return true;
    if (authority.starts_with('[')) return authority.ends_with(']') && is_address(authority.substr(1, authority.size() - 2));
    return is_domain(authority) || (is_address(authority) && authority.find(':') == std::string_view::npos);
}
bool is_url_template(std::string_view text) {
    constexpr std::string_view kPlace = "{number}";
    const std::size_t place = text.find(kPlace);
    if (place == std::string_view::npos) return false;
    return is_url(std::string(text.substr(0, place)) + "1" + std::string(text.substr(place + kPlace.size())));
}

constexpr ShapeSpec kShapes[] = {
    {Shape::any, "text", [](std::string_view t) { return t.size() <= 4096 && !has_controls(t); }, "holds control characters or is too long; write one line of text"},
    {Shape::domain, "domain", is_domain, "is no domain; write a name such as \"mms.example.net\", letters of other scripts as A-labels (xn--...)"},
    {Shape::mailbox, "mailbox", is_mailbox, "is no mailbox; write an address such as \"ops@example.net\""},
    {Shape::path, "path", is_path, "is no path; write one without control characters"},
    {Shape::digits, "digits", are_digits, "must be at most eight digits, without plus"},
    {Shape::prefix, "prefix", is_prefix, "is no prefix of international numbers; write plus, country code and more digits, such as \"+447700\""},
    {Shape::url, "URL", is_url, "is no usable URL; write http:// or https://, a host, a port and a path if needed, at most 180 octets"},
    {Shape::url_template, "URL with {number}", is_url_template, "is no usable URL; write http:// or https://, a host, and {number} where the number is to stand"},
    {Shape::address, "address", is_address, "is no address; write one such as \"10.1.2.3\" or \"2001:db8::1\""},
    {Shape::token, "name", is_token, "is no plain name; write letters, digits and - . _ without spaces"},
    {Shape::version, "version", is_version, "is no version of TS 23.140; write one such as \"6.16.0\""},
    {Shape::pin, "pin", is_pin, "is no pin; write the SHA-256 of the public key in base64, 44 characters"},
    {Shape::secret, "secret", [](std::string_view t) { return t.size() <= 4096 && !has_controls(t); }, "holds control characters or is too long; write one line of text"},
};

constexpr Word<TlsMode> kTlsModes[] = {{"off", TlsMode::off}, {"opportunistic", TlsMode::opportunistic}, {"required", TlsMode::required}};
constexpr Word<PushKind> kPushKinds[] = {{"none", PushKind::none}, {"pap", PushKind::pap}, {"kannel", PushKind::kannel}, {"smpp", PushKind::smpp}};
constexpr Word<PeerTls> kPeerTls[] = {{"none", PeerTls::none}, {"may", PeerTls::may}, {"must", PeerTls::must}, {"verify", PeerTls::verify}, {"mutual", PeerTls::mutual}};
constexpr Word<EnvelopeSender> kEnvelopeSenders[] = {{"user", EnvelopeSender::user}, {"system", EnvelopeSender::system}, {"null", EnvelopeSender::null}};
constexpr Word<mm4::ExpiryForm> kExpiryForms[] = {{"date", mm4::ExpiryForm::date}, {"delta", mm4::ExpiryForm::delta}};
constexpr Word<mm4::AddressForm> kAddressForms[] = {{"domain", mm4::AddressForm::with_domain}, {"bare", mm4::AddressForm::without_domain}};
constexpr Word<Level> kLevels[] = {{"error", Level::error}, {"warning", Level::warning}, {"notice", Level::notice}, {"info", Level::info}, {"debug", Level::debug}};
constexpr Word<Numbers> kNumbers[] = {{"masked", Numbers::masked}, {"full", Numbers::full}};

}   // namespace

std::span<const Word<TlsMode>> words_of(TlsMode) { return kTlsModes; }
std::span<const Word<PushKind>> words_of(PushKind) { return kPushKinds; }
std::span<const Word<PeerTls>> words_of(PeerTls) { return kPeerTls; }
std::span<const Word<EnvelopeSender>> words_of(EnvelopeSender) { return kEnvelopeSenders; }
std::span<const Word<mm4::ExpiryForm>> words_of(mm4::ExpiryForm) { return kExpiryForms; }
std::span<const Word<mm4::AddressForm>> words_of(mm4::AddressForm) { return kAddressForms; }
std::span<const Word<Level>> words_of(Level) { return kLevels; }
std::span<const Word<Numbers>> words_of(Numbers) { return kNumbers; }
std::span<const ShapeSpec> shape_specs() { return kShapes; }

Result<std::string> shaped(Shape shape, std::string_view text) {
    const ShapeSpec& spec = *std::ranges::find(kShapes, shape, &ShapeSpec::shape);
    if (!spec.fits(text)) return fail(Fault::malformed, std::string(spec.wanted));
    std::string out(text);
    if (shape == Shape::domain) std::ranges::transform(out, out.begin(), lower);
    if (shape == Shape::url)
        while (out.ends_with('/')) out.pop_back();
    return out;
}

Result<std::uint64_t> parse_size(std::string_view text) {
    const char* wanted = "is no size; write octets, or a number with k, M or G such as \"300k\" or \"5M\"";
    std::string_view digits = text;
    std::uint64_t factor = 1;
    if (!text.empty() && !is_digit(text.back())) {
        const Unit* unit = unit_of(kSizeUnits, text.back());
        if (!unit) return fail(Fault::malformed, wanted);
        factor = unit->factor;
        digits.remove_suffix(1);
    }
    auto number = whole_number(digits);
    if (!number) return fail(Fault::malformed, wanted);
    if (*number > (1ull << 62) / factor) return fail(Fault::too_large, "is too large");
    return *number * factor;
}

Result<Seconds> parse_duration(std::string_view text) {
    const char* wanted = "is no time; write a number with s, m, h, d or w such as \"90s\", \"5m\", \"1h\", \"7d\"";
    std::uint64_t total = 0;
    if (text.empty()) return fail(Fault::malformed, wanted);
    while (!text.empty()) {
        std::size_t digits = static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
        auto number = whole_number(text.substr(0, digits));
        const Unit* unit = digits < text.size() ? unit_of(kTimeUnits, text[digits]) : nullptr;
        if (!number || !unit) return fail(Fault::malformed, wanted);
        if (*number > kMostSeconds / unit->factor) return fail(Fault::too_large, "is too long");
        total += *number * unit->factor;
        if (total > kMostSeconds) return fail(Fault::too_large, "is too long");
        text.remove_prefix(digits + 1);
    }
    return Seconds(static_cast<Seconds::rep>(total));
}

Result<Endpoint> parse_endpoint(std::string_view text, HostNames names) {
    const char* wanted = names == HostNames::allowed ? "is no host and port; write them as \"127.0.0.1:25\", \"[::1]:25\" or \"mail.example.net:25\""
                                                     : "is no address and port; write them as \"127.0.0.1:2525\" or \"[::1]:2525\"";
    std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return fail(Fault::malformed, std::string("has no port; ") + std::string(wanted).substr(std::string_view(wanted).find("write")));
    std::string_view host = text.substr(0, colon);
    auto port = whole_number(text.substr(colon + 1));
    if (!port || *port > 65535) return fail(Fault::malformed, "has no port from 0 to 65535 behind the last colon");
    if (host.starts_with('[')) {
        if (!host.ends_with(']')) return fail(Fault::malformed, wanted);
        host = host.substr(1, host.size() - 2);
        if (!is_address(host) || host.find(':') == std::string_view::npos) return fail(Fault::malformed, wanted);
    } else if (host.find(':') != std::string_view::npos) {
        return fail(Fault::malformed, "needs its IPv6 address in brackets, as \"[::1]:2525\"");
    } else if (!is_address(host) && !(names == HostNames::allowed && is_domain(host))) {
        return fail(Fault::malformed, wanted);
    }
    return Endpoint{std::string(host), static_cast<std::uint16_t>(*port)};
}

Result<Network> parse_network(std::string_view text) {
    const char* wanted = "is no network; write one such as \"10.0.0.0/8\", \"2001:db8::/32\" or a single address";
    std::size_t slash = text.find('/');
    std::string_view literal = text.substr(0, slash);
    auto bits = address_bits(literal);
    if (!bits || literal.find('%') != std::string_view::npos) return fail(Fault::malformed, wanted);
    std::uint64_t most = bits->v6 ? 128 : 32, prefix = most;
    if (slash != std::string_view::npos) {
        auto number = whole_number(text.substr(slash + 1));
        bool mapped = !bits->v6 && literal.find(':') != std::string_view::npos;
        if (number && mapped) number = *number >= 96 ? std::optional(*number - 96) : std::nullopt;
        if (!number || *number > most) return fail(Fault::malformed, wanted);
        prefix = *number;
    }
    Network out{bits->v6, bits->octets, static_cast<std::uint8_t>(prefix)};
    for (std::size_t bit = prefix; bit < most; ++bit)
        if (out.address[bit / 8] >> (7 - bit % 8) & 1) return fail(Fault::malformed, "has bits set behind its prefix; write the first address of the network");
    return out;
}

bool contains(const std::vector<Network>& networks, std::string_view address) {
    auto bits = address_bits(address);
    if (!bits) return false;
    return std::ranges::any_of(networks, [&](const Network& network) {
        if (network.v6 != bits->v6) return false;
        std::size_t whole = network.prefix_bits / 8, rest = network.prefix_bits % 8;
        if (!std::equal(network.address.begin(), network.address.begin() + static_cast<std::ptrdiff_t>(whole), bits->octets.begin())) return false;
        return rest == 0 || (network.address[whole] ^ bits->octets[whole]) >> (8 - rest) == 0;
    });
}

std::string to_text(const Endpoint& endpoint) {
    bool v6 = endpoint.host.find(':') != std::string::npos;
    return (v6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" + std::to_string(endpoint.port);
}

std::string to_text(const Network& network) {
    std::array<char, INET6_ADDRSTRLEN> literal{};
    ::inet_ntop(network.v6 ? AF_INET6 : AF_INET, network.address.data(), literal.data(), literal.size());
    return std::string(literal.data()) + "/" + std::to_string(network.prefix_bits);
}

std::string size_text(std::uint64_t octets) {
    for (const Unit& unit : kSizeUnits)
        if (octets >= unit.factor && octets % unit.factor == 0)
            return std::to_string(octets / unit.factor) + (unit.letter == 'k' ? 'k' : static_cast<char>(unit.letter - 'a' + 'A'));
    return std::to_string(octets);
}

std::string duration_text(Seconds seconds) {
    auto count = static_cast<std::uint64_t>(seconds.count());
    for (const Unit& unit : kTimeUnits)
        if (count >= unit.factor && count % unit.factor == 0) return std::to_string(count / unit.factor) + unit.letter;
    return std::to_string(count) + "s";
}

}   // namespace mmgate
