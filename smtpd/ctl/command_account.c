/* Commands that take a password. It is never an argument of a command that
 * changes something, where ps(1) and the shell's history would show it. */
#include "common/base/limits.h"
#include "common/base/password.h"
#include "smtpd/ctl/command.h"
#include "smtpd/ctl/order.h"

#include <readpassphrase.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SECRET = LIMIT_SECRET + 2 };

static bool
ask(const char *prompt, char secret[SECRET])
{
	return readpassphrase(prompt, secret, SECRET, RPP_ECHO_OFF | RPP_REQUIRE_TTY) != NULL;
}

/* Twice, at a terminal. */
static int
ask_twice(char secret[SECRET])
{
	char again[SECRET];
	int code = CTL_OK;

	if (!ask("Password: ", secret) || !ask("Again: ", again))
		return ctl_fail(CTL_FAILED, "cannot ask for the password at this terminal");
	if (strcmp(secret, again) != 0)
		code = ctl_fail(CTL_FAILED, "the two passwords differ; nothing is changed");
	explicit_bzero(again, sizeof(again));
	return code;
}

static int
read_secret(char secret[SECRET])
{
	size_t len;
	int code = CTL_OK;

	if (isatty(STDIN_FILENO)) {
		code = ask_twice(secret);
	} else if (fgets(secret, SECRET, stdin) == NULL) {
		code = ctl_fail(CTL_FAILED, "there is no password on standard input");
	} else {
		len = strcspn(secret, "\r\n");
		if (secret[len] == '\0' && len == SECRET - 1)
			code = ctl_fail(
			    CTL_FAILED, "the password is longer than %d octets", LIMIT_SECRET);
		secret[len] = '\0';
	}
	if (code == CTL_OK && secret[0] == '\0')
		code = ctl_fail(CTL_FAILED, "the password is empty; nothing is changed");
	return code;
}

int
command_password(const struct ctl *ctl, const struct command *c, int argc, char **argv)
{
	char secret[SECRET] = "";
	int code = read_secret(secret);
	const struct slice arguments[] = {slice_of(argv[0]), slice_of(secret)};

	if (code == CTL_OK)
		code = order_give(ctl, c->words, arguments, 2);
	explicit_bzero(secret, sizeof(secret));
	return code;
}

int
command_encrypt(const struct ctl *ctl, const struct command *c, int argc, char **argv)
{
	char secret[SECRET] = "";
	struct buf hash = {0};
	int code = CTL_OK;

	if (argc == 0)
		code = read_secret(secret);
	else if (strlcpy(secret, argv[0], sizeof(secret)) >= sizeof(secret))
		code = ctl_fail(CTL_FAILED, "the password is longer than %d octets", LIMIT_SECRET);
	if (code == CTL_OK && !password_hash(secret, &hash))
		code = ctl_fail(CTL_FAILED,
		    "crypt(3) cannot hash this password; it may be longer than 511 octets");
	explicit_bzero(secret, sizeof(secret));
	if (code == CTL_OK)
		puts(buf_text(&hash));
	buf_fini(&hash);
	return code;
}
