#include <criterion/criterion.h>

#include <string>

#include "mapping/mail/encoded_words.h"
#include "mapping/mail/html_text.h"
#include "mapping/mail/plain_text.h"

using namespace mmgate;
using namespace mmgate::mail;

namespace {

std::string repeat(std::string_view text, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out += text;
    return out;
}

}   // namespace

Test(encoded_words, are_read_tolerantly) {
    struct Row {
        std::string_view line, want;
    };
    const Row rows[] = {
        {"", ""},
        {"plain", "plain"},
        {"=?utf-8?Q?a_b?=", "a b"},
        {"=?utf-8?q?=c3=bc?=", "ü"},
        {"=?utf-8?B?w7w=?= =?utf-8?B?w6k=?=", "üé"},   // padded words
        {"=?utf-8?B?w7w=?= \t =?utf-8?B?w6k=?=", "üé"},
        {"=?utf-8?B?w7w=?= x =?utf-8?B?w6k=?=", "ü x é"},
        {"=?utf-8?B?ww==?= =?utf-8?B?vA==?=", "ü"},   // a torn character
        {"=?utf-8?Q?=C3?= =?UTF-8?B?vA==?=", "ü"},
        {"=?iso-8859-1?Q?=FC?= =?utf-8?Q?=C3=BC?=", "üü"},   // two charsets
        {"a=?utf-8?Q?b?=c", "abc"},                          // glued
        {"=?utf-8?Q?a b?=", "a b"},                          // spaces inside
        {"=?utf-8?Q?"
         "?=",
         ""},
        {"=?utf-8?Q?why?"
         "?=",
         "why?"},
        {"=?utf-8?Q?a=GGb?=", "a=GGb"},
        {"=?utf-8?Q?abc", "=?utf-8?Q?abc"},
        {"=?utf-8?Z?abc?=", "=?utf-8?Z?abc?="},
        {"=?utf-8?abc?=", "=?utf-8?abc?="},
        {"=??Q?abc?=", "=??Q?abc?="},
        {"=?ut f?Q?abc?=", "=?ut f?Q?abc?="},
        {"=?=?utf-8?Q?a?=", "=?a"},
        {"=?", "=?"},
        {"=?x?", "=?x?"},
        {"=?x?Q?", "=?x?Q?"},
        {"?=", "?="},
        {"=?utf-8*en-GB?Q?a?=", "a"},
        {"=?windows-1251?Q?=CF=F0=E8=E2=E5=F2?=", "Привет"},
        {"=?klingon?Q?=C3=BC?=", "ü"},
    };
    for (auto [line, want] : rows) cr_expect(decode_encoded_words(line) == want, "%s gave %s", std::string(line).c_str(), decode_encoded_words(line).c_str());
    cr_expect(decode_encoded_words(repeat("=?a?Q?", 3000)).size() <= 18000 && decode_encoded_words(repeat("=?a?Q? ", 3000)).size() == 21000);
}

Test(plain_text, is_tidied) {
    struct Row {
        std::string_view text, want;
    };
    const Row rows[] = {
        {"", ""},
        {"a", "a"},
        {"a\r\nb\r\n", "a\nb"},
        {"a\rb", "a\nb"},
        {"\n\n  a  \n\n\n b\t\n\n", "  a\n\n\n b"},
        {" \n \n", ""},
        {"a\x01\x7F\x1B"
         "b",
         "ab"},
        {"a\tb", "a\tb"},
        {"\r\r\n\n", ""},
        {std::string_view("a\0b", 3), "ab"},
        {"ü\r\n", "ü"},
    };
    for (auto [text, want] : rows) cr_expect(tidy_text(text) == want, "%s gave %s", std::string(text).c_str(), tidy_text(text).c_str());
    cr_expect(with_crlf("a\nb\r\nc\rd\n") == "a\r\nb\r\nc\r\nd\r\n");
    cr_expect(one_line("  a\r\n\t b  ") == "a b");
    for (std::string_view blank : {"", " \r\n\t", "\xC2\xA0", "\xE2\x80\x8B\xEF\xBB\xBF"}) cr_expect(!has_visible_text(blank));
    for (std::string_view seen : {"a", " ü", "\xC2\xA0.", "\xE2\x80\xA2"}) cr_expect(has_visible_text(seen));
}

Test(plain_text, flowed_lines_are_joined) {
    struct Row {
        std::string_view text;
        bool delete_space;
        std::string_view want;
    };
    const Row rows[] = {
        {"a \nb\n", false, "a b\n"},
        {"a\nb\n", false, "a\nb\n"},
        {"a \nb \nc", false, "a b c\n"},
        {"a \nb", true, "ab\n"},
        {" From me\n  indented\n", false, "From me\n indented\n"},   // stuffed
        {"> a \n> b\nc", false, "> a b\nc\n"},
        {">a \n>>b \nc\n", false, "> a \n>> b \nc\n"},   // another depth ends the paragraph
        {">> a\n>\n", false, ">> a\n>\n"},
        {"a \n-- \nsig\n", false, "a \n-- \nsig\n"},   // the signature line is never joined
        {"", false, ""},
    };
    for (auto [text, delete_space, want] : rows) cr_expect(reflow(text, delete_space) == want, "%s gave %s", std::string(text).c_str(), reflow(text, delete_space).c_str());
}

Test(plain_text, is_split_where_it_may_be) {
    struct Row {
        std::string_view text;
        std::size_t characters;
        std::vector<std::string> want;
    };
    const Row rows[] = {
        {"", 10, {}},
        {"short", 10, {"short"}},
        {"exactly 10", 10, {"exactly 10"}},
        {"one two three four", 10, {"one two", "three four"}},
        {"abc def. ghi jkl", 12, {"abc def.", "ghi jkl"}},
        {"abcdef\nghi jkl", 12, {"abcdef", "ghi jkl"}},
        {"abcdef\n\nghi\njkl", 12, {"abcdef", "ghi\njkl"}},
        {"abcdefghijklmno", 6, {"abcdef", "ghijkl", "mno"}},
        {"üüüüüü", 4, {"üüüü", "üü"}},
        {"😀😀😀", 1, {"😀", "😀", "😀"}},
    };
    for (const Row& row : rows) cr_expect(split_text(row.text, row.characters) == row.want, "%s", std::string(row.text).c_str());
    cr_expect(count_characters("aü😀") == 3);
}

Test(html_text, reads_well) {
    struct Row {
        std::string_view html, want;
    };
    const Row rows[] = {
        {"", ""},
        {"just text", "just text"},
        {"<p>One  \n two</p><p>three</p>", "One two\n\nthree"},
        {"<div>a</div><div>b<br>c</div>", "a\nb\nc"},
        {"a<br><br>b", "a\n\nb"},
        {"<h1>T</h1>text", "T\n\ntext"},
        {"a<b>b</b> <i>c</i>", "ab c"},
        {"<head><title>no</title><style>no</style></head><body>yes<script>no</script><!-- no --></body>", "yes"},
        {"&lt;b&gt; &amp;amp; &euro;&#8364;&#x20AC; &nbsp;x &bogus;", "<b> &amp; €€€ x &bogus;"},
        {"Gr\xC3\xBC\xC3\x9F"
         "e",
         "Grüße"},
        {"<meta charset=iso-8859-1><p>Gr\xC3\xBC\xC3\x9F"
         "e",
         "Grüße"},   // it is UTF-8 by now, whatever the page says
        {"<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>d", "- a\n- b\n  - c\n\nd"},
        {"<ol start=9><li>a<li>b</ol>", "9. a\n10. b"},
        {"<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"},
        {"<table border=1><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>", "a | b\n1 | 2"},
        {"<a href='http://x.example/a?b=1&amp;c=2'>here</a>", "here <http://x.example/a?b=1&c=2>"},
        {"<a href='http://x.example/'>x.example</a> <a href='mailto:a@b.example'>a@b.example</a>", "x.example a@b.example"},
        {"<a href='mailto:a@b.example'>Anna</a>", "Anna <a@b.example>"},
        {"<a href='http://x.example/1'>a</a> <a href='http://x.example/1'>b</a>", "a <http://x.example/1> b"},
        {"<a href='javascript:x'>a</a><a href='#x'>b</a><a name=x>c</a>", "abc"},
        {"<blockquote>a<br>b</blockquote>c", "> a\n> b\n\nc"},
        {"<pre>a  b\n c</pre>", "a  b\n c"},
        {"<img src='http://x/y' alt='Logo'><img src='cid:1' alt='photo.jpg'><img>", "[Logo]"},
        {"<p style='display: none'>no</p><span hidden>no</span>yes", "yes"},
        {"<hr>", "----"},
        {"<![if !supportLists]><span>-</span><![endif]>one", "-one"},
        {"<!--[if gte mso 9]><xml>no</xml><![endif]-->a<!--[if !mso]><!-->b<!--<![endif]-->c<![CDATA[d]]>e", "abce"},
        {"a<!DOCTYPE x>b<![endif", "ab<![endif"},
        {"x\xE2\x80\x8B\xC2\xADy", "xy"},
        {"<select><option>1</select>a<textarea>b</textarea>", "ab"},
        {"</p></div>stray<p", "stray"},
        {"<p>a<div>b<p>c", "a\n\nb\n\nc"},
        {std::string_view("a\0b", 3), "a b"},
    };
    for (auto [html, want] : rows) {
        HtmlText got = html_to_text(html);
        cr_expect(got.text == want && !got.cut_short, "%s gave %s", std::string(html).c_str(), got.text.c_str());
    }
}

Test(html_text, is_bounded) {
    cr_expect(!html_to_text(repeat("<div>", 400) + "deep").cut_short && html_to_text(repeat("<div>", 400) + "deep").text == "deep");
    cr_expect(html_to_text("first " + repeat("<div>", 100'000) + "deep").cut_short);
    HtmlText large = html_to_text(repeat("<p>words</p>", 100'000));
    cr_expect(large.cut_short && large.text.starts_with("words\n\nwords"));
    for (std::string_view piece : {"<", "<a ", "<!--", "&", "</", "<a href=\"", "<table><tr><td>", "<li>", "<![CDATA[", "<script>", "<p>", "\xFF"}) cr_expect(html_to_text(repeat(piece, 20'000)).text.size() < 400'000, "%s", piece.data());
}

Test(html_text, charset_and_references_are_found) {
    cr_expect(html_charset("<meta charset=\"UTF-8\">") == "UTF-8");
    cr_expect(html_charset("<META http-equiv=Content-Type content='text/html; CHARSET=koi8-r'>") == "koi8-r");
    cr_expect(html_charset("<p>") == "" && html_charset(repeat(" ", 2000) + "charset=x").empty() && html_charset("charset=") == "");
    cr_expect(html_references("<img src=\"cid:a@b\"><img src='cid:c%40d'> cid:a@b url(cid:e) cid:") == std::vector<std::string>({"a@b", "c@d", "e"}));
    cr_expect(html_references("<img SRC=b.jpg><img src='http://x/a%20b.gif' alt=x><img src=cid:c><img src=\"data:image/png;base64,AA==\"><a data-src=d xsrc=e src=") ==
              std::vector<std::string>({"b.jpg", "http://x/a%20b.gif", "c"}));
}
