// The MM1 door whole: listener, HTTP, transactions and a store, against octets on a socket.
#include "daemon/mm1/service.h"

#include <criterion/criterion.h>

#include <future>
#include <thread>

#include "daemon/mm1/server.h"
#include "mapping/mm1/messages.h"
#include "tests/support/memory_store.h"
#include "tests/support/raw_client.h"

using namespace mmgate;
using namespace mmgate::mm1;
using namespace std::string_literals;
using tests::RawClient;

namespace {

constexpr const char* kOne = "+447700900001";
constexpr const char* kTwo = "+447700900002";

Config sample() {
    Config config;
    config.domain = "mms.example.net";
    config.numbering = {"44", "0", "00"};
    config.subscribers = {{"+447700"}};
    config.recipients = 10;
    config.message_size_bytes = 300'000;
    config.lifetime = std::chrono::hours(24);
    config.submission_memory = std::chrono::hours(1);
    config.notify_again = {Seconds(600)};
    config.mm1_listen = {{"127.0.0.1", 0}};
    config.mm1_connections = 50;
    config.mm1_connections_per_client = 50;
    config.mm1_timeout = Seconds(10);
    config.msisdn_headers = {"X-MSISDN"};
    Network loopback;
    loopback.address = {127, 0, 0, 1};
    loopback.prefix_bits = 32;
    config.mm1_trusted = {loopback};
    return config;
}

// Draws what is known in advance, and never the same.
class Counting final : public Random {
public:
    Octets octets(std::size_t count) override { return Octets(count, static_cast<char>(++last_)); }
    std::uint32_t below(std::uint32_t bound) override { return bound / 2; }

private:
    unsigned last_ = 0;
};

struct Stage {
    Stage()
        : config(std::make_shared<Config>(sample())), committer(store, [this](Task task) { loop.post(std::move(task)); }), workers(loop, 2), settler(loop, committer, log, metrics), names(store.secret(), "mms.example.net"), budget(10'000'000), service({loop, store, committer, workers, settler, names, random, log, metrics, admission}, [this] { ++enqueued; }), server(loop, budget, service, *config) {
        service.configure(config, std::make_shared<Router>(*config));
        cr_assert(server.configure(*config).has_value());
        port = server.endpoints().at(0).port;
    }
    void play(const std::function<void()>& story) {
        std::thread client([&] {
            story();
            loop.stop();
        });
        loop.run();
        client.join();
        committer.stop();
    }
    template <class Work>
    auto ask(Work work) {
        std::promise<decltype(work())> answer;
        loop.post([&] { answer.set_value(work()); });
        return answer.get_future().get();
    }

    std::string exchange(const std::string& head, const std::string& body = {}) {
        RawClient client(port);
        client.send(head + "Host: gw\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
        return client.response();
    }
    std::string post(const std::string& pdu, const std::string& number = {}, const std::string& path = "/") {
        return exchange("POST " + path + " HTTP/1.1\r\nContent-Type: application/vnd.wap.mms-message\r\n" + (number.empty() ? "" : "X-MSISDN: " + number + "\r\n"), pdu);
    }
    std::string get(const std::string& locator, const std::string& number = {}) {
        return exchange("GET /" + locator + " HTTP/1.1\r\n" + (number.empty() ? "" : "X-MSISDN: " + number + "\r\n"));
    }
    std::size_t messages() const { return store.list({}, 1000, true).size(); }
    Recipient recipient(RecipientRef ref) const { return store.find(ref.id)->recipients.at(ref.index); }

    std::shared_ptr<Config> config;
    Loop loop;
    MemoryStore store;
    Log log{Log::Options{.level = Level::error}};
    Metrics metrics;
    Committer committer;
    Workers workers;
    Settler settler;
    Counting random;
    Names names;
    MemoryBudget budget;
    int enqueued = 0;
    Admission admission;
    Service service;
    Server server;
    std::uint16_t port = 0;
};

Octets send_req(const std::string& id, const std::string& fields, const std::string& text = "Hi") {
    std::string size;   // uintvar
    for (std::size_t left = text.size(), first = 1; left > 0 || first; left >>= 7, first = 0) size.insert(size.begin(), static_cast<char>((left & 0x7F) | (first ? 0 : 0x80)));
    return "\x8C\x80\x98"s + id + "\0\x8D\x92\x89\x01\x81"s + fields + "\x84\xA3\x01\x04"s + size + "\x03\x83\x81\xEA"s + text;
}
std::string to(const std::string& address) { return "\x97"s + address + "\0"s; }
Octets notify_resp(const std::string& id, char status, const std::string& more = {}) { return "\x8C\x83\x98"s + id + "\0\x8D\x92\x95"s + status + more; }
Octets acknowledge(const std::string& id) { return "\x8C\x85\x98"s + id + "\0\x8D\x92"s; }

std::string body_of(const std::string& response) {
    const std::size_t at = response.find("\r\n\r\n");
    return at == std::string::npos ? std::string() : response.substr(at + 4);
}
// What must be the same for all that are not found: everything but the dates.
std::string without_dates(std::string response) {
    const std::size_t at = response.find("\r\nDate: ");
    response.erase(at, response.find("\r\n", at + 2) - at);
    const std::size_t date = response.find("\x85\x04");
    return response.erase(date, 6);
}
struct Conf {
    std::uint8_t status = 0;
    std::string message_id, transaction_id;
};
Conf conf_of(const std::string& response) {
    cr_assert(response.starts_with("HTTP/1.1 200 OK\r\n"), "%s", response.c_str());
    const auto pdu = decode_pdu(body_of(response));
    cr_assert(pdu.has_value() && pdu->type == PduType::m_send_conf);
    Conf out;
    out.status = std::get<Octet>(*pdu->find(0x12)).value;
    out.transaction_id = std::get<std::string>(*pdu->find(0x18));
    if (const Value* id = pdu->find(0x0B)) out.message_id = std::get<std::string>(*id);
    return out;
}
bool is_empty_ok(const std::string& response) { return response.starts_with("HTTP/1.1 200 OK\r\n") && body_of(response).empty(); }

}   // namespace

Test(mm1, a_submission_is_one_message_however_often_it_comes) {
    Stage stage;
    stage.play([&] {
        const Octets pdu = send_req("T1", to("+447700900002/TYPE=PLMN"));
        const Conf first = conf_of(stage.post(pdu, kOne));
        cr_expect(first.status == 0x80 && first.transaction_id == "T1" && first.message_id.ends_with("@mms.example.net"));
        const Conf again = conf_of(stage.post(pdu, kOne, "/any/path"));
        cr_expect(again.status == 0x80 && again.message_id == first.message_id);
        cr_expect(stage.messages() == 1);
        const Conf other = conf_of(stage.post(pdu, kTwo));
        cr_expect(other.status == 0x80 && other.message_id != first.message_id && stage.messages() == 2, "another phone's is another message");
        const Conf changed = conf_of(stage.post(send_req("T1", to("+447700900002/TYPE=PLMN"), "Ho"), kOne));
        cr_expect(changed.message_id != first.message_id && stage.messages() == 3);
        const auto id = stage.names.message_of(first.message_id);
        cr_assert(id.has_value());
        cr_expect(stage.store.find(*id)->originator.value == kOne && stage.store.content(*id)->ends_with("Hi"));
    });
    cr_expect(stage.enqueued == 3 && stage.metrics.value(Counter::mm1_submitted) == 3 && stage.metrics.value(Counter::mm1_repeated) == 1);
}

Test(mm1, a_submission_that_is_refused_leaves_nothing) {
    Stage stage;
    stage.play([&] {
        struct Row {
            const char* name;
            Octets pdu;
            const char* number;
            std::uint8_t status;
        };
        const std::string there = to("+447700900002");
        const Row rows[] = {
            {"nobody", send_req("T1", there), "", 0xE1},
            {"whom the PDU names", "\x8C\x80\x98T1\0\x8D\x92\x89\x0F\x80+447700900001\0"s + there + "\x84\xA3\x01\x04\x02\x03\x83\x81\xEAHi"s, "", 0xE1},
            {"not served here", send_req("T1", there), "+15551234567", 0xE1},
            {"no recipient", send_req("T1", ""), kOne, 0xE3},
            {"an unknown recipient", send_req("T1", to("+999123")), kOne, 0xE3},
            {"hidden towards mail", send_req("T1", "\x94\x80"s + to("a@b.example")), kOne, 0xEA},
            {"corrupt", "\x8C\x80\x98T1\0\x8D\x92\x89\x01\x81\x84\xA3\x01\x04\x02\x03"s, kOne, 0xE2},
            {"another major version", "\x8C\x80\x98T1\0\x8D\xA0\x89\x01\x81"s + there + "\x84\xA3\x01\x04\x02\x03\x83\x81\xEAHi"s, kOne, 0x88},
            {"an unknown type", "\x8C\xF0\x98T1\0\x8D\x92"s, kOne, 0x88},
            {"a type that only relays send", "\x8C\x82\x98T1\0\x8D\x92"s, kOne, 0x88},
            {"no type", "\x98T1\0\x8D\x92"s, kOne, 0xE2},
            {"too big", send_req("T1", there, std::string(400'000, 'b')), kOne, 0xE5},
        };
        for (const Row& row : rows) {
            const Conf conf = conf_of(stage.post(row.pdu, row.number));
            cr_expect(conf.status == row.status && conf.message_id.empty() && conf.transaction_id == "T1", "%s: %02x", row.name, conf.status);
        }
        for (const auto& fault : {Fault::storage_full, Fault::storage_failed}) {
            stage.store.fail_with(Error{fault, 0, "no room"});
            cr_expect(conf_of(stage.post(send_req("T1", there), kOne)).status == 0xC0);
        }
        stage.store.fail_with(std::nullopt);
        cr_expect(stage.messages() == 0);
        cr_expect(conf_of(stage.post(send_req("T1", there), kOne)).status == 0x80, "and the next try counts");
        // An empty transaction id is one.
        const Conf unnamed = conf_of(stage.post(send_req("", there, "Ho"), kOne));
        cr_expect(unnamed.status == 0x80 && unnamed.transaction_id.empty());
        cr_expect(conf_of(stage.post(send_req("", ""), kOne)).status == 0xE3);
        // What has no transaction id can be answered by HTTP alone.
        cr_expect(stage.post("", kOne).starts_with("HTTP/1.1 400 "));
        cr_expect(stage.post("\x8C\x80"s, kOne).starts_with("HTTP/1.1 400 "));
        cr_expect(stage.post("<html>", kOne).starts_with("HTTP/1.1 400 "));
        cr_expect(stage.exchange("HEAD / HTTP/1.1\r\n").starts_with("HTTP/1.1 405 "));
    });
    cr_expect(stage.messages() == 2 && stage.metrics.value(Counter::mm1_unidentified) == 2);
}

Test(mm1, some_recipients_may_fail_and_some_not) {
    Stage stage;
    stage.play([&] {
        const Conf conf = conf_of(stage.post(send_req("T1", to("+447700900002") + to("+999123")), kOne));
        cr_expect(conf.status == 0xC4 && !conf.message_id.empty());
        const Message message = *stage.store.find(*stage.names.message_of(conf.message_id));
        cr_expect(message.recipients[0].state == RecipientState::queued && message.recipients[1].state == RecipientState::failed && message.recipients[1].report_due);
        const auto due = stage.store.lanes(message.arrival + Seconds(60), 10);
        cr_expect(std::ranges::any_of(due, [](const LaneDue& lane) { return lane.lane == kReportLane; }), "somebody will be told");
    });
}

Test(mm1, a_message_travels_from_phone_to_phone) {
    Stage stage;
    stage.play([&] {
        const std::string text(250'000, 'x');   // decoded on a worker
        const Conf conf = conf_of(stage.post(send_req("T1", to("+447700900002") + "\x96Subject\0"s, text), kOne));
        const RecipientRef ref{*stage.names.message_of(conf.message_id), 0};
        const std::string url = locator(ref, stage.recipient(ref).token);
        const std::string id = notification_transaction_id(ref, stage.recipient(ref).token);

        for (int i = 0; i < 2; ++i) {   // the first answer may be lost
            const std::string response = stage.get(url, i == 0 ? "" : kTwo);
            cr_expect(response.starts_with("HTTP/1.1 200 OK\r\n") && response.find("Content-Type: application/vnd.wap.mms-message\r\n") != std::string::npos);
            const auto pdu = decode_pdu(body_of(response));
            cr_assert(pdu.has_value() && pdu->type == PduType::m_retrieve_conf, "%s", pdu ? "" : pdu.error().rule.c_str());
            cr_expect(pdu->parts.size() == 1 && pdu->parts[0].data == text);
            cr_expect(std::get<std::string>(*pdu->find(0x18)) == id && std::get<std::string>(*pdu->find(0x0B)) == conf.message_id);
            cr_expect(*std::get<FromValue>(*pdu->find(0x09)).address == "+447700900001/TYPE=PLMN");
            cr_expect(pdu->find(0x19) == nullptr, "no Retrieve-Status when all is well");
        }
        while (stage.recipient(ref).state != RecipientState::fetched) std::this_thread::yield();
        // Another's identity is no better than a wrong URL.
        const std::string foreign = stage.get(url, kOne);
        std::string wrong_url = url;
        wrong_url.back() = wrong_url.back() == 'Q' ? 'g' : 'Q';
        const std::string wrong = stage.get(wrong_url), unknown = stage.get(locator({{999}, 0}, Octets(16, 'x'))), nonsense = stage.get("nonsense"), root = stage.get("");
        cr_expect(foreign.starts_with("HTTP/1.1 404 Not Found\r\n"));
        for (const std::string& other : {wrong, unknown, nonsense, root}) cr_expect(without_dates(other) == without_dates(foreign), "%s", other.c_str());

        cr_expect(is_empty_ok(stage.post(notify_resp(id, '\x81'), kOne)), "another's confirmation changes nothing");
        cr_expect(stage.recipient(ref).state == RecipientState::fetched);
        cr_expect(is_empty_ok(stage.post(notify_resp(id, '\x81', "\x91\x81"s), kTwo, "/" + url)), "a POST to the message's own URL");
        cr_expect(stage.recipient(ref).state == RecipientState::delivered && !stage.recipient(ref).report_allowed);
        const auto events = stage.store.events(ref.id).size();
        cr_expect(is_empty_ok(stage.post(acknowledge(id))) && is_empty_ok(stage.post(notify_resp(id, '\x82'))));
        cr_expect(stage.recipient(ref).state == RecipientState::delivered && stage.store.events(ref.id).size() == events, "the end is the end");
        cr_expect(without_dates(stage.get(url, kTwo)) == without_dates(foreign), "used up");
    });
    cr_expect(stage.metrics.value(Counter::mm1_retrieved) == 2 && stage.metrics.value(Counter::mm1_not_found) == 6);
}

Test(mm1, one_recipient_s_answer_is_not_another_s) {
    Stage stage;
    stage.play([&] {
        const Conf conf = conf_of(stage.post(send_req("T1", to("+447700900002") + to("+447700900003") + to("+447700900004")), kOne));
        const QueueId id = *stage.names.message_of(conf.message_id);
        const auto transaction = [&](std::uint16_t index) { return notification_transaction_id({id, index}, stage.recipient({id, index}).token); };
        stage.post(notify_resp(transaction(0), '\x82'));
        stage.post(notify_resp(transaction(1), '\x83'));
        cr_expect(stage.recipient({id, 0}).state == RecipientState::rejected);
        cr_expect(stage.recipient({id, 1}).state == RecipientState::notified && stage.recipient({id, 1}).next_attempt == stage.store.find(id)->expires);
        cr_expect(stage.recipient({id, 2}).state == RecipientState::queued);
        // A transaction id made up, or of another's token.
        cr_expect(is_empty_ok(stage.post(notify_resp(notification_transaction_id({id, 2}, Octets(16, 'z')), '\x81'))));
        cr_expect(is_empty_ok(stage.post(notify_resp("T1", '\x81'))));
        cr_expect(is_empty_ok(stage.post(notify_resp(notification_transaction_id({{12345}, 2}, Octets(16, 'z')), '\x81'))));
        cr_expect(stage.recipient({id, 2}).state == RecipientState::queued);
        cr_expect(stage.post("\x8C\x83\x98T1\0\x8D\x92"s).starts_with("HTTP/1.1 400 "), "without a status");
    });
}

Test(mm1, what_is_held_waits) {
    Stage stage;
    stage.play([&] {
        const Conf conf = conf_of(stage.post(send_req("T1", to("+447700900002")), kOne));
        const RecipientRef ref{*stage.names.message_of(conf.message_id), 0};
        const std::string url = locator(ref, stage.recipient(ref).token);
        std::promise<void> held;
        stage.ask([&] {
            stage.committer.submit({Hold{ref.id, stage.loop.now()}}, [&](Result<std::vector<Outcome>>) { held.set_value(); });
            return 0;
        });
        held.get_future().wait();
        const auto pdu = decode_pdu(body_of(stage.get(url)));
        cr_assert(pdu.has_value());
        cr_expect(std::get<Octet>(*pdu->find(0x19)).value == 0xC1);
        cr_expect(stage.recipient(ref).state == RecipientState::held);
    });
}

Test(mm1, other_pdus_have_their_answers) {
    Stage stage;
    stage.play([&] {
        const auto forward = decode_pdu(body_of(stage.post("\x8C\x89\x98T7\0\x8D\x92\x89\x01\x81\x97+447700900002\0\x83http://x/y\0"s, kOne)));
        cr_assert(forward.has_value());
        cr_expect(forward->type == PduType::m_forward_conf && std::get<Octet>(*forward->find(0x12)).value == 0xE1);
        cr_expect(is_empty_ok(stage.post("\x8C\x87\x8D\x92\x8Bm1@x\0\x97+447700900001\0\x89\x01\x81\x9B\x80"s, kOne)), "a read report is taken");
        cr_expect(is_empty_ok(stage.post("\x8C\x97\x98T8\0\x8D\x93\xBF\x80"s, kOne)), "M-Cancel.conf too");
        cr_expect(stage.post("\x8C\x87\x8D\x92"s, kOne).starts_with("HTTP/1.1 400 "), "but not a broken one");
        cr_expect(is_empty_ok(stage.post("\x8C\x83\x98T1\0\x8D\xA0\x95\x81"s)), "another major version's is ignored");
    });
    cr_expect(stage.messages() == 0);
}
