/*
 * command.h - the subcommands of forestgate. Each gets its own words (argv[0] is its name) and
 * gives the exit status: 0 done or fine, 1 a negative finding, 2 usage or failure (design.md 10);
 * probe, doctor: as monitoring plugins.
 */
#ifndef GATEWAY_COMMAND_H
#define GATEWAY_COMMAND_H

int command_run(int argc, char **argv);
int command_check(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_account(int argc, char **argv);
int command_pin(int argc, char **argv);
int command_probe(int argc, char **argv);
extern const char command_probe_help[]; /* what --help says behind the usage */
int command_doctor(int argc, char **argv);
extern const char command_doctor_help[];
int command_preflight(int argc, char **argv);
extern const char command_preflight_help[];
int command_exchange_setup(int argc, char **argv);
extern const char command_exchange_setup_help[];
int command_manual(int argc, char **argv);

/* What is in the queue, and what becomes of it. */
int command_queue(int argc, char **argv);
extern const char command_queue_help[];

/* What happened to a message. */
int command_track(int argc, char **argv);
extern const char command_track_help[];

/* status, reload, drain: sent to the daemon through its control socket. */
int command_control(int argc, char **argv);

#endif
