/*
 * What one bind attempt costs without Node: the system calls of harness/sockets/native.ts in a loop.
 *
 *   bind-loop ADDRESS PORT OPTION COUNT
 *
 * OPTION is none or reuseaddr: a new socket for each attempt, as bindNative makes one; or kept: one socket
 * that is bound again and again, as preparedBind does it, which ends with the first grant.
 * Prints: granted refused nanoseconds
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef SOCK_CLOEXEC
#define SOCK_CLOEXEC 0
#endif

static long long nanoseconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int make_socket(int reuseaddr)
{
	int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || (SOCK_CLOEXEC == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) ||
	    (reuseaddr && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)) {
		perror("bind-loop");
		exit(1);
	}
	return fd;
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fputs("usage: bind-loop ADDRESS PORT none|reuseaddr|kept COUNT\n", stderr);
		return 2;
	}
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
	if (inet_pton(AF_INET, argv[1], &address.sin_addr) != 1)
		return 2;
	int kept = strcmp(argv[3], "kept") == 0;
	int reuseaddr = strcmp(argv[3], "reuseaddr") == 0;
	int fd = kept ? make_socket(0) : -1;
	long granted = 0, refused = 0;
	long long start = nanoseconds();
	for (long left = atol(argv[4]); left > 0; left--) {
		if (!kept)
			fd = make_socket(reuseaddr);
		if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0) {
			granted++;
		} else if (errno == EADDRINUSE) {
			refused++;
		} else {
			perror("bind-loop: bind");
			return 1;
		}
		if (!kept)
			close(fd);
	}
	printf("%ld %ld %lld\n", granted, refused, nanoseconds() - start);
	return 0;
}
