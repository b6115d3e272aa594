/*
 * process_memory.h - what this process has in memory, and how much it may have (Linux).
 */
#ifndef RELAY_PROCESS_MEMORY_H
#define RELAY_PROCESS_MEMORY_H

#include <stdint.h>

/* Octets that are resident and nobody else's: pages of files, the spool's map among them, are
 * not counted, since the system takes them back by itself. 0: cannot be told. */
uint64_t process_memory_used(void);

/* The least of what the machine has and what the control groups of the process allow (version 2;
 * MemoryMax= of the unit). 0: cannot be told. */
uint64_t process_memory_limit(void);

#endif
