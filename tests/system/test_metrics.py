"""GET /metrics as a collector reads it, and the dashboard that is made of it."""
import http.client
import json
import math
import os
import re
import unittest

from case import DOMAIN, MAILBOX, ONE, TWO, Case, mail
from gateway import ROOT
from peers import PATIENCE_S

DASHBOARD = os.path.join(ROOT, "docs", "examples", "grafana-mmgate.json")
MONITORING = os.path.join(ROOT, "docs", "monitoring.md")
TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)$")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "stateset": ("",), "info": ("_info",)}


class Family:
    def __init__(self, name):
        self.name, self.type, self.unit, self.help, self.samples = name, None, None, None, {}


def parse(text):
    """Families by name, strictly after OpenMetrics 1.0.0; a sample is (name, labels) -> value."""
    assert text.endswith("# EOF\n"), "the end mark is missing"
    families, family = {}, None
    for line in text.removesuffix("# EOF\n").splitlines():
        if line.startswith("# "):
            _, what, name, *rest = line.split(" ", 3)
            assert re.fullmatch(NAME, name), line
            if family is None or family.name != name:
                assert name not in families, f"{name} comes in pieces"
                family = families[name] = Family(name)
            assert not family.samples, f"{line}: behind its samples"
            field = {"TYPE": "type", "UNIT": "unit", "HELP": "help"}[what]
            assert getattr(family, field) is None, f"{line}: twice"
            setattr(family, field, rest[0] if rest else "")
            continue
        match = SAMPLE.match(line)
        assert match and family, line
        name, labels_text, value = match.groups()
        labels = LABEL.findall(labels_text or "")
        assert "".join(f'{key}="{text}",' for key, text in labels) == (labels_text + "," if labels_text else ""), line
        assert len({key for key, _ in labels}) == len(labels), line
        assert name in [family.name + suffix for suffix in SUFFIXES[family.type]], f"{line}: not of {family.name}, a {family.type}"
        number = float(value)
        assert math.isfinite(number) and (family.type in ("gauge",) or number >= 0), line
        if family.type == "stateset":
            assert number in (0, 1) and family.name in dict(labels), line
        if family.type == "info":
            assert number == 1, line
        key = (name, tuple(sorted(labels)))
        assert key not in family.samples, f"{line}: twice"
        family.samples[key] = int(value) if re.fullmatch(r"\d+", value) else number
    for family in families.values():
        assert family.type and family.samples, family.name
        assert not family.unit or family.name.endswith("_" + family.unit), family.name
        assert not re.search(r"_(total|created|count|sum|bucket|info)$", family.name), family.name
    return families


class MetricsCase(Case):
    OPTIONS = {"metrics": {"listen": ["127.0.0.1:0"]}, "peer": [{"name": "other", "domain": "mms.other.example", "prefixes": ["+447800"], "next_hop": "127.0.0.1:9"}]}

    def endpoint(self):
        line = next(line for line in reversed(self.gateway.lines) if " metrics=" in line or line.startswith("ready "))
        match = re.search(r"\bmetrics=([\d.]+):(\d+)", line)
        return (match[1], int(match[2])) if match else None

    def request(self, method="GET", path="/metrics", body=None):
        connection = http.client.HTTPConnection(*self.endpoint(), timeout=PATIENCE_S)
        self.addCleanup(connection.close)
        connection.request(method, path, body=body)
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()

    def metrics(self):
        status, headers, text = self.request()
        self.assertEqual((status, headers["Content-Type"]), (200, TYPE))
        return parse(text)


class Metrics(MetricsCase):
    def test_figures_are_those_of_stats(self):
        self.send_mail(mail(), to=(f"{ONE}@{DOMAIN}", f"{TWO}@{DOMAIN}"))
        self.phone().send([MAILBOX])
        self.sink.wait_mails(1)
        self.fetched(ONE)

        def agree():
            before, families, after = self.stats(), self.metrics(), self.stats()
            for name, value in after["counters"].items():
                family = "mmgate_" + name
                if before["counters"][name] == value:
                    self.assertEqual(families[family].type, "counter")
                    if families[family].samples != {(family + "_total", ()): value}:
                        return None
            return families
        families = self.gateway.until(agree, "counters that agree")
        self.assertEqual(self.value(families, "mmgate_smtp_accepted_total"), 1)
        self.assertEqual(self.value(families, "mmgate_smtp_recipients_total"), 2)
        self.assertEqual(self.value(families, "mmgate_mm1_submitted_total"), 1)
        self.assertEqual(self.value(families, "mmgate_accepting"), 1)
        self.assertEqual(self.value(families, "mmgate_health", mmgate_health="ok"), 1)
        self.assertEqual(self.value(families, "mmgate_peer_status", peer="mm4:other", mmgate_peer_status="unknown"), 1)
        stats = self.stats()
        self.assertEqual(self.value(families, "mmgate_version_info", version=stats["version"]), 1)
        for row in stats["queue"]:
            self.value(families, "mmgate_queue_recipients", queue=row["name"])
        self.assertGreater(self.value(families, "mmgate_started_timestamp_seconds"), 1_700_000_000)

    def stats(self):
        return json.loads(self.gateway.mmq("stats", "--json").stdout)

    def value(self, families, name, **labels):
        for family in families.values():
            if (name, tuple(sorted(labels.items()))) in family.samples:
                return family.samples[name, tuple(sorted(labels.items()))]
        self.fail(f"no sample {name} {labels}")

    def test_nothing_else_is_answered(self):
        for method, path, body, status in (("GET", "/", None, 404), ("GET", "/metrics/x", None, 404), ("GET", "/../metrics", None, 404), ("POST", "/metrics", "x", 405),
                                           ("DELETE", "/metrics", None, 405)):
            with self.subTest(method=method, path=path):
                self.assertIn(self.request(method, path, body)[0], (status, 400, 413))
        self.metrics()

    def test_reload_moves_the_listener(self):
        self.metrics()
        before = self.endpoint()
        self.gateway.configure(metrics={"listen": []})
        self.gateway.mmq("reload")
        with self.assertRaises(OSError):
            http.client.HTTPConnection(*before, timeout=PATIENCE_S).request("GET", "/metrics")

    def test_only_loopback_is_taken(self):
        self.gateway.configure(metrics={"listen": ["0.0.0.0:0"]})
        done = self.gateway.mmq("reload", check=False)
        self.assertEqual(done.returncode, 78)
        self.assertIn("metrics.listen", done.stdout + done.stderr)


class Off(Case):
    def test_off_unless_asked_for(self):
        self.assertFalse(any("metrics=" in line for line in self.gateway.lines))


class Dashboard(unittest.TestCase):
    """What docs/examples and docs/monitoring.md promise."""

    def test_every_metric_that_it_names_exists(self):
        with open(DASHBOARD) as file:
            dashboard = json.load(file)
        with open(MONITORING) as file:
            known = dict(re.findall(r"^\| (mmgate_\w+)(?:\{\w+\})? \| ([\w ]+?)(?:, 0 or 1)? \|", file.read(), re.M))
        self.assertGreater(len(known), 80)
        expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
        self.assertGreater(len(expressions), 15)
        for expression in expressions:
            names = re.findall(r"\bmmgate_\w+", re.sub(r"\b(?:by|on) ?\([^)]*\)|\{[^}]*\}", "", expression))
            self.assertTrue(names, expression)
            for name in names:
                self.assertIn(name, known, expression)
                # A counter is looked at by its rate, and nothing else is.
                rated = re.search(rf"\b(?:rate|increase)\({name}\b", expression)
                self.assertEqual(bool(rated), known[name] == "counter", expression)

    def test_it_can_be_imported(self):
        with open(DASHBOARD) as file:
            dashboard = json.load(file)
        for member in ("title", "uid", "schemaVersion", "panels", "templating", "time"):
            self.assertIn(member, dashboard)
        self.assertIsNone(dashboard["id"])
        ids = [panel["id"] for panel in dashboard["panels"]]
        self.assertEqual(len(set(ids)), len(ids))
        taken = set()
        for panel in dashboard["panels"]:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24)
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
            self.assertFalse(cells & taken, panel["title"])
            taken |= cells


if __name__ == "__main__":
    unittest.main()
