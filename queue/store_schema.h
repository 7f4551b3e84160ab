/*
 * The queue's database. Times are civil seconds; ages are counted seconds (expire.h). Envelopes
 * keep the name of their action, and everything of RCPT that a report must repeat (RFC 3461).
 */
#ifndef QUEUE_STORE_SCHEMA_H
#define QUEUE_STORE_SCHEMA_H

static const char *const store_migrations[] = {
    "CREATE TABLE message ("
    "  id INTEGER PRIMARY KEY,"
    "  arrival INTEGER NOT NULL,"
    "  sender TEXT NOT NULL,"            /* '' is the null path */
    "  flags INTEGER NOT NULL,"          /* MESSAGE_* of listener_queue.h */
    "  ret INTEGER NOT NULL,"
    "  envid TEXT NOT NULL,"
    "  user TEXT NOT NULL,"
    "  client TEXT NOT NULL,"
    "  helo TEXT NOT NULL,"
    "  size INTEGER NOT NULL,"
    "  octets BLOB);"                    /* NULL: they are in the file bodies/xx/<id> */
    "CREATE TABLE envelope ("
    "  id INTEGER PRIMARY KEY,"
    "  message INTEGER NOT NULL,"
    "  transport INTEGER NOT NULL,"      /* enum al_transport, or TRANSPORT_UNROUTED */
    "  mailbox INTEGER NOT NULL,"
    "  notify INTEGER NOT NULL,"
    "  hold INTEGER NOT NULL,"           /* enum envelope_hold */
    "  warned INTEGER NOT NULL,"         /* delay warnings sent */
    "  tries INTEGER NOT NULL,"
    "  next_try INTEGER NOT NULL,"
    "  age INTEGER NOT NULL,"            /* at the time of */
    "  written INTEGER NOT NULL,"        /* this last change */
    "  action TEXT NOT NULL,"
    "  address TEXT NOT NULL,"
    "  user TEXT NOT NULL,"
    "  target TEXT NOT NULL,"
    "  original TEXT NOT NULL,"
    "  orcpt TEXT NOT NULL,"
    "  status TEXT NOT NULL,"            /* what the last try brought */
    "  reply TEXT NOT NULL,"
    "  mta TEXT NOT NULL);"
    "CREATE TABLE setting (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
};

#endif
