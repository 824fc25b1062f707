#include "snmp/agent.h"

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>
#include <net-snmp/agent/agent_callbacks.h>
#include <net-snmp/agent/sysORTable.h>
#include <net-snmp/library/large_fd_set.h>

#include <algorithm>
#include <cassert>
#include <exception>
#include <optional>

#include "snmp/standard_mibs.h"

namespace mmgate::snmp {

namespace {

static_assert(sizeof(oid) == sizeof(unsigned long));

/// What Net-SNMP's callbacks work with: they carry no pointer of ours everywhere.
struct State {
    Agent::Answers answers;
    const Log& log;
    bool connected = false;
    std::vector<Setting> settings;   // of the set under way
    std::string last_words;          // of Net-SNMP, logged once
};
State* the_agent = nullptr;

/// Nothing of ours may throw through C.
template <class Body>
void guarded(Body&& body) noexcept {
    try {
        body();
    } catch (const std::exception& e) {
        if (the_agent) the_agent->log.error("escaped", {{"what", e.what()}});
    }
}

std::vector<oid> wire_of(const Oid& from) { return {from.begin(), from.end()}; }
Oid oid_of(const oid* first, std::size_t length) {
    Oid out;
    for (std::size_t i = 0; i < length; ++i) out.push_back(static_cast<std::uint32_t>(first[i]));
    return out;
}

u_char asn_of(Value::Type type) {
    switch (type) {
        case Value::Type::integer: return ASN_INTEGER;
        case Value::Type::counter32: return ASN_COUNTER;
        case Value::Type::gauge32: return ASN_GAUGE;
        case Value::Type::timeticks: return ASN_TIMETICKS;
        case Value::Type::counter64: return ASN_COUNTER64;
        case Value::Type::octets: return ASN_OCTET_STR;
        case Value::Type::oid: return ASN_OBJECT_ID;
    }
    return ASN_NULL;
}

/// The value's octets as Net-SNMP holds them.
template <class Use>
void with_octets(const Value& value, Use&& use) {
    const u_char type = asn_of(value.type);
    if (value.type == Value::Type::octets) return use(type, value.octets.data(), value.octets.size());
    if (value.type == Value::Type::oid) {
        const std::vector<oid> wire = wire_of(value.oid);
        return use(type, wire.data(), wire.size() * sizeof(oid));
    }
    if (value.type == Value::Type::counter64) {
        const struct ::counter64 wide { static_cast<u_long>(value.number >> 32), static_cast<u_long>(value.number & 0xFFFFFFFF) };
        return use(type, &wide, sizeof wide);
    }
    const long number = static_cast<long>(value.number);
    use(type, &number, sizeof number);
}

std::optional<Value> value_of(const netsnmp_variable_list& variable) {
    Value out;
    if (variable.type == ASN_INTEGER && *variable.val.integer >= 0) return integer(static_cast<std::uint64_t>(*variable.val.integer));
    if (variable.type != ASN_OCTET_STR) return std::nullopt;
    out.type = Value::Type::octets;
    out.octets.assign(reinterpret_cast<const char*>(variable.val.string), variable.val_len);
    return out;
}

void get(netsnmp_agent_request_info* info, netsnmp_request_info* request, const Oid& root) {
    const View& view = the_agent->answers.view();
    const Oid asked = oid_of(request->requestvb->name, request->requestvb->name_length);
    const bool next = info->mode == MODE_GETNEXT;
    auto found = next && !request->inclusive ? view.upper_bound(asked) : view.lower_bound(asked);
    // What is asked for may lie before our part of the tree.
    if (next && asked < root) found = view.lower_bound(root);
    const bool there = found != view.end() && (next ? starts_with(found->first, root) : found->first == asked);
    if (!there) {
        if (!next) netsnmp_set_request_error(info, request, SNMP_NOSUCHINSTANCE);
        return;
    }
    if (next) {
        const std::vector<oid> name = wire_of(found->first);
        snmp_set_var_objid(request->requestvb, name.data(), name.size());
    }
    with_octets(found->second, [&](u_char type, const void* octets, std::size_t length) { snmp_set_var_typed_value(request->requestvb, type, octets, length); });
}

void set(netsnmp_agent_request_info* info, netsnmp_request_info* requests) {
    State& state = *the_agent;
    switch (info->mode) {
        case MODE_SET_RESERVE1:
            state.settings.clear();
            for (netsnmp_request_info* request = requests; request; request = request->next) {
                auto value = value_of(*request->requestvb);
                Setting setting{oid_of(request->requestvb->name, request->requestvb->name_length), value.value_or(Value{})};
                const SetError error = value ? state.answers.test(setting) : SetError::wrong_type;
                if (error != SetError::none) return static_cast<void>(netsnmp_set_request_error(info, request, static_cast<int>(error)));
                state.settings.push_back(std::move(setting));
            }
            return;
        case MODE_SET_COMMIT: return state.answers.commit(std::exchange(state.settings, {}));
        case MODE_SET_FREE:
        case MODE_SET_UNDO: return state.settings.clear();
        default: return;
    }
}

int handle(netsnmp_mib_handler*, netsnmp_handler_registration* registration, netsnmp_agent_request_info* info, netsnmp_request_info* requests) {
    guarded([&] {
        if (info->mode != MODE_GET && info->mode != MODE_GETNEXT) return set(info, requests);
        const Oid root = oid_of(registration->rootoid, registration->rootoid_len);
        for (netsnmp_request_info* request = requests; request; request = request->next)
            if (!request->processed) get(info, request, root);
    });
    return SNMP_ERR_NOERROR;
}

enum class Access : std::uint8_t { read,
                                   write };
void add_subtree(const char* name, const Oid& root, Access access) {
    const std::vector<oid> wire = wire_of(root);
    auto* registration = netsnmp_create_handler_registration(name, handle, wire.data(), wire.size(), access == Access::write ? HANDLER_CAN_RWRITE : HANDLER_CAN_RONLY);
    [[maybe_unused]] const int done = netsnmp_register_handler(registration);
    assert(done == MIB_REGISTERED_OK);
}

void announce(const Oid& module, const char* text) {
    std::vector<oid> wire = wire_of(module);
    REGISTER_SYSOR_TABLE(wire.data(), wire.size(), text);
}

int on_log(int, int, void* message, void*) {
    guarded([&] {
        const auto* words = static_cast<const snmp_log_message*>(message);
        std::string text(words->msg);
        while (text.ends_with('\n')) text.pop_back();
        if (text == the_agent->last_words) return;
        the_agent->log.write(words->priority <= LOG_ERR ? Severity::error : words->priority == LOG_WARNING ? Severity::warning
                                                                                                           : Severity::info,
                             "net-snmp", {{"text", text}});
        the_agent->last_words = std::move(text);
    });
    return 0;
}

int on_session(int, int what, void*, void*) {
    guarded([&] {
        const bool connected = what == SNMPD_CALLBACK_INDEX_START;
        if (connected == the_agent->connected) return;
        the_agent->connected = connected;
        the_agent->last_words.clear();
        the_agent->log.notice(connected ? "master-reached" : "master-lost", {{"consequence", connected ? "registered" : "sought again every " + std::to_string(Agent::kPingSeconds) + " s"}});
        if (!connected) the_agent->answers.session_ended();
    });
    return 0;
}

}   // namespace

Agent::Agent(const std::string& socket, Answers answers, const Log& log) {
    assert(!the_agent);
    the_agent = new State{std::move(answers), log, false, {}, {}};
    snmp_disable_stderrlog();
    snmp_enable_calllog();
    snmp_register_callback(SNMP_CALLBACK_LIBRARY, SNMP_CALLBACK_LOGGING, on_log, nullptr);
    snmp_register_callback(SNMP_CALLBACK_APPLICATION, SNMPD_CALLBACK_INDEX_START, on_session, nullptr);
    snmp_register_callback(SNMP_CALLBACK_APPLICATION, SNMPD_CALLBACK_INDEX_STOP, on_session, nullptr);

    // Nothing is read from files or written to them: what the agent is, its arguments say.
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DISABLE_CONFIG_LOAD, 1);
    netsnmp_ds_set_string(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_MIBDIRS, "");
    setenv("MIBS", "", 1);
    netsnmp_ds_set_boolean(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_ROLE, 1);
    netsnmp_ds_set_string(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_X_SOCKET, socket.c_str());
    init_agent("mmgate-snmp");
    // Behind init_agent, which sets it anew.
    netsnmp_ds_set_int(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_AGENTX_PING_INTERVAL, kPingSeconds);

    for (Group group : kGroups) add_subtree("mmgate", mib_group(group), group == Group::control ? Access::write : Access::read);
    for (const Oid& table : standard_tables()) add_subtree("mmgateStandard", table, Access::read);
    announce(mib_root(), "The MIB module of the multimedia message gateway mmgate");
    announce(Oid{1, 3, 6, 1, 2, 1, 27}, "NETWORK-SERVICES-MIB (RFC 2788) of mmgate");
    announce(Oid{1, 3, 6, 1, 2, 1, 28}, "MTA-MIB (RFC 2789) of mmgate");
    init_snmp("mmgate-snmp");
}

Agent::~Agent() {
    snmp_shutdown("mmgate-snmp");
    shutdown_agent();
    delete std::exchange(the_agent, nullptr);
}

bool Agent::connected() const { return the_agent->connected; }

std::uint32_t Agent::uptime() const { return static_cast<std::uint32_t>(netsnmp_get_agent_uptime()); }

void Agent::notify(const Notification& notification) {
    netsnmp_variable_list* variables = nullptr;
    const std::vector<oid> trap_name = wire_of({1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0}), trap = wire_of(mib_notification(notification.number));
    snmp_varlist_add_variable(&variables, trap_name.data(), trap_name.size(), ASN_OBJECT_ID, trap.data(), trap.size() * sizeof(oid));
    for (const auto& [name, value] : notification.objects) {
        const std::vector<oid> wire = wire_of(name);
        with_octets(value, [&](u_char type, const void* octets, std::size_t length) { snmp_varlist_add_variable(&variables, wire.data(), wire.size(), type, octets, length); });
    }
    send_v2trap(variables);
    snmp_free_varbind(variables);
}

void Agent::turn(std::span<const int> fds, std::chrono::milliseconds most) {
    netsnmp_large_fd_set ready;
    netsnmp_large_fd_set_init(&ready, FD_SETSIZE);
    NETSNMP_LARGE_FD_ZERO(&ready);
    int count = 0, block = 0;
    timeval wait{most.count() / 1000, most.count() % 1000 * 1000};
    snmp_select_info2(&count, &ready, &wait, &block);
    for (int fd : fds) {
        NETSNMP_LARGE_FD_SET(fd, &ready);
        count = std::max(count, fd + 1);
    }
    const int found = netsnmp_large_fd_set_select(count, &ready, nullptr, nullptr, &wait);
    if (found > 0) {
        for (int fd : fds) NETSNMP_LARGE_FD_CLR(fd, &ready);
        snmp_read2(&ready);
    } else if (found == 0) {
        snmp_timeout();
    }
    run_alarms();
    netsnmp_check_outstanding_agent_requests();
    netsnmp_large_fd_set_cleanup(&ready);
}

}   // namespace mmgate::snmp
