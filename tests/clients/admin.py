"""What haproxyadmin finds out and changes over a runtime socket, as lines; run with the client's own Python.

    admin.py FOLDER MAP ACL      the folder holds the runtime socket
"""
import sys

from haproxyadmin import haproxy

FOLDER, MAP, ACL = sys.argv[1:]
admin = haproxy.HAProxy(socket_dir=FOLDER)


def say(what, ask):
    """A client that chokes is a finding like any other."""
    try:
        value = ask()
        print(what, sorted(value) if isinstance(value, (set, dict)) else value)
    except Exception as error:
        print(what, type(error).__name__, error)


# Numbers that the traffic alone decides.
METRICS = "stot bin hrsp_2xx hrsp_4xx status dreq ereq".split()

say("frontends", lambda: sorted(one.name for one in admin.frontends()))
say("backends", lambda: sorted(one.name for one in admin.backends()))
say("servers", lambda: sorted(f"{one.backendname}/{one.name}" for one in admin.servers()))
say("processes", lambda: len(admin.processids))
say("maxconn", lambda: admin.metric("Maxconn") > 0)
say("uptime", lambda: admin.uptime)
say("releasedate", lambda: len(admin.releasedate))
for one in sorted(admin.frontends(), key=lambda one: one.name):
    say(one.name, lambda: (one.iid, one.status, one.requests, one.process_nb))
    for metric in METRICS:
        say(f"{one.name} {metric}", lambda: one.metric(metric))
    say("maxconn", lambda: (one.setmaxconn(70), one.maxconn))
    say("disable", lambda: (one.disable(), one.status))
    say("enable", lambda: (one.enable(), one.status))
for one in sorted(admin.backends(), key=lambda one: one.name):
    say(one.name, lambda: (one.iid, one.status, one.requests, [server.name for server in one.servers()]))
for one in sorted(admin.servers(), key=lambda one: one.name):
    name = f"{one.backendname}/{one.name}"
    say(name, lambda: (one.sid, one.status, one.weight, one.requests, one.last_status, one.check_status))
    say(f"{name} address", lambda: one.address)
    for state in haproxy.VALID_STATES if hasattr(haproxy, "VALID_STATES") else ("disable", "drain", "enable"):
        say(f"{name} {state}", lambda: (one.setstate(state), one.status))
    for weight in (20, "50%", 0, 257, "100%"):
        say(f"{name} weight {weight}", lambda: (one.setweight(weight), one.weight))
    say(f"{name} shutdown", one.shutdown)
say("map", lambda: [line.split(" ", 1)[1] for line in admin.show_map(MAP)])
say("add map", lambda: admin.add_map(MAP, "/new", "value"))
say("get map", lambda: admin.get_map(MAP, "/new"))
say("set map", lambda: (admin.set_map(MAP, "/new", "other"), admin.get_map(MAP, "/new")))
say("del map", lambda: (admin.del_map(MAP, "/new"), admin.get_map(MAP, "/new")))
say("clear map", lambda: (admin.clear_map(MAP), admin.show_map(MAP)))
say("acl", lambda: [line.split(" ", 1)[1] for line in admin.show_acl(ACL)])
say("add acl", lambda: admin.add_acl(ACL, "/new"))
say("get acl", lambda: admin.get_acl(ACL, "/new"))
say("del acl", lambda: (admin.del_acl(ACL, "/new"), admin.get_acl(ACL, "/new")))
say("clear acl", lambda: (admin.clear_acl(ACL), admin.show_acl(ACL)))
say("errors", lambda: [line.split(" : ")[-1] for line in admin.errors()])
say("global maxconn", lambda: (admin.setmaxconn(500), admin.metric("Maxconn")))
say("rate limit", lambda: admin.setratelimitconn(100))
say("command", lambda: admin.command("show backend"))
# HAProxy counts what is said to the runtime socket as requests, too.
say("requests", lambda: admin.totalrequests >= 16)
say("clear", lambda: (admin.clearcounters(), admin.clearcounters(all=True)))
say("cleared", lambda: [one.requests for one in admin.frontends() + admin.backends()])
