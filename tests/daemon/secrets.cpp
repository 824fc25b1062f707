#include "daemon/secrets.h"

#include <criterion/criterion.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

using namespace mmgate;

namespace {

/// A folder of credentials, gone at the end.
struct Folder {
    std::string path = "/tmp/mmgate-vault-" + std::to_string(getpid());
    Folder() {
        cr_assert(system(("rm -rf " + path + " && mkdir " + path).c_str()) == 0);
        setenv("CREDENTIALS_DIRECTORY", path.c_str(), 1);
    }
    ~Folder() { cr_assert(system(("rm -rf " + path).c_str()) == 0); }
    std::string put(const std::string& name, const std::string& content) const {
        std::ofstream(path + "/" + name, std::ios::binary) << content;
        return path + "/" + name;
    }
};

std::string value(Shape shape, const std::string& text) {
    auto found = looked_up(shape, text);
    return found ? *found : "! " + found.error().rule;
}

}   // namespace

Test(secrets, come_from_credentials_and_files) {
    const Folder folder;
    const std::string file = folder.put("push", "open sesame\nand a comment\n");
    folder.put("dos", "word\r\n");
    cr_expect(value(Shape::secret, "credential:push") == "open sesame");
    cr_expect(value(Shape::secret, "file:" + file) == "open sesame");
    cr_expect(value(Shape::secret, "credential:dos") == "word");
    cr_expect(value(Shape::path, "credential:push") == file);
    cr_expect(value(Shape::secret, "plain") == "plain");
    cr_expect(value(Shape::any, "credential:push") == "credential:push");
    cr_expect(value(Shape::path, "file:" + file) == "file:" + file);
}

Test(secrets, that_cannot_be_had_are_told_without_what_they_hold) {
    const Folder folder;
    folder.put("empty", "\n");
    folder.put("long", std::string(4097, 'x'));
    folder.put("longest", std::string(4096, 'x'));
    folder.put("odd",
               "se\x01"
               "cret\n");
    for (const char* text : {"credential:", "credential:..", "credential:../x", "credential:a/b", "credential:missing", "credential:empty", "credential:long", "credential:odd", "file:/none"}) {
        const std::string got = value(Shape::secret, text);
        cr_expect(got.starts_with("! "), "%s gave %s", text, got.c_str());
        cr_expect(got.find("cret") == std::string::npos, "%s", got.c_str());
    }
    cr_expect(value(Shape::secret, "credential:longest").size() == 4096);
    unsetenv("CREDENTIALS_DIRECTORY");
    cr_expect(value(Shape::secret, "credential:push").find("LoadCredential") != std::string::npos);
}
