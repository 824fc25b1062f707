// The presentation of an MM: the slides we write, and what is read from the slides of others.
//
// Pure; pugixml reads, and is named in smil.cpp only. Nothing that a presentation refers to is ever fetched.
// Source: OMA-TS-MMS_CONF §5.1 (the elements MMS terminals know), SMIL 2.0 basic.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "mapping/result.h"

namespace mmgate::mail {

enum class MediaKind : std::uint8_t { none,
                                      picture,
                                      sound,
                                      video };

/// One slide of ours: at most one text and one medium, by their Content-Location.
struct Slide {
    std::string text_name;
    MediaKind kind = MediaKind::none;
    std::string media_name;
    std::optional<std::chrono::seconds> duration;   // nothing: as long as its sound or video plays
};

/// A presentation with regions Image above Text.
std::string write_smil(const std::vector<Slide>& slides);

/// What the slides refer to, slide by slide in playing order, as their src attributes say (references decoded by `same_part`).
/// Nothing when it cannot be read as a presentation. Elements are known by local name; media outside a par are slides of their own.
std::optional<std::vector<std::vector<std::string>>> read_smil(Bytes smil);

/// Names by which a reference may find a part: as written, percent-decoded, and without "cid:" and < >.
std::vector<std::string> reference_names(std::string_view reference);

}   // namespace mmgate::mail
