// How many PDUs and mails a core maps in a second. One JSON line a figure: {"bench":"pdu-decode","size":5000,"rate":…}.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>

#include "mapping/mail/mail_to_mm.h"
#include "mapping/mail/mm_to_mail.h"
#include "mapping/mm1/messages.h"

using namespace mmgate;
using namespace std::chrono_literals;

namespace {

constexpr auto kTime = 400ms;   // of one figure

/// Octets that neither compress nor look like text, as those of a photograph.
Octets picture(std::size_t size) {
    Octets out = "\xff\xd8\xff\xe0";
    std::uint32_t state = 1;
    while (out.size() < size) {
        state = state * 1664525 + 1013904223;
        out += static_cast<char>(state >> 24);
    }
    return out;
}

Content content(std::size_t size) {
    Part text{.media = {"text/plain", {{"charset", "utf-8"}}}, .content_id = "text0", .content_location = "text0.txt", .disposition = {}, .file_name = {}, .data = "a message\r\n", .parts = {}};
    Part image{.media = {"image/jpeg", {}}, .content_id = "img0", .content_location = "img0.jpg", .disposition = {}, .file_name = "img0.jpg", .data = picture(size), .parts = {}};
    return {{"multipart/mixed", {}}, {std::move(text), std::move(image)}};
}

MmHeaders headers() {
    MmHeaders out;
    out.from = Address{Address::Kind::phone, "+447700900001", {}};
    out.to = {Address{Address::Kind::mailbox, "a@b.example", {}}};
    out.subject = "A photograph";
    out.date = Instant(std::chrono::seconds(1767225600));
    return out;
}

void measure(const char* bench, std::size_t size, const std::function<bool()>& once) {
    if (!once()) {
        std::fprintf(stderr, "%s does not work\n", bench);
        std::exit(1);
    }
    std::size_t count = 0;
    const auto began = std::chrono::steady_clock::now();
    auto took = began - began;
    while (took < kTime) {
        for (int i = 0; i < 16; ++i) once();
        count += 16;
        took = std::chrono::steady_clock::now() - began;
    }
    std::printf("{\"bench\":\"%s\",\"size\":%zu,\"rate\":%.0f}\n", bench, size, static_cast<double>(count) / std::chrono::duration<double>(took).count());
}

}   // namespace

int main() {
    for (const std::size_t size : {std::size_t{5'000}, std::size_t{100'000}}) {
        const Content whole = content(size);
        mm1::RetrieveConf conf;
        conf.transaction_id = "T1";
        conf.version = mm1::kOurVersion;
        conf.message_id = "1@mms.example.net";
        conf.headers = headers();
        const Octets wire = mm1::encode_retrieve_head(conf) + mm1::encode_content(whole);
        const auto pdu = mm1::decode_pdu(wire);
        measure("pdu-decode", size, [&] { return mm1::decode_pdu(wire).has_value(); });
        measure("pdu-encode", size, [&] { return pdu && mm1::encode_pdu(*pdu).size() >= size; });

        mail::MmToMailOptions out;
        out.message_id = "1@mms.example.net";
        out.domain = "mms.example.net";
        out.hostname = "gw1.mms.example.net";
        out.queue_id = "01JD3M8K2V7QF";
        out.boundary_seed = out.queue_id;
        const auto mail = mail::mm_to_mail(headers(), whole, out);
        measure("mm-to-mail", size, [&] { return mail::mm_to_mail(headers(), whole, out).has_value(); });

        mail::MailToMmOptions in;
        in.return_path = "a@b.example";
        measure("mail-to-mm", size, [&] {
            auto received = mail::mail_to_mm(mail.value(), in);
            return received && mm1::encode_content(received->mm.content).size() >= size;
        });
    }
    return 0;
}
