/* smtpctl by the name of sendmail: takes a message on standard input and
 * submits it. See sendmail(8). */
#ifndef SMTPD_CTL_SENDMAIL_H
#define SMTPD_CTL_SENDMAIL_H

/* The whole command; returns its exit code, one of sysexits(3). run_path is
 * where the sockets are. */
int sendmail_run(const char *run_path, int argc, char **argv);

/* "sendmail: " and the sentence on standard error; returns code. */
int sendmail_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What sendmail -bp, -q and -bi are (main.c). */
int ctl_mailq(void);
int ctl_flush(void);
int ctl_newaliases(void);

#endif
