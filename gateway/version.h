/*
 * version.h - the version of this gateway, as --version, the log and the metrics show it.
 */
#ifndef GATEWAY_VERSION_H
#define GATEWAY_VERSION_H

#define FORESTGATE_VERSION "0.1"

#endif
