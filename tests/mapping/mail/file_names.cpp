#include "mapping/mail/file_names.h"

#include <criterion/criterion.h>

#include <string>

#include "mapping/charset.h"
#include "mapping/limits.h"

using namespace mmgate;
using namespace mmgate::mail;

Test(file_names, are_safe_and_agree_with_the_type) {
    struct Row {
        std::string wanted;
        std::string_view type, want;
    };
    const Row rows[] = {
        {"a.jpg", "image/jpeg", "a.jpg"},
        {"A.JPG", "image/jpeg", "A.JPG"},
        {"a.jpeg", "image/jpeg", "a.jpeg"},
        {"a", "image/jpeg", "a.jpg"},
        {"a.png", "image/jpeg", "a.jpg"},
        {"a.exe", "image/jpeg", "a.exe.jpg"},
        {"a.exe", "application/octet-stream", "a.exe"},
        {"report.v2", "application/pdf", "report.v2.pdf"},
        {"", "image/png", "part1.png"},
        {"", "x/unknown", "part1"},
        {"../../etc/passwd", "text/plain", "passwd.txt"},
        {"C:\\Windows\\x.txt", "text/plain", "x.txt"},
        {"/", "image/gif", "part1.gif"},
        {"..", "image/gif", "part1.gif"},
        {".hidden", "x/y", "hidden"},
        {"a\r\nb.gif", "image/gif", "a b.gif"},
        {std::string("a\0b.gif", 7), "image/gif", "a b.gif"},
        {"a<b>:\"|?*;%.gif", "image/gif", "a_b_________gif.gif"},
        {"con.txt", "text/plain", "_con.txt"},
        {"LPT1", "text/plain", "_LPT1.txt"},
        {"Grüße.txt", "text/plain", "Grüße.txt"},
        {"photo\xE2\x80\xAEgpj.exe", "x/y", "photogpj.exe"},
        {"a. . ", "x/y", "a"},
        {"a.tar.gz", "application/gzip", "a.tar.gz"},
    };
    for (const Row& row : rows) {
        std::string got = safe_file_name(row.wanted, row.type, "part1");
        if (row.wanted.starts_with("a<b>"))
            cr_expect(got.find_first_of("<>:\"|?*;%") == std::string::npos && got.ends_with(".gif"), "%s", got.c_str());
        else
            cr_expect(got == row.want, "%s gave %s", row.wanted.c_str(), got.c_str());
    }
    for (std::size_t size : {90u, 96u, 97u, 100u, 101u, 5000u}) {
        std::string name;
        while (name.size() < size) name += "ü";
        std::string got = safe_file_name(name + ".jpg", "image/jpeg", "p");
        cr_expect(got.size() <= kLimits.file_name_bytes && got.ends_with(".jpg") && is_utf8(got), "%zu", size);
    }
}

Test(file_names, have_an_ascii_form_and_occur_once) {
    struct Row {
        std::string_view name, want;
    };
    const Row rows[] = {
        {"a.jpg", "a.jpg"},
        {"a b  c.jpg", "a_b_c.jpg"},
        {"Grüße.jpg", "Gr_e.jpg"},
        {"Привет.jpg", "stem.jpg"},
        {"a@b", "a_b"},
        {"---", "stem"},
        {"x.tar.gz", "x.tar.gz"},
        {"", "stem"},
    };
    for (auto [name, want] : rows) cr_expect(ascii_file_name(name, "stem") == want, "%s gave %s", std::string(name).c_str(), ascii_file_name(name, "stem").c_str());
    cr_expect(ascii_file_name(std::string(200, 'a') + ".jpg", "s").size() <= 60);
    UniqueNames names;
    cr_expect(names.take("a.jpg") == "a.jpg" && names.take("a.jpg") == "a-2.jpg" && names.take("A.JPG") == "A-3.JPG");
    UniqueNames others;
    cr_expect(others.take("x") == "x" && others.take("x") == "x-2" && others.take("X") == "X-3" && others.take("x-2") == "x-2-2");
    cr_expect(extension_of("image/jpeg") == "jpg" && extension_of("x/y").empty() && type_of_extension("JPEG") == "image/jpeg" && type_of_extension("zzz").empty());
}
