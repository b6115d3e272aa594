"""Postfix and Exim as the servers of a forest.

Each is one server: it listens on a loopback address, demands STARTTLS and AUTH from whoever
connects, keeps the mail of its forest's domain in one maildir, and hands all other mail to its
smart host over STARTTLS with AUTH LOGIN. Both run from a folder of their own and know nothing of
a mail server that this machine may have.
"""

import grp
import os
import pwd
import shutil
import signal

from kit import BUILD, Maildir, Process, can_connect, free_port, run, wait_until

USER = "svc-forestgate"


class Peer:
    """What both have: name, domain, address, port, credentials, maildir."""

    def __init__(self, scratch, name, domain, address, certificate, password="inbound-Passw0rd"):
        self.scratch = scratch
        self.name = name
        self.domain = domain
        self.address = address
        self.port = free_port(address)
        self.certificate = certificate
        self.user = f"{USER}@{domain}"
        self.password = password
        self.smart_host = None
        self.old_tls = False  # speaks TLS 1.0 as well, with servers that know no RFC 5746 too
        self.dsn = True  # offers and uses RFC 3461 where it can
        self.process = None
        self.folder = scratch.folder(name.split(".")[0])
        self.mail = Maildir(os.path.join(self.folder, "maildir"))

    def use_smart_host(self, address, port, name, ca, user, password):
        """Where all mail for others goes: its certificate must be good for name, by ca."""
        self.smart_host = dict(
            address=address, port=port, name=name, ca=ca, user=user, password=password
        )

    def start(self):
        self.configure()
        self.launch()
        wait_until(f"{self.name} listens", lambda: self.listens(), 30)

    def listens(self):
        if self.process.exit_code is not None:
            raise AssertionError(f"{self.name} ended at its start:\n{self.log()}")
        return can_connect(self.address, self.port)

    def restart(self):
        self.stop()
        self.start()


class Postfix(Peer):
    """Debian's installed Postfix with configuration, queue and data folders of its own."""

    MASTER = """\
{address}:{port} inet n - n - - smtpd
pickup   unix n - n 60 1 pickup
cleanup  unix n - n - 0 cleanup
qmgr     unix n - n 300 1 qmgr
tlsmgr   unix - - n 1000? 1 tlsmgr
rewrite  unix - - n - - trivial-rewrite
bounce   unix - - n - 0 bounce
defer    unix - - n - 0 bounce
trace    unix - - n - 0 bounce
verify   unix - - n - 1 verify
flush    unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp     unix - - n - - smtp
relay    unix - - n - - smtp
showq    unix n - n - - showq
error    unix - - n - - error
retry    unix - - n - - error
discard  unix - - n - - discard
virtual  unix - n n - - virtual
anvil    unix - - n - 1 anvil
scache   unix - - n - 1 scache
postlog  unix-dgram n - n - 1 postlogd
"""

    OLD_TLS = """\
smtpd_tls_mandatory_protocols = >=TLSv1
smtp_tls_mandatory_protocols = >=TLSv1
smtpd_tls_mandatory_ciphers = medium
smtp_tls_mandatory_ciphers = medium
tls_medium_cipherlist = AES128-SHA:AES256-SHA:@SECLEVEL=0
tls_ssl_options = 0x4
"""

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def configure(self):
        postfix = pwd.getpwnam("postfix")
        for part in ("etc", "queue", "data", "etc/sasl", "maildir"):
            os.makedirs(self.path(part), exist_ok=True)
        os.chown(self.path("data"), postfix.pw_uid, postfix.pw_gid)
        os.chown(self.path("maildir"), postfix.pw_uid, postfix.pw_gid)
        os.chmod(self.path("maildir"), 0o700)
        self.write("etc/master.cf", self.MASTER.format(address=self.address, port=self.port))
        self.write("etc/sasl/smtpd.conf", f"""\
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {self.path('etc/sasl/sasldb2')}
mech_list: LOGIN PLAIN
""")
        run("saslpasswd2", "-p", "-c", "-f", self.path("etc/sasl/sasldb2"), "-u", self.domain, USER,
            input=self.password)
        shutil.chown(self.path("etc/sasl/sasldb2"), "postfix", "postfix")
        relay = ""
        if self.smart_host:
            host = "[{address}]:{port}".format(**self.smart_host)
            self.write("etc/sasl_passwd", "{host} {user}:{password}\n".format(
                host=host, **self.smart_host), mode=0o600)
            relay = f"""
relayhost = {host}
smtp_tls_security_level = secure
smtp_tls_secure_cert_match = {self.smart_host['name']}
smtp_tls_CAfile = {self.smart_host['ca']}
smtp_tls_loglevel = 1
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = texthash:{self.path('etc/sasl_passwd')}
smtp_sasl_mechanism_filter = login
smtp_sasl_security_options = noanonymous
smtp_sasl_tls_security_options = noanonymous
"""
        self.write("etc/main.cf", f"""\
compatibility_level = 3.6
queue_directory = {self.path('queue')}
data_directory = {self.path('data')}
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {self.path('log')}
maillog_file_prefixes = {self.scratch.path}
myhostname = {self.name}
mydomain = {self.domain}
myorigin = {self.domain}
mydestination =
alias_maps =
local_recipient_maps =
local_transport = error:no local delivery
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
smtp_bind_address = {self.address}
smtpd_peername_lookup = no
smtpd_tls_cert_file = {self.certificate.cert}
smtpd_tls_key_file = {self.certificate.key}
smtpd_tls_security_level = encrypt
smtpd_tls_auth_only = yes
smtpd_tls_received_header = yes
smtpd_tls_loglevel = 1
smtpd_sasl_auth_enable = yes
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain = {self.domain}
smtpd_sasl_security_options = noanonymous
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions =
  check_recipient_access inline:{{ {{ nobody@{self.domain} = 550 5.1.1 User unknown }} }},
  permit_sasl_authenticated, reject
virtual_mailbox_domains = {self.domain}
virtual_mailbox_base = {self.folder}
virtual_mailbox_maps = static:maildir/
virtual_uid_maps = static:{postfix.pw_uid}
virtual_gid_maps = static:{postfix.pw_gid}
virtual_minimum_uid = {min(100, postfix.pw_uid)}
message_size_limit = 52428800
mailbox_size_limit = 0
virtual_mailbox_limit = 0
queue_run_delay = 2s
minimal_backoff_time = 2s
maximal_backoff_time = 4s
smtpd_error_sleep_time = 0
smtpd_client_connection_count_limit = 0
in_flow_delay = 0
{relay}{self.OLD_TLS if self.old_tls else ''}""")

    def write(self, name, text, mode=0o644):
        self.scratch.write(os.path.relpath(self.path(name), self.scratch.path), text, mode)

    def launch(self):
        self.process = Process(["postfix", "-c", self.path("etc"), "start-fg"], self.path("out"))

    def stop(self):
        """The master ends its children when it is told to end."""
        if self.process and self.process.exit_code is None:
            try:
                with open(self.path("queue/pid/master.pid")) as f:
                    os.kill(int(f.read()), signal.SIGTERM)
            except (FileNotFoundError, ProcessLookupError):
                pass
            self.process.stop()

    def log(self):
        text = ""
        for name in ("out", "log"):
            if os.path.exists(self.path(name)):
                with open(self.path(name), errors="replace") as f:
                    text += f.read()
        return text


class Exim(Peer):
    """Debian's Exim, unpacked below build/peers/exim by scripts/bootstrap."""

    OLD_TLS = ("tls_require_ciphers = NONE:+VERS-TLS1.0:+RSA:+AES-128-CBC:+AES-256-CBC:+SHA1:+COMP-NULL:"
               "+SIGN-ALL:+CTYPE-X509:%COMPAT:%UNSAFE_RENEGOTIATION\n")

    def configure(self):
        user = pwd.getpwnam("Debian-exim")
        group = grp.getgrgid(user.pw_gid)
        for part in ("spool", "log", "maildir"):
            os.makedirs(self.path(part), exist_ok=True)
            os.chown(self.path(part), user.pw_uid, user.pw_gid)
        os.chmod(self.folder, 0o755)
        self.binary = self.path("exim4")  # the tree may lie where Debian-exim cannot enter
        if not os.path.exists(self.binary):
            shutil.copy(os.path.join(BUILD, "peers/exim/usr/sbin/exim4"), self.binary)
        for file in (self.certificate.cert, self.certificate.key):
            os.chown(file, -1, user.pw_gid)
            os.chmod(file, 0o640)
        quoted = self.user.replace("\\", "\\\\")
        router = transport = client = ""
        if self.smart_host:
            h = self.smart_host
            router = f"""
smart_host:
  driver = manualroute
  domains = ! +local_domains
  transport = to_gateway
  route_list = * {h['address']}::{h['port']} byname
  self = send
"""
            transport = f"""
to_gateway:
  driver = smtp
  interface = {self.address}
  hosts_require_tls = *
  hosts_require_auth = *
  hosts_try_dane =
  tls_verify_hosts = *
  tls_verify_certificates = {h['ca']}
  tls_verify_cert_hostnames =
  tls_sni = {h['name']}
{'  ' + self.OLD_TLS if self.old_tls else ''}"""
            login = h["user"].replace("\\", "\\\\").replace("^", "^^")
            client = f"  client_send = : {login} : {h['password']}\n"
        config = f"""\
primary_hostname = {self.name}
exim_user = {user.pw_name}
exim_group = {group.gr_name}
exim_path = {self.binary}
spool_directory = {self.path('spool')}
log_file_path = {self.path('log')}/%slog
pid_file_path = {self.path('spool')}/exim.pid
log_selector = +smtp_protocol_error +smtp_syntax_error +tls_cipher +tls_certificate_verified +received_recipients
local_interfaces = {self.address}
daemon_smtp_ports = {self.port}
domainlist local_domains = {self.domain}
qualify_domain = {self.domain}
host_lookup =
rfc1413_query_timeout = 0s
deliver_drop_privilege = true
keep_environment =
check_spool_space = 0
smtp_accept_max = 200
smtp_accept_queue_per_connection = 0
smtp_enforce_sync = true
message_size_limit = 50M
bounce_return_body = true
tls_advertise_hosts = *
tls_certificate = {self.certificate.cert}
tls_privatekey = {self.certificate.key}
{self.OLD_TLS if self.old_tls else ''}{'dsn_advertise_hosts = *' if self.dsn else ''}
auth_advertise_hosts = *
acl_smtp_mail = acl_mail
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = accept
timeout_frozen_after = 1h

begin acl
acl_mail:
  deny ! encrypted = *
       message = 530 5.7.0 Must issue a STARTTLS command first
  deny ! authenticated = *
       message = 530 5.7.1 Client was not authenticated
  accept
acl_rcpt:
  deny local_parts = nobody
       domains = +local_domains
       message = 550 5.1.1 User unknown
  accept authenticated = *
  deny message = 550 5.7.1 Unable to relay

begin routers
local:
  driver = accept
  domains = +local_domains
  transport = maildir
{router}
begin transports
maildir:
  driver = appendfile
  maildir_format
  directory = {self.path('maildir')}
  delivery_date_add
  envelope_to_add
  return_path_add
{transport}
begin retry
* * F,1h,1s

begin rewrite

begin authenticators
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if and{{{{eq{{$auth1}}{{{quoted}}}}}{{eq{{$auth2}}{{{self.password}}}}}}}}}
  server_set_id = $auth1
  server_advertise_condition = ${{if def:tls_in_cipher}}
{client}"""
        self.config = self.path("exim.conf")
        with open(self.config, "w") as f:
            f.write(config)
        os.chmod(self.config, 0o640)
        os.chown(self.config, 0, user.pw_gid)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def launch(self):
        # In the foreground (-bdf), looking at its queue every second.
        self.process = Process([self.binary, "-C", self.config, "-bdf", "-q1s"], self.path("out"),
                               start_new_session=True)

    def stop(self):
        """The daemon and the children that serve open connections: the server is down."""
        if self.process and self.process.exit_code is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait()

    def log(self):
        text = ""
        for name in ("out", "log/mainlog", "log/paniclog", "log/rejectlog"):
            if os.path.exists(self.path(name)):
                with open(self.path(name), errors="replace") as f:
                    text += f.read()
        return text
