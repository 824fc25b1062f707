#!/usr/bin/python3
"""ModemManager as far as mmsd-tng asks it: one modem, connected over the loopback interface, that receives what standard input tells.

Each line on standard input is the data of one WAP push SMS in hexadecimal. Prints "ready" once it owns its name, and "read N" when the
text of SMS number N has been fetched. Runs with Debian's own python3, whose dbus and gi modules it needs.
"""
import os
import sys

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

MM = "org.freedesktop.ModemManager1"
ROOT, MODEM, SIM, BEARER = "/org/freedesktop/ModemManager1", "/org/freedesktop/ModemManager1/Modem/0", "/org/freedesktop/ModemManager1/SIM/0", \
    "/org/freedesktop/ModemManager1/Bearer/0"
NUMBER, APN = sys.argv[1], "mms"

dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
BUS = dbus.SystemBus()


class Thing(dbus.service.Object):
    """An object with properties."""

    def __init__(self, path, properties):
        self.properties = properties
        super().__init__(BUS, path)

    @dbus.service.method(dbus.PROPERTIES_IFACE, in_signature="ss", out_signature="v")
    def Get(self, interface, name):
        return self.properties[interface][name]

    @dbus.service.method(dbus.PROPERTIES_IFACE, in_signature="s", out_signature="a{sv}")
    def GetAll(self, interface):
        if MM + ".Sms" == interface:
            print("read", self._object_path.rsplit("/", 1)[1], flush=True)
        return dbus.Dictionary(self.properties.get(interface, {}), signature="sv")

    @dbus.service.signal(dbus.PROPERTIES_IFACE, signature="sa{sv}as")
    def PropertiesChanged(self, interface, changed, gone):
        pass


class Manager(Thing):
    @dbus.service.method("org.freedesktop.DBus.ObjectManager", out_signature="a{oa{sa{sv}}}")
    def GetManagedObjects(self):
        interfaces = {name: dbus.Dictionary(values, signature="sv") for name, values in modem.properties.items()}
        return dbus.Dictionary({dbus.ObjectPath(MODEM): dbus.Dictionary(interfaces, signature="sa{sv}")}, signature="oa{sa{sv}}")

    @dbus.service.signal("org.freedesktop.DBus.ObjectManager", signature="oa{sa{sv}}")
    def InterfacesAdded(self, path, interfaces):
        pass


class Modem(Thing):
    messages = []

    @dbus.service.method(MM + ".Modem", out_signature="ao")
    def ListBearers(self):
        return [dbus.ObjectPath(BEARER)]

    @dbus.service.method(MM + ".Modem.Messaging", out_signature="ao")
    def List(self):
        return dbus.Array([sms._object_path for sms in self.messages], signature="o")

    @dbus.service.method(MM + ".Modem.Messaging", in_signature="o")
    def Delete(self, path):
        self.messages = [sms for sms in self.messages if sms._object_path != path]
        self.tell()

    def tell(self):
        paths = dbus.Array([dbus.ObjectPath(sms._object_path) for sms in self.messages], signature="o")
        self.properties[MM + ".Modem.Messaging"]["Messages"] = paths
        self.PropertiesChanged(MM + ".Modem.Messaging", {"Messages": paths}, [])

    @dbus.service.signal(MM + ".Modem.Messaging", signature="ob")
    def Added(self, path, received):
        pass


def received(data):
    number = len(Modem.messages) + received.before
    sms = Thing(f"{ROOT}/SMS/{number}", {MM + ".Sms": {
        "State": dbus.UInt32(3), "PduType": dbus.UInt32(1), "Number": "+447700900000", "Text": "", "SMSC": "",
        "Data": dbus.ByteArray(data), "Validity": dbus.Struct((dbus.UInt32(0), dbus.UInt32(0)), signature="uv"), "Class": dbus.Int32(-1),
        "TeleserviceId": dbus.UInt32(0), "ServiceCategory": dbus.UInt32(0), "DeliveryReportRequest": False, "MessageReference": dbus.UInt32(0),
        "Timestamp": "2026-01-01T00:00:00+00", "DischargeTimestamp": "", "DeliveryState": dbus.UInt32(256), "Storage": dbus.UInt32(2)}})
    received.before += 1
    modem.messages.append(sms)
    modem.tell()
    modem.Added(dbus.ObjectPath(sms._object_path), True)


received.before = 0


def line_ready(stream, _):
    line = stream.readline()
    if not line:
        loop.quit()
        return False
    received(bytes.fromhex(line.strip()))
    return True


modem = Modem(MODEM, {
    MM + ".Modem": {
        "State": dbus.Int32(11), "StateFailedReason": dbus.UInt32(0), "Sim": dbus.ObjectPath(SIM), "SimSlots": dbus.Array([], signature="o"),
        "Bearers": dbus.Array([dbus.ObjectPath(BEARER)], signature="o"), "MaxBearers": dbus.UInt32(1), "MaxActiveBearers": dbus.UInt32(1),
        "OwnNumbers": dbus.Array([NUMBER], signature="s"), "Manufacturer": "Example", "Model": "Modem", "Device": "/sys/none",
        "EquipmentIdentifier": "000000000000000", "PowerState": dbus.UInt32(3)},
    MM + ".Modem.Messaging": {"Messages": dbus.Array([], signature="o"), "SupportedStorages": dbus.Array([], signature="u"), "DefaultStorage": dbus.UInt32(2)},
})
Thing(SIM, {MM + ".Sim": {"Active": True, "SimIdentifier": "0", "Imsi": "234100000000000", "OperatorIdentifier": "23410", "OperatorName": "Example"}})
Thing(BEARER, {MM + ".Bearer": {
    "Interface": "lo", "Connected": True, "Suspended": False, "IpTimeout": dbus.UInt32(20), "BearerType": dbus.UInt32(1), "Multiplexed": False,
    "Ip4Config": dbus.Dictionary({"method": dbus.UInt32(2), "address": "127.0.0.1", "prefix": dbus.UInt32(8), "dns1": "127.0.0.1"}, signature="sv"),
    "Ip6Config": dbus.Dictionary({"method": dbus.UInt32(0)}, signature="sv"), "Stats": dbus.Dictionary({}, signature="sv"),
    "Properties": dbus.Dictionary({"apn": APN, "ip-type": dbus.UInt32(1)}, signature="sv")}})
manager = Manager(ROOT, {MM: {"Version": "1.20.0"}})

loop = GLib.MainLoop()
stdin = os.fdopen(0, "r", buffering=1)
GLib.io_add_watch(stdin, GLib.IO_IN | GLib.IO_HUP, line_ready)
name = dbus.service.BusName(MM, BUS)
print("ready", flush=True)
loop.run()
