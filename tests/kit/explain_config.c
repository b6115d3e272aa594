#include "tests/kit/explain_config.h"

#include "tests/kit/config_text.h"

static const char text[] = CONFIG_TEXT_HEAD
    "forests:\n"
    "  contoso:\n"
    "    domains: { contoso.example: authoritative }\n"
    "    deliver: [bridgeheads]\n"
    "  fabrikam:\n"
    "    domains: { fabrikam.example: authoritative }\n"
    "    deliver: [hubs]\n"
    "  mixed:\n"
    "    domains: { mixed.example: authoritative }\n"
    "    deliver: [open]\n"
    "    hairpin: allow\n"
    "receive:\n"
    "  contoso-2003:\n"
    "    listen: [main]\n"
    "    networks: [10.1.20.0/24]\n"
    "    speaks_for: [contoso]\n"
    "    tls: { clear_reply: 454 }\n"
    "    accounts:\n"
    "      svc-a: { names: ['CONTOSO\\svc'], password_hash_files: [in.hash] }\n"
    "      svc-b: { names: [b], password_hash_files: [in.hash] }\n"
    "  fabrikam-hub:\n"
    "    listen: [main, second]\n"
    "    networks: [10.2.0.0/16, 10.3.0.0/16]\n"
    "    speaks_for: [fabrikam]\n"
    "    foreign_sender: refuse\n"
    "    accounts: { svc: { names: [fabrikam], password_hash_files: [in.hash] } }\n"
    "  twin:\n"
    "    listen: [main]\n"
    "    networks: [10.2.0.0/16]\n"
    "    speaks_for: [mixed]\n"
    "    accounts: { svc: { names: [twin], password_hash_files: [in.hash] } }\n"
    "  in-clear:\n"
    "    listen: [second]\n"
    "    networks: [10.9.0.1/32]\n"
    "    speaks_for: [mixed]\n"
    "    tls: { require: false }\n"
    "    auth: none\n"
    "    spf: enforce\n"
    "send:\n"
    "  bridgeheads:\n"
    "    servers: [bh1.contoso.example, \"bh2.contoso.example:2525\"]\n"
    "    balance: failover\n"
    "    tls:\n"
    "      verify: pin\n"
    "      pins: [\"sha256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=\"]\n"
    "    auth: { user: 'CONTOSO\\gw', password_file: out.password }\n"
    "  hubs:\n"
    "    servers: [hub1.fabrikam.example, hub2.fabrikam.example]\n"
    "    balance: round-robin\n"
    "    tls: { verify: name }\n"
    "    auth: { user: gw@fabrikam.example, password_file: out.password }\n"
    "  open:\n"
    "    servers: [10.9.0.7]\n"
    "    tls: { require: false, verify: none }\n"
    "    auth: none\n";

struct config *explain_config;

int
explain_config_load(void **state)
{
    (void)state;
    explain_config = config_of_text(text);
    /* Paths are absolute, and the folder has another name in every run. */
    for (size_t i = 0; i < explain_config->send_count; i++)
        explain_config->send[i].auth_password_file = "secrets/fabrikam";
    return 0;
}

int
explain_config_unload(void **state)
{
    (void)state;
    config_unref(&explain_config);
    return 0;
}
