#include "mapping/mail/smil.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <pugixml.hpp>

namespace mmgate::mail {
namespace {

constexpr std::size_t kMaxSmilBytes = 256 * 1024;
constexpr std::size_t kMaxReferences = 1000;

struct MediaElement {
    MediaKind kind;
    std::string_view element;
    std::string_view region;   // sound has none
};
constexpr auto kMediaElements = std::to_array<MediaElement>({
    {MediaKind::picture, "img", "Image"},
    {MediaKind::sound, "audio", ""},
    {MediaKind::video, "video", "Image"},
});

// Source: SMIL 2.0, media object module; OMA-TS-MMS_CONF §5.1.1 names img, audio, video, text and ref.
constexpr auto kReadElements = std::to_array<std::string_view>({"img", "audio", "video", "text", "ref", "animation", "textstream"});

std::string escaped(std::string_view text) {
    std::string out;
    for (char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            default: out.push_back(c);
        }
    }
    return out;
}

void append_element(std::string& out, std::string_view element, std::string_view name, std::string_view region) {
    out += "<";
    out += element;
    out += " src=\"" + escaped(name) + "\"";
    if (!region.empty()) out.append(" region=\"").append(region).append("\"");
    out += "/>";
}

std::string_view local_name(const char* name) {
    std::string_view all = name;
    std::size_t colon = all.rfind(':');
    return colon == std::string_view::npos ? all : all.substr(colon + 1);
}

class ReferenceWalker : public pugi::xml_tree_walker {
public:
    bool for_each(pugi::xml_node& node) override {
        if (depth() <= par_depth_) par_depth_ = kNoPar;
        std::string_view name = local_name(node.name());
        found_ = found_ || name == "smil" || name == "body" || name == "par";
        if (name == "par" && par_depth_ == kNoPar) {
            par_depth_ = depth();
            slides_.emplace_back();
        }
        if (std::find(kReadElements.begin(), kReadElements.end(), name) == kReadElements.end()) return true;
        const char* src = node.attribute("src").value();
        if (*src == '\0') return true;
        if (par_depth_ == kNoPar) slides_.emplace_back();
        slides_.back().emplace_back(src);
        return ++references_ < kMaxReferences;
    }
    bool found() const { return found_; }
    std::vector<std::vector<std::string>> take() {
        std::erase_if(slides_, [](const auto& slide) { return slide.empty(); });
        return std::move(slides_);
    }

private:
    static constexpr int kNoPar = -1;
    int par_depth_ = kNoPar;   // depth of the slide at hand
    bool found_ = false;
    std::size_t references_ = 0;
    std::vector<std::vector<std::string>> slides_;
};

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::string percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        int high = -1, low = -1;
        if (text[i] == '%' && i + 2 < text.size()) high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
        if (high >= 0 && low >= 0) {
            out.push_back(static_cast<char>(high << 4 | low));
            i += 2;
        } else {
            out.push_back(text[i]);
        }
    }
    return out;
}

}   // namespace

std::string write_smil(const std::vector<Slide>& slides) {
    std::string out =
        "<smil><head><layout><root-layout width=\"100%\" height=\"100%\"/>"
        "<region id=\"Image\" left=\"0\" top=\"0\" width=\"100%\" height=\"70%\" fit=\"meet\"/>"
        "<region id=\"Text\" left=\"0\" top=\"70%\" width=\"100%\" height=\"30%\" fit=\"scroll\"/>"
        "</layout></head><body>";
    for (const Slide& slide : slides) {
        out += "<par";
        if (slide.duration) out += " dur=\"" + std::to_string(slide.duration->count()) + "s\"";
        out += ">";
        for (const MediaElement& row : kMediaElements)
            if (row.kind == slide.kind) append_element(out, row.element, slide.media_name, row.region);
        if (!slide.text_name.empty()) append_element(out, "text", slide.text_name, "Text");
        out += "</par>";
    }
    return out + "</body></smil>";
}

std::optional<std::vector<std::vector<std::string>>> read_smil(Bytes smil) {
    if (smil.size() > kMaxSmilBytes) return std::nullopt;
    pugi::xml_document document;
    // A presentation that breaks off in the middle still tells the order of what it did say.
    document.load_buffer(smil.data(), smil.size(), pugi::parse_default & ~pugi::parse_eol);
    ReferenceWalker walker;
    document.traverse(walker);
    if (!walker.found()) return std::nullopt;
    return walker.take();
}

std::vector<std::string> reference_names(std::string_view reference) {
    if (reference.size() >= 4 && (reference.starts_with("cid:") || reference.starts_with("CID:") || reference.starts_with("Cid:"))) reference.remove_prefix(4);
    std::vector<std::string> out;
    auto add = [&](std::string name) {
        if (name.size() > 2 && name.front() == '<' && name.back() == '>') name = name.substr(1, name.size() - 2);
        if (!name.empty() && std::find(out.begin(), out.end(), name) == out.end()) out.push_back(std::move(name));
    };
    add(std::string(reference));
    add(percent_decoded(reference));
    return out;
}

}   // namespace mmgate::mail
