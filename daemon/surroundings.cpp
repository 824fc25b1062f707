#include "daemon/surroundings.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>

#include "daemon/loop/resolver.h"
#include "daemon/loop/tls.h"

namespace mmgate {

namespace {

using Weight = Observation::Weight;
using Observations = std::vector<Observation>;

constexpr std::chrono::seconds kNamesTake{10};
constexpr std::size_t kMostNames = 1000;
// A configuration is smaller; only a secret in it is looked for.
constexpr std::size_t kMostFileBytes = 1 << 20;

std::string error_text() { return std::strerror(errno); }

// ------------------------------------------------------------------------------------------------------------------------------ certificates

void check_certificate(Observations& out, const std::string& key, const Result<TlsContext>& read, const std::string& file, const AlarmLimits& limits) {
    if (!read) {
        out.push_back({Weight::fault, key, read.error().rule});
        return;
    }
    const auto ends = certificate_not_after(file);
    const Instant now = std::chrono::time_point_cast<Instant::duration>(std::chrono::system_clock::now());
    if (!ends) return;
    if (*ends <= now) out.push_back({Weight::fault, key, file + " has expired"});
    else if (*ends - now < limits.certificate) out.push_back({Weight::note, key, file + " ends in " + std::to_string(std::chrono::duration_cast<std::chrono::hours>(*ends - now).count() / 24) + " days"});
}

void check_certificates(Observations& out, const Config& config) {
    if (!config.tls_certificate.empty())
        check_certificate(out, "smtp.tls.certificate", TlsContext::server(config.tls_certificate, config.tls_key), config.tls_certificate, config.alarms);
    for (std::size_t i = 0; i < config.peers.size(); ++i) {
        const Peer& peer = config.peers[i];
        const std::string key = "peer." + std::to_string(i) + " (" + peer.name + ")";
        if (!peer.tls_certificate.empty()) check_certificate(out, key + ".tls_certificate", TlsContext::client(peer.tls_certificate, peer.tls_key), peer.tls_certificate, config.alarms);
        if (peer.tls_ca.empty()) continue;
        if (auto read = TlsAuthorities::of(peer.tls_ca); !read) out.push_back({Weight::fault, key + ".tls_ca", read.error().rule});
    }
}

// --------------------------------------------------------------------------------------------------------------------------------- addresses

/// Why nobody can listen there; 0: it can be listened on.
int listen_error(const Endpoint& endpoint) {
    sockaddr_storage address{};
    socklen_t length = 0;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address);
    if (::inet_pton(AF_INET, endpoint.host.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(endpoint.port);
        length = sizeof *v4;
    } else if (::inet_pton(AF_INET6, endpoint.host.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(endpoint.port);
        length = sizeof *v6;
    } else {
        return EADDRNOTAVAIL;
    }
    const int fd = ::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address.ss_family == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    // Only listening finds out another listener that allows the address to be used again.
    const int error = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), length) == 0 && ::listen(fd, 1) == 0 ? 0 : errno;
    ::close(fd);
    return error;
}

/// Whether somebody answers at the control socket: the gateway runs, and its addresses are its own.
bool gateway_runs(const Config& config) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (config.control.empty() || config.control.size() >= sizeof address.sun_path) return false;
    config.control.copy(address.sun_path, config.control.size());
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return false;
    const bool runs = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EACCES || errno == EAGAIN;
    ::close(fd);
    return runs;
}

void check_addresses(Observations& out, const Config& config) {
    struct Door {
        const char* key;
        const std::vector<Endpoint>& endpoints;
    };
    const bool running = gateway_runs(config);
    for (const Door& door : {Door{"smtp.listen", config.smtp_listen}, Door{"mm1.listen", config.mm1_listen}, Door{"metrics.listen", config.metrics_listen}}) {
        for (const Endpoint& endpoint : door.endpoints) {
            const int error = listen_error(endpoint);
            const std::string where = to_text(endpoint) + ": ";
            if (error == 0 || (running && error == EADDRINUSE)) continue;
            if (error == EADDRINUSE) out.push_back({Weight::note, door.key, where + "in use, by another program or by sockets that the service manager keeps for the gateway"});
            else if (error == EACCES) out.push_back({Weight::note, door.key, where + "not for this user; the service manager opens it for the gateway where mmgated.socket names it"});
            else out.push_back({Weight::fault, door.key, where + std::strerror(error)});
        }
    }
}

// ------------------------------------------------------------------------------------------------------------------------------------- names

std::string host_of(const std::string& url) {
    const std::size_t scheme = url.find("://");
    if (scheme == std::string::npos) return {};
    const std::string place = url.substr(scheme + 3, url.find('/', scheme + 3) - scheme - 3);
    return place.starts_with('[') ? place.substr(1, place.find(']') - 1) : place.substr(0, place.find(':'));
}

void check_names(Observations& out, const Config& config) {
    std::vector<std::pair<std::string, std::string>> names;   // key, host
    if (config.mail_relay) names.emplace_back("mail.relay", config.mail_relay->host);
    if (config.push_kind != PushKind::none) names.emplace_back("push.url", host_of(config.push_url));
    if (!config.portability_url.empty()) names.emplace_back("portability.url", host_of(config.portability_url));
    for (std::size_t i = 0; i < config.peers.size(); ++i)
        for (const NextHop& hop : config.peers[i].next_hop) names.emplace_back("peer." + std::to_string(i) + " (" + config.peers[i].name + ").next_hop", hop.host);
    std::erase_if(names, [](const auto& name) { return name.second.empty(); });
    if (names.size() > kMostNames) names.resize(kMostNames);
    if (names.empty()) return;

    Loop loop;
    auto resolver = make_resolver(loop, config);
    std::map<std::size_t, std::string> wrong;   // by place, as answers come in any order
    std::vector<bool> answered(names.size());
    std::size_t left = names.size();
    for (std::size_t i = 0; i < names.size(); ++i) {
        resolver->addresses(names[i].second, [&, i](Result<std::vector<std::string>> addresses) {
            answered[i] = true;
            if (!addresses) wrong[i] = addresses.error().rule;
            if (--left == 0) loop.stop();
        });
    }
    const Timer deadline = loop.after(kNamesTake, [&] { loop.stop(); });
    loop.run();
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (!answered[i]) wrong[i] = "no answer in " + std::to_string(kNamesTake.count()) + " seconds";
        if (wrong.contains(i)) out.push_back({Weight::note, names[i].first, names[i].second + ": " + wrong[i]});
    }
}

// ------------------------------------------------------------------------------------------------------------------------- files and folders

/// A folder that the gateway writes to, or makes when only its last part is missing.
void check_folder(Observations& out, const char* key, const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) {
        if (!S_ISDIR(status.st_mode)) out.push_back({Weight::fault, key, path + " is no folder"});
        else if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0) out.push_back({Weight::fault, key, path + " cannot be written by this user: " + error_text()});
        return;
    }
    const std::string above = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
    if (errno != ENOENT || ::access(above.c_str(), W_OK | X_OK) != 0) out.push_back({Weight::fault, key, path + " is not there and cannot be made by this user: " + error_text()});
}

void check_files(Observations& out, const Config& config, const std::string& config_file) {
    check_folder(out, "gateway.state_dir", config.state_dir);
    struct stat status {};
    if (::stat(config.state_dir.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && (status.st_mode & S_IRWXO) != 0)
        out.push_back({Weight::note, "gateway.state_dir", config.state_dir + " is open to other users of this machine; its files are not"});
    if (const std::size_t slash = config.control.rfind('/'); slash != std::string::npos && slash > 0) check_folder(out, "gateway.control", config.control.substr(0, slash));
    if (::lstat(config.control.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode)) out.push_back({Weight::fault, "gateway.control", config.control + " is there already, and is no socket"});

    if (::stat(config_file.c_str(), &status) != 0) return;
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) out.push_back({Weight::fault, config_file, "can be changed by others than its owner"});
    if ((status.st_mode & S_IROTH) == 0) return;
    std::ifstream file(config_file, std::ios::binary);
    std::string text(kMostFileBytes, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    std::vector<std::string> secrets{config.push_password, config.portability_password};
    for (const Peer& peer : config.peers) secrets.insert(secrets.end(), {peer.password, peer.accept_password});
    if (std::ranges::any_of(secrets, [&](const std::string& secret) { return !secret.empty() && text.find('"' + secret + '"') != std::string::npos; }))
        out.push_back({Weight::note, config_file, "holds a password and can be read by everybody; \"credential:NAME\" or \"file:PATH\" keeps it elsewhere"});
}

}   // namespace

std::vector<Observation> check_surroundings(const Config& config, const std::string& config_file) {
    Observations out;
    check_files(out, config, config_file);
    check_certificates(out, config);
    check_addresses(out, config);
    check_names(out, config);
    return out;
}

}   // namespace mmgate
