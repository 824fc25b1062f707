#include "mapping/mail/html_text.h"

#include <libxml/HTMLparser.h>
#include <libxml/parserInternals.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

#include "mapping/mail/header_scan.h"
#include "mapping/mail/plain_text.h"

namespace mmgate::mail {
namespace {

constexpr std::size_t kMaxHtmlBytes = 1024 * 1024;
constexpr std::size_t kMaxDepth = 500;
constexpr std::size_t kMaxUrlBytes = 2000;   // longer ones are no reading matter
constexpr std::size_t kMaxUrls = 1000;
constexpr std::size_t kMaxReferences = 1000;
constexpr std::size_t kMaxIndents = 6;   // nested quotes and lists that still show
constexpr std::size_t kCharsetSearchBytes = 1024;

template <auto release>
struct Release {
    template <class T>
    void operator()(T* p) const noexcept {
        release(p);
    }
};
using Context = std::unique_ptr<htmlParserCtxt, Release<htmlFreeParserCtxt>>;

enum class Shape : std::uint8_t {
    line,        // stands on lines of its own
    paragraph,   // with an empty line before and after
    hidden,      // nothing inside is text
    line_break,
    rule,
    list,
    numbered_list,
    item,
    quote,
    preformatted,
    table,
    row,
    cell,
    link,
    image,
};
struct ElementSpec {
    std::string_view name;
    Shape shape;
};
// Source: HTML Living Standard §15.3 (how elements render).
constexpr auto kElements = std::to_array<ElementSpec>({
    {"a", Shape::link},
    {"address", Shape::line},
    {"article", Shape::line},
    {"aside", Shape::line},
    {"blockquote", Shape::quote},
    {"br", Shape::line_break},
    {"caption", Shape::line},
    {"center", Shape::line},
    {"dd", Shape::line},
    {"div", Shape::line},
    {"dl", Shape::paragraph},
    {"dt", Shape::line},
    {"fieldset", Shape::line},
    {"figure", Shape::line},
    {"footer", Shape::line},
    {"form", Shape::line},
    {"h1", Shape::paragraph},
    {"h2", Shape::paragraph},
    {"h3", Shape::paragraph},
    {"h4", Shape::paragraph},
    {"h5", Shape::paragraph},
    {"h6", Shape::paragraph},
    {"head", Shape::hidden},
    {"header", Shape::line},
    {"hr", Shape::rule},
    {"img", Shape::image},
    {"li", Shape::item},
    {"main", Shape::line},
    {"nav", Shape::line},
    {"object", Shape::hidden},
    {"ol", Shape::numbered_list},
    {"p", Shape::paragraph},
    {"pre", Shape::preformatted},
    {"script", Shape::hidden},
    {"section", Shape::line},
    {"select", Shape::hidden},
    {"style", Shape::hidden},
    {"svg", Shape::hidden},
    {"table", Shape::table},
    {"td", Shape::cell},
    {"template", Shape::hidden},
    {"th", Shape::cell},
    {"title", Shape::hidden},
    {"tr", Shape::row},
    {"ul", Shape::list},
});

const ElementSpec* spec_of(std::string_view name) {
    auto row = std::lower_bound(kElements.begin(), kElements.end(), name, [](const ElementSpec& spec, std::string_view key) { return spec.name < key; });
    return row != kElements.end() && row->name == name ? row : nullptr;
}
static_assert(std::is_sorted(kElements.begin(), kElements.end(), [](const ElementSpec& a, const ElementSpec& b) { return a.name < b.name; }));

std::string_view view(const xmlChar* text) { return text ? std::string_view(reinterpret_cast<const char*>(text)) : std::string_view(); }

/// Attributes come as name, value, name, value, null.
std::string_view attribute(const xmlChar** attributes, std::string_view name) {
    for (const xmlChar** at = attributes; at && at[0]; at += 2)
        if (view(at[0]) == name) return view(at[1]);
    return {};
}

bool is_hidden(const xmlChar** attributes) {
    for (const xmlChar** at = attributes; at && at[0]; at += 2) {
        if (view(at[0]) == "hidden") return true;
        if (view(at[0]) != "style") continue;
        std::string style;
        for (char c : view(at[1]))
            if (c != ' ' && c != '\t' && c != '\r' && c != '\n') style.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
        if (style.find("display:none") != std::string::npos || style.find("mso-hide:all") != std::string::npos) return true;
    }
    return false;
}

bool is_worth_showing(std::string_view url) {
    return url.size() <= kMaxUrlBytes && (url.starts_with("http://") || url.starts_with("https://") || url.starts_with("mailto:") || url.starts_with("tel:"));
}

/// What a reader takes an address for: without scheme and final slash.
std::string_view plain_url(std::string_view url) {
    for (std::string_view scheme : {"https://", "http://", "mailto:", "tel:"})
        if (url.starts_with(scheme)) {
            url.remove_prefix(scheme.size());
            break;
        }
    if (url.ends_with('/')) url.remove_suffix(1);
    return url;
}

constexpr bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

/// Characters that pages use for padding: one is white space, the others leave no trace.
struct Special {
    std::string_view text;
    bool is_space;
};
constexpr auto kSpecial = std::to_array<Special>({
    {"\xC2\xA0", true},        // no-break space
    {"\xC2\xAD", false},       // soft hyphen
    {"\xCD\x8F", false},       // combining grapheme joiner
    {"\xE2\x80\x8B", false},   // zero width space
    {"\xEF\xBB\xBF", false},   // byte order mark
});
constexpr bool starts_special(char c) { return c == '\xC2' || c == '\xCD' || c == '\xE2' || c == '\xEF'; }

/// Builds the text while the parser walks the page.
class Writer {
public:
    void start(std::string_view name, const xmlChar** attributes) {
        const ElementSpec* spec = spec_of(name);
        Level level{spec ? spec->shape : Shape::hidden, spec != nullptr, false, 0, {}, false, out_.size()};
        level.hides = (spec && spec->shape == Shape::hidden) || is_hidden(attributes);
        hidden_ += level.hides ? 1 : 0;
        if (spec && hidden_ == 0) open(level, attributes);
        levels_.push_back(std::move(level));
    }

    void end() {
        if (levels_.empty()) return;
        Level level = std::move(levels_.back());
        levels_.pop_back();
        if (level.known && hidden_ == 0) close(level);
        hidden_ -= level.hides ? 1 : 0;
    }

    void text(std::string_view text) {
        if (hidden_ > 0) return;
        for (std::size_t i = 0; i < text.size();) {
            if (is_blank(text[i])) {
                if (preformatted_ == 0 || text[i] == '\r' || text[i] == '\f')
                    put_space();
                else if (text[i] == '\n')
                    end_line();
                else
                    put(text.substr(i, 1));
                ++i;
                continue;
            }
            std::size_t end = i;
            while (end < text.size() && !is_blank(text[end]) && !starts_special(text[end])) ++end;
            if (end > i) put(text.substr(i, end - i));
            i = end;
            if (i == text.size() || is_blank(text[i])) continue;
            auto row = std::find_if(kSpecial.begin(), kSpecial.end(), [&](const Special& s) { return text.substr(i).starts_with(s.text); });
            if (row == kSpecial.end()) {
                put(text.substr(i++, 1));
                continue;
            }
            if (row->is_space) put_space();
            i += row->text.size();
        }
    }

    std::size_t depth() const { return levels_.size(); }
    std::string finish() { return tidy_text(out_); }

private:
    struct Level {
        Shape shape;
        bool known;   // the element is in the table
        bool hides;
        std::size_t number;       // items of a numbered list; cells of a row
        std::string url;          // of a link
        bool ruled;               // a table whose cells are told apart
        std::size_t text_start;   // of a link: where its text begins in the output
    };

    void open(Level& level, const xmlChar** attributes) {
        switch (level.shape) {
            case Shape::line_break: end_line(); break;
            case Shape::line:
            case Shape::row: begin_line(); break;
            case Shape::paragraph: begin_paragraph(); break;
            case Shape::rule:
                begin_line();
                put("----");
                begin_line();
                break;
            case Shape::numbered_list:
            case Shape::list:
                if (inside(Shape::list) || inside(Shape::numbered_list)) begin_line();
                else begin_paragraph();
                if (std::string_view start = attribute(attributes, "start"); !start.empty()) {
                    unsigned number = 1;
                    std::from_chars(start.data(), start.data() + start.size(), number);
                    level.number = number > 0 && number < 1'000'000 ? number - 1 : 0;
                }
                break;
            case Shape::item: {
                begin_line();
                Level* list = nearest_list();
                std::string mark = list && list->shape == Shape::numbered_list ? std::to_string(++list->number) + ". " : "- ";
                put(mark);
                space_ = false;
                indents_.push_back(std::string(mark.size(), ' '));
                break;
            }
            case Shape::quote:
                begin_paragraph();
                indents_.push_back("> ");
                break;
            case Shape::preformatted:
                begin_paragraph();
                ++preformatted_;
                break;
            case Shape::table: {
                begin_paragraph();
                std::string_view border = attribute(attributes, "border");
                level.ruled = !border.empty() && border != "0";
                break;
            }
            case Shape::cell: open_cell(); break;
            case Shape::link:
                level.url = one_line(attribute(attributes, "href"));
                level.text_start = out_.size();
                break;
            case Shape::image: {
                std::string alternative = one_line(attribute(attributes, "alt"));
                // A picture that came along is shown; one that would be loaded leaves its words.
                if (!alternative.empty() && !attribute(attributes, "src").starts_with("cid:")) put("[" + alternative + "]");
                break;
            }
            case Shape::hidden: break;
        }
    }

    void close(const Level& level) {
        switch (level.shape) {
            case Shape::line:
            case Shape::row:
                begin_line();
                break;
            case Shape::paragraph: begin_paragraph(); break;
            case Shape::numbered_list:
            case Shape::list:
                if (inside(Shape::list) || inside(Shape::numbered_list)) begin_line();
                else begin_paragraph();
                break;
            case Shape::item:
                indents_.pop_back();
                begin_line();
                break;
            case Shape::quote:
                indents_.pop_back();
                begin_paragraph();
                break;
            case Shape::preformatted:
                --preformatted_;
                begin_paragraph();
                break;
            case Shape::table: begin_paragraph(); break;
            case Shape::link: close_link(level); break;
            case Shape::cell:
            case Shape::line_break:
            case Shape::rule:
            case Shape::image:
            case Shape::hidden: break;
        }
    }

    void open_cell() {
        Level* row = nullptr;
        Level* table = nullptr;
        for (std::size_t i = levels_.size(); i-- > 0 && !table;) {
            if (levels_[i].shape == Shape::row && levels_[i].known && !row) row = &levels_[i];
            if (levels_[i].shape == Shape::table && levels_[i].known) table = &levels_[i];
        }
        if (!row || row->number++ == 0 || at_line_start_) return;
        space_ = true;
        if (!table || !table->ruled) return;
        put("|");
        space_ = true;
    }

    void close_link(const Level& level) {
        if (!is_worth_showing(level.url)) return;
        std::string_view shown = level.text_start < out_.size() ? std::string_view(out_).substr(level.text_start) : std::string_view();
        std::string_view plain = plain_url(level.url);
        if (shown.find(plain) != std::string_view::npos || urls_.size() >= kMaxUrls) return;
        if (std::find(urls_.begin(), urls_.end(), level.url) != urls_.end()) return;
        urls_.push_back(level.url);
        if (!has_visible_text(shown)) {   // a picture or nothing: the address would say little
            if (out_.empty() || shown.empty()) return;
        }
        space_ = true;
        put("<" + std::string(level.url.starts_with("mailto:") || level.url.starts_with("tel:") ? plain : std::string_view(level.url)) + ">");
    }

    bool inside(Shape shape) const {
        return std::any_of(levels_.rbegin(), levels_.rend(), [&](const Level& l) { return l.known && l.shape == shape; });
    }
    Level* nearest_list() {
        for (std::size_t i = levels_.size(); i-- > 0;)
            if (levels_[i].known && (levels_[i].shape == Shape::list || levels_[i].shape == Shape::numbered_list)) return &levels_[i];
        return nullptr;
    }

    void put(std::string_view text) {
        if (at_line_start_) {
            if (gap_ && !out_.empty()) {
                for (std::size_t i = 0; i < std::min({indents_.size(), last_indents_, kMaxIndents}); ++i)
                    if (indents_[i].front() == '>') out_ += '>';
                out_.push_back('\n');
            }
            gap_ = false;
            for (std::size_t i = 0; i < std::min(indents_.size(), kMaxIndents); ++i) out_ += indents_[i];
            last_indents_ = indents_.size();
            at_line_start_ = false;
            space_ = false;
        }
        if (space_) out_.push_back(' ');
        space_ = false;
        out_ += text;
    }
    void put_space() { space_ = space_ || !at_line_start_; }
    void end_line() {
        if (at_line_start_ && !out_.empty()) gap_ = true;
        if (!at_line_start_) out_.push_back('\n');
        at_line_start_ = true;
        space_ = false;
    }
    void begin_line() {
        if (!at_line_start_) end_line();
    }
    void begin_paragraph() {
        begin_line();
        gap_ = true;
    }

    std::string out_;
    std::vector<Level> levels_;
    std::vector<std::string> indents_;
    std::vector<std::string> urls_;
    std::size_t last_indents_ = 0;   // of the last line that was begun
    std::size_t hidden_ = 0;
    std::size_t preformatted_ = 0;
    bool at_line_start_ = true;
    bool space_ = false;   // white space is due before the next text
    bool gap_ = false;     // an empty line is due before the next text
};

struct Page {
    Writer writer;
    htmlParserCtxtPtr context = nullptr;
    bool too_deep = false;
};

void on_start(void* user, const xmlChar* name, const xmlChar** attributes) {
    auto* page = static_cast<Page*>(user);
    if (page->writer.depth() >= kMaxDepth) {
        page->too_deep = true;
        xmlStopParser(page->context);
        return;
    }
    page->writer.start(view(name), attributes);
}
void on_end(void* user, const xmlChar*) { static_cast<Page*>(user)->writer.end(); }
void on_text(void* user, const xmlChar* text, int size) {
    static_cast<Page*>(user)->writer.text({reinterpret_cast<const char*>(text), static_cast<std::size_t>(size)});
}

/// The page without "<![if …]>" and "<![endif]>", which Outlook writes around bullets and fonts and libxml2 shows as text.
/// Source: HTML Living Standard §13.2.5.42: other readers take them for comments up to the next >.
std::string without_conditions(std::string_view html) {
    std::string out;
    out.reserve(html.size());
    for (;;) {
        const std::size_t at = html.find("<!");
        if (at == std::string_view::npos) return out.append(html);
        std::size_t end = at + 2;
        const bool condition = html.substr(end).starts_with('[');
        if (condition || html.substr(end).starts_with("--")) {
            const std::string_view mark = condition ? ">" : "-->";
            end = html.find(mark, end);
            if (end == std::string_view::npos) return out.append(html);
            end += mark.size();
        }
        out.append(html.substr(0, condition ? at : end));
        html.remove_prefix(end);
    }
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// Where the value of the next src attribute starts, behind its quotation mark.
std::size_t find_source(std::string_view html, std::size_t from) {
    for (std::size_t at = html.find('=', from); at != std::string_view::npos; at = html.find('=', at + 1)) {
        if (at < 4 || !same_name(html.substr(at - 3, 3), "src") || !is_blank(html[at - 4])) continue;
        const bool marked = at + 1 < html.size() && (html[at + 1] == '"' || html[at + 1] == '\'');
        return at + (marked ? 2 : 1);
    }
    return std::string_view::npos;
}

}   // namespace

HtmlText html_to_text(std::string_view html) {
    HtmlText out;
    [[maybe_unused]] static const bool initialised = (xmlInitParser(), true);   // once, before threads share it
    out.cut_short = html.size() > kMaxHtmlBytes;
    const std::string page_text = without_conditions(html.substr(0, kMaxHtmlBytes));
    html = page_text;
    Context context(htmlCreateMemoryParserCtxt(html.empty() ? " " : html.data(), static_cast<int>(std::max<std::size_t>(html.size(), 1))));
    if (!context) return out;
    htmlCtxtUseOptions(context.get(), HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET | HTML_PARSE_IGNORE_ENC);
    xmlSwitchEncoding(context.get(), XML_CHAR_ENCODING_UTF8);

    htmlSAXHandler handler{};
    handler.startElement = on_start;
    handler.endElement = on_end;
    handler.characters = on_text;
    handler.ignorableWhitespace = on_text;
    Page page;
    page.context = context.get();
    htmlSAXHandlerPtr theirs = context->sax;
    context->sax = &handler;
    context->userData = &page;
    htmlParseDocument(context.get());
    context->sax = theirs;
    out.cut_short = out.cut_short || page.too_deep;
    out.text = page.writer.finish();
    return out;
}

std::string_view html_charset(std::string_view html) {
    std::string_view head = html.substr(0, kCharsetSearchBytes);
    constexpr std::string_view kKey = "charset=";
    for (std::size_t at = 0; at + kKey.size() < head.size(); ++at) {
        if (!same_name(head.substr(at, kKey.size()), kKey)) continue;
        std::string_view value = head.substr(at + kKey.size());
        if (value.starts_with('"') || value.starts_with('\'')) value.remove_prefix(1);
        return value.substr(0, value.find_first_of("\"' ;/>\t\r\n"));
    }
    return {};
}

std::vector<std::string> html_references(std::string_view html) {
    std::vector<std::string> out;
    // Whichever comes first: "cid:" wherever it stands, or the value of src.
    std::size_t cid = html.find("cid:"), source = find_source(html, 0);
    while (out.size() < kMaxReferences && (cid != std::string_view::npos || source != std::string_view::npos)) {
        const bool is_cid = cid <= source;
        const std::size_t at = is_cid ? cid + 4 : source;
        const std::size_t end = std::min(html.find_first_of("\"'<> )\t\r\n", at), html.size());
        std::string_view written = html.substr(at, end - at);
        if (is_cid) cid = html.find("cid:", at);
        else source = find_source(html, at);
        if (written.size() > kMaxUrlBytes || (!is_cid && (written.starts_with("cid:") || written.starts_with("data:")))) continue;
        std::string name;
        for (std::size_t i = 0; i < written.size(); ++i) {
            int high = -1, low = -1;
            if (is_cid && written[i] == '%' && i + 2 < written.size()) high = hex_digit(written[i + 1]), low = hex_digit(written[i + 2]);
            name.push_back(high >= 0 && low >= 0 ? static_cast<char>(high << 4 | low) : written[i]);
            if (high >= 0 && low >= 0) i += 2;
        }
        if (!name.empty() && std::find(out.begin(), out.end(), name) == out.end()) out.push_back(std::move(name));
    }
    return out;
}

}   // namespace mmgate::mail
