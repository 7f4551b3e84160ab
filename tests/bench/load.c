#include "tests/bench/load.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

_Noreturn void
load_die(const char *what)
{
	perror(what);
	exit(1);
}

double
load_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct sockaddr_in
load_server(const char *program, const char *host, const char *port)
{
	struct sockaddr_in server = {
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)strtol(port, NULL, 10))};

	if (inet_pton(AF_INET, host, &server.sin_addr) != 1 ||
	    ntohl(server.sin_addr.s_addr) >> 24 != 127) {
		fprintf(stderr, "%s: %s is not in 127.0.0.0/8\n", program, host);
		exit(2);
	}
	return server;
}

int
load_socket(int type, uint32_t number)
{
	struct sockaddr_in from = {.sin_family = AF_INET};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), yes = 1;

	if (fd < 0)
		load_die("socket");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes));
	from.sin_addr.s_addr = htonl(0x7f010001 + (number / 250) * 256 + number % 250);
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) != 0)
		load_die("bind");
	return fd;
}

static int
by_size(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

void
load_sort(float *took, size_t n)
{
	qsort(took, n, sizeof(*took), by_size);
}

double
load_ms(const float *took, size_t n, unsigned percent)
{
	return n > 0 ? (double)took[n * percent / 100] * 1e3 : 0.0;
}
