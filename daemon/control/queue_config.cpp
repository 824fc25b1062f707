#include <algorithm>
#include <array>
#include <iostream>
#include <optional>

#include <nlohmann/json.hpp>

#include "daemon/config_keys.h"
#include "daemon/config_values.h"
#include "daemon/control/queue_commands.h"

namespace mmgate::control {

namespace {

/// The configuration, or what is wrong with it on standard error.
std::optional<Config> read(const std::string& path) {
    auto config = read_config(path);
    if (config) return *config;
    for (const ConfigError& error : config.error()) std::cerr << harmless(error.message, Text::line) << "\n";
    return std::nullopt;
}

template <class T>
std::string one_text(const T& value) {
    if constexpr (std::is_same_v<T, std::string>) return nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    else if constexpr (std::is_same_v<T, bool>) return value ? "true" : "false";
    else if constexpr (std::is_same_v<T, Seconds>) return "\"" + std::to_string(value.count()) + "s\"";
    else if constexpr (std::is_integral_v<T>) return std::to_string(value);
    else return {};
}

/// A value as TOML; nothing for the kinds that the file writes in more than one way.
std::string value_text(const KeyTarget& target) {
    return std::visit(
        []<class T>(const T* value) -> std::string {
            if constexpr (std::is_same_v<T, std::vector<std::string>> || std::is_same_v<T, std::vector<Seconds>>) {
                std::string out;
                for (const auto& one : *value) out += (out.empty() ? "" : ", ") + one_text(one);
                return "[" + out + "]";
            } else if constexpr (std::is_enum_v<T>) {
                for (const auto& word : words_of(*value))
                    if (word.value == *value) return "\"" + std::string(word.text) + "\"";
                return {};
            } else {
                return one_text(*value);
            }
        },
        target);
}

/// Whatever may hold one: passwords, tokens, and URLs with them inside.
bool is_secret(std::string_view name) {
    constexpr std::string_view kWords[] = {"password", "secret", "token"};
    return std::ranges::any_of(kWords, [&](std::string_view word) { return name.find(word) != std::string_view::npos; });
}

constexpr std::array kReloads{std::pair{Reload::live, "at a reload"}, std::pair{Reload::listeners, "at a reload, with new listeners"}, std::pair{Reload::restart, "at a restart"}};

/// Names only: a changed secret is told, never shown.
int differences(const Options& options, const std::string& path) {
    auto now = read(options.config_file), then = read(path);
    if (!now || !then) return static_cast<int>(Exit::configuration);
    std::size_t count = 0;
    for (const auto& [reload, text] : kReloads)
        for (std::string_view key : changed_keys(*now, *then, reload)) {
            if (options.json) std::cout << nlohmann::ordered_json{{"key", key}, {"takes_effect", text}}.dump() << "\n";
            else std::cout << key << ": differs; takes effect " << text << "\n";
            ++count;
        }
    return count ? 0 : fail_with(Exit::nothing_matched, "no key differs");
}

int show(const Options& options) {
    auto config = read(options.config_file);
    if (!config) return static_cast<int>(Exit::configuration);
    auto standard = parse_config("[gateway]\ndomain = \"" + config->domain + "\"\n", "defaults");
    if (!standard) return fail_with(Exit::our_bug, "the defaults are wrong");
    std::vector<std::string_view> set;
    for (const auto& [reload, text] : kReloads)
        for (std::string_view key : changed_keys(*standard, *config, reload)) set.push_back(key);
    for (const auto& spec : kConfigKeys) {
        const bool differs = std::ranges::find(set, spec.name) != set.end() || spec.required;
        std::string value = value_text(spec.target(*config));
        if (is_secret(spec.name) && !value.empty() && value != "\"\"") value = "\"(set)\"";
        if (options.json) std::cout << nlohmann::ordered_json{{"key", spec.name}, {"value", value}, {"default", !differs}}.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
        else std::cout << spec.name << " = " << harmless(value, Text::line) << (differs ? "" : "   # default") << "\n";
    }
    return 0;
}

}   // namespace

int config_command(const Options& options, const Operands& operands) {
    const std::string what = operands.empty() ? "" : operands.front();
    if (what == "show" && operands.size() == 1) return show(options);
    if (what == "diff" && operands.size() == 2) return differences(options, operands[1]);
    if (what == "check" && operands.size() <= 2) {
        const std::string path = operands.size() == 2 ? operands[1] : options.config_file;
        if (!read(path)) return static_cast<int>(Exit::configuration);
        if (!options.json) std::cout << path << ": the configuration is good\n";
        return 0;
    }
    return misused("config takes show, check [FILE], or diff FILE");
}

}   // namespace mmgate::control
