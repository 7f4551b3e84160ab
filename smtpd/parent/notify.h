/* Telling the service manager how it stands, as sd_notify(3) does. */
#ifndef SMTPD_PARENT_NOTIFY_H
#define SMTPD_PARENT_NOTIFY_H

/* "READY=1", "STOPPING=1": nothing when nobody asked to be told. */
void notify(const char *state);

#endif
