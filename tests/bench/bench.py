"""Delivered messages per second: the gateway, Postfix doing the same work, and no relay at all.

One generator (TLS 1.3, AUTH LOGIN, persistent sessions) and one sink (STARTTLS, AUTH LOGIN), both
the project's own, with nothing, the gateway or Postfix between them, alternating in one run; the
middle of the rounds counts. Each relay syncs every message to disk before it says 250.

Environment:
  BENCH_MESSAGES  messages a round (20000)         BENCH_SESSIONS  sessions of the generator (50)
  BENCH_ROUNDS    rounds (3)                       BENCH_SIZE      octets a message (4096)
  BENCH_RELAYS    which: "direct forestgate postfix"
  BENCH_WORKERS   with how many workers forestgate runs, each a column of its own ("1 2 4")
  BENCH_DIR       where the spools are (build/bench/scratch); a tmpfs is refused
  BENCH_PER_CONNECTION  messages a connection of the generator (0: all)
"""

import json
import os
import pwd
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "blackbox"))

from kit import BUILD, can_connect, free_port, run, wait_until  # noqa: E402

MESSAGES = int(os.environ.get("BENCH_MESSAGES", "20000"))
SESSIONS = int(os.environ.get("BENCH_SESSIONS", "50"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SIZE = int(os.environ.get("BENCH_SIZE", "4096"))
PER_CONNECTION = int(os.environ.get("BENCH_PER_CONNECTION", "0"))
RELAYS = os.environ.get("BENCH_RELAYS", "direct forestgate postfix").split()
WORKERS = os.environ.get("BENCH_WORKERS", "1 2 4").split()
FOLDER = os.path.abspath(os.environ.get("BENCH_DIR", os.path.join(BUILD, "bench", "scratch")))
ROUND_SECONDS = 60 + MESSAGES // 100  # whoever is slower than that has failed

HOST = "127.0.0.1"
USER, PASSWORD = "svc-forestgate", "bench-Passw0rd"
TICKS = os.sysconf("SC_CLK_TCK")


def path(*parts):
    return os.path.join(FOLDER, *parts)


def write(name, text, mode=0o644):
    os.makedirs(os.path.dirname(path(name)), exist_ok=True)
    with open(path(name), "w") as f:
        f.write(text)
    os.chmod(path(name), mode)
    return path(name)


def file_system(folder):
    """Type and device of the file system that a folder is on."""
    return run("findmnt", "-n", "-o", "FSTYPE,SOURCE", "-T", folder).split()


class Child:
    """A process of ours; its tree's CPU seconds; ended by its process id."""

    def __init__(self, command, log):
        with open(log, "ab") as f:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=f, stderr=f)
        self.log = log

    def cpu_seconds(self):
        """Of the whole tree, with children that have ended and were waited for."""
        children, ticks = {}, {}
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                with open(f"/proc/{name}/stat") as f:
                    fields = f.read().rsplit(")", 1)[1].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(int(fields[1]), []).append(int(name))
            ticks[int(name)] = sum(int(x) for x in fields[11:15])
        tree, total = [self.process.pid], 0
        while tree:
            pid = tree.pop()
            total += ticks.get(pid, 0)
            tree += children.get(pid, [])
        return total / TICKS

    def stop(self, pid=None):
        if self.process.poll() is None:
            os.kill(pid or self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Sink:
    """The far end; ends by itself when it has all."""

    def __init__(self, port):
        self.port = port
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "bench", "smtp-sink"), "--listen", f"{HOST}:{port}",
             "--certificate", path("sink.pem"), "--key", path("sink.key"), "--tls-required",
             "--user", USER, "--password", PASSWORD, "--expect", str(MESSAGES)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        wait_until("the sink listens", lambda: can_connect(HOST, port))

    def counts(self, seconds):
        try:
            return json.loads(self.process.communicate(timeout=seconds)[0])
        except subprocess.TimeoutExpired:
            self.process.terminate()
            return json.loads(self.process.communicate(timeout=10)[0])


class Direct:
    """No relay: what generator and sink can do."""

    name = "direct"
    durable = "nothing is stored"
    tuning = {}

    def version(self):
        return "generator to sink"

    def start(self, sink_port):
        self.port = sink_port

    def cpu_seconds(self):
        return 0

    def commits(self):
        return None

    def stop(self):
        pass


class Forestgate:
    """The gateway, between forest contoso (the generator) and forest fabrikam (the sink)."""

    durable = "committed before 250 (group commit)"
    binary = os.path.join(BUILD, "forestgate")
    tuning = {  # as Postfix below: both may open 50 connections to the one sink and keep them
        "connections": "50",
        "messages_per_connection": "1000",
    }

    def __init__(self, workers):
        self.workers, self.name = workers, f"forestgate-{workers}"

    def version(self):
        return f"{run(self.binary, '--version').strip()}, workers: {self.workers}"

    def start(self, sink_port):
        self.port, self.monitor = free_port(HOST), free_port(HOST)
        shutil.rmtree(path("forestgate"), ignore_errors=True)
        os.makedirs(path("forestgate", "spool"))
        hashed = run(self.binary, "account", "hash", input=PASSWORD + "\n")
        write("forestgate/account.hash", hashed, 0o600)
        write("forestgate/password", PASSWORD + "\n", 0o600)
        config = write("forestgate/forestgate.yaml", f"""\
version: 1
workers: {self.workers}
hostname: gw.contoso.example
postmaster: postmaster@contoso.example
spool: {{ path: {path('forestgate', 'spool')} }}
control: {path('forestgate', 'control.sock')}
monitor: {{ address: "{HOST}:{self.monitor}" }}
certificates:
  main: {{ certificate: {path('relay.pem')}, key: {path('relay.key')} }}
listen:
  main: {{ address: "{HOST}:{self.port}", certificate: main }}
forests:
  contoso:
    domains: {{ contoso.example: authoritative }}
    deliver: [contoso-hub]
  fabrikam:
    domains: {{ fabrikam.example: authoritative }}
    deliver: [fabrikam-hub]
receive:
  contoso:
    listen: [main]
    networks: [127.0.0.0/8]
    speaks_for: [contoso]
    accounts:
      svc: {{ names: [{USER}], password_hash_files: [account.hash] }}
send:
  contoso-hub:
    servers: ["{HOST}:{sink_port}"]
    tls: {{ verify: ca, ca: {path('sink.pem')} }}
    auth: {{ user: {USER}, password_file: password }}
  fabrikam-hub:
    servers: ["{HOST}:{sink_port}"]
    tls: {{ verify: ca, ca: {path('sink.pem')} }}
    auth: {{ user: {USER}, password_file: password }}
""" + "".join(f"    {key}: {value}\n" for key, value in self.tuning.items()))
        self.child = Child([self.binary, "run", "-c", config], path("forestgate", "log"))
        wait_until("forestgate listens", lambda: can_connect(HOST, self.port))

    def cpu_seconds(self):
        return self.child.cpu_seconds()

    def commits(self):
        try:
            page = urllib.request.urlopen(f"http://{HOST}:{self.monitor}/metrics", timeout=5)
            found = re.search(rb"^forestgate_spool_commit_seconds_count (\d+)", page.read(), re.M)
            return int(found[1]) if found else None
        except OSError:
            return None

    def stop(self):
        self.child.stop()


class Postfix:
    """Debian's Postfix with its own folders, tuned for this one job."""

    name = "postfix"
    durable = "queue file synced before 250 (as shipped)"
    tuning = {
        # As many processes as sessions ask for, each for long, and no limits on the one client.
        "default_process_limit": "400",
        "max_use": "10000",
        "smtpd_client_connection_count_limit": "0",
        "smtpd_client_event_limit_exceptions": "static:all",
        "smtpd_peername_lookup": "no",
        # Accept as fast as possible and deliver to the one destination in parallel.
        "in_flow_delay": "0",
        "initial_destination_concurrency": "50",
        "smtp_destination_concurrency_limit": "50",
        "default_destination_concurrency_limit": "50",
        "qmgr_message_active_limit": "50000",
        # Connections to the sink are kept and used again; what is new is resumed. (Without the
        # first two it delivers a third less and needs a third more CPU.)
        "smtp_tls_connection_reuse": "yes",
        "smtp_connection_cache_on_demand": "yes",
        "smtp_tls_session_cache_database": "btree:${data_directory}/smtp_scache",
        "smtpd_tls_session_cache_database": "btree:${data_directory}/smtpd_scache",
    }
    master = """\
{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsproxy unix - - n - 0 tlsproxy
postlog unix-dgram n - n - 1 postlogd
"""

    def version(self):
        return "Postfix " + run("postconf", "-d", "-h", "mail_version").strip()

    def start(self, sink_port):
        self.port = free_port(HOST)
        owner = pwd.getpwnam("postfix")
        shutil.rmtree(path("postfix"), ignore_errors=True)
        for part in ("queue", "data", "etc/sasl"):
            os.makedirs(path("postfix", part))
        os.chown(path("postfix", "data"), owner.pw_uid, owner.pw_gid)
        write("postfix/etc/master.cf", self.master.format(port=f"{HOST}:{self.port}"))
        database = path("postfix", "etc", "sasl", "sasldb2")
        write("postfix/etc/sasl/smtpd.conf", "pwcheck_method: auxprop\nauxprop_plugin: sasldb\n"
              f"sasldb_path: {database}\nmech_list: LOGIN\n")
        run("saslpasswd2", "-p", "-c", "-f", database, "-u", "contoso.example", USER,
            input=PASSWORD)
        shutil.chown(database, "postfix", "postfix")
        to = f"[{HOST}]:{sink_port}"
        write("postfix/etc/sasl_passwd", f"{to} {USER}:{PASSWORD}\n", 0o600)
        settings = {
            "compatibility_level": "3.6",
            "queue_directory": path("postfix", "queue"),
            "data_directory": path("postfix", "data"),
            "command_directory": "/usr/sbin",
            "daemon_directory": "/usr/lib/postfix/sbin",
            "mail_owner": "postfix",
            "setgid_group": "postdrop",
            "maillog_file": path("postfix", "log"),
            "maillog_file_prefixes": FOLDER,
            "myhostname": "gw.contoso.example",
            "mydestination": "",
            "alias_maps": "",
            "local_recipient_maps": "",
            "inet_interfaces": HOST,
            "inet_protocols": "ipv4",
            "mynetworks": "",
            "smtpd_tls_cert_file": path("relay.pem"),
            "smtpd_tls_key_file": path("relay.key"),
            "smtpd_tls_security_level": "encrypt",
            "smtpd_tls_auth_only": "yes",
            "smtpd_sasl_auth_enable": "yes",
            "smtpd_sasl_path": "smtpd",
            "smtpd_sasl_local_domain": "contoso.example",
            "smtpd_sasl_security_options": "noanonymous",
            "smtpd_relay_restrictions": "permit_sasl_authenticated, reject",
            "relayhost": to,
            "smtp_tls_security_level": "verify",
            "smtp_tls_verify_cert_match": "sink.bench.example",
            "smtp_tls_CAfile": path("sink.pem"),
            "smtp_sasl_auth_enable": "yes",
            "smtp_sasl_password_maps": "texthash:" + path("postfix", "etc", "sasl_passwd"),
            "smtp_sasl_mechanism_filter": "login",
            "smtp_sasl_security_options": "noanonymous",
            **self.tuning,
        }
        write("postfix/etc/main.cf", "".join(f"{k} = {v}\n" for k, v in settings.items()))
        self.child = Child(["postfix", "-c", path("postfix", "etc"), "start-fg"],
                           path("postfix", "out"))
        wait_until("Postfix listens", lambda: can_connect(HOST, self.port), 60)

    def cpu_seconds(self):
        return self.child.cpu_seconds()

    def commits(self):
        return None

    def stop(self):
        with open(path("postfix", "queue", "pid", "master.pid")) as f:
            self.child.stop(int(f.read()))


def measure(relay):
    """One round with one relay; numbers, or an exception with the reason."""
    sink_port = free_port(HOST)
    sink = Sink(sink_port)
    try:
        relay.start(sink_port)
        try:
            before, commits = relay.cpu_seconds(), relay.commits()
            load = generate(relay.port)
            got = sink.counts(ROUND_SECONDS)
            cpu = relay.cpu_seconds() - before
            after = relay.commits()
        finally:
            relay.stop()
    finally:
        if sink.process.poll() is None:
            sink.process.terminate()
            sink.process.wait()
    if got["messages"] < MESSAGES or load["messages"] < MESSAGES:
        raise SystemExit(f"bench: {relay.name}: {load['messages']} accepted, "
                         f"{got['messages']} delivered of {MESSAGES}; errors {load['errors']}; "
                         f"see {path(relay.name)}")
    seconds = (got["last_unix_ms"] - load["began_unix_ms"]) / 1000
    return {
        "delivered_per_second": MESSAGES / seconds,
        "accepted_per_second": load["per_second"],
        "cpu_s_per_1000": cpu * 1000 / MESSAGES,
        "p50_ms": load["p50_ms"],
        "p99_ms": load["p99_ms"],
        "commits": after - commits if after is not None and commits is not None else None,
        "sink_connections": got["connections"] - 1,  # one was our look whether it listens
        "sink_resumed": got["resumed"],
        "errors": load["errors"],
    }


def generate(port):
    done = subprocess.run(
        [os.path.join(BUILD, "bench", "smtp-load"), "--connect", f"{HOST}:{port}",
         "--sessions", str(SESSIONS), "--messages", str(MESSAGES), "--size", str(SIZE),
         "--user", USER, "--password", PASSWORD, "--from", "sender%@contoso.example",
         "--to", "user%@fabrikam.example", "--timeout", str(ROUND_SECONDS),
         *(["--per-connection", str(PER_CONNECTION)] if PER_CONNECTION else [])],
        capture_output=True, text=True, timeout=ROUND_SECONDS + 30)
    if not done.stdout:
        raise SystemExit(f"bench: smtp-load: {done.stderr}")
    return json.loads(done.stdout)


def make_certificate(name, host):
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj",
        f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}", "-keyout", path(name + ".key"),
        "-out", path(name + ".pem"))


def middle(rounds, key):
    values = [r[key] for r in rounds if r[key] is not None]
    return statistics.median(values) if values else None


def show_machine(relays):
    kind, device = file_system(FOLDER)
    if kind in ("tmpfs", "ramfs", "overlay"):
        raise SystemExit(f"bench: {FOLDER} is on {kind}: a sync costs nothing there; "
                         "set BENCH_DIR to a folder on a disk")
    print(f"machine      {os.cpu_count()} processors, Linux {os.uname().release}")
    print(f"file system  {kind} on {device}")
    print(f"work         {MESSAGES} messages of {SIZE} octets, {SESSIONS} sessions, "
          f"{PER_CONNECTION or 'all'} messages a connection, {ROUNDS} rounds, the middle counts")
    print(f"libraries    {run('openssl', 'version').strip()}")
    for relay in relays:
        print(f"{relay.name:<14} {relay.version()}; {relay.durable}")
        for key, value in relay.tuning.items():
            print(f"             {key} = {value}")


def show_result(relays, results):
    print()
    print(f"{'':<14}{'delivered/s':>12}{'accepted/s':>12}{'CPU s/1000':>12}{'p50 ms':>9}"
          f"{'p99 ms':>9}{'commits':>9}{'to sink':>9}{'resumed':>9}")
    for relay in relays:
        r = results[relay.name]
        commits = r["commits"] if r["commits"] is not None else "-"
        cpu = f"{r['cpu_s_per_1000']:.3f}" if relay.name != "direct" else "-"
        print(f"{relay.name:<14}{r['delivered_per_second']:>12.0f}{r['accepted_per_second']:>12.0f}"
              f"{cpu:>12}{r['p50_ms']:>9.2f}{r['p99_ms']:>9.2f}{commits:>9}"
              f"{r['sink_connections']:>9.0f}{r['sink_resumed']:>9.0f}")
    theirs, none = (results.get(n) for n in ("postfix", "direct"))
    print()
    for name, ours in results.items():
        if not name.startswith("forestgate"):
            continue
        if theirs:
            ratio = ours["delivered_per_second"] / theirs["delivered_per_second"]
            less = theirs["cpu_s_per_1000"] / max(ours["cpu_s_per_1000"], 1e-9)
            print(f"{name} / postfix   {ratio:.1f} times the messages, "
                  f"{less:.1f} times less CPU a message")
        if none:
            print(f"{name} / direct    "
                  f"{ours['delivered_per_second'] / none['delivered_per_second']:.2f} of the messages")


def main():
    if "-h" in sys.argv or "--help" in sys.argv:
        print(__doc__)
        return
    kinds = {"direct": [Direct()], "forestgate": [Forestgate(n) for n in WORKERS],
             "postfix": [Postfix()]}
    relays = [relay for name in RELAYS for relay in kinds[name]]
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
    make_certificate("relay", "gw.contoso.example")
    make_certificate("sink", "sink.bench.example")
    show_machine(relays)
    rounds = {relay.name: [] for relay in relays}
    for number in range(ROUNDS):
        for relay in relays:
            result = measure(relay)
            rounds[relay.name].append(result)
            print(f"round {number + 1}  {relay.name:<14}{result['delivered_per_second']:>8.0f} "
                  f"delivered/s  {result['errors'] or ''}", flush=True)
    results = {name: {**{key: middle(all_of, key) for key in all_of[0] if key != "errors"}}
               for name, all_of in rounds.items()}
    show_result(relays, results)
    with open(os.path.join(BUILD, "bench", "result.json"), "w") as f:
        json.dump({"rounds": rounds, "middle": results}, f, indent=1)


if __name__ == "__main__":
    main()
