#include "mapping/mail/mm_to_mail.h"

#include <algorithm>
#include <array>

#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/mail/content_writer.h"
#include "mapping/mail/file_names.h"
#include "mapping/mail/header_scan.h"
#include "mapping/mail/mail_writer.h"
#include "mapping/mail/plain_text.h"
#include "mapping/mail/smil.h"

namespace mmgate::mail {
namespace {

constexpr std::string_view kServiceLocalPart = "postmaster";   // stands in for senders that cannot be a From

// X-Mms-Reply-Charging of an MM that uses somebody's offer to pay for it. Source: OMA-TS-MMS_ENC-V1_3 §7.3.44.
constexpr std::uint8_t kReplyChargingAccepted = 0x82;
constexpr std::uint8_t kReplyChargingAcceptedTextOnly = 0x83;

// What mail clients show between lines of text. Source: practice of mail clients; the others travel as attachments.
constexpr auto kInlinePictures = std::to_array<std::string_view>({"image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp"});

bool is_inline_picture(const Part& part) {
    return std::find(kInlinePictures.begin(), kInlinePictures.end(), part.media.type) != kInlinePictures.end();
}
bool is_text(const Part& part) { return part.media.type == "text/plain" && part.disposition != "attachment"; }

Address mailbox(std::string value, std::string display_name = {}) { return {Address::Kind::mailbox, std::move(value), std::move(display_name)}; }

/// How an MMS address reads in a mail; nothing for kinds that have no mail address.
std::optional<Address> as_mailbox(const Address& address, std::string_view domain) {
    switch (address.kind) {
        case Address::Kind::mailbox: return address;
        case Address::Kind::phone:
        case Address::Kind::short_code: return mailbox(address.value + "@" + std::string(domain), address.display_name);
        default: return std::nullopt;
    }
}

std::vector<Address> as_mailboxes(const std::vector<Address>& addresses, std::string_view domain) {
    std::vector<Address> out;
    for (const Address& address : addresses)
        if (std::optional<Address> one = as_mailbox(address, domain)) out.push_back(*std::move(one));
    return out;
}

/// Whether mail of this sender may leave under its own name: in another domain's it would fail that domain's DMARC policy.
bool may_be_from(const Address& sender, std::string_view domain) {
    if (sender.kind == Address::Kind::phone) return is_ascii(sender.value);
    return sender.kind == Address::Kind::mailbox && is_ascii(sender.value) && same_name(domain_part(sender), domain);
}

std::string describe(const Address& address, std::string_view domain) {
    std::optional<Address> as_mail = as_mailbox(address, domain);
    return as_mail ? as_mail->value : address.value;
}

std::string escaped_html(std::string_view text) {
    std::string out;
    out.reserve(text.size() + text.size() / 8);
    for (std::size_t i = 0; i < text.size(); ++i) {
        switch (text[i]) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            case '\n': out += "<br>\n"; break;
            case ' ':   // runs of spaces and indents keep their width
                out += i > 0 && (text[i - 1] == ' ' || text[i - 1] == '\n') ? "&nbsp;" : " ";
                break;
            default: out += text[i];
        }
    }
    return out;
}

/// A part with what the mail calls it.
struct Item {
    const Part* part;
    std::string text;   // of a text part, LF line ends
    std::string file_name;
    std::string content_id;   // of an inline picture
};

/// All that the mail shows and carries, in reading order: slides of texts and pictures, then what is attached.
struct Reading {
    std::vector<std::vector<Item>> slides;
    std::vector<Item> attachments;
    bool has_text = false;
    std::size_t pictures = 0;
};

/// Every leaf of the content in order. Depth is bounded by whoever decoded it; the walk needs no stack of ours.
std::vector<const Part*> leaves_of(const Content& content) {
    std::vector<const Part*> out;
    std::vector<const Part*> open;
    auto push = [&](const std::vector<Part>& parts) {
        for (std::size_t i = parts.size(); i-- > 0;) open.push_back(&parts[i]);
    };
    push(content.parts);
    while (!open.empty()) {
        const Part* part = open.back();
        open.pop_back();
        if (part->is_multipart())
            push(part->parts);
        else
            out.push_back(part);
    }
    return out;
}

bool is_named(const Part& part, const std::string& name) {
    const std::string* parameter = part.media.parameter("name");
    return part.content_location == name || part.content_id == name || part.file_name == name || (parameter && *parameter == name);
}

/// The parts slide by slide as the presentation says; what it does not mention comes after, each a slide of its own.
std::vector<std::vector<const Part*>> slides_of(const std::vector<const Part*>& leaves) {
    std::vector<std::vector<const Part*>> out;
    std::vector<bool> used(leaves.size());
    for (const Part* presentation : leaves) {
        if (presentation->media.type != "application/smil") continue;
        auto slides = read_smil(presentation->data);
        if (!slides) continue;
        for (const std::vector<std::string>& slide : *slides) {
            std::vector<const Part*> parts;
            for (const std::string& reference : slide) {
                for (const std::string& name : reference_names(reference)) {
                    auto found = std::find_if(leaves.begin(), leaves.end(), [&](const Part* part) { return is_named(*part, name); });
                    auto index = static_cast<std::size_t>(found - leaves.begin());
                    if (index == leaves.size() || used[index]) continue;
                    used[index] = true;
                    parts.push_back(*found);
                    break;
                }
            }
            if (!parts.empty()) out.push_back(std::move(parts));
        }
        break;
    }
    for (std::size_t i = 0; i < leaves.size(); ++i)
        if (!used[i]) out.push_back({leaves[i]});
    return out;
}

std::string wanted_name(const Part& part) {
    for (const std::string* name : {&part.content_location, &part.file_name, part.media.parameter("name"), part.media.parameter("filename"), &part.content_id})
        if (name && !name->empty()) return *name;
    return {};
}

Reading read_content(const Content& content, const MmToMailOptions& options) {
    Reading out;
    UniqueNames names;
    std::size_t number = 0;
    for (const std::vector<const Part*>& slide : slides_of(leaves_of(content))) {
        std::vector<Item> shown;
        for (const Part* part : slide) {
            ++number;
            if (part->media.type == "application/smil" && !options.keep_smil) continue;
            Item item{part, {}, {}, {}};
            if (is_text(*part)) {
                const std::string* charset = part->media.parameter("charset");
                item.text = tidy_text(to_utf8(part->data, charset ? *charset : ""));
                if (!has_visible_text(item.text)) continue;
                out.has_text = true;
                shown.push_back(std::move(item));
                continue;
            }
            item.file_name = names.take(safe_file_name(wanted_name(*part), part->media.type, "part" + std::to_string(number)));
            if (is_inline_picture(*part)) {
                item.content_id = std::to_string(number) + "." + options.message_id;
                ++out.pictures;
                shown.push_back(std::move(item));
            } else {
                out.attachments.push_back(std::move(item));
            }
        }
        // A slide shows both at once; a mail is read from the top, words first.
        std::stable_partition(shown.begin(), shown.end(), [](const Item& item) { return is_text(*item.part); });
        if (!shown.empty()) out.slides.push_back(std::move(shown));
    }
    return out;
}

std::string plain_text_of(const Reading& reading, const std::string& preface) {
    std::string out = preface;
    for (const std::vector<Item>& slide : reading.slides) {
        for (const Item& item : slide) {
            if (!out.empty()) out += "\n\n";
            out += is_text(*item.part) ? item.text : "[image: " + item.file_name + "]";
        }
    }
    return out;
}

std::string html_of(const Reading& reading, const std::string& preface, std::string_view subject) {
    std::string out = "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<title>" + escaped_html(subject) + "</title>\n</head>\n<body>\n";
    if (!preface.empty()) out += "<p>" + escaped_html(preface) + "</p>\n";
    for (const std::vector<Item>& slide : reading.slides) {
        out += "<div style=\"margin-bottom:1em\">\n";
        for (const Item& item : slide) {
            if (is_text(*item.part))
                out += "<p>" + escaped_html(item.text) + "</p>\n";
            else
                out += "<p><img src=\"cid:" + escaped_html(item.content_id) + "\" alt=\"" + escaped_html(item.file_name) + "\" style=\"max-width:100%\"></p>\n";
        }
        out += "</div>\n";
    }
    return out + "</body>\n</html>\n";
}

class Writer {
public:
    Writer(const MmHeaders& headers, const MmToMailOptions& options) : headers_(headers), options_(options) {}

    Octets write(const Content& content) {
        out_.reserve(mail_octets_of(content.parts) + 8192);
        write_header();
        if (options_.keep_applic_id && !headers_.applic_id.empty())
            write_content(out_, content.media, content.parts, options_.boundary_seed);
        else
            write_reading(read_content(content, options_));
        return std::move(out_);
    }

private:
    void write_header() {
        std::string received = "by " + options_.hostname + " (mmgate) with MMS id " + options_.queue_id;
        if (!options_.received_for.empty()) received += " for " + options_.received_for;
        write_field(out_, "Received", received + "; " + mail_date(options_.received_at));

        std::vector<Address> from{mailbox(std::string(kServiceLocalPart) + "@" + options_.domain)};
        const Address& sender = *headers_.from;
        bool own_name = may_be_from(sender, options_.domain);
        if (own_name)
            from.front() = *as_mailbox(sender, options_.domain);
        else
            from.front().display_name = describe(sender, options_.domain) + " via MMS";
        write_origin(from);
        if (!own_name && sender.kind == Address::Kind::mailbox) write_address_field(out_, "Reply-To", {sender});

        if (!headers_.subject.empty()) write_text_field(out_, "Subject", headers_.subject);
        if (headers_.priority == Priority::high) write_field(out_, "Importance", "High");
        if (headers_.priority == Priority::low) write_field(out_, "Importance", "Low");
        bool automatic = headers_.message_class == MessageClass::automatic;
        if (headers_.read_report && !automatic) write_address_field(out_, "Disposition-Notification-To", own_name ? from : std::vector{sender});
        if (automatic) write_field(out_, "Auto-Submitted", "auto-generated");
        if (automatic || headers_.message_class == MessageClass::advertisement) write_field(out_, "Precedence", "bulk");
        if (options_.keep_applic_id && !headers_.applic_id.empty()) {
            write_field(out_, "Applic-ID", headers_.applic_id);
            if (!headers_.reply_applic_id.empty()) write_field(out_, "Reply-Applic-ID", headers_.reply_applic_id);
            if (!headers_.aux_applic_info.empty()) write_field(out_, "Aux-Applic-Info", headers_.aux_applic_info);
        }
        write_field(out_, "MIME-Version", "1.0");
    }

    /// Date, originator, recipients and Message-ID. A forwarded MM that began in our domain keeps its first originator, and who sent it on stands in Resent- fields;
    /// one that began elsewhere would be a forgery in the eyes of that domain, so its history is told in the text.
    /// Source: RFC 4356 §2.1.3.2 (forwarded messages).
    void write_origin(const std::vector<Address>& from) {
        std::vector<PreviouslySent> history = history_of();
        bool resent = !history.empty() && may_be_from(history.front().by, options_.domain);
        std::string prefix = resent ? "Resent-" : "";
        write_field(out_, prefix + "Date", mail_date(headers_.date));
        write_address_field(out_, prefix + "From", from);
        bool to = write_address_field(out_, prefix + "To", as_mailboxes(headers_.to, options_.domain));
        bool cc = write_address_field(out_, prefix + "Cc", as_mailboxes(headers_.cc, options_.domain));
        if (!to && !cc) write_field(out_, prefix + "To", "undisclosed-recipients:;");
        write_field(out_, prefix + "Message-ID", "<" + options_.message_id + ">");
        if (!resent) return;
        for (std::size_t i = history.size(); i-- > 1;) {
            std::optional<Address> by = as_mailbox(history[i].by, options_.domain);
            if (!by || !write_address_field(out_, "Resent-From", {*by})) continue;
            write_field(out_, "Resent-Date", mail_date(history[i].date));
        }
        write_field(out_, "Date", mail_date(history.front().date));
        write_address_field(out_, "From", {*as_mailbox(history.front().by, options_.domain)});
        write_field(out_, "To", "unrecoverable-recipients:;");
        write_field(out_, "Message-ID", "<first." + options_.message_id + ">");
    }

    /// Oldest first.
    std::vector<PreviouslySent> history_of() const {
        std::vector<PreviouslySent> out = headers_.previously_sent;
        std::stable_sort(out.begin(), out.end(), [](const PreviouslySent& a, const PreviouslySent& b) { return a.count < b.count; });
        return out;
    }

    std::string preface() const {
        std::vector<PreviouslySent> history = history_of();
        if (history.empty() || may_be_from(history.front().by, options_.domain)) return {};
        std::string out;
        for (const PreviouslySent& hop : history) {
            out += out.empty() ? "Forwarded message. First sent by " : "\nSent on by ";
            out += header_text(describe(hop.by, options_.domain), kLimits.mms_address_bytes) + " on " + mail_date(hop.date);
        }
        return out;
    }

    void write_reading(const Reading& reading) {
        std::string before = preface();
        bool lone_picture = !reading.has_text && before.empty() && reading.pictures == 1;
        bool page = reading.pictures > 0 && !lone_picture;
        if (!lone_picture && reading.attachments.empty()) {
            page ? write_page(reading, before) : write_text(plain_text_of(reading, before));
            return;
        }
        std::string boundary = open_multipart("multipart/mixed", {});
        delimit(boundary);
        page ? write_page(reading, before) : write_text(lone_picture ? std::string() : plain_text_of(reading, before));
        if (lone_picture) write_pictures(reading, boundary);
        for (const Item& item : reading.attachments) {
            delimit(boundary);
            write_file(item, "attachment");
        }
        close(boundary);
    }

    void write_page(const Reading& reading, const std::string& before) {
        std::string related = open_multipart("multipart/related", {{"type", "multipart/alternative"}});
        delimit(related);
        std::string alternative = open_multipart("multipart/alternative", {});
        delimit(alternative);
        write_text(plain_text_of(reading, before));
        delimit(alternative);
        write_parameter_field(out_, "Content-Type", "text/html", {{"charset", "utf-8"}});
        write_text_body(out_, html_of(reading, before, headers_.subject));
        close(alternative);
        write_pictures(reading, related);
        close(related);
    }

    void write_pictures(const Reading& reading, const std::string& boundary) {
        for (const std::vector<Item>& slide : reading.slides)
            for (const Item& item : slide)
                if (!item.content_id.empty()) {
                    delimit(boundary);
                    write_file(item, "inline");
                }
    }

    void write_text(const std::string& text) {
        write_parameter_field(out_, "Content-Type", "text/plain", {{"charset", "utf-8"}});
        write_text_body(out_, text);
    }

    void write_file(const Item& item, std::string_view disposition) {
        std::vector<Parameter> parameters;
        for (const Parameter& p : item.part->media.parameters)
            if (p.name != "name" && p.name != "filename" && p.name != "start" && p.name != "start-info") parameters.push_back(p);
        parameters.push_back({"name", item.file_name});
        write_parameter_field(out_, "Content-Type", item.part->media.type, parameters);
        if (!item.content_id.empty()) write_field(out_, "Content-ID", "<" + item.content_id + ">");
        write_parameter_field(out_, "Content-Disposition", disposition, {{"filename", item.file_name}});
        write_octets_body(out_, item.part->data);
    }

    std::string open_multipart(std::string_view type, std::vector<Parameter> parameters) {
        std::string boundary = make_boundary(options_.boundary_seed, ++boundaries_);
        parameters.push_back({"boundary", boundary});
        write_parameter_field(out_, "Content-Type", type, parameters);
        out_ += "\r\n";
        return boundary;
    }
    void delimit(const std::string& boundary) { out_ += "\r\n--" + boundary + "\r\n"; }
    void close(const std::string& boundary) { out_ += "\r\n--" + boundary + "--\r\n"; }

    const MmHeaders& headers_;
    const MmToMailOptions& options_;
    Octets out_;
    unsigned boundaries_ = 0;
};

}   // namespace

Result<Octets> mm_to_mail(const MmHeaders& headers, const Content& content, const MmToMailOptions& options) {
    if (headers.sender_hidden || !headers.from) return fail(Fault::hidden_sender, "the sender asked to be hidden, and mail shows its sender");
    bool accepts_charging = headers.reply_charging == kReplyChargingAccepted || headers.reply_charging == kReplyChargingAcceptedTextOnly;
    if (accepts_charging && !headers.reply_charging_id.empty()) return fail(Fault::content_refused, "reply charging has no meaning in mail");
    bool is_protected = headers.drm_content;
    for (const Part* part : leaves_of(content)) is_protected = is_protected || part->media.type.starts_with("application/vnd.oma.drm.");
    if (is_protected) return fail(Fault::content_refused, "protected content must not leave as mail");
    return Writer(headers, options).write(content);
}

std::string return_path_of(const MmHeaders& headers, std::string_view domain) {
    if (headers.message_class == MessageClass::automatic || !headers.from) return {};
    std::optional<Address> sender = as_mailbox(*headers.from, domain);
    if (!sender || !is_ascii(sender->value)) return std::string(kServiceLocalPart) + "@" + std::string(domain);
    return sender->value;
}

}   // namespace mmgate::mail
