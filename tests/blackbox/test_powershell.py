"""PowerShell that the product ships, and the checker that reads it (tests/powershell)."""

import glob
import os
import re
import unittest

from exchange_setup_case import ExchangeSetup
from kit import ROOT
from powershell import check, literals, tables

SCRIPTS = os.path.join(ROOT, "scripts/exchange")
HEAD = "param([string]$Server, [switch]$WhatIf)\r\n"


def saved(text):
    """A text as it is saved: with a byte order mark and the line ends of Windows."""
    return "\ufeff" + text.replace("\r\n", "\n").replace("\n", "\r\n")


class Shipped(unittest.TestCase):
    def test_every_script_for_administrators_is_right(self):
        names = sorted(glob.glob(os.path.join(SCRIPTS, "*.ps1")))
        self.assertEqual(bool(names), os.path.isdir(SCRIPTS), "scripts/exchange without a script")
        texts = {}
        for name in names:
            with open(name, encoding="utf-8", newline="") as file:
                texts[os.path.basename(name)] = file.read()
        for name, text in texts.items():
            loaded = [texts[other] for other in texts if other != name and f"{other}'" in text]
            for version in ("2007", "2010"):
                with self.subTest(script=name, version=version):
                    self.assertEqual(check(text, version, setup=True, libraries=loaded), [])


class Printed(ExchangeSetup):
    """The commands in the comments of a set-up: what to look at, and the way back."""

    COMMENTED = re.compile(r"(?:^#       (?! ).*\n(?:#        .*\n)*)+", re.M)

    def hub_set_ups(self):
        for name, forest, version, words in self.setups():
            if version in ("2007", "2010"):
                yield f"{name} {forest} {version}", version, words

    def test_checks_and_ways_back_are_right(self):
        for title, version, words in self.hub_set_ups():
            blocks = self.COMMENTED.findall(self.ask(*words).replace("\r", ""))
            self.assertGreater(len(blocks), 10, title)
            for block in blocks:
                code = "\n".join(line[len("#       "):] for line in block.splitlines())
                with self.subTest(title, code=code[:80]):
                    self.assertEqual(check("\ufeff" + code, version), [])

    def test_nothing_needs_a_service_pack(self):
        for title, version, words in self.hub_set_ups():
            if version == "2007":
                with self.subTest(title):
                    self.assertEqual(check(self.ask(*words), "2007-rtm", setup=True), [])

    def test_what_verify_asks_to_be_run(self):
        path = self.configuration("two-forests")
        for version in ("2007", "2010"):
            text = self.ask(path, "--forest", "contoso", "--version", version, "--verify-commands")
            self.assertEqual(check(text, version, setup=True), [])
            self.assertIn("Get-SendConnector", text)


class Complaints(unittest.TestCase):
    def says(self, text, words, version="2007", **options):
        found = check(text, version, **options)
        self.assertEqual(len(found), 1, found)
        self.assertIn(words, found[0])

    def test_a_right_script_has_none(self):
        text = saved(HEAD + """
trap { Write-Host "stopped: $_"; exit 1 }
function Get-Wanted([string]$Name) { return @(Get-SendConnector | Where-Object { $_.Name -eq $Name }) }
$found = Get-Wanted -Name 'an die \u00c4mter'
if ($found.Count -eq 0) {
    $login = Get-Credential
    New-SendConnector -Name 'an die \u00c4mter' -Usage Custom -AddressSpaces 'SMTP:b.example;1','c.example' `
        -DNSRoutingEnabled:$false -SmartHosts 'gw.example' -AuthenticationCredential $login `
        -SmartHostAuthMechanism BasicAuthRequireTLS -WhatIf:$WhatIf
}
if (-not $WhatIf) { dsadd.exe user 'cn=gw,dc=b' -pwd '*' }
foreach ($i in 1..3) { "${i}: $($found.Count)" | Out-File -FilePath log.txt -Append }
Get-ReceiveConnector | fl Name,Bindings
""")
        for version in ("2007", "2010"):
            self.assertEqual(check(text, version, setup=True), [])

    def test_syntax(self):
        for text in ("if ($a { 1 }", "$a = 'open", "Get-Date |", "foreach (in) {}", "@{ a = }", ")"):
            with self.subTest(text=text):
                found = check(text, "2007")
                self.assertTrue(any("no PowerShell" in line for line in found), found)

    def test_the_place_is_told(self):
        self.assertIn("line 3, column 5: ", check("Get-Date\n\n    Get-Nothing\n", "2007")[0])

    def test_what_came_after_powershell_1(self):
        for text, words in (
                ("try { Get-Date } catch { 1 }", "have try"),
                ("$a -split ','", "operator -split"),
                ("$a -join ','", "operator -join"),
                ("-join $a", "operator -join"),
                ("1 -in $a", "operator -in"),
                ("Get-Date @more", "splatting (@more)"),
                ("[CmdletBinding()]\nparam([string]$a)", "an attribute"),
                ("param([Parameter(Mandatory=$true)][string]$a)", "an attribute"),
                ("<# a\n b #>\nGet-Date", "a block comment"),
                ("$a = [ordered]@{ b = 1 }", "the type [ordered]"),
                ("$a = [pscustomobject]@{ b = 1 }", "the type [pscustomobject]"),
                ("class A { [int]$b }", "have class"),
                ("enum A { b }", "have enum"),
                ("data { 'a' }", "have data"),
                ("Get-Date && Get-Host2", "&& and ||"),
                ("Get-Date *> all.txt", "redirection *>"),
                ("$PSScriptRoot", "$psscriptroot"),
                ("$a = if ($b) { 1 } else { 2 }", "a statement as a value"),
                ("[string]::IsNullOrWhiteSpace($a)", "IsNullOrWhiteSpace"),
                ("[uri]::new('a')", "::new()"),
                ("Get-Date\n| fl", "a pipe at the beginning"),
                ("foreach -parallel ($a in $b) { 1 }", "foreach -parallel"),
                ("filter f { begin { 1 } }\nfunction g { dynamicparam { 1 } }", "the block dynamicparam")):
            with self.subTest(text=text):
                found = check(text, "2007")
                self.assertTrue(any("does not have" in line and words in line for line in found), found)

    def test_unknown_commands(self):
        self.says("Import-Module ActiveDirectory", "Import-Module is no command")
        self.says("Get-TransportService", "no command of Exchange 2010", version="2010")
        self.says("& 'C:\\tools\\psexec.exe' -s", "psexec.exe' is no command")
        self.says("\"now: $(Get-Later)\"", "Get-Later is no command")

    def test_unknown_parameters(self):
        self.says("Set-SendConnector 'a' -TlsAuthLevel DomainValidation",
                  "Set-SendConnector -TlsAuthLevel is not one of its parameters")
        self.assertEqual(check("Set-SendConnector 'a' -TlsAuthLevel DomainValidation", "2010"), [])
        self.says("New-Object PSObject -Property @{ a = 1 }", "-Property is not one")
        self.says("function f([string]$Name) { $Name }\nf -Nome 'a'", "f has no parameter -Nome")

    def test_parameters_of_a_service_pack(self):
        text = "New-SendConnector -Name 'a' -AddressSpaces 'b' -IsScopedConnector $true"
        self.assertEqual(check(text, "2007"), [])
        self.says(text, "came with service pack 1", version="2007-rtm")
        self.says("Update-AddressList 'a' -UseRusServer 'b'", "came with service pack 2")

    def test_unconfirmed_is_as_good_as_absent(self):
        self.says("New-ReceiveConnector -Name 'a' -Bindings 'b' -RemoteIPRanges 'c' -Partner",
                  "is in no source that was seen")

    def test_short_parameters(self):
        self.says("Set-SendConnector 'a' -SmartHostA None", "is short for -SmartHostAuthMechanism")
        self.says("Set-SendConnector 'a' -Smart 'b'", "is ambiguous: -SmartHostAuthMechanism, -SmartHosts")

    def test_words_that_a_parameter_does_not_take(self):
        self.says("New-AcceptedDomain -Name 'a' -DomainName 'a' -DomainType Internal",
                  "-DomainType does not take Internal")
        self.says("Set-ReceiveConnector 'a' -AuthMechanism Tls,BasicAuth,Kerberos",
                  "does not take Kerberos")
        self.says("Add-ADPermission 'a' -User 'b' -ExtendedRights ms-Exch-SMTP-Submit,ms-Exch-Submit",
                  "does not take ms-Exch-Submit")
        self.assertEqual(check("Set-SendConnector 'a' -ProtocolLoggingLevel $level", "2007"), [])

    def test_lists_without_quotes(self):
        for text in ("Get-Queue | fl Identity, Status,LastError , 'a b', NextHopDomain",
                     "Set-ReceiveConnector 'a' -AuthMechanism Tls, 'BasicAuth', Integrated"):
            self.assertEqual(check(text, "2007"), [])
        self.says("Set-ReceiveConnector 'a' -AuthMechanism Tls, BasicAuth, Kerberos -Enabled $true",
                  "does not take Kerberos")
        self.assertEqual(literals("Set-SendConnector 'a, b' -Comment 'c, d' # it's a, b", "Set-SendConnector",
                                  "Comment"), [["c, d"]])

    def test_a_change_that_whatif_does_not_reach(self):
        for text in ("Set-SendConnector 'a' -Enabled $false", "Set-SendConnector 'a' -WhatIf",
                     "Set-SendConnector 'a' -WhatIf:$false", "Remove-AcceptedDomain 'a' -WhatIf $WhatIf",
                     "dsadd.exe user 'cn=a'", "$user.SetInfo()",
                     "if ($WhatIf) { 1 } else { 2 }\nSet-AcceptedDomain 'a' -Name 'b'"):
            with self.subTest(text=text):
                self.says(HEAD + text, "WhatIf", setup=True, version="2010")
                self.assertEqual(check(HEAD + text, "2010"), [])
        self.says("Set-AcceptedDomain 'a' -WhatIf:$WhatIf", "no [switch]$WhatIf", setup=True)
        self.assertEqual(check("Get-Date", "2007", setup=True), [])


class Quotes(unittest.TestCase):
    HOSTILE = ("it's", "''", "$(Remove-Item x)", "a$b`n", "`", "\"", "\u00c4\u00f6\u00fc\u00df \u0416",
               "'; Remove-Mailbox *; '", "\u2018\u2019\u201a\u201b", "\u2019; Get-Date; \u2019",
               "\u201cx\u201d\u201e", "a\u2013b", "x" * 200, "#", "<# #>", "@'", "1,2", " ", "%&|;(){}[]")

    @staticmethod
    def quoted(value):
        for mark in "'\u2018\u2019\u201a\u201b":
            value = value.replace(mark, mark * 2)
        return f"'{value}'"

    def test_hostile_words_stay_one_literal(self):
        words = ",".join(map(self.quoted, self.HOSTILE))
        text = saved(f"Set-SendConnector -Identity {self.quoted(self.HOSTILE[0])} -AddressSpaces {words}\n"
                     "Get-Date\n")
        self.assertEqual(check(text, "2007"), [])
        self.assertEqual(literals(text, "Set-SendConnector", "AddressSpaces"), [list(self.HOSTILE)])
        self.assertEqual(literals(text, "Set-SendConnector", "Identity"), [["it's"]])

    def test_a_literal_that_ends_too_early_is_found(self):
        for value in ("it\u2019s", "\u2018", "a\u201ab", "x\u201b"):
            with self.subTest(value=value):
                text = saved(f"Set-SendConnector -Identity '{value}'\n")
                found = check(text, "2007")
                self.assertTrue(any("ends this literal" in line for line in found), found)
                self.assertEqual(literals(text, "Set-SendConnector", "Identity"), [[None]])

    def test_what_is_no_single_quoted_word_is_told_apart(self):
        text = "Set-SendConnector -Identity \"a\" -Comment ('a' + 'b') -Fqdn bare"
        for parameter in ("Identity", "Comment", "Fqdn"):
            self.assertEqual(literals(text, "Set-SendConnector", parameter), [[None]])
        self.assertEqual(literals(text, "Set-SendConnector", "Port"), [])

    def test_marks_outside_a_literal(self):
        for text in ("Set-SendConnector \u2018a\u2019", "Set-SendConnector 'a' \u2013Enabled $true",
                     "Write-Host \u201ca\u201d"):
            with self.subTest(text=text):
                found = check(saved(text), "2007")
                self.assertTrue(any("outside a literal" in line for line in found), found)
        self.assertEqual(check(saved("# \u201eso\u201c \u2013 it\u2019s a comment\nGet-Date"), "2007"), [])

    def test_a_quotation_mark_inside_a_string(self):
        found = check(saved("Write-Host \"an \u201eexample\u201c\""), "2007")
        self.assertTrue(any("ends this string" in line for line in found), found)

    def test_letters_need_a_byte_order_mark(self):
        text = "Write-Host '\u00c4'\r\n"
        self.assertEqual(check("\ufeff" + text, "2007"), [])
        found = check(text, "2007")
        self.assertEqual(len(found), 1, found)
        self.assertIn("no byte order mark", found[0])

    def test_a_name_before_a_colon_is_a_drive(self):
        found = check("Write-Host \"$name: $env:TEMP ${name}: $($a): `$x:\"", "2007")
        self.assertEqual(len(found), 1, found)
        self.assertIn("$name: names a drive", found[0])

    def test_control_characters(self):
        self.assertIn("a control character", check("Write-Host 'a\x07'\n", "2007")[0])


class Tables(unittest.TestCase):
    def test_each_table_can_be_read(self):
        for name, least in (("exchange-2007.txt", 35), ("exchange-2010.txt", 50), ("powershell-1.0.txt", 50)):
            self.assertGreater(len(tables.read(name)), least, name)

    def test_what_2007_has_and_2010_lacks_is_known(self):
        """The two tables come from different sources: what one alone has is a mistake or a fact."""
        everywhere = {"Instance", "TemplateInstance", "UseRusServer"}
        gone = {"Get-MailPublicFolder": {"OrganizationalUnit"}, "Set-MailContact": {"Extensions"},
                "Import-ExchangeCertificate": {"Path"}}
        older, newer = tables.exchange("2007"), tables.exchange("2010")
        for name, entry in older.items():
            self.assertIn(name, newer)
            both = {**entry.has, **entry.sp1, **entry.sp2}
            lost = {word for low, word in both.items() if low not in newer[name].has}
            self.assertLessEqual(lost - everywhere, gone.get(entry.name, set()), entry.name)


if __name__ == "__main__":
    unittest.main()
