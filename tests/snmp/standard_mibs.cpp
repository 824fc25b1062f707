#include "snmp/standard_mibs.h"

#include <criterion/criterion.h>

using namespace mmgate;
using namespace mmgate::snmp;
using namespace std::chrono_literals;

namespace {

const Oid kAppl{1, 3, 6, 1, 2, 1, 27, 1, 1}, kAssoc{1, 3, 6, 1, 2, 1, 27, 2, 1}, kMta{1, 3, 6, 1, 2, 1, 28, 1, 1}, kGroup{1, 3, 6, 1, 2, 1, 28, 2, 1}, kError{1, 3, 6, 1, 2, 1, 28, 5, 1};
constexpr Clock kClock{Instant{1'000'000s}, 100'000};

Figures some() {
    Figures figures;
    figures[Counter::smtp_accepted] = std::uint64_t{5};
    figures[Counter::mm1_submitted] = std::uint64_t{3};
    figures[Counter::mm4_requests_in] = std::uint64_t{2};
    figures[Counter::smtp_bytes] = std::uint64_t{10'240};
    figures[Counter::mail_connections] = std::uint64_t{9};
    figures[Counter::mail_failed_connections] = std::uint64_t{4};
    figures[Reading::messages] = std::uint64_t{6};
    figures[Reading::accepting] = std::uint64_t{1};
    figures[Reading::health] = std::uint64_t{1};
    figures[Reading::started] = std::uint64_t{1'000'000 - 100};
    return figures;
}

}   // namespace

Test(standard_mibs, operational_state) {
    struct Row {
        Health health;
        std::uint64_t accepting;
        bool answers;
        OperStatus want;
    };
    for (const Row& row : {Row{Health::ok, 1, true, OperStatus::up}, Row{Health::failed, 0, true, OperStatus::congested}, Row{Health::stopping, 1, true, OperStatus::quiescing},
                           Row{Health::ok, 1, false, OperStatus::down}}) {
        Figures figures;
        figures[Reading::health] = static_cast<std::uint64_t>(row.health);
        figures[Reading::accepting] = row.accepting;
        cr_expect(oper_status(figures, row.answers) == row.want);
    }
}

Test(standard_mibs, the_application) {
    View view;
    add_network_services(some(), {true, kClock.now - 10s, "1.0"}, kClock, view);
    auto column = [&](std::uint32_t number) { return view.at(kAppl + Oid{number, kApplication}); };
    cr_expect(column(2) == octets("mmgate") && column(4) == octets("1.0") && column(5) == timeticks(90'000) && column(6) == integer(1) && column(7) == timeticks(99'000));
    cr_expect(column(11) == counter32(5) && column(15) == counter32(4), "connections that came about, and that failed");
}

Test(standard_mibs, associations_have_numbers_of_their_own) {
    Figures figures = some();
    for (std::uint64_t protocol : {1, 2, 3}) {
        FigureRow& row = figures.rows(FigureTable::session).emplace_back("7", FigureTable::session);
        row[Column::session_protocol] = protocol;
        row[Column::session_remote] = std::string("192.0.2." + std::to_string(protocol));
        row[Column::session_since] = std::uint64_t{1'000'000 - 1};
    }
    View view;
    add_network_services(figures, {true, {}, "1.0"}, kClock, view);
    std::size_t rows = 0;
    for (const auto& [oid, value] : view)
        if (starts_with(oid, kAssoc + Oid{2, kApplication})) ++rows;
    cr_expect(rows == 3);
}

Test(standard_mibs, messages_and_doors) {
    Figures figures = some();
    FigureRow& status = figures.rows(FigureTable::status).emplace_back("smtp_in 5.1.1", FigureTable::status);
    status[Column::status_group] = std::uint64_t{1};
    status[Column::status_code] = std::uint64_t{5'001'001};
    status[Column::status_inbound] = std::uint64_t{8};
    FigureRow& peer = figures.rows(FigureTable::peer).emplace_back("mm4:other", FigureTable::peer);
    peer[Column::peer_type] = static_cast<std::uint64_t>(PeerType::mm4);
    peer[Column::peer_queued] = std::uint64_t{11};
    peer[Column::peer_next_attempt] = std::uint64_t{1'000'030};
    FigureRow& queue = figures.rows(FigureTable::queue).emplace_back("queued", FigureTable::queue);
    queue[Column::queue_recipients] = std::uint64_t{11};
    FigureRow& ended = figures.rows(FigureTable::queue).emplace_back("delivered", FigureTable::queue);
    ended[Column::queue_recipients] = std::uint64_t{1000};
    View view;
    add_mta(figures, kClock, view);
    cr_expect(view.at(kMta + Oid{1, kApplication}) == counter32(8) && view.at(kMta + Oid{2, kApplication}) == gauge32(6) && view.at(kMta + Oid{4, kApplication}) == counter32(10));
    cr_expect(view.at(kMta + Oid{8, kApplication}) == gauge32(11), "recipients that have ended are stored no more");
    auto door = [&](std::uint32_t column, std::uint32_t group) { return view.at(kGroup + Oid{column, kApplication, group}); };
    cr_expect(door(25, 1) == octets("smtp-in") && door(2, 1) == counter32(5) && door(25, 6) == octets("mm4-out") && door(10, 6) == gauge32(11) && door(23, 6) == integer(3000));
    cr_expect(!view.contains(kGroup + Oid{2, kApplication, 2}), "nothing comes in where mail goes out");
    cr_expect(view.at(kError + Oid{1, kApplication, 1, 5'001'001}) == counter32(8));
}
