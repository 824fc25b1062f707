#include "daemon/secrets.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string_view>

namespace mmgate {

namespace {

constexpr std::string_view kCredential = "credential:", kFile = "file:";
constexpr std::size_t kMostSecretBytes = 4096;

bool is_credential_name(std::string_view name) {
    auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view("-._").find(c) != std::string_view::npos; };
    return !name.empty() && name.size() <= 255 && name.front() != '.' && std::ranges::all_of(name, allowed);
}

Result<std::string> credential_path(std::string_view name) {
    if (!is_credential_name(name)) return fail(Fault::malformed, "names no credential; write letters, digits and - . _ behind \"credential:\"");
    const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
    if (!folder || *folder == '\0') return fail(Fault::malformed, "names a credential, but the service manager gave none: see LoadCredential= in systemd.exec(5)");
    return std::string(folder) + "/" + std::string(name);
}

Result<std::string> first_line_of(const std::string& path) {
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    std::string line(kMostSecretBytes + 1, '\0');
    if (!file) return fail(Fault::malformed, "cannot be read from " + path + ": " + std::strerror(errno));
    file.read(line.data(), static_cast<std::streamsize>(line.size()));
    if (file.bad()) return fail(Fault::malformed, "cannot be read from " + path);
    line.resize(static_cast<std::size_t>(file.gcount()));
    line.resize(std::min(line.find('\n'), line.size()));
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty()) return fail(Fault::malformed, "is empty in " + path);
    if (line.size() > kMostSecretBytes) return fail(Fault::malformed, "is too long in " + path);
    if (std::ranges::any_of(line, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }))
        return fail(Fault::malformed, "holds control characters in " + path);
    return line;
}

}   // namespace

Result<std::string> looked_up(Shape shape, std::string text) {
    if (shape != Shape::path && shape != Shape::secret) return text;
    const std::string_view view = text;
    if (view.starts_with(kCredential)) {
        auto path = credential_path(view.substr(kCredential.size()));
        return path && shape == Shape::secret ? first_line_of(*path) : path;
    }
    if (shape == Shape::secret && view.starts_with(kFile)) return first_line_of(text.substr(kFile.size()));
    return text;
}

}   // namespace mmgate
