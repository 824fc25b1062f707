#include "daemon/control/server.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/daemon/control/rig.h"

using namespace mmgate;
using namespace mmgate::control;
using namespace std::literals;

Test(control_server, lists_in_the_contracts_form, .timeout = 30) {
    Rig rig;
    QueueId first = rig.add("a@b.example");
    rig.add("c@d.example");
    rig.start();
    Asker asker(rig.config.control);
    cr_expect(Json::parse(asker.line())["protocol"] == 1);
    auto answer = asker.ask(R"({"verb":"list"})");
    cr_assert(answer.size() == 3 && code_of(answer) == 0 && answer[2]["count"] == 2);
    std::vector<std::string> members;
    for (const auto& item : answer[0].items()) members.push_back(item.key());
    cr_expect((members == std::vector{"id"s, "state"s, "arrival"s, "size"s, "from"s, "interface"s, "recipients"s}));
    members.clear();
    for (const auto& item : answer[0]["recipients"][0].items()) members.push_back(item.key());
    cr_expect((members == std::vector{"address"s, "route"s, "state"s, "attempts"s, "next_attempt"s, "reason"s}));
    cr_expect(answer[0]["id"] == to_text(first) && answer[0]["state"] == "queued" && answer[0]["from"] == "+447700900123/TYPE=PLMN" && answer[0]["interface"] == "mm1");
    cr_expect(answer[0]["recipients"][0]["address"] == "a@b.example");
    // The same connection takes the next request; selectors that match nothing end with 1.
    cr_expect(code_of(asker.ask(R"({"verb":"list","to":"@d.example"})")) == 0);
    cr_expect(code_of(asker.ask(R"({"verb":"list","to":"x"})")) == 1);
    cr_expect(code_of(asker.ask(R"({"verb":"nonsense"})")) == 64);
    cr_expect(code_of(asker.ask(R"({"verb":"stats"})")) == 0);
}

Test(control_server, an_empty_queue_is_no_error, .timeout = 30) {
    Rig rig;
    rig.start();
    Asker asker(rig.config.control);
    asker.line();
    cr_expect(code_of(asker.ask(R"({"verb":"list"})")) == 0);
    cr_expect(code_of(asker.ask(R"({"verb":"delete","all":true})")) == 1);
    cr_expect(code_of(asker.ask(R"({"verb":"check"})")) == 0);
}

Test(control_server, carries_out_verbs, .timeout = 30) {
    Rig rig;
    QueueId one = rig.add("a@b.example"), two = rig.add("c@d.example");
    rig.start();
    Asker asker(rig.config.control);
    asker.line();
    struct Row {
        std::string request;
        int code;
        std::size_t lines;   // before the last
        RecipientState one, two;
    };
    using enum RecipientState;
    for (const Row& row : std::initializer_list<Row>{
             {R"({"verb":"hold",)" + ids({one}) + "}", 0, 1, held, queued},
             {R"({"verb":"hold",)" + ids({one}) + "}", 1, 0, held, queued},
             {R"({"verb":"release","all":true,"state":["held"],"dry_run":true})", 0, 1, held, queued},
             {R"({"verb":"release","all":true,"state":["held"]})", 0, 1, queued, queued},
             {R"({"verb":"hold",)" + ids({two, QueueId{1}}) + "}", 66, 2, queued, held},
             {R"({"verb":"delete","all":true,"to":"c@*"})", 0, 1, queued, deleted},
             {R"({"verb":"delete",)" + ids({two}) + "}", 1, 0, queued, deleted},
             {R"({"verb":"undelete","all":true,"dry_run":true})", 0, 1, queued, deleted},
             {R"({"verb":"undelete","all":true,"to":"a@*"})", 1, 0, queued, deleted},
             {R"({"verb":"undelete","all":true})", 0, 1, queued, held},
             {R"({"verb":"undelete",)" + ids({two}) + "}", 1, 0, queued, held},
             {R"({"verb":"delete",)" + ids({one}) + "}", 0, 1, deleted, held},
             {R"({"verb":"delete","all":true,"for_good":true,"to":"a@*"})", 0, 1, deleted, held},
             {R"({"verb":"undelete",)" + ids({one}) + "}", 1, 0, deleted, held},
             {R"({"verb":"retry",)" + ids({two}) + "}", 1, 0, deleted, held}}) {
        auto answer = asker.ask(row.request);
        bool retried_nothing = row.request.find("retry") != std::string::npos;   // what is queued may or may not count as changed
        cr_expect(retried_nothing || (code_of(answer) == row.code && answer.size() == row.lines + 1), "%s: %s", row.request.c_str(), answer.back().dump().c_str());
        cr_expect(state_of(*rig.store.find(one)) == row.one && state_of(*rig.store.find(two)) == row.two, "%s", row.request.c_str());
    }
    cr_expect(rig.kicks >= 1);
    cr_expect(rig.metrics.value(Counter::deleted) == 3, "each time that something is deleted");
}

Test(control_server, shows_what_it_knows_of_a_message, .timeout = 30) {
    Rig rig;
    QueueId id = rig.add("a@b.example"), report = rig.add("c@d.example", MessageKind::mail);
    rig.start();
    Asker asker(rig.config.control);
    asker.line();
    auto show = asker.ask(R"({"verb":"show",)" + ids({id}) + "}");
    cr_expect(code_of(show) == 0 && show[0]["headers"]["subject"] == "Gr\u00fc\u00dfe" && show[0]["recipients"][0]["lane"] == "mail:[127.0.0.1]:1025");
    auto trace = asker.ask(R"({"verb":"trace",)" + ids({id}) + "}");
    cr_expect(code_of(trace) == 0 && trace[0]["what"] == "accepted" && trace[0]["detail"] == "from mm1");
    auto why = asker.ask(R"({"verb":"why",)" + ids({id}) + "}");
    cr_expect(code_of(why) == 0 && why[0]["why"].size() == 2);
    auto cat = asker.ask(R"({"verb":"cat",)" + ids({id}) + "}");
    cr_expect(code_of(cat) == 0 && cat[0]["parts"].size() == 2 && cat[0]["parts"][0]["text"] == "Hello MMS" && cat[0]["parts"][1]["size"] == 200'000);
    cr_expect(asker.ask(R"({"verb":"cat",)" + ids({report}) + "}")[0]["text"] == "Subject: x\r\n\r\nbody\r\n");
    cr_expect(code_of(asker.ask(R"({"verb":"show",)" + ids({QueueId{1}}) + "}")) == 66);
    cr_expect(code_of(asker.ask(R"({"verb":"cat","form":"part","part":3,)" + ids({id}) + "}")) == 65);
    cr_expect(code_of(asker.ask(R"({"verb":"cat","form":"part","part":1,)" + ids({report}) + "}")) == 65);

    auto raw = [&](const std::string& form, QueueId of) {
        asker.send(R"({"verb":"cat",)" + form + "," + ids({of}) + "}\n");
        std::string octets = asker.octets(Json::parse(asker.line())["octets"]);
        cr_expect(Json::parse(asker.line())["code"] == 0);
        return octets;
    };
    cr_expect(raw(R"("form":"part","part":2)", id) == Octets(200'000, '\xff'));
    cr_expect(raw(R"("form":"content")", id) == *rig.store.content(id));
    cr_expect(raw(R"("form":"mail")", report) == "Subject: x\r\n\r\nbody\r\n");
    cr_expect(raw(R"("form":"mail")", id).find("MIME-Version: 1.0") != std::string::npos);
}

Test(control_server, pages_through_a_long_queue_while_nobody_reads, .timeout = 60) {
    Rig rig;
    constexpr std::size_t kMessages = 3000;
    std::vector<Operation> operations;
    for (std::size_t i = 0; i < kMessages; ++i) {
        Enqueue enqueue;
        enqueue.message.expires = rig.loop.now() + std::chrono::hours(1);
        enqueue.message.recipients.resize(5);   // all in all more than fits between two programs
        for (Recipient& recipient : enqueue.message.recipients) recipient.address = {Address::Kind::mailbox, "a" + std::to_string(i) + "@b.example", ""};
        operations.emplace_back(std::move(enqueue));
    }
    cr_assert(rig.store.apply(operations).has_value());
    rig.start();
    Asker slow(rig.config.control), quick(rig.config.control);
    slow.line();
    quick.line();
    slow.send("{\"verb\":\"list\"}\n");   // and does not read on
    cr_expect(code_of(quick.ask(R"({"verb":"hold","all":true})")) == 0);
    std::size_t lines = 0;
    while (!Json::parse(slow.line()).contains("end")) ++lines;
    cr_expect(lines == kMessages);
    auto all = quick.ask(R"({"verb":"list","state":["held"]})");
    cr_expect(all.size() == kMessages + 1);
}

Test(control_server, answers_pipelined_and_refuses_endless_requests, .timeout = 30) {
    Rig rig;
    rig.start();
    {
        Asker asker(rig.config.control);
        asker.line();
        asker.send(std::string(60'000, '\n'));   // as many bad requests, at once
        for (int i = 0; i < 60'000; ++i)
            if (Json::parse(asker.line(), nullptr, false).value("code", -1) != 64) cr_assert_fail("%d", i);
    }
    Asker asker(rig.config.control);
    asker.line();
    asker.send(std::string(kRequestBytes, 'x'));
    cr_expect(Json::parse(asker.line())["code"] == 64);
    cr_expect(asker.line().empty(), "closed");
}

Test(control_server, reloads_and_says_what_came_of_it, .timeout = 30) {
    Rig rig;
    rig.start();
    Asker asker(rig.config.control);
    asker.line();
    auto good = asker.ask(R"({"verb":"reload"})");
    cr_expect(good.size() == 3 && good[0]["text"] == "one" && code_of(good) == 0);
    rig.reload_ok = false;
    cr_expect(code_of(asker.ask(R"({"verb":"reload"})")) == 78);
}

Test(control_server, a_failing_store_is_told, .timeout = 30) {
    Rig rig;
    QueueId id = rig.add("a@b.example");
    rig.start();
    Asker asker(rig.config.control);
    asker.line();
    rig.store.fail_with(Error{Fault::storage_full, 0, "disk is full"});
    cr_expect(code_of(asker.ask(R"({"verb":"hold",)" + ids({id}) + "}")) == 75);
    rig.store.fail_with(Error{Fault::storage_failed, 0, "disk is broken"});
    auto answer = asker.ask(R"({"verb":"hold",)" + ids({id}) + "}");
    cr_expect(code_of(answer) == 74 && answer.back()["text"] == "disk is broken");
}

Test(control_server, owns_its_socket, .timeout = 30) {
    Rig rig;
    rig.start();
    struct stat status {};
    cr_assert(stat(rig.config.control.c_str(), &status) == 0);
    cr_expect((status.st_mode & 07777) == 0660);
    auto second = rig.open();
    cr_expect(!second && second.error().rule.ends_with("another gateway answers there"), "%s", second ? "" : second.error().rule.c_str());
    rig.stop();
    cr_expect(!std::filesystem::exists(rig.config.control));
    // What a killed gateway leaves is replaced, a file is not.
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    rig.config.control.copy(address.sun_path, sizeof address.sun_path - 1);
    cr_assert(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    close(fd);
    cr_expect(rig.open().has_value());
    close(creat(rig.config.control.c_str(), 0600));
    auto third = rig.open();
    cr_expect(!third && third.error().rule.ends_with("something else is there already"));
    rig.config.control = "/" + std::string(200, 'x');
    cr_expect(!rig.open());
}

Test(control_server, admits_by_the_kernels_word, .timeout = 30) {
    if (geteuid() != 0) cr_skip_test("changing the user takes root");
    Rig rig;
    rig.start();
    open_doors(rig);
    int code = 0;
    bool closed = false;
    as_nobody([&] {
        Asker asker(rig.config.control);
        asker.line();
        code = Json::parse(asker.line(), nullptr, false).value("code", -1);
        closed = asker.line().empty();
    });
    cr_expect(code == 77 && closed);
    cr_expect(rig.metrics.value(Counter::control_refused) == 1);
}
