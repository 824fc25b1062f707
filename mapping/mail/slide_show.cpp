#include "mapping/mail/slide_show.h"

#include <algorithm>
#include <cassert>

#include "mapping/limits.h"
#include "mapping/mail/file_names.h"
#include "mapping/mail/plain_text.h"

namespace mmgate::mail {
namespace {

constexpr std::size_t kSlideCharacters = 1000;
constexpr std::size_t kCharactersPerSecond = 20;
constexpr std::size_t kShortestSeconds = 5;
constexpr std::size_t kLongestSeconds = 20;
constexpr std::string_view kPresentationId = "smil";

std::chrono::seconds reading_time(std::string_view text) {
    return std::chrono::seconds(std::clamp(count_characters(text) / kCharactersPerSecond, kShortestSeconds, kLongestSeconds));
}

class Show {
public:
    explicit Show(std::size_t slide_characters) : slide_characters_(slide_characters) { content_.parts.emplace_back(); }

    void add_text(std::string text) {
        if (!text_.empty() && !text.empty()) text_ += "\n\n";
        text_ += text;
    }

    void add_medium(MediaKind kind, Part part) {
        std::vector<std::string> texts = take_texts();
        std::string last = texts.empty() ? std::string() : std::move(texts.back());
        if (!texts.empty()) texts.pop_back();
        for (std::string& text : texts) add_slide(std::move(text), MediaKind::none);
        Slide& slide = add_slide(std::move(last), kind);
        slide.media_name = keep(std::move(part));
    }

    void add_attachment(Part part) { attachments_.push_back(std::move(part)); }

    Content finish() {
        for (std::string& text : take_texts()) add_slide(std::move(text), MediaKind::none);
        for (Part& part : attachments_) keep(std::move(part));
        Part& presentation = content_.parts.front();
        presentation.media = {"application/smil", {{"charset", "utf-8"}}};
        presentation.content_id = kPresentationId;
        presentation.content_location = names_.take("smil.xml");
        presentation.data = write_smil(slides_);
        content_.media = {"multipart/related", {{"start", "<" + std::string(kPresentationId) + ">"}, {"type", "application/smil"}}};
        return std::move(content_);
    }

private:
    std::vector<std::string> take_texts() {
        std::vector<std::string> out = split_text(text_, slide_characters_);
        text_.clear();
        return out;
    }

    Slide& add_slide(std::string text, MediaKind kind) {
        Slide slide{{}, kind, {}, reading_time(text)};
        if (kind == MediaKind::sound || kind == MediaKind::video) slide.duration.reset();
        if (!text.empty()) {
            Part part;
            part.media = {"text/plain", {{"charset", "utf-8"}}};
            part.data = with_crlf(text);
            part.content_location = part.content_id = names_.take("text_" + std::to_string(++texts_) + ".txt");
            slide.text_name = part.content_location;
            content_.parts.push_back(std::move(part));
        }
        return slides_.emplace_back(std::move(slide));
    }

    /// Names the part and puts it into the content; its name in the presentation.
    std::string keep(Part part) {
        std::string stem = part.media.type.substr(0, part.media.type.find('/')) + "_" + std::to_string(++media_);
        if (!part.file_name.empty()) part.file_name = safe_file_name(part.file_name, part.media.type, stem);
        std::string wanted = part.file_name.empty() ? safe_file_name({}, part.media.type, stem) : part.file_name;
        std::string name = names_.take(ascii_file_name(wanted, stem));
        part.content_location = part.content_id = name;
        content_.parts.push_back(std::move(part));
        return name;
    }

    std::size_t slide_characters_;
    std::size_t texts_ = 0;
    std::size_t media_ = 0;
    std::string text_;                // waits for the medium it stands before
    std::vector<Part> attachments_;   // behind all that is shown
    UniqueNames names_;
    std::vector<Slide> slides_;
    Content content_;   // parts begin with the presentation's place
};

}   // namespace

Content make_slide_show(std::vector<Piece> pieces) {
    assert(!pieces.empty());
    std::size_t characters = 0;
    for (const Piece& piece : pieces) characters += piece.text.size();
    // Cutting at a paragraph may leave a slide half empty, hence the factor.
    Show show(std::max(kSlideCharacters, characters * 2 / kLimits.mail_text_slides));
    for (Piece& piece : pieces) {
        if (piece.is_text())
            show.add_text(std::move(piece.text));
        else if (piece.kind == MediaKind::none)
            show.add_attachment(std::move(piece.part));
        else
            show.add_medium(piece.kind, std::move(piece.part));
    }
    return show.finish();
}

}   // namespace mmgate::mail
