"""Exchange 2000 and 2003: the Windows SMTP service (SMTPSVC) with Exchange's extensions."""

from .facts import INFERRED, KNOWN, UNCONFIRMED, Personality, Row, Table

EHLO = (
    Row("{host} Hello [{client}]", "3.2", KNOWN),
    Row("TURN", "3.2", KNOWN),
    Row("SIZE", "3.2", KNOWN, "no-limit"),
    Row("SIZE {size}", "3.2", KNOWN, "limit"),
    Row("ETRN", "3.2", KNOWN),
    Row("PIPELINING", "3.2", KNOWN),
    Row("DSN", "3.2", KNOWN),
    Row("ENHANCEDSTATUSCODES", "3.2", KNOWN),
    Row("8bitmime", "3.2", KNOWN),
    Row("BINARYMIME", "3.2", KNOWN),
    Row("CHUNKING", "3.2", KNOWN),
    Row("VRFY", "3.2", KNOWN),
    # That they are there is known; that they are gone after TLS is RFC 3207, no capture was seen.
    Row("TLS", "3.2", INFERRED, "certificate clear"),
    Row("STARTTLS", "3.2", INFERRED, "certificate clear"),
    Row("X-EXPS GSSAPI NTLM{login}", "3.2", KNOWN),
    Row("X-EXPS=LOGIN", "3.2", KNOWN, "basic"),
    Row("AUTH GSSAPI NTLM{login}", "3.2", KNOWN),
    Row("AUTH=LOGIN", "3.2", KNOWN, "basic"),
    Row("X-LINK2STATE", "3.2", KNOWN),
    Row("XEXCH50", "3.2", KNOWN),
    Row("OK", "3.2", KNOWN),
)

EHLO_2000 = (EHLO[0], EHLO[1], Row("ATRN", "3.2", KNOWN), *EHLO[2:])

REPLIES = Table(
    "replies",
    banner=Row("220 {host} Microsoft ESMTP MAIL Service, Version: {version} ready at  {date} ",
               "3.1", KNOWN),
    date=Row("%a, %-d %b %Y %H:%M:%S %z", "3.1", KNOWN),
    helo=Row("250 {host} Hello [{client}]", "3.2", INFERRED),
    starttls=Row("220 2.0.0 SMTP server ready", "3.3", KNOWN),
    no_tls=Row("454 4.7.0 TLS not available due to temporary reason", "3.3", UNCONFIRMED),
    user=Row("334 VXNlcm5hbWU6", "3.4", KNOWN),
    password=Row("334 UGFzc3dvcmQ6", "3.4", KNOWN),
    logged_on=Row("235 2.7.0 Authentication successful.", "3.3", UNCONFIRMED),
    wrong=Row("535 5.7.3 Authentication unsuccessful.", "3.3", UNCONFIRMED),
    mechanism=Row("504 5.7.4 Unrecognized authentication type", "3.3", INFERRED),
    cancelled=Row("501 5.5.2 Authentication cancelled", "3.4", UNCONFIRMED),
    mail=Row("250 2.1.0 {address}....Sender OK", "3.3", KNOWN),
    rcpt=Row("250 2.1.5 {address} ", "3.3", KNOWN),
    data=Row("354 Start mail input; end with <CRLF>.<CRLF>", "3.3", INFERRED),  # seen from 2010
    chunk=Row("250 2.6.0 CHUNK received OK, {octets} octets", "3.8", UNCONFIRMED),
    accepted=Row("250 2.6.0 {message_id} Queued mail for delivery", "3.3", KNOWN),
    rset=Row("250 2.0.0 Resetting", "3.3", UNCONFIRMED),
    noop=Row("250 2.0.0 OK", "3.3", UNCONFIRMED),
    vrfy=Row("252 2.1.5 Cannot VRFY user", "3.3", KNOWN),
    # The verbs are known, the sentence is not.
    help=Row("214-This server supports the following commands:\r\n"
             "214 HELO EHLO STARTTLS RCPT DATA RSET MAIL QUIT HELP AUTH TURN ETRN BDAT VRFY",
             "3.2", UNCONFIRMED),
    quit=Row("221 2.0.0 {host} Service closing transmission channel", "3.3", KNOWN),
    exch50_go=Row("354 Send binary data", "3.6", KNOWN),
    exch50=Row("250 XEXCH50 OK", "3.6", UNCONFIRMED),
    exch50_first=Row("504 Need to authenticate first", "3.6", KNOWN),
    exch50_bad=Row("501 5.5.4 Invalid arguments", "3.6", UNCONFIRMED),
    needs_tls=Row("530 5.7.0 Must issue a STARTTLS command first", "3.3", KNOWN),
    needs_auth=Row("530 5.7.1 Client was not authenticated", "3.3", INFERRED),
    bad_hello=Row("501 5.5.4 Invalid domain name", "3.3", KNOWN),
    hello_first=Row("503 5.5.2 Send hello first", "3.3", INFERRED),
    sequence=Row("503 5.5.1 Bad sequence of commands", "3.3", INFERRED),
    rcpt_first=Row("503 5.5.2 Need rcpt command", "3.3", UNCONFIRMED),
    unknown=Row("500 5.3.3 Unrecognized command", "3.3", KNOWN),
    off=Row("502 5.3.3 Command not implemented", "3.3", KNOWN),
    bad_address=Row("501 5.1.7 Invalid address", "3.3", INFERRED),
    bad_parameter=Row("501 5.5.4 Invalid arguments", "3.3", UNCONFIRMED),
    relay=Row("550 5.7.1 Unable to relay for {address}", "3.3", KNOWN),
    no_user=Row("550 5.1.1 User unknown", "3.3", INFERRED),
    spoof=Row("550 5.7.1 Client does not have permissions to send as this sender", "1.5", UNCONFIRMED),
    too_big=Row("552 5.3.4 Message size exceeds fixed maximum message size", "3.3", INFERRED),
    too_many=Row("452 4.5.3 Too many recipients", "3.3", INFERRED),
    pressure=Row("452 4.3.1 Insufficient system resources", "3.3", INFERRED),
    hops=Row("554 5.4.6 Hop count exceeded - possible mail loop", "5.5", INFERRED),
    timeout=Row("421 4.4.1 Connection timed out", "3.3", INFERRED),
    too_many_connections=Row(
        "421 4.3.2 The maximum number of concurrent server connections has exceeded a per-source "
        "limit, closing transmission channel", "3.3", INFERRED),
)

# Verbs that it knows and that a stranger never needs: listed or answered, nothing behind them.
OFF = ("TURN", "ATRN", "ETRN", "X-EXPS", "X-LINK2STATE")

LIMITS = Table(
    "limits",
    size=Row(10240 * 1024, "3.5", KNOWN),
    session_bytes=Row(10240 * 1024, "3.5", KNOWN),  # only with the quirk session-size
    recipients=Row(64000, "3.5", UNCONFIRMED),
    hops=Row(30, "3.5", KNOWN),
    per_source=Row(None, "3.5", UNCONFIRMED),  # unlimited by default
    idle_seconds=Row(600, "3.5", UNCONFIRMED),
    total_seconds=Row(None, "3.5", UNCONFIRMED),
    errors=Row(None, "3.5", INFERRED),
    logons=Row(None, "3.5", INFERRED),
    exch50_bytes=Row(1 << 30, "3.6", KNOWN),
    bare_address=Row(True, "3.3", KNOWN),  # MAIL FROM:addr without <>
    off=Row(OFF, "3.7", INFERRED),
    tarpit_seconds=Row(5, "1.5", INFERRED),  # TarpitTime, absent by default: the quirk turns it on
    basic_needs_tls=Row(True, "1.5", UNCONFIRMED),  # an option; that LOGIN hides until then is ours
)

RIGHTS = Table(
    "rights",
    send_as=Row("Send As for everyone in the organization", "1.5", KNOWN),
    exch50=Row("Exch50AuthCheckEnabled: an authenticated session", "1.5", KNOWN),
)

QUIRKS = Table(
    "quirks",
    tarpit=Row("5xx waits for the tarpit, but never after a logon", "1.5", KNOWN),
    session_size=Row("the session is cut when the sum of its bodies is too much", "3.5", KNOWN),
    inspected=Row("a firewall between masks the banner, and verbs it does not know, EHLO among "
                  "them", "3.2", INFERRED),
    masked_list=Row("a firewall between masks the banner, and overwrites STARTTLS in the list",
                    "3.2", UNCONFIRMED),
    no_certificate=Row("without a certificate no STARTTLS is offered", "3.2", KNOWN),
    no_chunking=Row("BDAT is switched off in the metabase (KB 257569)", "3.8", KNOWN),
    no_exchange=Row("without X-LINK2STATE and XEXCH50: the plain Windows DLL answers", "3.2", KNOWN),
    # Which versions do so is not told.
    hangs_unended=Row("it waits for more behind a BDAT whose data does not end with CRLF", "3.8",
                      INFERRED),
    swallows_blob=Row("a firewall between passes XEXCH50 and not the blob (KB 818222)", "3.6", KNOWN),
    no_basic=Row("Basic is not enabled: no LOGIN anywhere", "3.2", KNOWN),
)

CLIENT = Table(
    "client",
    opportunistic=Row(False, "2.1", KNOWN),  # TLS is on or off for a connector
    no_tls=Row("The remote SMTP service does not support TLS.", "2.1", KNOWN),
    no_login=Row("the queue waits: no LOGIN is offered", "3.4", INFERRED),
    two_step=Row(True, "3.9", INFERRED),
    multiline_354=Row(False, "3.8", KNOWN),  # cannot handle it (KB 912341)
    chunks=Row(True, "3.8", KNOWN),  # BDAT and BINARYMIME whenever both are offered
    hello_again=Row(False, "3.4", INFERRED),  # no second EHLO after the logon: AUTH, then MAIL
    converts=Row(True, "3.8", INFERRED),  # binary content for a server without BINARYMIME
    chunk_octets=Row(64 * 1024, "3.8", UNCONFIRMED),
    exch50=Row(True, "3.6", KNOWN),  # sent whenever it is offered
    exch50_number=Row(1, "3.6", UNCONFIRMED),  # so much more than there are recipients
    messages=Row(20, "3.5", KNOWN),  # for each connection
    checks_name=Row(False, "2.1", UNCONFIRMED),
    permanent=Row("NDR", "2.1", INFERRED),  # at once, also for 530
    anonymous=Row("AUTH=<>", "1.3", KNOWN),  # forwarded for what came in anonymously
    resends_rest=Row(True, "3.3", KNOWN),  # after 452 4.5.3
)

HEADERS = Table(
    "headers",
    received=Row("Received: from {helo} ([{client}]) by {host} with Microsoft SMTPSVC({version});"
                 "\r\n\t {date}", "4", KNOWN),
    mapi=Row(None, "4", INFERRED),  # its own mailboxes leave no Received
    date=Row("%a, %-d %b %Y %H:%M:%S %z", "4", INFERRED),
    arrival=Row("X-OriginalArrivalTime: {utc} (UTC) FILETIME=[{filetime}]", "4", KNOWN),
    content_class=Row("Content-Class: urn:content-classes:message", "4", KNOWN),
    mimeole=Row("X-MimeOLE: Produced By Microsoft Exchange V6.5", "4", KNOWN),
    organization=Row((), "4", KNOWN),  # writes and reads none
)

# The facts give "EXPORT1024 and EXPORT40 variants"; which these are is general knowledge.
RC4_3DES = ("RSA-RC4-128-MD5", "RSA-RC4-128-SHA", "RSA-3DES-EDE-CBC-SHA", "RSA-DES-CBC-SHA",
            "RSA-EXPORT1024-RC4-56-SHA", "RSA-EXPORT1024-DES-CBC-SHA", "RSA-EXPORT-RC4-40-MD5",
            "RSA-EXPORT-RC2-40-MD5", "DHE-DSS-3DES-EDE-CBC-SHA", "DHE-DSS-DES-CBC-SHA")

TLS = Table(
    "tls",
    newest=Row("TLS1.0", "2.2", KNOWN),
    suites=Row(RC4_3DES, "2.2", KNOWN),
    window=Row(64, "2.2", KNOWN),  # looks at no more suites of a hello than these
    sni=Row(False, "2.2", UNCONFIRMED),  # as client; so are tickets
    secure_renegotiation=Row(False, "2.2", KNOWN),
    tickets=Row(False, "2.2", INFERRED),
    splits_records=Row(True, "2.3", KNOWN),  # 1 octet, then the others (MS12-006)
    no_common_suite=Row("closes", "2.2", INFERRED),  # "remote server disconnected abruptly"
    own_certificate=Row(False, "2.2", INFERRED),
)

RETRY = Table(
    "retry",
    minutes=Row((10, 10, 10, 15), "5.3", UNCONFIRMED),  # the last one repeats
    delay_notice_hours=Row(12, "5.3", INFERRED),
    expire_hours=Row(48, "5.3", INFERRED),
)

REPLIES_2003 = Table("replies", REPLIES, version=Row("6.0.3790.3959", "4", KNOWN))

EXCHANGE_2003 = Personality(
    "2003", "Exchange Server 2003 on Windows Server 2003 without KB 948963", EHLO, REPLIES_2003,
    LIMITS, RIGHTS, QUIRKS, CLIENT, HEADERS, TLS, RETRY)

EXCHANGE_2003_KB = Personality(
    "2003+KB", "Exchange Server 2003 on Windows Server 2003 with KB 948963", EHLO, REPLIES_2003,
    LIMITS, RIGHTS, QUIRKS, CLIENT, HEADERS,
    Table("tls", TLS, suites=Row(
        (*RC4_3DES, "RSA-AES128-CBC-SHA", "RSA-AES256-CBC-SHA"), "2.2", KNOWN)),
    RETRY)

EXCHANGE_2000 = Personality(
    "2000", "Exchange 2000 Server on Windows 2000", EHLO_2000,
    # What was seen of 2003 only.
    Table("replies", REPLIES.inferred("mail", "rcpt", "accepted", "quit", "relay"),
          version=Row("5.0.2195.6713", "3.1", UNCONFIRMED)),  # known is 5.0.2195
    Table("limits", LIMITS.inferred("size", "bare_address"), hops=Row(15, "3.5", KNOWN)), RIGHTS,
    QUIRKS.without("tarpit"),  # TarpitTime is of Windows 2003 SP1
    # KB 912341 names 2003. What KB 821733 says of 2000 (a To line beyond 1,022 characters is
    # garbled with BDAT) is its own loss, and not played.
    Table("client", CLIENT, multiline_354=Row(True, "3.8", INFERRED)),
    Table("headers", HEADERS, mimeole=Row(
        "X-MimeOLE: Produced By Microsoft Exchange V6.0.6249.0", "4", UNCONFIRMED)),
    Table("tls", TLS.inferred("window", "secure_renegotiation"),
          splits_records=Row(False, "2.3", INFERRED)),  # no longer updated by then
    Table("retry", RETRY, minutes=Row((15, 30, 60, 240), "5.3", KNOWN),
          delay_notice_hours=Row(12, "5.3", KNOWN), expire_hours=Row(48, "5.3", KNOWN)))
