"""The zones that test_spf.py asks about."""


def txt(record, name="@"):
    """A TXT record in strings of 200 octets."""
    strings = " ".join(f'"{record[i:i + 200]}"' for i in range(0, len(record), 200))
    return f"{name} TXT {strings}\n"


HOSTS = "h A 10.9.0.1\nright A 10.2.0.7\n"
MACROS = "%{d}" * 127

PUBLIC = {
    "contoso.example": "mx1 A 127.0.1.1\n",
    "fabrikam.example": "hub1 A 127.0.2.1\n",
    "pass.example": txt("v=spf1 ip4:10.2.0.7 ip6:fd00::7 -all") + txt("site-verification=x"),
    "soft.example": txt("v=spf1 ip4:10.2.0.7 ~all"),
    "neutral.example": txt("v=spf1 ip4:10.2.0.7 ?all"),
    "none.example": txt("site-verification=x"),
    "include.example": txt("v=spf1 include:middle.include.example ~all")
    + txt("v=spf1 include:pass.example -all", "middle"),
    "redirect.example": txt("v=spf1 redirect=pass.example"),
    "mx.example": txt("v=spf1 mx -all") + "@ MX 10 h\n@ MX 20 right\n" + HOSTS,
    "ptr.example": txt("v=spf1 ptr -all") + "client A 10.2.0.7\n",
    "10.in-addr.arpa": "7.0.2 PTR stranger.other.example.\n7.0.2 PTR client.ptr.example.\n",
    "other.example": "",
    "exists.example": txt("v=spf1 exists:%{ir}.%{l}._spf.%{d} -all")
    + "7.0.2.10.kim._spf A 127.0.0.2\n",
    "long.example": txt("v=spf1 " + " ".join(f"ip4:10.9.0.{i}" for i in range(100))
                        + " ip4:10.2.0.7 -all"),
    "ten.example": txt("v=spf1" + " a:h.ten.example" * 9 + " a:right.ten.example -all") + HOSTS,
    "eleven.example": txt("v=spf1" + " a:h.ten.example" * 10 + " a:right.ten.example -all"),
    "sum.example": txt("v=spf1 include:five.sum.example include:five.sum.example +all")
    + txt("v=spf1" + " a:h.ten.example" * 5 + " -all", "five"),
    "voids.example": txt("v=spf1 a:v1.voids.example a:v2.voids.example a:v3.voids.example +all"),
    "two.example": txt("v=spf1 -all") + txt("v=spf1 +all"),
    "mistake.example": txt("v=spf1 ipv4:10.2.0.7 -all"),
    "nowhere.example": txt("v=spf1 include:none.example -all"),
    "crash.example": txt("v=spf1 a:" + MACROS + "a" * 4000 + " -all"),
    "crashexp.example": txt("v=spf1 -all exp=explain.crashexp.example")
    + txt(MACROS + "a" * 300, "explain"),
    "abroken.example": txt("v=spf1 a:host.broken.example -all"),
    "later.example": txt("v=spf1 ip4:10.3.0.7 -all"),
}

BROKEN = {"broken.example": None}

PRIVATE = {"private.example": txt("v=spf1 mx -all") + "@ MX 10 right\n" + HOSTS}
