"""Exchange 2007 and 2010: the Hub Transport role, one receive connector for the other forest."""

from .facts import INFERRED, KNOWN, UNCONFIRMED, Personality, Row, Table
from .rows_legacy import REPLIES as LEGACY_REPLIES

EHLO = (
    Row("{host} Hello [{client}]", "3.2", INFERRED),
    Row("SIZE", "3.2", KNOWN, "no-limit"),
    Row("SIZE {size}", "3.2", KNOWN, "limit"),
    Row("PIPELINING", "3.2", KNOWN),
    Row("DSN", "3.2", KNOWN),
    Row("ENHANCEDSTATUSCODES", "3.2", KNOWN),
    # That both are gone after TLS is RFC 3207; no capture of it was seen.
    Row("STARTTLS", "2.5", INFERRED, "certificate clear"),
    Row("X-ANONYMOUSTLS", "2.5", INFERRED, "any-certificate clear"),
    Row("AUTH NTLM{login}", "3.2", KNOWN),
    Row("X-EXPS GSSAPI NTLM", "3.2", KNOWN),
    Row("8BITMIME", "3.2", KNOWN),
    Row("BINARYMIME", "3.2", KNOWN),
    Row("CHUNKING", "3.2", KNOWN),
    Row("XEXCH50", "3.2", KNOWN),
)
EHLO_2010 = (*EHLO, Row("XRDST", "3.2", KNOWN), Row("XSHADOW", "3.2", KNOWN))

REPLIES = Table(
    "replies", LEGACY_REPLIES,
    banner=Row("220 {host} Microsoft ESMTP MAIL Service ready at {date}", "3.1", KNOWN),
    date=Row("%a, %-d %b %Y %H:%M:%S %z", "3.1", INFERRED),
    no_tls=Row("454 4.7.0 TLS not available", "3.3", UNCONFIRMED),
    logged_on=Row("235 2.7.0 Authentication successful", "3.3", KNOWN),
    wrong=Row("535 5.7.3 Authentication unsuccessful", "3.3", KNOWN),
    data=Row("354 Start mail input; end with <CRLF>.<CRLF>", "3.3", KNOWN),
    mail=Row("250 2.1.0 Sender OK", "3.3", KNOWN),
    rcpt=Row("250 2.1.5 Recipient OK", "3.3", KNOWN),
    accepted=Row("250 2.6.0 {message_id} [InternalId={number}] Queued mail for delivery", "3.3",
                 KNOWN),
    help=Row("214 This server supports the following commands: HELO EHLO STARTTLS RCPT DATA RSET "
             "MAIL QUIT HELP AUTH BDAT", "3.2", UNCONFIRMED),
    quit=Row("221 2.0.0 Service closing transmission channel", "3.3", KNOWN),
    vrfy=Row("252 2.1.5 Cannot VRFY user", "3.3", INFERRED),  # seen of one that lists VRFY
    exch50_go=Row("354 Send binary data", "3.6", INFERRED),
    exch50_first=Row("504 Need to authenticate first", "3.6", INFERRED),
    needs_tls=Row("530 5.7.0 Must issue a STARTTLS command first", "3.3", INFERRED),
    needs_auth=Row("530 5.7.1 Client was not authenticated", "3.3", KNOWN),
    hello_first=Row("503 5.5.2 Send hello first", "3.3", KNOWN),
    sequence=Row("503 5.5.1 Bad sequence of commands", "3.3", KNOWN),
    bad_address=Row("501 5.1.7 Invalid address", "3.3", KNOWN),
    relay=Row("550 5.7.1 Unable to relay", "3.3", KNOWN),
    no_user=Row("550 5.1.1 User unknown", "3.3", KNOWN),
    spoof=Row("550 5.7.1 Client does not have permissions to send as this sender", "3.3", KNOWN),
    too_big=Row("552 5.3.4 Message size exceeds fixed maximum message size", "3.3", KNOWN),
    header_too_big=Row("552 5.3.4 Header size exceeds fixed maximum size", "3.5", UNCONFIRMED),
    too_many=Row("452 4.5.3 Too many recipients", "3.3", KNOWN),
    timeout=Row("421 4.4.1 Connection timed out", "3.3", KNOWN),
    pressure=Row("452 4.3.1 Insufficient system resources", "3.3", KNOWN),
    too_many_errors=Row("421 4.7.0 Too many errors on this connection, closing transmission "
                        "channel", "3.3", UNCONFIRMED),
    too_many_connections=Row(
        "421 4.3.2 The maximum number of concurrent server connections has exceeded a per-source "
        "limit, closing transmission channel", "3.3", KNOWN),
    version=Row("8.1.375.2", "4", KNOWN),
)

LIMITS = Table(
    "limits",
    size=Row(10 * 1024 * 1024, "3.5", KNOWN),
    recipients=Row(200, "3.5", KNOWN),
    header_bytes=Row(64 * 1024, "3.5", KNOWN),
    hops=Row(30, "3.5", KNOWN),
    per_source=Row(20, "3.5", KNOWN),
    idle_seconds=Row(300, "3.5", KNOWN),
    total_seconds=Row(600, "3.5", KNOWN),  # even while data flows
    errors=Row(5, "3.5", KNOWN),
    logons=Row(3, "3.5", KNOWN),
    exch50_bytes=Row(1 << 30, "3.6", KNOWN),
    bare_address=Row(False, "3.3", KNOWN),
    off=Row(("X-EXPS", "X-ANONYMOUSTLS"), "3.7", INFERRED),
    tarpit_seconds=Row(5, "3.5", KNOWN),
    delay_seconds=Row(0, "3.5", INFERRED),
    basic_needs_tls=Row(True, "3.2", KNOWN),  # BasicAuthRequireTLS: LOGIN is shown after TLS only
)

RIGHTS = Table(
    "rights",
    submit=Row("ms-Exch-SMTP-Submit", "1.3", KNOWN),
    any_recipient=Row("ms-Exch-SMTP-Accept-Any-Recipient", "1.3", KNOWN),
    any_sender=Row("ms-Exch-SMTP-Accept-Any-Sender", "1.3", KNOWN),
    own_domain_sender=Row("ms-Exch-SMTP-Accept-Authoritative-Domain-Sender", "1.3", KNOWN),
    authentication_flag=Row("ms-Exch-SMTP-Accept-Authentication-Flag", "1.3", KNOWN),
    headers_routing=Row("ms-Exch-Accept-Headers-Routing", "1.3", KNOWN),
    headers_organization=Row("ms-Exch-Accept-Headers-Organization", "1.3", KNOWN),
    headers_forest=Row("ms-Exch-Accept-Headers-Forest", "1.3", KNOWN),
    exch50=Row("ms-Exch-SMTP-Accept-Exch50", "1.3", KNOWN),
    bypass_size=Row("ms-Exch-Bypass-Message-Size-Limit", "1.3", KNOWN),
)

QUIRKS = Table(
    "quirks",
    tarpit=Row("5xx waits 5 s, but never after a logon", "3.5", KNOWN),
    # One host of 2010 was seen before and after.
    expired_certificate=Row("STARTTLS is gone and X-ANONYMOUSTLS stays", "2.5", INFERRED),
    no_certificate=Row("no certificate fits the connector's name: no STARTTLS (12014)", "2.5", KNOWN),
    empty_auth=Row("250-AUTH with nothing behind it", "3.2", KNOWN),
    # Which versions do so is not told.
    hangs_unended=Row("it waits for more behind a BDAT whose data does not end with CRLF", "3.8",
                      INFERRED),
    swallows_blob=Row("a firewall between passes XEXCH50 and not the blob (KB 818222)", "3.6", KNOWN),
    no_basic=Row("no LOGIN: Basic is not among the connector's mechanisms", "3.4", KNOWN),
    pressure=Row("back pressure: 452 4.3.1 at every MAIL FROM", "5.4", KNOWN),
    inspected=Row("a firewall between masks the banner, and verbs it does not know, EHLO among "
                  "them", "3.2", INFERRED),
    masked_list=Row("a firewall between masks the banner, and overwrites STARTTLS in the list",
                    "3.2", UNCONFIRMED),
    no_exch50=Row("Xexch50Enabled is $false", "3.6", KNOWN),
)

CLIENT = Table(
    "client",
    opportunistic=Row(True, "2.1", INFERRED),  # "2007 uses TLS by default", also not required
    no_tls=Row("451 5.7.3 STARTTLS is required to send mail", "3.3", UNCONFIRMED),
    no_login=Row("451 5.7.3 Require basic authentication", "3.3", KNOWN),
    two_step=Row(True, "3.4", KNOWN),
    multiline_354=Row(True, "3.8", INFERRED),  # KB 912341 is about 2003
    chunks=Row(True, "3.8", KNOWN),
    hello_again=Row(False, "3.4", KNOWN),  # no EHLO after the logon: AUTH, then MAIL
    converts=Row(True, "3.8", KNOWN),  # binary content for a server without BINARYMIME
    chunk_octets=Row(64 * 1024, "3.8", UNCONFIRMED),
    exch50=Row(True, "3.6", KNOWN),  # Xexch50Enabled is $true; and ms-Exch-SMTP-Send-Exch50 (1.3)
    exch50_number=Row(1, "3.6", UNCONFIRMED),  # so much more than there are recipients
    messages=Row(20, "3.5", INFERRED),  # SmtpMaxMessagesPerConnection is told of 2010
    checks_name=Row(True, "1.4", KNOWN),  # BasicAuthRequireTLS: the smart host's FQDN, a trusted root
    permanent=Row("NDR", "1.4", INFERRED),  # 2007 has no ErrorPolicies
    anonymous=Row("AUTH=<>", "1.3", KNOWN),
    resends_rest=Row(True, "3.3", KNOWN),
)

HEADERS = Table(
    "headers",
    received=Row("Received: from {helo} ({client}) by {host} ({server}) with Microsoft SMTP Server"
                 "{tls} id {version}; {date}", "4", KNOWN),
    mapi=Row("Received: from {mailbox} ([{client}]) by {host} ([{server}]) with mapi; {date}", "4",
             INFERRED),  # known is its end
    date=Row("%a, %-d %b %Y %H:%M:%S %z", "4", INFERRED),
    organization=Row(("X-MS-Exchange-Organization-AuthAs: Internal",
                      "X-MS-Exchange-Organization-AuthMechanism: 04",
                      "X-MS-Exchange-Organization-AuthSource: {host}",
                      "X-MS-Exchange-Organization-SCL: -1",
                      "X-MS-Exchange-Forest-RulesExecuted: {host}"), "4", INFERRED),  # the names
    # and what they mean are known, and that 04 and -1 are usual
)

TLS = Table(
    "tls",
    newest=Row("TLS1.0", "2.2", KNOWN),
    suites=Row(("RSA-AES128-CBC-SHA", "RSA-AES256-CBC-SHA", "RSA-RC4-128-SHA",
                "RSA-3DES-EDE-CBC-SHA", "ECDHE-RSA-AES128-CBC-SHA", "ECDHE-RSA-AES256-CBC-SHA"),
               "2.2", KNOWN),
    window=Row(None, "2.2", INFERRED),
    sni=Row(False, "2.2", INFERRED),  # the gateway must not count on it
    secure_renegotiation=Row(True, "2.2", INFERRED),
    tickets=Row(False, "2.2", UNCONFIRMED),
    splits_records=Row(True, "2.3", KNOWN),  # 1 octet, then the others (MS12-006)
    no_common_suite=Row("alert", "2.2", INFERRED),
    own_certificate=Row(True, "2.2", KNOWN),  # shown when the server asks for one
)

RETRY = Table(
    "retry",
    minutes=Row((1, 1, 1, 1, 5, 5, 5, 5, 5, 5, 10), "5.3", KNOWN),
    delay_notice_hours=Row(4, "5.3", KNOWN),
    expire_hours=Row(48, "5.3", KNOWN),
)

EXCHANGE_2007 = Personality(
    "2007", "Exchange Server 2007 on Windows Server 2008", EHLO, REPLIES, LIMITS, RIGHTS, QUIRKS,
    CLIENT, HEADERS, TLS, RETRY)

EXCHANGE_2010 = Personality(
    "2010", "Exchange Server 2010 on Windows Server 2008", EHLO_2010,
    Table("replies", REPLIES,
          mechanism=Row("504 5.7.4 Unrecognized authentication type", "3.3", KNOWN),
          version=Row("14.1.218.12", "0", UNCONFIRMED)),  # known is 14
    Table("limits", LIMITS, delay_seconds=Row(30, "3.5", KNOWN)),
    RIGHTS,
    Table("quirks", QUIRKS,
          expired_certificate=Row("STARTTLS is gone and X-ANONYMOUSTLS stays", "2.5", KNOWN),
          delayed_ack=Row("up to 30 s before the final 250, as the client has no XSHADOW", "3.5",
                          KNOWN)),
    Table("client", CLIENT, messages=Row(20, "3.5", KNOWN),
          permanent=Row("NDR", "1.4", KNOWN)),
    # The facts tell these of 2007.
    HEADERS.inferred(), TLS.inferred(), RETRY.inferred())
