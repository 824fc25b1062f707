#include "mapping/mm1/messages.h"

#include <criterion/criterion.h>

#include <algorithm>
#include <array>

#include "mapping/limits.h"
#include "mapping/mm1/fields.h"
#include "mapping/mm1/media.h"
#include "mapping/mm1/pdus.h"
#include "mapping/mm1/wsp.h"
#include "tests/support/hex.h"

using namespace mmgate;
using namespace mmgate::mm1;
using test::hex;
using test::octets;

namespace {

constexpr Instant kDate = Instant(std::chrono::seconds(0x65000000));

std::string wire_with(std::string_view fields, std::string_view body = "84 83 'Hi'") {
    return octets("8C 80 98 'T1' 00 8D 92 89 01 81") + octets(fields) + octets(body);
}

Result<SendReq> sent(const std::string& wire) {
    auto pdu = decode_pdu(wire);
    cr_assert(pdu.has_value(), "%s", pdu.error().rule.c_str());
    return send_req_of(std::move(*pdu));
}
SendReq req(std::string_view fields, std::string_view body = "84 83 'Hi'") {
    auto out = sent(wire_with(fields, body));
    cr_assert(out.has_value(), "%s: %s", fields.data(), out.error().rule.c_str());
    return std::move(*out);
}
Part part(std::string_view headers, std::string_view data = "'Hi'") {
    const std::string head = octets(headers), body = octets(data);
    std::string lengths{'\x01', static_cast<char>(head.size()), static_cast<char>(body.size())};
    auto out = sent(wire_with("", "84 A3") + lengths + head + body);
    cr_assert(out.has_value(), "%s", headers.data());
    return out->content.parts.at(0);
}
Address phone(std::string number) { return {Address::Kind::phone, std::move(number), {}}; }

/// What we send is read by our own decoder, which knows what is mandatory, and has no field that its version does not know.
Pdu read_back(const Octets& wire, PduType type, std::uint8_t version) {
    auto pdu = decode_pdu(wire);
    cr_assert(pdu.has_value(), "%s: %s", hex(wire).c_str(), pdu.error().rule.c_str());
    cr_expect(pdu->type == type);
    for (const FieldValue& field : pdu->fields)
        cr_expect(field_of(field.number)->since <= version, "%s in version %02X", field_of(field.number)->name.data(), version);
    cr_expect(*pdu->find(field::mms_version) == Value(Octet{version}));
    return *std::move(pdu);
}

}   // namespace

Test(messages, a_submission_as_a_value) {
    const SendReq got =
        req("97 '+447001/TYPE=PLMN' 00 82 'Anna <a@b.example>' 00 81 '12345' 00 97 'no address' 00 96 05 EA 48 C3 A9 00 85 04 65 00 00 00 8A 82 8F "
            "82 86 80 90 80 94 80"
            "88 05 81 03 01 51 80 87 06 80 04 65 00 00 00 B7 'MEM' 00 B8 'BACK' 00 B9 'aux' 00 BA 82 BB 80 BC 81 9C 80 9E '<m0@x>' 00");
    const MmHeaders& h = got.headers;
    cr_expect(got.transaction_id == "T1" && got.version == 0x92);
    cr_expect(!h.from && h.to == std::vector<Address>{phone("+447001")} && h.cc.size() == 1 && h.cc[0].value == "a@b.example" &&
              h.cc[0].display_name == "Anna");
    cr_assert(got.recipients.size() == 3);
    cr_expect(got.recipients[0].role == Role::to && got.recipients[1].role == Role::cc && got.recipients[2].role == Role::bcc &&
              got.recipients[2].address.value == "12345");
    cr_expect(got.bad_recipients == std::vector<std::string>{"no address"});
    cr_expect(h.subject == "Hé" && h.date == kDate && h.message_class == MessageClass::informational && h.priority == Priority::high);
    cr_expect(h.delivery_report && h.read_report && h.sender_hidden && h.drm_content && !h.adaptation_allowed);
    cr_expect(h.expiry == (When{Seconds(86400), std::nullopt}) && h.delivery_time == (When{std::nullopt, kDate}));
    cr_expect(h.applic_id == "MEM" && h.reply_applic_id == "BACK" && h.aux_applic_info == "aux" && h.content_class == 0x82 &&
              h.reply_charging == 0x80 && h.reply_charging_id == "m0@x");
    cr_expect(got.content.media.type == "multipart/mixed" && got.content.parts.size() == 1 && got.content.parts[0].data == "Hi",
              "what is no multipart is wrapped in one");
}

Test(messages, a_submission_without_what_may_be_missing) {
    const SendReq got = req("");
    const MmHeaders& h = got.headers;
    cr_expect(got.recipients.empty() && got.bad_recipients.empty() && h.subject.empty() && h.date == Instant{});
    cr_expect(h.message_class == MessageClass::personal && h.priority == Priority::normal && !h.delivery_report && !h.read_report &&
              !h.sender_hidden);
    cr_expect(!h.expiry && !h.delivery_time && !h.content_class && !h.drm_content && h.adaptation_allowed && !h.reply_charging);
    // Octets beyond their enumeration are as good as absent.
    const MmHeaders odd = req("8A 'mine' 00 8F 83 86 82 90 FF 94 82 BB 83 BC FF").headers;
    cr_expect(odd.message_class == MessageClass::personal && odd.priority == Priority::normal && !odd.delivery_report && !odd.read_report &&
              !odd.sender_hidden && !odd.drm_content && odd.adaptation_allowed);
    cr_expect(req("8A FF").headers.message_class == MessageClass::personal);
    auto claimed = sent(octets("8C 80 98 'T1' 00 8D 90 89 06 80 '+447' 00 84 83"));
    cr_expect(claimed && claimed->version == 0x90 && claimed->headers.from == phone("+447"));
    auto nonsense = sent(octets("8C 80 98 'T1' 00 8D 90 89 05 80 'a b' 00 84 83"));
    cr_expect(nonsense && !nonsense->headers.from, "whoever sends is known by the network");
    // Times beyond all calendars are the last that there is.
    const MmHeaders late = req("85 08 7F FF FF FF FF FF FF FF 88 0A 80 08 7F FF FF FF FF FF FF FF 87 0A 81 08 7F FF FF FF FF FF FF FF").headers;
    cr_expect(late.date == late.expiry->absolute && late.delivery_time->relative == Seconds(253402300799));
}

Test(messages, submissions_that_are_refused) {
    struct Row {
        std::string_view name;
        std::string wire;
        Fault fault;
    };
    std::string many, most;
    for (std::size_t i = 0; i <= kLimits.pdu_recipients; ++i) many += "97 'a@b' 00 ";
    most = many.substr(0, many.size() - 12);
    const Row rows[] = {
        {"another PDU", octets("8C 83 98 'n1' 00 8D 92 95 81"), Fault::unsupported_type},
        {"major version 2", octets("8C 80 98 'T1' 00 8D A0 89 01 81 84 83"), Fault::unsupported_version},
        {"major version 0", octets("8C 80 98 'T1' 00 8D 8F 89 01 81 84 83"), Fault::unsupported_version},
        {"too many recipients", wire_with(many), Fault::too_large},
        {"a compressed part", wire_with("", "84 A3 01 03 02 83 8B 80 'Hi'"), Fault::content_refused},
        {"one within another", wire_with("", "84 A3 01 01 08 A6 01 03 02 83 8B 81 'Hi'"), Fault::content_refused},
        {"one by name", wire_with("", "84 A3 01 17 02 83 'content-encoding' 00 'gzip' 00 'Hi'"), Fault::content_refused},
    };
    for (const Row& row : rows) {
        const auto got = sent(row.wire);
        cr_expect(!got && got.error().fault == row.fault, "%s", row.name.data());
    }
    cr_expect(sent(wire_with(most))->recipients.size() == kLimits.pdu_recipients);
    cr_expect(sent(octets("8C 80 98 'T1' 00 8D 9F 89 01 81 84 83")).has_value(), "a major version alone");
}

Test(messages, encoded_words_of_a_subject_are_undone) {
    cr_expect(req("96 '=?utf-8?Q?H=C3=A9?= =?utf-8?B?w6k=?=' 00").headers.subject == "Héé");
    cr_expect(req("96 'a =?utf-8?Q?b=0D=0ABcc:_x@y?=' 00").headers.subject == "a b Bcc: x@y");
    cr_expect(req("96 'is 1 =? 2' 00").headers.subject == "is 1 =? 2");
}

Test(messages, no_text_breaks_out_of_a_header) {
    const SendReq got =
        req("96 'a' 0D 0A 'Bcc: x@y' 00 96 'b' 00 B7 'a' 0D 0A 'b' 00 B8 'a' 0A 'b' 00 B9 'a' 0D 'b' 00 9E 'a' 0D 0A 'b' 00 97 'a@b' 0D 0A 'x' 00 97 "
            "'x' 00"
            "97 0F 02 03 E8 00 'a' 00 '@' 00 0A 00 'b' 00 'c' 00 00");
    for (const std::string* text : {&got.headers.subject, &got.headers.applic_id, &got.headers.reply_applic_id, &got.headers.aux_applic_info,
                                    &got.headers.reply_charging_id, &got.bad_recipients.at(0)})
        cr_expect(std::ranges::none_of(*text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }) &&
                      text->find(' ') != std::string::npos,
                  "%s", text->c_str());
    cr_expect(got.bad_recipients.size() == 2 && got.recipients.size() == 1);
}

Test(messages, parts_have_one_name) {
    struct Row {
        std::string_view headers, file_name, content_id, content_location;
    };
    constexpr Row kRows[] = {
        {"04 83 85 'n' 00", "n", "", ""},
        {"04 83 85 'n' 00 AE 04 81 86 'f' 00 8E 'l' 00 C0 22 '<i>' 00", "n", "i", "l"},
        {"83 AE 04 81 86 'f' 00 8E 'l' 00", "f", "", "l"},
        {"83 AE 04 81 98 'f' 00", "f", "", ""},
        {"83 8E 'l' 00 C0 22 'i' 00", "", "i", "l"},
        {"83 C0 '<i>' 00", "", "i", ""},
        {"83", "", "", ""},
    };
    for (const Row& row : kRows) {
        const Part got = part(row.headers);
        cr_expect(got.file_name == row.file_name && got.content_id == row.content_id && got.content_location == row.content_location, "%s",
                  row.headers.data());
        cr_expect(got.data == "Hi" && got.media.type == "text/plain" && !got.media.parameter("name"), "%s", row.headers.data());
    }
    cr_expect(part("83 AE 01 81").disposition == "attachment" && part("83 C5 82").disposition == "inline" && part("83 AE 80").disposition.empty() &&
              part("83 AE 'x' 00").disposition.empty());
}

Test(messages, transfer_encodings_of_converters_are_undone) {
    struct Row {
        std::string_view header, data, want;
    };
    constexpr Row kRows[] = {
        {"base64", "'SGk='", "Hi"},
        {"BASE64", "'SG' 0D 0A 'k ='", "Hi"},
        {"base64", "'SGkh'", "Hi!"},
        {"base64", "", ""},
        {"base64", "'SG*k'", "SG*k"},   // what does not decode stays
        {"base64", "'SG=k'", "SG=k"},
        {"base64", "'SGkhS'", "SGkhS"},
        {"quoted-printable", "'=48=69'", "Hi"},
        {"Quoted-Printable", "'H=' 0D 0A 'i=' 0A '!'", "Hi!"},
        {"quoted-printable", "'H=6'", "H=6"},
        {"quoted-printable", "'H=zz'", "H=zz"},
        {"binary", "'SGk='", "SGk="},
        {"x-odd", "'SGk='", "SGk="},
    };
    for (const Row& row : kRows) {
        const std::string name = "83 'Content-Transfer-Encoding' 00 '" + std::string(row.header) + "' 00",
                          number = "83 C8 '" + std::string(row.header) + "' 00";
        cr_expect(part(name, row.data).data == row.want, "%s %s", row.header.data(), row.data.data());
        cr_expect(part(number, row.data).data == row.want, "%s %s", row.header.data(), row.data.data());
    }
}

Test(messages, parts_keep_every_octet) {
    std::string data = octets("FF D8 FF 0D 0A 0A 0D 00");   // a picture, and every line end that somebody could mend
    for (int i = 0; i < 256; ++i) data += static_cast<char>(i);
    data += "\n.\n\r.\r";
    Octets wire = wire_with("", "84 A3 02");
    for (int i = 0; i < 2; ++i) {
        const std::string type = i == 0 ? octets("08 9E 85 'p.jpg' 00") : octets("'x/y' 00 'Content-Transfer-Encoding' 00 'binary' 00");
        write_uintvar(wire, type.size());
        write_uintvar(wire, data.size());
        wire += type + data;
    }
    const auto got = sent(wire);
    cr_assert(got.has_value());
    const Octets stored = encode_content(got->content);
    cr_expect(stored.find("Transfer-Encoding") == Octets::npos, "no part of a PDU is encoded");
    const auto again = decode_content(stored);
    cr_assert(again && again->parts.size() == 2);
    for (const Content* content : {&got->content, &*again})
        for (const Part& one : content->parts) cr_expect(one.data == data, "%s", one.media.type.c_str());
}

Test(messages, no_recipient_is_lost) {
    const SendReq got =
        req("97 '+447001/TYPE=PLMN' 00 82 '+447002/TYPE=PLMN' 00 97 '+447003/TYPE=PLMN' 00 97 09 83 'a@b.net' 00 81 '+447004/TYPE=PLMN' 00 82 "
            "'c@d.net' 00 97 '+447001/TYPE=PLMN' 00");
    cr_assert(got.recipients.size() == 7U);
    constexpr std::string_view kInOrder[] = {"+447001", "+447002", "+447003", "a@b.net", "+447004", "c@d.net", "+447001"};
    for (std::size_t i = 0; i < std::size(kInOrder); ++i) cr_expect(got.recipients[i].address.value == kInOrder[i], "%zu", i);
    cr_expect(got.headers.to.size() == 4 && got.headers.cc.size() == 2, "and nobody is told of Bcc");
    RetrieveConf conf;
    conf.version = 0x92;
    conf.headers = got.headers;
    const Pdu pdu = read_back(encode_retrieve_head(conf) + encode_content(got.content), PduType::m_retrieve_conf, 0x92);
    const auto count = [&](std::uint8_t number) { return std::ranges::count(pdu.fields, number, &FieldValue::number); };
    cr_expect(count(field::to) == 4 && count(field::cc) == 2 && count(field::bcc) == 0);
}

Test(messages, versions_that_we_answer_in) {
    struct Row {
        std::uint8_t peer, answer;
    };
    constexpr Row kRows[] = {{0x90, 0x90}, {0x91, 0x91}, {0x92, 0x92}, {0x93, 0x93}, {0x94, 0x93}, {0x9E, 0x93}, {0x9F, 0x90}, {0x80, 0x93}, {0x8F, 0x93}, {0xA0, 0x93}, {0xFF, 0x93}};
    for (const Row& row : kRows) cr_expect(answer_version(row.peer) == row.answer, "%02X", row.peer);
}

Test(messages, statuses_that_a_version_knows) {
    struct Row {
        std::uint8_t status, in_10, in_11, in_12, in_13;
    };
    constexpr Row kRows[] = {
        {0x80, 0x80, 0x80, 0x80, 0x80},
        {0x88, 0x88, 0x88, 0x88, 0x88},
        {0xC0, 0x81, 0xC0, 0xC0, 0xC0},
        {0xC1, 0x84, 0xC1, 0xC1, 0xC1},
        {0xC2, 0x85, 0xC2, 0xC2, 0xC2},
        {0xC3, 0x86, 0xC3, 0xC3, 0xC3},
        {0xC4, 0x81, 0xC0, 0xC4, 0xC4},
        {0xE0, 0x81, 0xE0, 0xE0, 0xE0},
        {0xE1, 0x82, 0xE1, 0xE1, 0xE1},
        {0xE2, 0x83, 0xE2, 0xE2, 0xE2},
        {0xE3, 0x84, 0xE3, 0xE3, 0xE3},
        {0xE4, 0x85, 0xE4, 0xE4, 0xE4},
        {0xE5, 0x87, 0xE5, 0xE5, 0xE5},
        {0xEA, 0x82, 0xE1, 0xEA, 0xEA},
        {0xEB, 0x82, 0xE1, 0xE1, 0xEB},
        {0xC9, 0x81, 0xC0, 0xC0, 0xC0},
        {0xEF, 0x81, 0xE0, 0xE0, 0xE0},
    };
    for (const Row& row : kRows) {
        const std::array<std::uint8_t, 4> got{response_status_for(0x90, row.status), response_status_for(0x91, row.status),
                                              response_status_for(0x92, row.status), response_status_for(0x93, row.status)};
        const std::array<std::uint8_t, 4> want{row.in_10, row.in_11, row.in_12, row.in_13};
        cr_expect(got == want, "%02X", row.status);
    }
}

Test(messages, writes_confirmations_of_submissions) {
    SendConf conf{"T1", 0x92, 0x80, "", "m1@x"};
    cr_expect(encode_send_conf(conf) == octets("8C 81 98 'T1' 00 8D 92 92 80 8B 'm1@x' 00"));
    conf = {"T1", 0x92, 0xE5, "too big", ""};
    cr_expect(encode_send_conf(conf) == octets("8C 81 98 'T1' 00 8D 92 92 E5 93 'too big' 00"));
    conf.version = 0x90;
    conf.transaction_id = "\x80\x01 id";
    cr_expect(encode_send_conf(conf) == octets("8C 81 98 7F 80 01 20 'id' 00 8D 90 92 87 93 'too big' 00"), "the id is echoed octet by octet");
    for (std::uint8_t version : {0x90, 0x91, 0x92, 0x93}) read_back(encode_send_conf({"T1", version, 0xC4, "x", "m"}), PduType::m_send_conf, version);
}

Test(messages, writes_notifications) {
    NotificationInd ind;
    ind.transaction_id = "n1";
    ind.from = phone("+447");
    ind.size_bytes = 10000;
    ind.expiry = Seconds(604800);
    ind.content_location = "http://m/1";
    cr_expect(encode_notification_ind(ind) ==
                  octets("8C 82 98 'n1' 00 8D 90 89 10 80 '+447/TYPE=PLMN' 00 8A 80 8E 02 27 10 88 05 81 03 09 3A 80 83 'http://m/1' 00"),
              "%s", hex(encode_notification_ind(ind)).c_str());
    ind.subject = "ä subject\r\nthat is longer than two short messages have room for";
    ind.priority = Priority::high;
    ind.message_class = MessageClass::automatic;
    ind.delivery_report = true;
    ind.applic_id = "MEM";
    ind.expiry = Seconds(-5);
    for (std::uint8_t version : {0x90, 0x91, 0x92, 0x93}) {
        ind.version = version;
        const Pdu pdu = read_back(encode_notification_ind(ind), PduType::m_notification_ind, version);
        cr_expect(std::get<std::string>(*pdu.find(field::subject)) == "ä subject that is longer than");
        cr_expect(*pdu.find(field::expiry) == Value(TimeValue{true, 0}) && pdu.fields.back().number == field::content_location);
        cr_expect((pdu.find(field::delivery_report) != nullptr) == (version >= 0x92) && (pdu.find(field::applic_id) != nullptr) == (version >= 0x93));
    }
    ind.from.reset();
    cr_expect(read_back(encode_notification_ind(ind), PduType::m_notification_ind, 0x93).find(field::from) == nullptr, "a hidden sender is left out");
}

Test(messages, reads_confirmations_of_notifications) {
    struct Row {
        std::string_view wire;
        DeliveryStatus status;
        bool report_allowed, acknowledge;
    };
    constexpr Row kRows[] = {
        {"8C 83 98 'n1' 00 8D 92 95 81 91 80", DeliveryStatus::retrieved, true, false},
        {"8C 83 98 'n1' 00 8D 92 95 82 91 81", DeliveryStatus::rejected, false, false},
        {"8C 83 98 'n1' 00 8D 92 95 83", DeliveryStatus::deferred, true, false},
        {"8C 83 98 'n1' 00 8D 92 95 84 91 82", DeliveryStatus::unrecognised, true, false},
        {"8C 83 98 'n1' 00 8D 92 95 80", DeliveryStatus::indeterminate, true, false},
        {"8C 83 98 'n1' 00 8D 92 95 FF", DeliveryStatus::indeterminate, true, false},
        {"8C 85 98 'n1' 00 8D 92 91 81", DeliveryStatus::retrieved, false, true},
        {"8C 85 98 'n1' 00 8D 92 89 01 81", DeliveryStatus::retrieved, true, true},
    };
    for (const Row& row : kRows) {
        const auto got = notify_resp_of(*decode_pdu(octets(row.wire)));
        cr_assert(got.has_value(), "%s", row.wire.data());
        cr_expect(got->transaction_id == "n1" && got->version == 0x92 && got->status == row.status && got->report_allowed == row.report_allowed &&
                      got->acknowledge == row.acknowledge,
                  "%s", row.wire.data());
    }
    cr_expect(!notify_resp_of(*decode_pdu(octets("8C 81 98 'T1' 00 8D 92 92 80"))));
}

Test(messages, writes_retrievals) {
    RetrieveConf conf;
    conf.transaction_id = "n1";
    conf.message_id = "m1@x";
    conf.headers.from = Address{Address::Kind::mailbox, "a@b", "Anna"};
    conf.headers.to = {phone("+447")};
    conf.headers.cc = {phone("+448")};
    conf.headers.subject = "Hé";
    conf.headers.date = kDate;
    conf.headers.read_report = conf.headers.delivery_report = true;
    conf.headers.priority = Priority::low;
    conf.headers.previously_sent = {{1, Address{Address::Kind::mailbox, "a@b", ""}, kDate}};
    conf.headers.applic_id = "MEM";
    conf.headers.content_class = 0x81;
    conf.headers.drm_content = true;
    conf.headers.replace_id = "m0@x";
    Content content{
        {"multipart/related", {{"type", "application/smil"}, {"start", "s"}}},
        {Part{{"application/smil", {}}, "s", "s.smil", "", "", "<smil/>", {}}, Part{{"text/plain", {}}, "", "t.txt", "inline", "t.txt", "Hi", {}}}};
    for (std::uint8_t version : {0x90, 0x91, 0x92, 0x93}) {
        conf.version = version;
        const Pdu pdu = read_back(encode_retrieve_head(conf) + encode_content(content), PduType::m_retrieve_conf, version);
        cr_expect(*pdu.find(field::from) == Value(FromValue{"a@b"}) && *pdu.find(field::to) == Value(std::string("+447/TYPE=PLMN")) &&
                  *pdu.find(field::date) == Value(std::uint64_t{0x65000000}));
        cr_expect((pdu.find(field::previously_sent_by) != nullptr) == (version >= 0x91) &&
                  (pdu.find(field::replace_id) != nullptr) == (version >= 0x93));
        for (std::uint8_t never : {field::bcc, field::expiry, field::delivery_time, field::sender_visibility, field::report_allowed})
            cr_expect(pdu.find(never) == nullptr);
    }
    cr_expect(encode_content(content) == octets("18 B3 89 'application/smil' 00 8A '<s>' 00 02 1F 07 'application/smil' 00 C0 22 '<s>' 00 8E "
                                                "'s.smil' 00 '<smil/>' 15 02 0A 83 81 EA 85 't.txt' 00 8E 't.txt' 00 AE 01 82 'Hi'"),
              "%s", hex(encode_content(content)).c_str());
    conf.headers.sender_hidden = true;
    conf.transaction_id.clear();
    const Pdu pdu = read_back(encode_retrieve_head(conf) + encode_content(content), PduType::m_retrieve_conf, 0x93);
    cr_expect(pdu.find(field::from) == nullptr && pdu.find(field::transaction_id) == nullptr);

    cr_expect(encode_retrieve_error(0x92, kDate, 0xE2, "not found") ==
              octets("8C 84 8D 92 85 04 65 00 00 00 99 E2 9A 'not found' 00 84 03 83 81 EA 'not found'"));
    const Pdu old = read_back(encode_retrieve_error(0x90, kDate, 0xE2, "not found"), PduType::m_retrieve_conf, 0x90);
    cr_expect(old.parts.at(0).data == "not found" && old.find(field::retrieve_status) == nullptr, "1.0 shows the body");
}

Test(messages, writes_delivery_reports) {
    DeliveryInd ind{0x92, "m1@x", phone("+447"), kDate, DeliveryStatus::retrieved, "", ""};
    cr_expect(encode_delivery_ind(ind) == octets("8C 86 8D 92 8B 'm1@x' 00 97 '+447/TYPE=PLMN' 00 85 04 65 00 00 00 95 81"));
    struct Row {
        DeliveryStatus status;
        std::uint8_t in_10, in_11, in_12;
    };
    constexpr Row kRows[] = {
        {DeliveryStatus::expired, 0x80, 0x80, 0x80},
        {DeliveryStatus::retrieved, 0x81, 0x81, 0x81},
        {DeliveryStatus::rejected, 0x82, 0x82, 0x82},
        {DeliveryStatus::deferred, 0x83, 0x83, 0x83},
        {DeliveryStatus::unrecognised, 0x83, 0x85, 0x85},
        {DeliveryStatus::indeterminate, 0x83, 0x85, 0x85},
        {DeliveryStatus::forwarded, 0x83, 0x86, 0x86},
        {DeliveryStatus::unreachable, 0x82, 0x82, 0x87},
    };
    ind.status_text = "why";
    ind.applic_id = "MEM";
    for (const Row& row : kRows) {
        ind.status = row.status;
        const std::array<std::pair<std::uint8_t, std::uint8_t>, 4> versions{
            {{0x90, row.in_10}, {0x91, row.in_11}, {0x92, row.in_12}, {0x93, row.in_12}}};
        for (auto [version, octet] : versions) {
            ind.version = version;
            cr_expect(*read_back(encode_delivery_ind(ind), PduType::m_delivery_ind, version).find(field::status) == Value(Octet{octet}), "%d in %02X",
                      static_cast<int>(row.status), version);
        }
    }
}

Test(messages, content_that_does_not_decode) {
    for (std::string_view wire : {"", "00", "A3", "A3 01", "A3 01 01 05 83", "04 83 81", "83"}) {
        const auto got = decode_content(octets(wire));
        cr_expect(got.has_value() == (wire == "83"), "%s", wire.data());
    }
    cr_expect(decode_content(octets("9E FF D8"))->parts.at(0).data == "\xFF\xD8");
}
