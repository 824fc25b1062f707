#include "mapping/mail/smil.h"

#include <criterion/criterion.h>

#include <string>

using namespace mmgate;
using namespace mmgate::mail;

namespace {

/// "a b | c": references by slide; "-" when it is no presentation.
std::string outline(std::string_view smil) {
    auto slides = read_smil(smil);
    if (!slides) return "-";
    std::string out;
    for (const auto& slide : *slides) {
        if (!out.empty()) out += " | ";
        for (const std::string& reference : slide) out += (&reference == &slide.front() ? "" : " ") + reference;
    }
    return out;
}

}   // namespace

Test(smil, reads_slides_in_order) {
    struct Row {
        std::string_view smil, want;
    };
    const Row rows[] = {
        {"<smil><body><par><img src='a'/><text src='b'/></par><par><audio src='c'/></par></body></smil>", "a b | c"},
        {"<?xml version='1.0'?><!DOCTYPE smil PUBLIC '-//X' 'http://127.0.0.1/x.dtd'><smil><body><par><img src='a'/></par></body></smil>", "a"},
        {"<s:smil xmlns:s='x'><s:body><s:par><s:ref src='a'/></s:par></s:body></s:smil>", "a"},
        {"<smil><body><seq><par><img src='a'/></par><seq><par><img src='b'/></par></seq></seq></body></smil>", "a | b"},
        {"<smil><body><par><seq><img src='a'/><img src='b'/></seq><text src='c'/></par></body></smil>", "a b c"},
        {"<smil><body><img src='a'/><img src='b'/></body></smil>", "a | b"},
        {"<smil><body><par><img/><text src=''/></par><par/></body></smil>", ""},
        {"<smil><body><par><img src='a'/></par><par><img src='b'", "a | b"},   // cut off
        {"<smil><body><par><img src='a&amp;b'/></par></body></smil>", "a&b"},
        {"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><smil><body><par><img src='&e;'/></par></body></smil>", "&e;"},
        {"not xml", "-"},
        {"", "-"},
        {"<html><img src='a'/></html>", "-"},
    };
    for (auto [smil, want] : rows) cr_expect(outline(smil) == want, "%s gave %s", std::string(smil).c_str(), outline(smil).c_str());
    std::string deep;
    for (int i = 0; i < 20'000; ++i) deep += "<par>";
    cr_expect(read_smil("<smil>" + deep).has_value());
    cr_expect(!read_smil("<smil>" + std::string(300'000, ' ') + "</smil>").has_value());
    std::string many = "<smil><body>";
    for (int i = 0; i < 2'000; ++i) many += "<img src='a'/>";
    cr_expect(read_smil(many)->size() == 1000);
}

Test(smil, writes_what_it_reads) {
    std::string smil = write_smil({{"t1.txt", MediaKind::picture, "a.jpg", std::chrono::seconds(5)}, {"", MediaKind::sound, "s.amr", {}}, {"t\"<2>&.txt", MediaKind::none, "", std::chrono::seconds(20)}});
    cr_expect(outline(smil) == "a.jpg t1.txt | s.amr | t\"<2>&.txt", "%s", outline(smil).c_str());
    cr_expect(smil.find("<par dur=\"5s\"><img src=\"a.jpg\" region=\"Image\"/>") != std::string::npos && smil.find("<par><audio src=\"s.amr\"/></par>") != std::string::npos);
}

Test(smil, references_have_several_readings) {
    using Names = std::vector<std::string>;
    cr_expect(reference_names("a.jpg") == Names({"a.jpg"}));
    cr_expect(reference_names("cid:%3Ca%20b%3E") == Names({"%3Ca%20b%3E", "a b"}));
    cr_expect(reference_names("CID:x") == Names({"x"}) && reference_names("<x>") == Names({"x"}) && reference_names("").empty() && reference_names("a%2") == Names({"a%2"}));
}
