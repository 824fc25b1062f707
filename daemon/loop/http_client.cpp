#include "daemon/loop/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <deque>
#include <unordered_map>

namespace mmgate {

namespace {

using Easy = std::unique_ptr<CURL, FreedBy<curl_easy_cleanup>>;
using Multi = std::unique_ptr<CURLM, FreedBy<curl_multi_cleanup>>;
using FieldList = std::unique_ptr<curl_slist, FreedBy<curl_slist_free_all>>;

constexpr std::size_t kMostHeaderBytes = 64 * 1024;
constexpr long kMostConnectSeconds = 10;

// libcurl keeps a count: the last client frees what the first one made.
struct CurlLibrary {
    CurlLibrary() { curl_global_init(CURL_GLOBAL_DEFAULT); }
    ~CurlLibrary() { curl_global_cleanup(); }
    CurlLibrary(const CurlLibrary&) = delete;
    CurlLibrary& operator=(const CurlLibrary&) = delete;
};

Fault fault_of(CURLcode code) {
    switch (code) {
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_URL_MALFORMAT:
        case CURLE_WEIRD_SERVER_REPLY:
        case CURLE_BAD_CONTENT_ENCODING: return Fault::malformed;
        case CURLE_FILESIZE_EXCEEDED: return Fault::too_large;
        case CURLE_OUT_OF_MEMORY: return Fault::overloaded;
        default: return Fault::peer_unreachable;
    }
}

// One line of a header cannot become two.
bool fits_a_header_line(std::string_view text) { return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos; }

struct Transfer {
    HttpRequest request;
    HttpClient::Done done;
    Easy easy;
    FieldList fields;
    HttpResponse response;
    std::size_t header_bytes = 0;
    bool too_large = false;
    std::array<char, CURL_ERROR_SIZE> problem{};
};

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* arg) {
    auto* transfer = static_cast<Transfer*>(arg);
    const std::size_t octets = size * count;
    if (octets > HttpClient::kMostAnswerBytes - transfer->response.body.size()) {
        transfer->too_large = true;
        return CURL_WRITEFUNC_ERROR;
    }
    bool taken = false;
    guarded([&] {
        transfer->response.body.append(data, octets);
        taken = true;
    });
    return taken ? octets : CURL_WRITEFUNC_ERROR;
}

std::size_t on_header(char*, std::size_t size, std::size_t count, void* arg) {
    auto* transfer = static_cast<Transfer*>(arg);
    transfer->header_bytes += size * count;
    if (transfer->header_bytes > kMostHeaderBytes) {
        transfer->too_large = true;
        return CURL_WRITEFUNC_ERROR;
    }
    return size * count;
}

}   // namespace

struct HttpClient::Impl {
    struct Watch {
        EventHandle event;
        int what = CURL_POLL_NONE;
    };

    Impl(Loop& l, Options o);
    ~Impl();
    void start(std::unique_ptr<Transfer> transfer);
    void fill();
    void act(curl_socket_t fd, int what);
    void finish(std::unique_ptr<Transfer> transfer, CURLcode code);
    void answer(Done done, Result<HttpResponse> result);
    void watch(curl_socket_t fd, int what);
    static int on_socket(CURL*, curl_socket_t fd, int what, void* self, void*);
    static int on_timer(CURLM*, long ms, void* self);

    Loop& loop;
    Options options;
    CurlLibrary library;
    EventHandle timer;
    std::unordered_map<curl_socket_t, Watch> watched;
    std::vector<Easy> spare;
    std::deque<std::unique_ptr<Transfer>> waiting;
    std::unordered_map<CURL*, std::unique_ptr<Transfer>> running;
    Multi multi;   // goes first: it calls back for each socket it closes
};

HttpClient::Impl::Impl(Loop& l, Options o) : loop(l), options(o), multi(curl_multi_init()) {
    assert(multi);
    options.connections = std::max<std::size_t>(1, options.connections);
    timer.reset(evtimer_new(
        loop.base(),
        [](evutil_socket_t, short, void* self) { guarded([&] { static_cast<Impl*>(self)->act(CURL_SOCKET_TIMEOUT, 0); }); },
        this));
    curl_multi_setopt(multi.get(), CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi.get(), CURLMOPT_SOCKETFUNCTION, &on_socket);
    curl_multi_setopt(multi.get(), CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi.get(), CURLMOPT_TIMERFUNCTION, &on_timer);
    curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(options.connections));
    curl_multi_setopt(multi.get(), CURLMOPT_MAX_TOTAL_CONNECTIONS, static_cast<long>(options.connections));
}

HttpClient::Impl::~Impl() {
    for (auto& [easy, transfer] : running) curl_multi_remove_handle(multi.get(), easy);
}

int HttpClient::Impl::on_socket(CURL*, curl_socket_t fd, int what, void* self, void*) {
    guarded([&] { static_cast<Impl*>(self)->watch(fd, what); });
    return 0;
}

int HttpClient::Impl::on_timer(CURLM*, long ms, void* self) {
    event* timer = static_cast<Impl*>(self)->timer.get();
    if (ms < 0) {
        evtimer_del(timer);
    } else {
        const timeval wait{ms / 1000, (ms % 1000) * 1000};
        evtimer_add(timer, &wait);
    }
    return 0;
}

void HttpClient::Impl::watch(curl_socket_t fd, int what) {
    if (what == CURL_POLL_REMOVE) {
        watched.erase(fd);
        return;
    }
    Watch& entry = watched[fd];
    if (entry.what == what) return;
    // A number may have come back for another socket: the old event goes before a new one is added.
    entry.event.reset();
    entry.what = what;
    short events = EV_PERSIST;
    if (what & CURL_POLL_IN) events |= EV_READ;
    if (what & CURL_POLL_OUT) events |= EV_WRITE;
    entry.event.reset(event_new(
        loop.base(), fd, events,
        [](evutil_socket_t ready, short kinds, void* self) {
            const int mask = ((kinds & EV_READ) ? CURL_CSELECT_IN : 0) | ((kinds & EV_WRITE) ? CURL_CSELECT_OUT : 0);
            guarded([&] { static_cast<Impl*>(self)->act(ready, mask); });
        },
        this));
    event_add(entry.event.get(), nullptr);
}

void HttpClient::Impl::act(curl_socket_t fd, int what) {
    int still_running = 0;
    curl_multi_socket_action(multi.get(), fd, what, &still_running);
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        CURL* easy = message->easy_handle;
        const CURLcode code = message->data.result;   // `message` dies with the next call
        auto found = running.find(easy);
        assert(found != running.end());
        std::unique_ptr<Transfer> transfer = std::move(found->second);
        running.erase(found);
        curl_multi_remove_handle(multi.get(), easy);
        finish(std::move(transfer), code);
    }
    fill();
}

void HttpClient::Impl::fill() {
    while (!waiting.empty() && running.size() < options.connections) {
        std::unique_ptr<Transfer> next = std::move(waiting.front());
        waiting.pop_front();
        start(std::move(next));
    }
}

void HttpClient::Impl::start(std::unique_ptr<Transfer> transfer) {
    if (spare.empty()) {
        transfer->easy.reset(curl_easy_init());
    } else {
        transfer->easy = std::move(spare.back());
        spare.pop_back();
        curl_easy_reset(transfer->easy.get());
    }
    if (!transfer->easy) return answer(std::move(transfer->done), fail(Fault::overloaded, "no memory for an HTTP request"));

    CURL* easy = transfer->easy.get();
    const HttpRequest& request = transfer->request;
    curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, std::min(static_cast<long>(request.timeout.count()), kMostConnectSeconds * 1000));
    curl_easy_setopt(easy, CURLOPT_MAXFILESIZE, static_cast<long>(kMostAnswerBytes));
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->problem.data());
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer.get());
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer.get());
    if (!request.user.empty()) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERNAME, request.user.c_str());
        curl_easy_setopt(easy, CURLOPT_PASSWORD, request.password.c_str());
    }
    if (request.method == HttpRequest::Method::post) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    // An empty value takes a field out that libcurl would add: nobody waits for 100 Continue.
    curl_slist* list = curl_slist_append(nullptr, "Expect:");
    for (const HttpField& field : request.fields) {
        const std::string line = field.value.empty() ? field.name + ";" : field.name + ": " + field.value;
        curl_slist* longer = curl_slist_append(list, line.c_str());
        if (longer) list = longer;
    }
    transfer->fields.reset(list);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);

    const CURLMcode added = curl_multi_add_handle(multi.get(), easy);
    if (added != CURLM_OK) return answer(std::move(transfer->done), fail(Fault::overloaded, curl_multi_strerror(added)));
    running.emplace(easy, std::move(transfer));
}

void HttpClient::Impl::finish(std::unique_ptr<Transfer> transfer, CURLcode code) {
    Result<HttpResponse> result;
    if (code == CURLE_OK) {
        long status = 0;
        curl_easy_getinfo(transfer->easy.get(), CURLINFO_RESPONSE_CODE, &status);
        const char* media_type = nullptr;
        curl_easy_getinfo(transfer->easy.get(), CURLINFO_CONTENT_TYPE, &media_type);
        transfer->response.status = static_cast<int>(status);
        transfer->response.media_type = media_type ? media_type : "";
        result = std::move(transfer->response);
    } else if (transfer->too_large) {
        result = fail(Fault::too_large, "the answer is longer than " + std::to_string(kMostAnswerBytes) + " octets");
    } else {
        result = fail(fault_of(code), transfer->problem[0] != '\0' ? transfer->problem.data() : curl_easy_strerror(code));
    }
    spare.push_back(std::move(transfer->easy));
    answer(std::move(transfer->done), std::move(result));
}

void HttpClient::Impl::answer(Done done, Result<HttpResponse> result) {
    // Not from here: the caller may destroy the client, which libcurl's frames below us would not survive.
    loop.post([done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
}

HttpClient::HttpClient(Loop& loop, Options options) : impl_(std::make_unique<Impl>(loop, options)) {}
HttpClient::~HttpClient() = default;

void HttpClient::send(HttpRequest request, Done done) {
    const bool clean = request.url.find('\0') == std::string::npos && std::ranges::all_of(request.fields, [](const HttpField& field) {
                           return !field.name.empty() && fits_a_header_line(field.name) && fits_a_header_line(field.value);
                       });
    if (!clean) return impl_->answer(std::move(done), fail(Fault::malformed, "a header field of the request holds a line end or NUL"));
    if (impl_->waiting.size() >= kMostWaiting) return impl_->answer(std::move(done), fail(Fault::overloaded, "too many HTTP requests are waiting"));
    auto transfer = std::make_unique<Transfer>();
    transfer->request = std::move(request);
    transfer->done = std::move(done);
    impl_->waiting.push_back(std::move(transfer));
    impl_->fill();
}

}   // namespace mmgate
