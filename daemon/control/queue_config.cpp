#include <algorithm>
#include <array>
#include <iostream>
#include <optional>

#include <nlohmann/json.hpp>

#include "daemon/config_keys.h"
#include "daemon/config_text.h"
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

/// Keys of the file as it would write them; tables as such, after all else.
int show(const Options& options) {
    auto config = read(options.config_file);
    if (!config) return static_cast<int>(Exit::configuration);
    auto standard = parse_config("[gateway]\ndomain = \"" + config->domain + "\"\n", "defaults");
    if (!standard) return fail_with(Exit::our_bug, "the defaults are wrong");
    auto print = [&](const std::string& key, const std::string& value, bool differs) {
        if (options.json) std::cout << nlohmann::ordered_json{{"key", key}, {"value", value}, {"default", !differs}}.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
        else std::cout << key << " = " << harmless(value, Text::line) << (differs ? "" : "   # default") << "\n";
    };
    for (const auto& spec : kConfigKeys) {
        const bool differs = spec.required || value_text(spec.target(*config)) != value_text(spec.target(*standard));
        print(std::string(spec.name), shown_value(spec, *config), differs);
    }
    for_each_table([&](const auto& table) {
        std::size_t number = 0;
        for (auto& element : (*config).*(table.member)) {
            if (!options.json) std::cout << "\n[[" << table.name << "]]\n";
            const std::string head = options.json ? std::string(table.name) + "[" + std::to_string(number++) + "]." : "";
            for (const auto& spec : *table.keys) print(head + std::string(spec.name), shown_value(spec, element), true);
        }
    });
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
