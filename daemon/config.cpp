#include "daemon/config.h"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <sys/stat.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <set>

#include "daemon/config_checks.h"
#include "daemon/config_keys.h"
#include "daemon/config_values.h"
#include "daemon/nearest.h"
#include "daemon/secrets.h"

namespace mmgate {

namespace {

constexpr std::size_t kMostFileBytes = 4 * 1024 * 1024;
constexpr std::size_t kMostListItems = 10000;

/// Fit for a line, and cut where it is too long for one.
std::string plain(std::string_view text, std::size_t most) {
    const bool whole = text.size() <= most;
    while (!whole && most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) --most;   // on a character's boundary
    std::string out;
    for (char c : text.substr(0, most)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
    return out + (whole ? "" : "…");
}

/// A value as a message may show it.
std::string shown(std::string_view value) { return "\"" + plain(value, 80) + "\""; }

std::string_view type_of(const toml::node& node) {
    switch (node.type()) {
        case toml::node_type::table: return "a table";
        case toml::node_type::array: return "a list";
        case toml::node_type::string: return "a text";
        case toml::node_type::integer: return "a number";
        case toml::node_type::floating_point: return "a fraction";
        case toml::node_type::boolean: return "true or false";
        default: return "a date";
    }
}

class Reader;

/// Gives every member of `owner` that has no row `required` its default.
template <class Owner, std::size_t count>
void read_defaults(const std::array<KeySpec<Owner>, count>& keys, Owner& owner);
/// Reads a text as it would stand in a file into what the row names: of our own tables, so it must be right.
template <class Owner>
void read_own_text(const KeySpec<Owner>& spec, std::string_view text, Owner& owner);

class Reader {
public:
    explicit Reader(std::string_view file) : file_(file) {}

    void error(std::size_t line, std::string message) {
        std::string where = file_ + (line ? ":" + std::to_string(line) : std::string());
        errors_.push_back({where + ": " + std::move(message), line});
    }
    void key_error(std::size_t line, std::string_view key, std::string_view message) {
        std::string_view separator = message.starts_with('"') ? ": " : " ";
        wrong_.emplace(key);
        error(line, "key " + std::string(key) + std::string(separator) + std::string(message));
    }
    std::vector<ConfigError> errors() && {
        std::ranges::stable_sort(errors_, {}, &ConfigError::line);
        return std::move(errors_);
    }
    bool failed() const { return !errors_.empty(); }
    /// Of a key; where it does not stand in the file, of its section.
    std::size_t line_of(std::string_view key) const {
        for (;;) {
            if (auto it = lines_.find(key); it != lines_.end()) return it->second;
            std::size_t dot = key.rfind('.');
            if (dot == std::string_view::npos) return 0;
            key = key.substr(0, dot);
        }
    }
    bool is_wrong(std::string_view key) const { return wrong_.contains(key); }
    bool has(std::string_view key) const { return lines_.contains(key); }
    std::size_t count() const { return errors_.size(); }
    void remember(std::string_view key, std::size_t line) { lines_.emplace(key, line); }

    void read_root(const toml::table& root, Config& config) { read_section(root, "", config); }

    /// Reads one value into what the row names. `label` is the key as the operator knows it.
    template <class Owner>
    void read_value(const KeySpec<Owner>& spec, const std::string& label, const toml::node& node, Owner& owner) {
        std::visit([&](auto* target) { read(Context<Owner>{*this, spec, label}, node, *target); }, spec.target(owner));
    }

private:
    /// What the readers of single values need to know of their key.
    template <class Owner>
    struct Context {
        Reader& reader;
        const KeySpec<Owner>& spec;
        const std::string& label;

        void error(const toml::node& node, std::string_view message) const { reader.key_error(node.source().begin.line, label, message); }
        void bad_value(const toml::node& node, std::string_view value, const Error& why) const { error(node, shown(value) + " " + why.rule); }
        void wrong_type(const toml::node& node, std::string_view wanted) const {
            error(node, "is " + std::string(type_of(node)) + ", but must be " + std::string(wanted));
        }
        bool within_bounds(const toml::node& node, std::uint64_t value, std::string (*text)(std::uint64_t)) const {
            if (value >= spec.bounds.least && value <= spec.bounds.most) return true;
            error(node, "must be from " + text(spec.bounds.least) + " to " + text(spec.bounds.most) + ", not " + text(value));
            return false;
        }
        const std::string* text(const toml::node& node, std::string_view wanted = "a text in quotes") const {
            if (const auto* value = node.as_string()) return &value->get();
            wrong_type(node, wanted);
            return nullptr;
        }
    };

    static std::string count_text(std::uint64_t value) { return std::to_string(value); }
    static std::string seconds_text(std::uint64_t value) { return duration_text(Seconds(static_cast<Seconds::rep>(value))); }

    static void read(const auto& context, const toml::node& node, std::string& target) {
        const std::string* text = context.text(node);
        if (!text) return;
        if (text->empty() && !context.spec.required) {
            target.clear();
            return;
        }
        auto value = shaped(context.spec.shape, *text);
        const bool anything = context.spec.shape == Shape::any || context.spec.shape == Shape::secret;
        if (!value) return anything ? context.error(node, value.error().rule) : context.bad_value(node, *text, value.error());
        auto meant = looked_up(context.spec.shape, std::move(*value));
        if (!meant) return context.error(node, meant.error().rule);
        target = std::move(*meant);
    }
    static void read(const auto& context, const toml::node& node, std::uint64_t& target) {
        std::uint64_t octets = 0;
        if (const auto* number = node.as_integer()) {
            if (number->get() < 0) return context.error(node, "must not be negative");
            octets = static_cast<std::uint64_t>(number->get());
        } else {
            const std::string* text = context.text(node, "a number of octets, or a text such as \"5M\"");
            if (!text) return;
            auto size = parse_size(*text);
            if (!size) return context.bad_value(node, *text, size.error());
            octets = *size;
        }
        if (context.within_bounds(node, octets, size_text)) target = octets;
    }
    template <class Owner>
    static void read_count(const Context<Owner>& context, const toml::node& node, auto& target) {
        const auto* number = node.as_integer();
        if (!number) return context.wrong_type(node, "a number without quotes");
        if (number->get() < 0) return context.error(node, "must not be negative");
        auto value = static_cast<std::uint64_t>(number->get());
        if (context.within_bounds(node, value, count_text)) target = static_cast<std::remove_reference_t<decltype(target)>>(value);
    }
    static void read(const auto& context, const toml::node& node, std::uint32_t& target) { read_count(context, node, target); }
    static void read(const auto& context, const toml::node& node, std::uint16_t& target) { read_count(context, node, target); }
    static void read(const auto& context, const toml::node& node, bool& target) {
        const auto* value = node.as_boolean();
        if (!value) return context.wrong_type(node, "true or false, without quotes");
        target = value->get();
    }
    static void read(const auto& context, const toml::node& node, Seconds& target) {
        const std::string* text = context.text(node, "a time with its unit in quotes, such as \"90s\" or \"5m\"");
        if (!text) return;
        auto value = parse_duration(*text);
        if (!value) return context.bad_value(node, *text, value.error());
        if (context.within_bounds(node, static_cast<std::uint64_t>(value->count()), seconds_text)) target = *value;
    }
    static void read(const auto& context, const toml::node& node, Network& target) {
        const std::string* text = context.text(node);
        if (!text) return;
        auto value = parse_network(*text);
        if (!value) return context.bad_value(node, *text, value.error());
        target = *value;
    }
    static void read_endpoint(const auto& context, const toml::node& node, HostNames names, Endpoint& target) {
        const std::string* text = context.text(node);
        if (!text) return;
        auto value = parse_endpoint(*text, names);
        if (!value) return context.bad_value(node, *text, value.error());
        target = std::move(*value);
    }
    static void read(const auto& context, const toml::node& node, Endpoint& target) { read_endpoint(context, node, HostNames::refused, target); }
    static void read(const auto& context, const toml::node& node, NextHop& target) {
        read_endpoint(context, node, HostNames::allowed, target);
        if (!target.host.empty() && target.port == 0) context.error(node, "needs a port from 1 to 65535 to connect to");
    }
    static void read(const auto& context, const toml::node& node, std::optional<Endpoint>& target) {
        if (const auto* text = node.as_string(); text && text->get().empty()) return target.reset();
        Endpoint endpoint;
        read_endpoint(context, node, HostNames::allowed, endpoint);
        if (endpoint.host.empty()) return;
        if (endpoint.port == 0) return context.error(node, "needs a port from 1 to 65535 to connect to");
        target = std::move(endpoint);
    }
    /// A list of one may be written without brackets.
    template <class Element>
    static void read(const auto& context, const toml::node& node, std::vector<Element>& target) {
        std::size_t errors_before = context.reader.count();
        std::vector<Element> values;
        auto take = [&](const toml::node& item) {
            if (item.is_array() || item.is_table()) return context.wrong_type(item, "a single value of the list");
            Element value{};
            read(context, item, value);
            values.push_back(std::move(value));
        };
        if (const auto* list = node.as_array()) {
            if (list->size() > kMostListItems) return context.error(node, "must be a shorter list: at most 10000 values");
            for (const toml::node& item : *list) take(item);
        } else {
            take(node);
        }
        if (context.reader.count() == errors_before) target = std::move(values);
    }
    template <class Enumeration>
    requires std::is_enum_v<Enumeration>
    static void read(const auto& context, const toml::node& node, Enumeration& target) {
        const std::string* text = context.text(node);
        if (!text) return;
        std::string words;
        for (const auto& word : words_of(Enumeration{})) {
            if (word.text == *text) {
                target = word.value;
                return;
            }
            words += (words.empty() ? "" : ", ") + std::string(word.text);
        }
        context.error(node, shown(*text) + " is not one of: " + words);
    }

    void read_section(const toml::table& table, const std::string& prefix, Config& config) {
        for (const auto& [key, node] : table) {
            std::string name = prefix + std::string(key.str());
            std::size_t line = key.source().begin.line;
            if (auto spec = std::ranges::find(kConfigKeys, name, &KeySpec<Config>::name); spec != kConfigKeys.end()) {
                remember(name, line);
                read_value(*spec, name, node, config);
            } else if (read_array_of_tables(name, node, config)) {
                continue;
            } else if (!is_section(name)) {
                unknown(line, name);
            } else if (const auto* section = node.as_table()) {
                remember(name, line);
                read_section(*section, name + ".", config);
            } else {
                key_error(line, name, "is " + std::string(type_of(node)) + ", but must be a table: [" + name + "]");
            }
        }
    }

    static bool is_section(std::string_view name) {
        auto within = [&](std::string_view key) { return key.size() > name.size() && key.starts_with(name) && key[name.size()] == '.'; };
        bool found = std::ranges::any_of(kConfigKeys, within, &KeySpec<Config>::name);
        for_each_table([&](const auto& table) { found = found || within(table.name); });
        return found;
    }

    bool read_array_of_tables(const std::string& name, const toml::node& node, Config& config) {
        bool found = false;
        for_each_table([&](const auto& spec) {
            if (spec.name != name) return;
            found = true;
            const auto* list = node.as_array();
            if (!list || !std::ranges::all_of(*list, [](const toml::node& item) { return item.is_table(); }))
                return key_error(node.source().begin.line, name, "must be an array of tables: [[" + name + "]]");
            if (list->size() > kMostListItems) return key_error(node.source().begin.line, name, "must be a shorter list: at most 10000 tables");
            for (const toml::node& item : *list) {
                remember(name + "." + std::to_string((config.*spec.member).size()), item.source().begin.line);
                (config.*spec.member).push_back(read_element(spec, *item.as_table()));
            }
        });
        return found;
    }

    template <class Element, std::size_t count>
    Element read_element(const TableSpec<Element, count>& spec, const toml::table& table) {
        Element element;
        read_defaults(*spec.keys, element);
        if constexpr (std::is_same_v<Element, Peer>) read_preset(table, element);
        std::string prefix = std::string(spec.name) + ".";
        for (const auto& [key, node] : table) {
            auto row = std::ranges::find(*spec.keys, key.str(), &KeySpec<Element>::name);
            if (row == spec.keys->end())
                unknown(key.source().begin.line, prefix + std::string(key.str()));
            else
                read_value(*row, prefix + std::string(row->name), node, element);
        }
        for (const KeySpec<Element>& row : *spec.keys)
            if (row.required && !table.contains(row.name))
                key_error(table.source().begin.line, prefix + std::string(row.name), "is missing in this [[" + std::string(spec.name) + "]]");
        return element;
    }

    /// What a known kind of relay has for defaults.
    void read_preset(const toml::table& table, Peer& peer) {
        const toml::node* node = table.get("preset");
        const auto* name = node ? node->as_string() : nullptr;
        if (!name || name->get().empty()) return;   // of the wrong type: its own row says so
        const auto* preset = std::ranges::find(kPresets, name->get(), &PresetSpec::name);
        if (preset == std::end(kPresets)) {
            std::string names;
            for (const PresetSpec& one : kPresets) names += (names.empty() ? "" : ", ") + std::string(one.name);
            return key_error(node->source().begin.line, "peer.preset", shown(name->get()) + " is not one of: " + names);
        }
        for (const PresetValue& value : preset->values) read_own_text(*std::ranges::find(kPeerKeys, value.key, &KeySpec<Peer>::name), value.text, peer);
    }

    void unknown(std::size_t line, std::string_view name) {
        std::vector<std::string> owned;
        for_each_table([&](const auto& table) {
            owned.emplace_back(table.name);
            for (const auto& row : *table.keys) owned.push_back(std::string(table.name) + "." + std::string(row.name));
        });
        std::vector<std::string_view> known(owned.begin(), owned.end());
        for (const KeySpec<Config>& row : kConfigKeys) {
            known.push_back(row.name);
            for (std::size_t dot = row.name.find('.'); dot != std::string_view::npos; dot = row.name.find('.', dot + 1)) known.push_back(row.name.substr(0, dot));
        }
        std::optional<std::string_view> best;   // the right word in another section, sections before tables
        for (std::string_view candidate : known)
            if (candidate.substr(candidate.rfind('.') + 1) == name.substr(name.rfind('.') + 1)) best = candidate;
        if (!best) best = nearest(name, known);
        key_error(line, shown_key(name), "is not known" + (best ? "; did you mean " + std::string(*best) + "?" : "; mmgate.toml(5) lists all keys"));
    }
    static std::string shown_key(std::string_view name) {
        std::string text = shown(name);
        return text.substr(1, text.size() - 2);
    }

    std::string file_;
    std::vector<ConfigError> errors_;
    std::map<std::string, std::size_t, std::less<>> lines_;
    std::set<std::string, std::less<>> wrong_;   // keys
};

/// A text of our tables as it would stand in the file.
template <class Owner>
std::string written_value(const KeySpec<Owner>& spec, std::string_view text) {
    Owner owner{};
    bool bare = std::visit(
        [](auto* target) {
            using T = std::remove_pointer_t<decltype(target)>;
            return std::is_same_v<T, bool> || std::is_same_v<T, std::uint32_t> || std::is_same_v<T, std::uint16_t>;
        },
        spec.target(owner));
    if (bare || text.starts_with('[')) return std::string(text);
    return "\"" + std::string(text) + "\"";
}

template <class Owner>
void read_own_text(const KeySpec<Owner>& spec, std::string_view text, Owner& owner) {
    toml::parse_result parsed = toml::parse("value = " + written_value(spec, text));
    assert(parsed);
    Reader reader("default");
    reader.read_value(spec, std::string(spec.name), *parsed.table().get("value"), owner);
    assert(!reader.failed());
}

template <class Owner, std::size_t count>
void read_defaults(const std::array<KeySpec<Owner>, count>& keys, Owner& owner) {
    for (const KeySpec<Owner>& spec : keys)
        if (!spec.required) read_own_text(spec, spec.default_text, owner);
}

template <class Owner>
bool same_value(const KeySpec<Owner>& spec, const Config& from, const Config& to) {
    Config a = from, b = to;
    return std::visit(
        [&](auto* left) {
            KeyTarget right = spec.target(b);
            return *left == **std::get_if<decltype(left)>(&right);
        },
        spec.target(a));
}

}   // namespace

std::vector<std::string_view> changed_keys(const Config& from, const Config& to, Reload reload) {
    std::vector<std::string_view> out;
    for (const KeySpec<Config>& spec : kConfigKeys)
        if (spec.reload == reload && !same_value(spec, from, to)) out.push_back(spec.name);
    for_each_table([&](const auto& table) {
        if (table.keys->front().reload == reload && !(from.*table.member == to.*table.member)) out.push_back(table.name);
    });
    return out;
}

void keep_until_restart(const Config& running, Config& next) {
    Config from = running;
    for (const KeySpec<Config>& spec : kConfigKeys) {
        if (spec.reload != Reload::restart) continue;
        std::visit(
            [&](auto* to) {
                KeyTarget value = spec.target(from);
                *to = std::move(**std::get_if<decltype(to)>(&value));
            },
            spec.target(next));
    }
    for_each_table([&](const auto& table) {
        if (table.keys->front().reload == Reload::restart) next.*table.member = running.*table.member;
    });
}

tl::expected<Config, std::vector<ConfigError>> parse_config(std::string_view text, std::string_view name) {
    Reader reader(name);
    if (text.size() > kMostFileBytes) {
        reader.error(0, "the file is larger than 4M");
        return tl::unexpected(std::move(reader).errors());
    }
    toml::parse_result parsed = toml::parse(text, name);
    if (!parsed) {
        reader.error(parsed.error().source().begin.line, "not TOML: " + plain(parsed.error().description(), 300));
        return tl::unexpected(std::move(reader).errors());
    }
    Config config;
    read_defaults(kConfigKeys, config);
    reader.read_root(parsed.table(), config);
    for (const KeySpec<Config>& spec : kConfigKeys)
        if (spec.required && !reader.has(spec.name)) reader.key_error(reader.line_of(spec.name), spec.name, "is missing; it has no default");
    check_config(config, [&](std::string_view key, std::string_view message) {
        // A value that could not be read is not there; to say so as well would lead astray.
        if (!reader.is_wrong(key)) reader.key_error(reader.line_of(key), key, message);
    });
    if (reader.failed()) return tl::unexpected(std::move(reader).errors());
    if (config.hostname.empty()) config.hostname = config.domain;
    return config;
}

tl::expected<Config, std::vector<ConfigError>> read_config(const std::string& path) {
    const auto unreadable = [&](int error) { return tl::unexpected(std::vector{ConfigError{path + ": cannot be read: " + std::strerror(error) + "; name a readable file with -c", 0}}); };
    std::ifstream file(path, std::ios::binary);
    if (!file) return unreadable(errno);
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return unreadable(EISDIR);   // it opens, and seems to be empty
    std::string text(kMostFileBytes + 1, '\0');                                                     // what is longer is refused: no more of it is read
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (file.bad()) return unreadable(errno);
    text.resize(static_cast<std::size_t>(file.gcount()));
    return parse_config(text, path);
}

}   // namespace mmgate
