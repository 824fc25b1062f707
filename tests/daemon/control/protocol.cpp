#include "daemon/control/protocol.h"

#include <criterion/criterion.h>

#include <string>

using namespace mmgate;
using namespace mmgate::control;
using namespace std::literals;

namespace {

const QueueId kId{12345};

Message message_from(std::string_view from, std::string_view to, RecipientState state) {
    Message message;
    message.id = kId;
    message.arrival = Instant(std::chrono::hours(1000));
    message.originator = {Address::Kind::mailbox, std::string(from), ""};
    message.recipients.resize(2);
    message.recipients[0].address = {Address::Kind::phone, "+447700900123", ""};
    message.recipients[0].state = RecipientState::delivered;
    message.recipients[1].address = {Address::Kind::mailbox, std::string(to), ""};
    message.recipients[1].state = state;
    return message;
}

}   // namespace

Test(protocol, requests_round_trip) {
    std::vector<Request> requests;
    for (const VerbSpec& spec : kVerbs) {
        Request request;
        request.verb = spec.verb;
        if (spec.takes_ids) request.ids = {kId, QueueId{UINT64_MAX}};
        if (spec.takes_peer) request.peer = "hub";
        if (spec.verb == Verb::import_) request.octets = 5, request.originator = "+447700900123", request.recipients = {"a@b.example", "+447700900124"};
        if (spec.takes_address) request.address = "+447700900123";
        requests.push_back(request);
        if (spec.selects) {
            request.ids.clear();
            request.all = spec.takes_ids;
            request.dry_run = spec.changes;
            request.for_good = spec.verb == Verb::erase;
            request.selector = {{RecipientState::deferred, RecipientState::held}, "*@example.net", "+44*", "other", "4.4.1", Seconds(3600), true};
            requests.push_back(request);
        }
    }
    for (CatForm form : {CatForm::content, CatForm::mail, CatForm::part}) {
        Request request{.verb = Verb::cat, .ids = {kId}, .form = form, .part = form == CatForm::part ? 3u : 0u};
        requests.push_back(request);
    }
    for (const Request& request : requests) {
        std::string line = encode_request(request);
        cr_expect(line.ends_with('\n') && line.find('\n') == line.size() - 1);
        auto back = decode_request(std::string_view(line).substr(0, line.size() - 1));
        cr_expect(back && *back == request, "%s%s", line.c_str(), back ? "" : back.error().rule.c_str());
    }
}

Test(protocol, refuses_what_is_no_request) {
    std::string many = R"({"verb":"show","ids":[)";
    for (std::size_t i = 0; i <= kRequestIds; ++i) many += (i ? ",\"" : "\"") + to_text(kId) + "\"";
    std::string id = "\"" + to_text(kId) + "\"";
    struct Row {
        std::string line, want;
    };
    for (const Row& row : std::initializer_list<Row>{
             {"", "the request is no JSON object"},
             {R"({"verb":"peer"})", "the name of a peer is missing"},
             {R"({"verb":"list","name":"hub"})", "a peer does not go with this verb"},
             {R"({"verb":"import"})", "octets are missing"},
             {R"({"verb":"import","octets":67108865})", "octets must be a number up to 64 MiB"},
             {R"({"verb":"list","octets":1})", "octets go with import"},
             {R"({"verb":"route"})", "the address is missing"},
             {R"({"verb":"stats","address":"+1"})", "an address does not go with this verb"},
             {"[]", "the request is no JSON object"},
             {"{", "the request is no JSON object"},
             {std::string(60000, '['), "the request is no JSON object"},
             {"{\"verb\":\"list\"}x", "the request is no JSON object"},
             {"{\"verb\":\"\xff\"}", "the request is no JSON object"},
             {"{}", "verb is missing"},
             {R"({"verb":"destroy"})", "verb must be a verb of this version"},
             {R"({"verb":1})", "verb must be a verb of this version"},
             {R"({"verb":"list","what":1})", "a member is not known"},
             {R"({"verb":"show"})", "ids are missing"},
             {R"({"verb":"hold"})", "ids are missing"},
             {R"({"verb":"show","ids":[]})", "ids are missing"},
             {R"({"verb":"show","ids":["!"]})", "ids must be a list of at most 2000 queue ids"},
             {R"({"verb":"show","ids":[1]})", "ids must be a list of at most 2000 queue ids"},
             {R"({"verb":"show","ids":"x"})", "ids must be a list of at most 2000 queue ids"},
             {many + "]}", "ids must be a list of at most 2000 queue ids"},
             {R"({"verb":"stats","ids":[)" + id + "]}", "ids do not go with this"},
             {R"({"verb":"hold","all":true,"ids":[)" + id + "]}", "ids do not go with this"},
             {R"({"verb":"show","ids":[)" + id + R"(],"from":"a"})", "ids do not go with this"},
             {R"({"verb":"stats","all":true})", "selectors do not go with this verb"},
             {R"({"verb":"list","dry_run":true})", "dry_run does not go with this verb"},
             {R"({"verb":"hold","all":true,"for_good":true})", "for_good does not go with this verb"},
             {R"({"verb":"list","all":1})", "all must be true or false"},
             {R"({"verb":"list","state":"held"})", "state must be a list of states"},
             {R"({"verb":"list","state":["gone"]})", "state must be a list of states"},
             {R"({"verb":"list","older":-1})", "older must be a number of seconds"},
             {R"({"verb":"list","older":1.5})", "older must be a number of seconds"},
             {R"({"verb":"list","older":99999999999})", "older must be a number of seconds"},
             {R"({"verb":"list","from":")" + std::string(kPatternBytes + 1, 'a') + "\"}", "from must be a pattern"},
             {R"({"verb":"cat","form":"x","ids":[)" + id + "]}", "form must be person, content, mail or part"},
             {R"({"verb":"list","form":"mail"})", "form goes with cat and one id"},
             {R"({"verb":"cat","form":"part","ids":[)" + id + "]}", "part goes with the form of its name"},
             {R"({"verb":"cat","part":0,"form":"part","ids":[)" + id + "]}", "part must be a number from 1"}}) {
        auto got = decode_request(row.line);
        cr_expect(!got && got.error().rule == row.want, "%.80s: %s", row.line.c_str(), got ? "taken" : got.error().rule.c_str());
    }
}

Test(protocol, patterns_match_whole_addresses) {
    struct Row {
        std::string_view pattern, address;
        bool want;
    };
    for (const Row& row : std::initializer_list<Row>{
             {"a@b.example", "a@b.example", true}, {"A@B.example", "a@b.EXAMPLE", true}, {"a@b.example", "xa@b.example", false}, {"a@b.example", "a@b.example.net", false}, {"*@b.example", "a@b.example", true}, {"@b.example", "a@b.example", true}, {"@b.example", "a@c.b.example", false}, {"@*.example", "a@c.b.example", true}, {"+447700900123", "+447700900123", true}, {"+447700900123/TYPE=PLMN", "+447700900123", true}, {"+4477*", "+447700900123/type=plmn", true}, {"+4477", "+447700900123", false}, {"*", "", true}, {"", "", true}, {"", "a", false}, {"a*b*c", "aXbYc", true}, {"a*b*c", "aXcYb", false}, {"**", "a", true}, {"@b", "a", false}})
        cr_expect(matches(row.pattern, row.address) == row.want, "%s %s", std::string(row.pattern).c_str(), std::string(row.address).c_str());
    // Stars do not make it slow.
    std::string stars;
    for (int i = 0; i < 100; ++i) stars += "*a";
    cr_expect(!matches(stars + "b", std::string(300, 'a')));
}

Test(protocol, selectors_add_up) {
    Message message = message_from("a@b.example", "c@d.example", RecipientState::deferred);
    Instant now = message.arrival + std::chrono::hours(2);
    cr_expect(matches(Selector{}, message, now));
    cr_expect(matches(Selector{.states = {RecipientState::deferred}, .from = "@b.example", .to = "c@*", .older = Seconds(7200)}, message, now));
    cr_expect(!matches(Selector{.older = Seconds(7201)}, message, now));
    cr_expect((!matches(Selector{.states = {RecipientState::delivered, RecipientState::held}}, message, now)));
    cr_expect(!matches(Selector{.from = "c@d.example"}, message, now));
    message.recipients[1].route = "mm4:other";
    message.recipients[1].lane = "mm4:other";
    message.recipients[1].reason = "451 4.4.1 no answer";
    for (std::string_view peer : {"other", "MM4:OTHER", "mm4:*", "*"}) cr_expect(matches(Selector{.peer = std::string(peer)}, message, now), "%s", std::string(peer).c_str());
    for (std::string_view peer : {"othe", "mail", "mm4"}) cr_expect(!matches(Selector{.peer = std::string(peer)}, message, now), "%s", std::string(peer).c_str());
    Message mail = message;
    mail.recipients[1].route = "mail";
    mail.recipients[1].lane = "mail:relay.example:25";
    mail.recipients[1].address = {Address::Kind::mailbox, "e@Far.example", {}};
    for (std::string_view peer : {"mail", "relay.example:25", "far.example", "far.*"}) cr_expect(matches(Selector{.peer = std::string(peer)}, mail, now), "%s", std::string(peer).c_str());
    for (std::string_view peer : {"e@far.example", "example", "other"}) cr_expect(!matches(Selector{.peer = std::string(peer)}, mail, now), "%s", std::string(peer).c_str());
    cr_expect(matches(Selector{.error = "4.4.1"}, message, now) && matches(Selector{.error = "451*ANSWER"}, message, now));
    cr_expect(!matches(Selector{.error = "4.4.2"}, message, now) && !matches(Selector{.error = "no*"}, message, now), "stars are for the whole text");
    cr_expect(!matches(Selector{.to = "a@b.example"}, message, now));
    cr_expect(matches(Selector{.to = "+447700900123"}, message, now));
    Message ended = message_from("a@b.example", "c@d.example", RecipientState::failed);
    cr_expect(!matches(Selector{}, ended, now));
    cr_expect(matches(Selector{.ended = true}, ended, now));
    cr_expect(matches(Selector{.states = {RecipientState::delivered}}, ended, now), "the least finished of two ends");
}

Test(protocol, last_line_and_greeting) {
    cr_expect(encode_end({Exit::busy, 3, "later"}) == "{\"end\":true,\"code\":75,\"count\":3,\"text\":\"later\"}\n");
    cr_expect(encode_hello("1.2.3") == "{\"mmgate\":\"1.2.3\",\"protocol\":1}\n");
    cr_expect(encode_octets(70000) == "{\"octets\":70000}\n");
    cr_expect(encode_end({Exit::io, 0, "bad \xff text\n"}) == "{\"end\":true,\"code\":74,\"count\":0,\"text\":\"bad \uFFFD text\\n\"}\n");
}
