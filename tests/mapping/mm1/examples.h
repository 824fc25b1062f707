// One whole PDU of each kind that crosses MM1, for the tests of decoder, encoder, dump and fuzzing.
#pragma once

#include <array>
#include <string_view>

namespace mmgate::test {

struct ExamplePdu {
    std::string_view name;
    std::string_view hex;   // as tests/support/hex.h reads it
};

inline constexpr auto kExamplePdus = std::to_array<ExamplePdu>({
    {"M-Send.req",
     "8C 80 98 'T1' 00 8D 92 89 01 81 97 '+447001/TYPE=PLMN' 00 82 'a@b.c' 00 96 05 EA 48 C3 A9 00 8A 80 88 05 81 03 01 51 80 86 80 90 81"
     "84 A3 01 0D 02 03 83 81 EA 8E 'h.txt' 00 8D 82 'Hi'"},
    {"M-Send.conf, accepted", "8C 81 98 'T1' 00 8D 92 92 80 8B 'm1@x' 00"},
    {"M-Send.conf, refused", "8C 81 98 'T1' 00 8D 92 92 E5 93 'too big' 00"},
    {"M-Notification.ind",
     "8C 82 98 'n1' 00 8D 90 89 10 80 '+447/TYPE=PLMN' 00 8A 80 8E 02 27 10 88 05 81 03 09 3A 80 83 'http://m/1' 00"},
    {"M-Notification.ind 1.3",
     "8C 82 98 'n1' 00 8D 93 96 'Hi' 00 86 80 A7 81 8A 'extension' 00 8F 82 8E 01 64 88 03 81 01 3C 9C 82 9D 06 80 04 65 00 00 00 9F 01 0A"
     "9E 'm0@x' 00 B1 81 B2 09 'p1' 00 82 9E 'k' 00 'v' 00 B4 80 B5 'why' 00 B7 'MEM' 00 B8 'BACK' 00 B9 'aux' 00 BA 82 BB 81"
     "BD 'm9@x' 00 83 'http://m/2' 00"},
    {"M-NotifyResp.ind", "8C 83 98 'n1' 00 8D 92 95 81 91 80"},
    {"M-Retrieve.conf",
     "8C 84 98 'n1' 00 8D 92 8B 'm1@x' 00 85 04 65 00 00 00 89 0A 80 08 83 '+447x1' 00 97 '+447/TYPE=PLMN' 00 A0 05 81 'a@b' 00"
     "A1 06 81 04 65 00 00 00 96 'Hi' 00 A3 83 A4 04 80 'in' 00 84 1B B3 89 'application/smil' 00 8A '<AAAA>' 00 02"
     "1A 07 'application/smil' 00 C0 22 '<AAAA>' 00 '<smil/>' 14 03 9E C0 22 '<a>' 00 8E 'a.jpg' 00 AE 04 81 86 'x' 00 FF D8 FF"},
    {"M-Retrieve.conf, error", "8C 84 8D 92 85 04 65 00 00 00 99 E2 9A 'not found' 00 84 83 'not found'"},
    {"M-Acknowledge.ind", "8C 85 98 'n1' 00 8D 92 91 81"},
    {"M-Delivery.ind", "8C 86 8D 92 8B 'm1@x' 00 97 '+447/TYPE=PLMN' 00 85 04 65 00 00 00 95 81"},
    {"M-Read-Rec.ind", "8C 87 8D 92 8B 'm1@x' 00 97 '+447/TYPE=PLMN' 00 89 01 81 85 04 65 00 00 00 9B 80"},
    {"M-Read-Orig.ind", "8C 88 8D 92 8B 'm1@x' 00 97 'a@b' 00 89 06 80 '+447' 00 85 04 65 00 00 00 9B 81"},
    {"M-Forward.req", "8C 89 98 'f1' 00 8D 92 89 01 81 97 '+447' 00 91 81 83 'http://m/1' 00"},
    {"M-Forward.conf", "8C 8A 98 'f1' 00 8D 92 92 80 8B 'm2@x' 00"},
    {"M-Mbox-Store.req", "8C 8B 98 'b1' 00 8D 92 83 'http://m/1' 00 A3 82 A4 05 80 'fun' 00"},
    {"M-Mbox-Store.conf", "8C 8C 98 'b1' 00 8D 92 A5 E4 A6 'full' 00"},
    {"M-Mbox-View.req", "8C 8D 98 'b2' 00 8D 92 A3 82 A3 83 A4 04 82 'in' 00 AF 80 B3 8A A8 96 A8 AE A8 B0 A9 80 AB 80"},
    {"M-Mbox-View.conf", "8C 8E 98 'b2' 00 8D 92 92 80 AA 02 80 85 AA 04 81 02 03 E8 AC 02 81 80 AD 81 AF 02 01 00 84 A3 01 02 09 01 BE 8C 93 8D 92 83 'x/1' 00"},
    {"M-Mbox-View.conf, nothing found", "8C 8E 98 'b2' 00 8D 92 92 80 84 80"},
    {"M-Mbox-Upload.req", "8C 8F 98 'b3' 00 8D 92 A3 80 84 BE 8C 93 84 83 'Hi'"},
    {"M-Mbox-Upload.conf", "8C 90 98 'b3' 00 8D 92 83 'x/1' 00 A5 80"},
    {"M-Mbox-Delete.req", "8C 91 98 'b4' 00 8D 92 83 'x/1' 00 83 'x/2' 00"},
    {"M-Mbox-Delete.conf", "8C 92 98 'b4' 00 8D 92 92 02 80 80 93 04 81 'no' 00 92 02 81 E4 83 05 81 'x/2' 00"},
    {"M-Mbox-Descr", "8C 93 83 'x/1' 00 A3 83 84 83 'Hi'"},
    {"M-Delete.req", "8C 94 98 'b5' 00 8D 93 83 'x/1' 00"},
    {"M-Delete.conf", "8C 95 98 'b5' 00 8D 93 92 80 93 'done' 00"},
    {"M-Cancel.req", "8C 96 98 'c1' 00 8D 93 BE 'm1@x' 00"},
    {"M-Cancel.conf", "8C 97 98 'c1' 00 8D 93 BF 80"},
});

}   // namespace mmgate::test
