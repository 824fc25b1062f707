#include "mapping/mm4/words.h"

#include <algorithm>
#include <span>

#include "mapping/charset.h"
#include "mapping/limits.h"
#include "mapping/mail/header_scan.h"
#include "mapping/mm1/fields.h"

namespace mmgate::mm4 {

namespace {

using mail::same_name;

constexpr std::uint8_t kFirstWord = 0x80;   // the octet of an MM1 enumeration's first word
constexpr std::string_view kError = "Error-", kTransient = "Error-transient-", kPermanent = "Error-permanent-";

bool starts_with(std::string_view text, std::string_view prefix) { return same_name(text.substr(0, prefix.size()), prefix); }

bool is_one_of(const Aliases& aliases, std::string_view word) {
    return std::ranges::any_of(aliases, [&](std::string_view alias) { return !alias.empty() && same_name(alias, word); });
}

const RequestStatusSpec* status_spec_of(std::string_view written) {
    for (const RequestStatusSpec& row : kRequestStatuses)
        if (same_name(row.name(), written) || is_one_of(row.aliases, written)) return &row;
    return nullptr;
}

std::optional<std::uint8_t> octet_of(std::span<const mm1::EnumSpec> words, std::string_view written) {
    for (const mm1::EnumSpec& word : words)
        if (same_name(word.name, written)) return word.octet;
    return std::nullopt;
}
std::string_view word_of(std::span<const mm1::EnumSpec> words, std::size_t octet) {
    for (const mm1::EnumSpec& word : words)
        if (word.octet == octet) return word.name;
    return {};
}

std::string bare_letters(std::string_view text) {
    std::string out(text);
    std::erase_if(out, [](char c) { return c == ' ' || c == '-' || c == '\t' || c == '_'; });
    return out;
}

}   // namespace

std::optional<MessageType> type_of_name(std::string_view written) {
    for (const TypeSpec& row : kTypes)
        if (same_name(row.name, written)) return row.type;
    return std::nullopt;
}

std::optional<Fault> fault_of_status(std::string_view written) {
    if (const RequestStatusSpec* row = status_spec_of(written)) return row->fault;
    if (starts_with(written, kTransient)) return Fault::peer_deferred;
    if (starts_with(written, kPermanent)) {
        const RequestStatusSpec* row = status_spec_of(std::string(kError).append(written.substr(kPermanent.size())));
        if (row && row->fault && !is_temporary(*row->fault)) return row->fault;
    }
    return Fault::peer_refused;
}

std::string canonical_request_status(std::string_view written) {
    const RequestStatusSpec* row = status_spec_of(written);
    return row ? std::string(row->name()) : header_text(written, kLimits.status_text_bytes);
}

DeliveryStatus delivery_status_of(std::string_view written) {
    for (const MmStatusSpec& row : kMmStatuses)
        if (same_name(row.name, written) || is_one_of(row.aliases, written)) return row.status;
    return DeliveryStatus::indeterminate;
}

std::string canonical_status_extension(std::string_view written) {
    for (const StatusExtensionSpec& row : kStatusExtensions)
        if (same_name(row.name, written) || is_one_of(row.aliases, written)) return std::string(row.name);
    return header_text(written, kLimits.status_text_bytes);
}

std::optional<ReadStatus> read_status_of(std::string_view written) {
    for (const ReadStatusSpec& row : kReadStatuses)
        if (same_name(bare_letters(row.name), bare_letters(written))) return row.status;
    return std::nullopt;
}

std::optional<MessageClass> message_class_of(std::string_view written) {
    auto octet = octet_of(mm1::kMessageClasses, written);
    return octet ? std::optional(static_cast<MessageClass>(*octet - kFirstWord)) : std::nullopt;
}
std::string_view name_of(MessageClass message_class) { return word_of(mm1::kMessageClasses, kFirstWord + static_cast<std::size_t>(message_class)); }

std::optional<Priority> priority_of(std::string_view written) {
    auto octet = octet_of(mm1::kPriorities, written);
    return octet ? std::optional(static_cast<Priority>(*octet - kFirstWord)) : std::nullopt;
}
std::string_view name_of(Priority priority) { return word_of(mm1::kPriorities, kFirstWord + static_cast<std::size_t>(priority)); }

std::optional<std::uint8_t> content_class_of(std::string_view written) { return octet_of(mm1::kContentClasses, written); }
std::string_view content_class_name(std::uint8_t octet) { return word_of(mm1::kContentClasses, octet); }

}   // namespace mmgate::mm4
