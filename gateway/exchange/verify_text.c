/* The commands that print what is compared, and the verdict for people. */
#include "gateway/exchange/print_text.h"
#include "gateway/exchange/verify.h"

/* ---- The commands ---- */

static const char commands[] =
    "# Run this in the Exchange Management Shell. It changes nothing: it writes what is there "
    "to\n"
    "# a file, which forestgate exchange-setup --verify FILE reads. Lines must not be cut, nor\n"
    "# lists: hence the width and $FormatEnumerationLimit.\n"
    "$FormatEnumerationLimit = -1\n"
    "$File = Join-Path $env:TEMP 'forestgate-verify.txt'\n"
    "$Rights = 'Identity', 'User', 'Deny', 'Inherited', 'AccessRights', 'ExtendedRights'\n"
    "$Send = Get-SendConnector\n"
    "$Receive = Get-ReceiveConnector\n"
    "# A comment of several lines would look like the end of a connector.\n"
    "$Send | Select-Object * -ExcludeProperty Comment | Format-List * |\n"
    "    Out-File $File -Width 4096\n"
    "$Receive | Select-Object * -ExcludeProperty Comment | Format-List * |\n"
    "    Out-File $File -Width 4096 -Append\n"
    "$Send | Get-ADPermission | Format-List $Rights | Out-File $File -Width 4096 -Append\n"
    "$Receive | Get-ADPermission | Format-List $Rights | Out-File $File -Width 4096 -Append\n"
    "Get-TransportConfig | Format-List * | Out-File $File -Width 4096 -Append\n"
    "Get-AcceptedDomain | Format-List * | Out-File $File -Width 4096 -Append\n"
    "Get-RemoteDomain | Format-List * | Out-File $File -Width 4096 -Append\n"
    "Get-ExchangeCertificate | Format-List * | Out-File $File -Width 4096 -Append\n"
    "Write-Host \"Now bring $File to the gateway.\"\n";

void
exchange_verify_commands(const struct exchange_plan *plan, struct buf *out)
{
    buf_put_str(out, commands);
    buf_put_str(out, "#\n# Get-ExchangeCertificate shows the certificates of the server that it "
                     "runs on. Run these two\n# lines on each of these servers as well, and put "
                     "the files together:\n#\n");
    for (size_t i = 0; i < plan->inbound_count; i++)
        for (size_t k = 0; k < plan->inbound[i].ours->server_count; k++) {
            buf_put_str(out, "#     ");
            print_clean(out, plan->inbound[i].ours->servers[k].host);
            buf_put_char(out, '\n');
        }
    buf_put_str(out, "#\n# $FormatEnumerationLimit = -1\n"
                     "# Get-ExchangeCertificate | Format-List * | Out-File "
                     "\"$env:TEMP\\$env:COMPUTERNAME.txt\" -Width 4096\n");
}

/* ---- The verdict ---- */

static const struct {
    const char *title, *one, *many;
} severities[] = {
    [EXCHANGE_STOPS] = {"STOPS MAIL, or lets through what must not pass", "stops mail",
                        "stop mail"},
    [EXCHANGE_HARMS] = {"HARMS some mail, or trusts it less or more than meant", "harms", "harm"},
    [EXCHANGE_WORTH] = {"WORTH A LOOK", "is worth a look", "are worth a look"},
    [EXCHANGE_UNKNOWN] = {"CANNOT BE TOLD from this output", "cannot be told", "cannot be told"},
};

static size_t
count(const struct exchange_verdict *v, enum exchange_severity severity)
{
    size_t n = 0;
    for (size_t i = 0; i < v->count; i++)
        n += v->findings[i].severity == severity;
    return n;
}

static void
put_summary(const struct exchange_plan *plan, const struct exchange_verdict *v, struct buf *out)
{
    buf_printf(out, "Exchange of forest %s, against what %s needs: %zu compared",
               plan->forest->name, plan->gateway, v->checked);
    for (size_t i = 0; i < sizeof severities / sizeof severities[0]; i++) {
        size_t n = count(v, (enum exchange_severity)i);
        if (n > 0)
            buf_printf(out, ", %zu %s", n, n == 1 ? severities[i].one : severities[i].many);
    }
    buf_put_str(out, v->count == 0 ? ", nothing differs.\n" : ".\n");
}

static void
put_finding(const struct exchange_finding *f, struct buf *out)
{
    buf_put_str(out, "\n  ");
    print_clean(out, f->place);
    if (f->line > 0)
        buf_printf(out, "  (the record at line %u)", f->line);
    buf_put_char(out, '\n');
    print_wrapped(out, "    is      ", "            ", f->found[0] != '\0' ? f->found : "empty");
    print_wrapped(out, "    needs   ", "            ", f->wanted);
    print_wrapped(out, "    because ", "            ", f->why);
}

void
exchange_verdict_text(const struct exchange_plan *plan, const struct exchange_verdict *v,
                      struct buf *out)
{
    put_summary(plan, v, out);
    for (size_t i = 0; i < v->count; i++) {
        if (i == 0 || v->findings[i - 1].severity != v->findings[i].severity)
            buf_printf(out, "\n%s\n", severities[v->findings[i].severity].title);
        put_finding(&v->findings[i], out);
    }
    if (v->more)
        buf_printf(out, "\nThere is more: the first %d are shown.\n", VERIFY_FINDINGS_MAX);
}
