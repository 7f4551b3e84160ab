/*
 * sendmail: hands a message from standard input to the suite, over its submission socket.
 */
#ifndef SMTPD_CTL_SENDMAIL_H
#define SMTPD_CTL_SENDMAIL_H

/* Runs with the arguments of sendmail(8); returns an exit code of sysexits(3). */
int sendmail(const char *run_path, int argc, char **argv);

#endif
