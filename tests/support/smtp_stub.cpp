#include "tests/support/smtp_stub.h"

#include <algorithm>
#include <cassert>

namespace mmgate::tests {

using namespace std::chrono_literals;

struct SmtpStub::Session final : StreamEvents {
    SmtpStub& stub;
    std::unique_ptr<Stream> stream;
    std::string input;
    bool in_data = false, flooding = false, awaits_hello = false, ended = false;
    Timer drip;

    explicit Session(SmtpStub& s) : stub(s) {}

    void on_input() override {
        std::size_t length = evbuffer_get_length(stream->input());
        std::string got(length, '\0');
        evbuffer_remove(stream->input(), got.data(), length);
        if (awaits_hello) {
            stream->write("500 5.5.2 what\r\n");
            return;
        }
        input += got;
        while (!ended && stream) {
            if (in_data) {
                std::size_t end = input.starts_with(".\r\n") ? 0 : input.find("\r\n.\r\n");
                if (end == std::string::npos) return;
                std::size_t content = end == 0 && input.starts_with(".\r\n") ? 0 : end + 2;
                stub.mails_.push_back(input.substr(0, content));
                input.erase(0, content + 3);
                in_data = false;
                say(".");
                continue;
            }
            std::size_t end = input.find("\r\n");
            if (end == std::string::npos) return;
            std::string line = input.substr(0, end);
            input.erase(0, end + 2);
            stub.lines_.push_back(line);
            say(line.substr(0, line.find(' ')));
        }
    }
    void on_flushed() override {
        if (flooding) stream->write("250-" + std::string(1000, 'x') + "\r\n");
    }
    void on_secured() override {
        ++stub.secured_;
        stub.pins_.push_back(stream->tls_peer().facts({}).pin);
        if (stub.tls_at_once_) say("GREETING");
    }
    void on_closed(const std::string&) override { end(); }

    void say(const std::string& verb) {
        if (verb == "STARTTLS" && (stub.tls_ || stub.tls_broken_)) {
            stream->write("220 go\r\n");
            if (stub.tls_broken_) {
                awaits_hello = true;
            } else {
                stream->start_tls(stub.tls_->accept_session(ClientCertificate::asked), true);
            }
            return;
        }
        std::string answer = stub.next_answer(verb);
        if (verb == "EHLO" && (stub.tls_ || stub.tls_broken_) && !stream->secured()) answer = "250-stub\r\n250-STARTTLS\r\n250 PIPELINING\r\n";
        if (answer.starts_with("!close")) {
            if (answer.size() > 7) stream->write(answer.substr(7));
            stream->close_after_flush();
            ended = true;
        } else if (answer == "!flood") {
            flooding = true;
            on_flushed();
        } else if (answer == "!drip") {
            ended = true;
            keep_dripping();
        } else if (answer.empty()) {
            ended = true;
        } else {
            stream->write(answer);
            if (verb == "DATA") in_data = answer.starts_with("354");
            if (verb == "QUIT") stream->close_after_flush();
        }
    }
    void keep_dripping() {
        stream->write("2");
        drip = stub.loop_.after(20ms, [this] {
            if (stream) keep_dripping();
        });
    }
    void end() {
        ended = true;
        stream.reset();
    }
};

SmtpStub::SmtpStub(Loop& loop, const std::string& address, std::uint16_t port) : loop_(loop) {
    auto listener = Listener::open(loop, {address, port}, [this](int fd, std::string peer) {
        ++connections_;
        Session& session = sessions_.emplace_back(*this);
        session.stream = Stream::accepted(loop_, fd, std::move(peer), session);
        most_open_ = std::max(most_open_, open());
        if (tls_at_once_) session.stream->start_tls(tls_->accept_session(ClientCertificate::asked), true);
        else session.say("GREETING");
    });
    assert(listener.has_value());
    listener_ = std::move(*listener);
    answers_ = {{"GREETING", {"220 stub ESMTP\r\n"}}, {"EHLO", {"250-stub\r\n250 PIPELINING\r\n"}}, {"HELO", {"250 stub\r\n"}}, {"MAIL", {"250 2.1.0 ok\r\n"}}, {"RCPT", {"250 2.1.5 ok\r\n"}}, {"DATA", {"354 go\r\n"}}, {".", {"250 2.0.0 taken\r\n"}}, {"RSET", {"250 ok\r\n"}}, {"QUIT", {"221 bye\r\n"}}};
}

SmtpStub::~SmtpStub() = default;

void SmtpStub::answer(const std::string& verb, std::deque<std::string> answers) { answers_[verb] = std::move(answers); }
void SmtpStub::offer_tls(TlsContext context) { tls_.emplace(std::move(context)); }
void SmtpStub::break_tls() { tls_broken_ = true; }
void SmtpStub::drop() {
    for (Session& session : sessions_) session.end();
}
std::size_t SmtpStub::open() const {
    return static_cast<std::size_t>(std::count_if(sessions_.begin(), sessions_.end(), [](const Session& session) { return session.stream != nullptr; }));
}

std::string SmtpStub::next_answer(const std::string& verb) {
    auto found = answers_.find(verb);
    if (found == answers_.end()) return "500 5.5.2 what\r\n";
    std::string answer = found->second.front();
    if (found->second.size() > 1) found->second.pop_front();
    return answer;
}

}   // namespace mmgate::tests
