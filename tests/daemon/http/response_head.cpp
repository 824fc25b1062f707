#include "daemon/http/response_head.h"

#include <criterion/criterion.h>

using namespace mmgate;
using namespace mmgate::http;

Test(response_head, writes_what_old_phones_need) {
    Response response;
    response.content_type = "application/vnd.wap.mms-message";
    response.body = "head";
    response.tail = std::make_shared<const Octets>("content");
    cr_expect(response_head(response, true, "D") ==
              "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Type: application/vnd.wap.mms-message\r\nContent-Length: 11\r\n"
              "Cache-Control: no-cache, no-store\r\nPragma: no-cache\r\nConnection: keep-alive\r\n\r\n");
    Response none;
    none.status = 405;
    none.allow = "GET, POST";
    cr_expect(response_head(none, false, "D") ==
              "HTTP/1.1 405 Method Not Allowed\r\nDate: D\r\nContent-Length: 0\r\nAllow: GET, POST\r\n"
              "Cache-Control: no-cache, no-store\r\nPragma: no-cache\r\nConnection: close\r\n\r\n");
    none.status = 503;
    cr_expect(response_head(none, false, "D").find("\r\nRetry-After: 30\r\n") != std::string::npos);
    cr_expect(reason_phrase(299) == "Unknown");
}

Test(response_head, writes_dates) {
    cr_expect(date_text(Instant(std::chrono::milliseconds(784'111'777'999))) == "Sun, 06 Nov 1994 08:49:37 GMT");
    cr_expect(date_text(Instant(std::chrono::milliseconds(0))) == "Thu, 01 Jan 1970 00:00:00 GMT");
    cr_expect(date_text(Instant(std::chrono::milliseconds(2'147'483'648'000))) == "Tue, 19 Jan 2038 03:14:08 GMT");
}
