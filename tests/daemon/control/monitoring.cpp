#include "daemon/control/server.h"

#include <criterion/criterion.h>

#include <algorithm>

#include "tests/daemon/control/rig.h"

using namespace mmgate;
using namespace mmgate::control;
using namespace std::literals;

Test(control_server, gives_all_figures, .timeout = 30) {
    Rig rig;
    rig.add("a@b.example");
    rig.metrics.add(Counter::mm1_submitted, 7);
    rig.metrics.peers().note("mail:[127.0.0.1]:1025", Attempt::deferred, "451 4.3.0 not you, x@y.example", rig.loop.now());
    rig.start();
    Asker asker(rig.config.control);
    asker.line();
    auto stats = asker.ask(R"({"verb":"stats"})");
    cr_assert(stats.size() == 2 && code_of(stats) == 0);
    cr_expect(stats[0]["messages"] == 1 && stats[0]["counters"]["mm1_submitted"] == 7 && stats[0]["accepting"] == true && stats[0]["health"] == "ok");
    auto figures = decode_figures(stats[0].dump());
    cr_assert(figures.has_value());
    cr_expect(number_of((*figures)[Counter::mm1_submitted]) == 7);
    const auto& peers = figures->rows(FigureTable::peer);
    auto peer = std::ranges::find(peers, "mail:[127.0.0.1]:1025", &FigureRow::name);
    cr_assert(peer != peers.end());
    cr_expect(text_of((*peer)[Column::peer_last_error]) == "451 4.3.0 not you, *@*" && number_of((*peer)[Column::peer_queued]) == 1);
}

Test(control_server, tells_followers_what_happens, .timeout = 30) {
    Rig rig;
    rig.config.alarms.queue = 1;
    rig.start();
    Asker follower(rig.config.control), asker(rig.config.control);
    follower.line();
    asker.line();
    follower.send("{\"verb\":\"events\"}\n");
    cr_expect(Json::parse(follower.line())["event"] == "begin");
    cr_expect(Json::parse(follower.line())["event"] == "ready");
    QueueId id = rig.add("a@b.example");
    auto raised = Json::parse(follower.line());
    cr_expect(raised["event"] == "alarm_raised" && raised["kind"] == "queue_high" && raised["severity"] == "major", "%s", raised.dump().c_str());
    auto health = Json::parse(follower.line());
    cr_expect(health["event"] == "health" && health["health"] == "degraded" && health["text"] == "1 messages wait");
    auto alarms = asker.ask(R"({"verb":"alarms"})");
    cr_expect(alarms.size() == 2 && alarms[0]["kind"] == "queue_high");
    // Who comes later is told what is raised.
    Asker late(rig.config.control);
    late.line();
    late.send("{\"verb\":\"events\"}\n");
    cr_expect(Json::parse(late.line())["health"] == "degraded");
    cr_expect(Json::parse(late.line())["kind"] == "queue_high");

    cr_expect(code_of(asker.ask(R"({"verb":"delete",)" + ids({id}) + "}")) == 0);
    auto control = Json::parse(follower.line());
    cr_expect(control["event"] == "control" && control["verb"] == "delete" && control["count"] == 1 && control["code"] == 0, "%s", control.dump().c_str());
    cr_expect(Json::parse(follower.line())["event"] == "alarm_cleared");
    cr_expect(Json::parse(follower.line())["health"] == "ok");
}

Test(control_server, drops_a_follower_that_does_not_read, .timeout = 30) {
    Rig rig;
    rig.start();
    Asker follower(rig.config.control), asker(rig.config.control);
    follower.line();
    asker.line();
    follower.send("{\"verb\":\"events\"}\n");
    cr_expect(Json::parse(follower.line())["event"] == "begin");
    for (int i = 0; i < 10'000; ++i) cr_assert(code_of(asker.ask(R"({"verb":"reload"})")) == 0);
    std::size_t lines = 0;
    while (!follower.line().empty()) ++lines;
    cr_expect(lines < 10'000, "%zu", lines);
    cr_expect(code_of(asker.ask(R"({"verb":"stats"})")) == 0);
}

Test(control_server, lets_snmp_act_only_where_the_configuration_says_so, .timeout = 30) {
    struct Row {
        bool control;
        std::string request;
        int code;
    };
    for (const Row& row : std::initializer_list<Row>{{false, R"({"verb":"hold","all":true,"actor":"duty"})", 77},
                                                     {true, R"({"verb":"hold","all":true,"actor":"duty"})", 0},
                                                     {true, R"({"verb":"reload","actor":"duty"})", 0},
                                                     {true, R"({"verb":"delete","all":true,"actor":"duty"})", 64},
                                                     {true, R"({"verb":"list","actor":"duty"})", 64}}) {
        Rig rig;
        rig.config.snmp_control = row.control;
        QueueId id = rig.add("a@b.example");
        rig.start();
        Asker asker(rig.config.control);
        asker.line();
        auto answer = asker.ask(row.request);
        cr_expect(code_of(answer) == row.code, "%s: %s", row.request.c_str(), answer.back().dump().c_str());
        cr_expect((state_of(*rig.store.find(id)) == RecipientState::held) == (row.code == 0 && row.request.find("hold") != std::string::npos));
    }
}

Test(control_server, snmp_user_sees_figures_and_no_message, .timeout = 30) {
    if (geteuid() != 0) cr_skip_test("changing the user takes root");
    Rig rig;
    rig.config.snmp_user = "nobody";
    rig.config.snmp_control = true;
    QueueId id = rig.add("a@b.example");
    rig.start();
    open_doors(rig);
    struct Row {
        std::string request;
        int code;
    };
    const Row rows[] = {{R"({"verb":"stats"})", 0},
                        {R"({"verb":"alarms"})", 0},
                        {R"({"verb":"list"})", 77},
                        {R"({"verb":"show",)" + ids({id}) + "}", 77},
                        {R"({"verb":"cat",)" + ids({id}) + "}", 77},
                        {R"({"verb":"backup"})", 77},
                        {R"({"verb":"hold","all":true})", 77},
                        {R"({"verb":"hold","all":true,"actor":"duty"})", 0}};
    for (const Row& row : rows) {
        int code = -1;
        as_nobody([&] {
            Asker asker(rig.config.control);
            asker.line();
            code = code_of(asker.ask(row.request));
        });
        cr_expect(code == row.code, "%s: %d", row.request.c_str(), code);
    }
}
