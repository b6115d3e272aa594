"""scripts/exchange: what can be said of the scripts for Exchange administrators without Windows."""

import glob
import os
import re
import unittest

import windows_lines
from kit import ROOT
from powershell import check

FOLDER = os.path.join(ROOT, "scripts", "exchange")
SCRIPTS = ["create-container.ps1", "export-directory.ps1", "finish-recipients.ps1", "register-task.ps1"]
COMMANDS = ["export-directory.cmd", "run-task.cmd"]
ALL = SCRIPTS + COMMANDS + ["common.ps1"]
HOSTILE = ["O'Brien, Kim", 'the "great" one', "a+b=c;d", "<x>#y\\z", "K\u00f6ln", "n" * 64]


def raw(name):
    with open(os.path.join(FOLDER, name), "rb") as file:
        return file.read()


def text(name):
    return raw(name).decode("utf-8").replace("\r\n", "\n")


def header(name):
    """The comment at the beginning, without its marks."""
    lines = []
    for line in text(name).split("\n"):
        if line == "@echo off":
            continue
        match = re.match(r"(?:#|rem)(?: (.*))?$", line)
        if not match:
            break
        lines.append(match[1] or "")
    return "\n".join(lines)


def code(name):
    """The script without comments and blank lines."""
    mark = "rem " if name.endswith(".cmd") else "#"
    return "\n".join(line for line in text(name).split("\n")
                     if line.strip() and not line.lstrip().startswith(mark))


def functions(name):
    """{name: body} of a PowerShell file; what stands outside is under ''."""
    found, outside, inside = {}, [], None
    for line in code(name).split("\n"):
        begin = re.match(r"function ([\w-]+)", line)
        if begin:
            inside = begin[1]
            found[inside] = []
        (found[inside] if inside else outside).append(line)
        if line == "}":
            inside = None
    return {**{key: "\n".join(body) for key, body in found.items()}, "": "\n".join(outside)}


def parameters(name):
    """The names in the param() block."""
    block = re.search(r"^param\(\n(.*?)^\)", text(name), re.S | re.M)[1]
    return re.findall(r"\]\$(\w+)", block)


def section(name):
    """What README.md says under the headings that name a script."""
    parts = re.split(r"^## ", text("README.md"), flags=re.M)
    return "\n".join(part for part in parts[1:] if f"`{name}`" in part.split("\n")[0])


def statement(body, variable):
    """The right side of the one assignment to a variable in a function's text."""
    found = re.findall(rf"\${variable} = (.+)", body)
    if len(found) != 1:
        raise AssertionError(f"{len(found)} assignments to ${variable}")
    return found[0]


class Texts(unittest.TestCase):
    def test_the_folder_holds_what_is_checked_here(self):
        there = {os.path.basename(path) for path in glob.glob(os.path.join(FOLDER, "*"))}
        self.assertEqual(there, set(ALL) | {"README.md"})

    def test_every_script_is_ascii_with_windows_line_ends(self):
        for name in ALL:
            with self.subTest(name):
                self.assertTrue(raw(name).isascii())
                self.assertNotRegex(raw(name), rb"(?<!\r)\n|\r(?!\n)|\t| \r\n")

    def test_the_header_names_what_the_script_is_for(self):
        for name in ALL:
            with self.subTest(name):
                self.assertTrue(header(name).startswith(f"{name} - "))

    def test_every_parameter_stands_in_the_header_and_in_the_readme(self):
        for name in SCRIPTS:
            for parameter in parameters(name):
                with self.subTest(name, parameter=parameter):
                    self.assertRegex(header(name), rf"(?m)^ .*-{parameter}( <|  )")
                    self.assertIn(f"| `-{parameter}` |", section(name))

    def test_the_header_and_the_readme_name_no_parameter_that_is_gone(self):
        for name in SCRIPTS:
            with self.subTest(name):
                told = set(re.findall(r"(?:^|  )-(\w+)(?= <|  )", header(name), re.M))
                self.assertEqual(told, set(parameters(name)))
        told = set(re.findall(r"^\| `-(\w+)` \|", text("README.md"), re.M))
        self.assertEqual(told, {p for name in SCRIPTS for p in parameters(name)})

    def test_every_script_has_a_trial_run_and_refuses_what_it_does_not_know(self):
        for name in SCRIPTS:
            with self.subTest(name):
                self.assertIn("[switch]$WhatIf", text(name))
                self.assertIn("if ($unknown.Count -gt 0) { return 'unknown parameter: '",
                              functions(name)["Get-Complaint"])
                self.assertIn("\n$unknown = $args\n", functions(name)[""])

    def test_the_readme_names_every_script(self):
        for name in ALL:
            with self.subTest(name):
                self.assertIn(f"| `{name}` |", text("README.md"))

    def test_what_is_unconfirmed_is_marked(self):
        marked = " ".join(part for part in re.split(r"\n\n(?=[^-])|\n- (?=[A-Z`*])", text("README.md"))
                          if "check on your system" in " ".join(part.split()))
        marked += section("run-task.cmd").split("Check on your system:")[1]
        for fact in ("RemoteSigned", "stay as secondary ones", "never upgraded", "several domains",
                     "/rl HIGHEST", "as the computer itself", "Connect-ExchangeServer"):
            with self.subTest(fact):
                self.assertIn(fact, marked)


class Grammar(unittest.TestCase):
    def test_the_first_release_of_2007_runs_them_as_well(self):
        # Later releases: test_powershell.
        for name in SCRIPTS:
            with self.subTest(name):
                self.assertEqual(check(text(name), "2007-rtm", setup=True, libraries=[text("common.ps1")]), [])

    def test_every_function_is_short(self):
        for name in SCRIPTS + ["common.ps1"]:
            for function, body in functions(name).items():
                if function:
                    self.assertLessEqual(body.count("\n"), 36, f"{name}: {function}")


class ExitCodes(unittest.TestCase):
    def test_the_codes_used_are_the_codes_told(self):
        for name in SCRIPTS + COMMANDS:
            with self.subTest(name):
                told = header(name).split("EXIT CODE\n")[1].split("\n\n")[0]
                used = set(re.findall(r"\bexit (?:/b )?(\d+)", code(name)))
                if name == "run-task.cmd":
                    self.assertEqual(used, {"2"})
                    self.assertIn("that of the script; 2 when", told)
                    continue
                self.assertEqual(used, {"0", "1", "2"})
                self.assertEqual(re.findall(r"(?<!\w)(\d)  ", told), ["0", "1", "2"])

    def test_every_exit_of_a_powershell_script_gives_a_code(self):
        for name in SCRIPTS:
            with self.subTest(name):
                # "exit $LASTEXITCODE" is in a text that register-task.ps1 writes.
                bare = code(name).replace("'exit $LASTEXITCODE'", "")
                self.assertEqual(re.findall(r"\bexit\b(?! [012]\n?)", bare), [])
                self.assertTrue(code(name).endswith("\nexit 0"))

    def test_the_lock_is_given_back_before_every_exit_after_it_was_taken(self):
        for name in ("finish-recipients.ps1", "export-directory.ps1"):
            with self.subTest(name):
                body = functions(name)[""].split("\n")
                taken = max(i for i, line in enumerate(body) if "Test-Beginning" in line or "Connect-Exchange" in line)
                back = [i for i, line in enumerate(body) if line == "Close-Lock"][-1]
                between = "\n".join(body[taken:back])
                for before in re.findall(r"(.*)\n    exit \d", between):
                    self.assertIn("Close-Lock", before)
                self.assertIn("    Close-Lock\n    exit 2\n}", functions(name)[""].split("trap {")[1])


class Failures(unittest.TestCase):
    def test_no_error_of_exchange_goes_unseen(self):
        # Silenced errors must be kept in $problems, which the same function looks at; it also has a
        # trap for those that end the cmdlet, and the trap goes on.
        calls = 0
        for name in SCRIPTS:
            for function, body in functions(name).items():
                cmdlets = re.findall(r"\b(?:Get|Set|Update)-(?:Mail|E-?mail|Address|Global|Offline|Distribution|Dynamic)\w+"
                                     r"[^|}]*", body.replace("`\n", " "))
                for cmdlet in cmdlets:
                    with self.subTest(name, function=function, cmdlet=cmdlet.split()[0]):
                        calls += 1
                        self.assertIn("-ErrorAction SilentlyContinue -ErrorVariable problems", re.sub(r"\s+", " ", cmdlet))
                        self.assertIn("trap { $script:mishap = Get-ErrorText $_; continue }", body)
                        self.assertIn("if ($problems.Count -gt 0 -and $script:mishap -eq '')", body)
                        self.assertIn("$problems = @()", body)
        self.assertEqual(calls, 8 + 4 + 3 + 6)

    def test_every_trap_keeps_or_logs_the_error(self):
        for name in ALL:
            if name.endswith(".cmd"):
                continue
            traps = re.findall(r"trap \{(?: (.*?); continue \}$|\n(.*?)^\})", code(name), re.S | re.M)
            self.assertEqual(len(traps), code(name).count("trap {"), name)
            self.assertGreater(len(traps), 2)
            for one, block in traps:
                with self.subTest(name, trap=one or block):
                    self.assertIn("Get-ErrorText $_", one or block)
                    self.assertRegex(one or block, r"\$script:mishap = |Write-Log 'failed'|Write-Host")

    def test_whatever_counts_as_failed_is_logged_beside(self):
        for name in SCRIPTS:
            lines = code(name).split("\n")
            for number, line in enumerate(lines):
                if re.search(r"\$script:(failed|refused)\+\+", line):
                    with self.subTest(name, line=line):
                        self.assertIn("Write-Log 'failed'", "\n".join(lines[max(0, number - 1):number + 2]))

    def test_a_search_for_recipients_is_never_cut_short(self):
        searches = 0
        for name in SCRIPTS:
            for cmdlet in re.findall(r"\bGet-(?:Mail\w+|DistributionGroup|DynamicDistributionGroup) [^|}\n]*", code(name)):
                if "-Identity" in cmdlet or "SilentlyContinue) {" in cmdlet:
                    continue
                searches += 1
                self.assertIn("-ResultSize Unlimited", cmdlet, name)
        self.assertEqual(searches, 1 + 6)

    def test_what_is_not_set_may_be_null_or_empty(self):
        self.assertIn("([string]$contact.LegacyExchangeDN).Trim() -eq ''",
                      functions("finish-recipients.ps1")["Test-Waiting"])

    def test_objects_are_named_by_their_distinguished_name(self):
        body = code("finish-recipients.ps1")
        for call in ("Complete-Contact ([string]$contact.DistinguishedName)",
                     "Update-Object $kind ([string]$object.DistinguishedName)"):
            self.assertIn(call, body)

    def test_a_loop_over_nothing_does_not_run_once(self):
        # PowerShell 1.0 and 2.0 run foreach once for $null: what a command gives must be in @().
        for name in SCRIPTS:
            for loop in re.findall(r"foreach \(\$\w+ in (.+)\) \{", code(name)):
                with self.subTest(name, loop=loop):
                    self.assertNotRegex(loop, r"^[A-Z][\w]*-")
        for found in ("$found = @(Find-Objects", "$waiting = @(Find-WaitingContacts)"):
            self.assertIn(found, code("finish-recipients.ps1"))


class Columns(unittest.TestCase):
    def setUp(self):
        table = text("README.md").split("### The columns")[1].split("How the values differ")[0]
        self.told = re.findall(r"^\| `(\w+)` \| (\w+) \| .{20,} \|$", table, re.M)

    def test_the_csv_has_the_columns_of_the_list(self):
        written = re.findall(r"@\{ Name = '(\w+)'; Expression = \{ .*\$_\.(\w+) \} \}", text("export-directory.ps1"))
        self.assertEqual(written, self.told)
        self.assertEqual(len(written), 12)

    def test_ldifde_exports_the_attributes_of_the_list(self):
        # dn is no attribute: ldifde writes it always.
        listed = re.search(r'^set "attributes=(.*)"$', text("export-directory.cmd"), re.M)[1]
        self.assertEqual(["dn"] + listed.split(","), [name for name, _ in self.told])

    def test_joined_addresses_come_apart_again(self):
        swaps = re.findall(r"\.Replace\('(.)', '(%..)'\)", functions("export-directory.ps1")["Join-Addresses"])
        self.assertEqual(len(swaps), 2)
        addresses = ["X400:c=US;a= ;p=Forest A;o=Exchange;s=Akers;", "smtp:a|b%7C@x.example", "X500:/o=%25/cn=|"]
        joined = []
        for address in addresses:
            for old, new in swaps:
                address = address.replace(old, new)
            joined.append(address)
        parts = "|".join(joined).split("|")
        for old, new in reversed(swaps):
            parts = [part.replace(new, old) for part in parts]
        self.assertEqual(parts, addresses)

    def test_the_csv_keeps_letters_beyond_ascii_and_has_no_type_line(self):
        export = re.search(r"Export-Csv .*", code("export-directory.ps1"))[0]
        for word in ("-Encoding $Encoding", "-NoTypeInformation"):
            self.assertIn(word, export)
        self.assertIn("[string]$Encoding = 'UTF8'", text("export-directory.ps1"))


class CommandLines(unittest.TestCase):
    places = [("C:\\forestgate\\", "C:\\Exchange\\"),
              ("D:\\Our Tools\\forest gate\\", "C:\\Program Files\\Microsoft\\Exchange Server\\")]

    def lines_of(self, where):
        """The PowerShell lines of run-task.cmd for a folder pair, without the redirection."""
        folder, exchange = where
        values = {"~dp0": folder, "%~dp0": folder, "%~1": "finish-recipients", "exchange2007": exchange,
                  "exchange2010": exchange}
        task = re.search(r'^set "task=(.*)"$', text("run-task.cmd"), re.M)[1]
        values["task"] = windows_lines.expand(task, values)
        values["seen"] = "S"
        values["powershell"] = "C:\\WINDOWS\\powershell.exe"
        for line in re.findall(r'^"%powershell%".*$', text("run-task.cmd"), re.M):
            yield re.sub(r' >"S" 2>&1$', "", windows_lines.expand(line, values))

    def test_the_splitting_follows_the_rules_of_windows(self):
        for line, words in [('p "a b" c', ["p", "a b", "c"]), (r'p "a\"b" "c\\"', ["p", 'a"b', "c\\"]),
                            (r'"p q\r" a\\b d"e f"g', ["p q\\r", r"a\\b", "de fg"]), (r'p a\\\"b ""', ["p", r'a\"b', ""])]:
            with self.subTest(line):
                self.assertEqual(windows_lines.split(line), words)

    def test_powershell_gets_the_console_file_and_the_command_whole(self):
        for where in self.places:
            old, new = map(windows_lines.split, self.lines_of(where))
            task = f". '{where[0]}finish-recipients.task.ps1'; exit $LASTEXITCODE"
            with self.subTest(where):
                self.assertEqual(old, ["C:\\WINDOWS\\powershell.exe", "-PsConsoleFile", where[1] + "bin\\exshell.psc1",
                                       "-NoProfile", "-NonInteractive", "-Command", "$LASTEXITCODE = 2; " + task])
                self.assertEqual(new[-2:], ["-Command", f". '{where[1]}bin\\RemoteExchange.ps1'; "
                                            "Connect-ExchangeServer -auto; $LASTEXITCODE = 2; " + task])

    def test_cmd_finds_nothing_of_its_own_in_the_line(self):
        for where in self.places:
            for line in self.lines_of(where):
                self.assertTrue(windows_lines.is_bare(line), line)

    def test_the_readme_shows_the_very_line(self):
        exchange = "C:\\Program Files\\Microsoft\\Exchange Server\\"
        line = next(self.lines_of(("C:\\forestgate\\", exchange)))
        self.assertIn("    powershell.exe" + line.split('powershell.exe"', 1)[1] + "\n", text("README.md"))

    def test_schtasks_gets_the_runner_and_its_name(self):
        body = functions("register-task.ps1")["Get-SchtasksLine"]
        begin = statement(body, "line")
        ends = [end.replace("$line", "''", 1) for end in re.findall(r"return (\$line .*?)(?: \}|$)", body, re.M)]
        self.assertEqual(len(ends), 2)
        for folder, _ in self.places:
            values = {"name": "finish-recipients", "account": "FOREST A\\svc", "runner": folder + "run-task.cmd",
                      "starttime": "02:30"}
            for end, tail in zip(ends, (["/st", "02:30", "/rl", "HIGHEST", "/f"], ["/st", "02:30:00"])):
                line = "schtasks.exe " + windows_lines.concatenate(begin, values) + windows_lines.concatenate(end, values)
                with self.subTest(line):
                    words = windows_lines.split(line)
                    run = words[words.index("/tr") + 1]
                    self.assertEqual(words[1:9], ["/create", "/tn", "forestgate-finish-recipients", "/sc", "DAILY",
                                                  "/ru", "FOREST A\\svc", "/rp"])
                    self.assertEqual(words[-len(tail):], tail)
                    self.assertEqual(windows_lines.split(run), [folder + "run-task.cmd", "finish-recipients"])
                    self.assertLess(len(run), 261)

    def test_the_password_stands_in_no_command(self):
        self.assertRegex(code("register-task.ps1"), r"/rp \* ")

    def test_at_gets_a_runner_without_marks_on_every_day_of_the_month(self):
        body = functions("register-task.ps1")["Get-AtLine"]
        self.assertIn("[string]::Join(',', [string[]](1..31))", body)
        days = ",".join(map(str, range(1, 32)))
        line = windows_lines.concatenate(re.search(r"return (.*)", body)[1], {
            "starttime": "02:30", "days": days, "runner": "D:\\OURTOO~1\\run-task.cmd", "name": "finish-recipients"})
        self.assertEqual(windows_lines.split("at.exe " + line),
                         ["at.exe", "02:30", "/every:" + days, "D:\\OURTOO~1\\run-task.cmd", "finish-recipients"])
        self.assertIn("if ($short -match '\\s') { return '' }", functions("register-task.ps1")["Get-ShortRunner"])

    def test_a_folder_that_would_not_survive_the_quoting_is_refused(self):
        pattern = re.search(r"\$folder -match '((?:[^']|'')*)'", code("register-task.ps1"))[1].replace("''", "'")
        for folder, _ in self.places:
            self.assertNotRegex(folder, pattern)
        for bad in ("C:\\O'Brien", "C:\\a & b", "C:\\100%", "C:\\x (x86)", "C:\\a!b", "C:\\a^b", "C:\\a|b"):
            self.assertRegex(bad, pattern)

    def test_ldifde_gets_filter_and_base_whole(self):
        template = re.search(r'^"%ldifde%" (.*)$', text("export-directory.cmd"), re.M)[0]
        shown = re.search(r'^echo ("%ldifde%" .*)$', text("export-directory.cmd"), re.M)[1]
        self.assertEqual(shown, template)
        settings = dict(re.findall(r'^set "(filter|attributes)=(.*)"$', text("export-directory.cmd"), re.M))
        line = windows_lines.expand(template, {
            **settings, "ldifde": "C:\\W\\ldifde.exe", "out": "D:\\my gate\\a.ldf", "server": '-s "dc1"',
            "base": "OU=Sales & More,DC=forest a,DC=example", "temp": "C:\\T"})
        self.assertTrue(windows_lines.is_bare(line))
        self.assertEqual(windows_lines.split(line)[1:], [
            "-f", "D:\\my gate\\a.ldf.new", "-s", "dc1", "-d", "OU=Sales & More,DC=forest a,DC=example", "-p",
            "subtree", "-r", "(|(proxyAddresses=*)(targetAddress=*))", "-l", settings["attributes"], "-j", "C:\\T"])

    def test_every_label_of_a_cmd_file_is_there(self):
        for name in COMMANDS:
            with self.subTest(name):
                body = code(name)
                self.assertEqual(set(re.findall(r"goto (\w+)", body)) - set(re.findall(r"^:(\w+)", body, re.M)), set())
                self.assertIn("\nsetlocal\n", body)
                self.assertRegex(body, r"\nexit /b 2$")


class Container(unittest.TestCase):
    def test_a_hostile_name_stays_one_part_of_the_distinguished_name(self):
        body = functions("create-container.ps1")["ConvertTo-Rdn"]
        pattern, put = re.search(r"-replace '(.*)', '(.*)'\)", body).groups()
        self.assertEqual(put, "\\$1")
        for name in HOSTILE:
            rdn = re.sub(pattern, lambda match: "\\" + match[1], name)
            with self.subTest(name):
                self.assertNotRegex(re.sub(r"\\.", "", rdn), r'[,+"<>;=#\\]')
                self.assertEqual(re.sub(r"\\(.)", r"\1", rdn), name)

    def test_names_that_the_directory_would_bend_are_refused(self):
        body = functions("create-container.ps1")["Get-Complaint"]
        pattern = re.search(r"\$Name -match '(.*)'\)", body)[1]
        for bad in ("a/b", "a\nb"):
            self.assertRegex(bad, pattern)
        self.assertIn("$Name.Trim() -ne $Name -or $Name -eq ''", body)
        self.assertIn("$Name.Length -gt 64", body)

    def test_it_removes_nothing_that_holds_something(self):
        outside = functions("create-container.ps1")[""]
        self.assertLess(outside.index("if ($inside -ne 0)"), outside.index("Set-Container $rdn"))
        self.assertNotIn("DeleteTree", code("create-container.ps1"))


if __name__ == "__main__":
    unittest.main()
