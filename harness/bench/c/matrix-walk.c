/*
 * The cells of harness/matrix/ without Node: makes each cell's residue on a port of its own and has the
 * successor try to open it, as residue.ts and trial.ts do, one cell after the other with calls that block.
 * It trusts that its network namespace is its own: no port is proven free, no socket table is read.
 *
 *   matrix-walk FIRST_PORT LAST_PORT < cells
 *
 * A line of input is a cell: RESIDUE BIND ADDRESS BIND ADDRESS, of the predecessor and of the successor.
 * A line of output is what its successor was answered: 0 or the error's number; the last line has the
 * nanoseconds that all cells took together.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_CELLS = 65536, WORD = 32, CLOSED = 7, FIN_WAIT2 = 5, AUTOBIND_ATTEMPTS = 10 };

struct place {
	char bind[WORD], address[WORD];
};

struct cell {
	char residue[WORD];
	struct place predecessor, successor;
	int answer;
};

/* A listener that outgoing connections go to, one for each host. */
struct target {
	const char *host;
	int fd, port;
};

static struct cell cells[MOST_CELLS];
static struct target targets[8];
static int next_port, last_port;
/* Ports that connect() chose: one with a TIME_WAIT of an earlier cell on it may be chosen once more. */
static char autobound[65536];

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static int is_ipv6(const char *address)
{
	return is(address, "dual") || strchr(address, ':') != NULL;
}

/* Where a local client reaches a server at this address. */
static const char *client_host(const char *address)
{
	if (is(address, "0.0.0.0") || is(address, "dual"))
		return "127.0.0.1";
	return is(address, "::") ? "::1" : address;
}

static socklen_t fill(struct sockaddr_storage *out, const char *address, int port)
{
	memset(out, 0, sizeof *out);
	if (is_ipv6(address)) {
		struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(port);
		if (inet_pton(AF_INET6, is(address, "dual") ? "::" : address, &six->sin6_addr) != 1)
			fail(address);
		return sizeof *six;
	}
	struct sockaddr_in *four = (struct sockaddr_in *)out;
	four->sin_family = AF_INET;
	four->sin_port = htons(port);
	if (inet_pton(AF_INET, address, &four->sin_addr) != 1)
		fail(address);
	return sizeof *four;
}

static int make_socket(const char *address, const char *bind)
{
	int on = 1, only6 = !is(address, "dual");
	int fd = socket(is_ipv6(address) ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		fail("socket");
	if (is(bind, "reuseaddr") || is(bind, "both"))
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (is(bind, "reuseport") || is(bind, "both"))
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
	if (is_ipv6(address))
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only6, sizeof only6);
	return fd;
}

static int try_bind(int fd, const char *address, int port)
{
	struct sockaddr_storage to;
	socklen_t length = fill(&to, address, port);
	return bind(fd, (struct sockaddr *)&to, length);
}

static int fresh_port(void)
{
	if (next_port > last_port) {
		fputs("matrix-walk: out of ports\n", stderr);
		exit(1);
	}
	return next_port++;
}

/* Closes with RST, which leaves nothing behind. */
static void abort_connection(int fd)
{
	struct linger now = {1, 0};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fd);
}

static int listener_at(const char *address, const char *bind, int port, int backlog)
{
	int fd = make_socket(address, bind);
	if (try_bind(fd, address, port) < 0 || listen(fd, backlog) < 0)
		fail("predecessor");
	return fd;
}

static void connect_to(int fd, const char *address, int port)
{
	struct sockaddr_storage to;
	socklen_t length = fill(&to, address, port);
	if (connect(fd, (struct sockaddr *)&to, length) < 0)
		fail("connect");
}

static int local_port(int fd)
{
	struct sockaddr_in6 own;
	socklen_t length = sizeof own;
	if (getsockname(fd, (struct sockaddr *)&own, &length) < 0)
		fail("getsockname");
	return ntohs(own.sin6_port);
}

static void wait_for_fin(int fd)
{
	char byte;
	if (recv(fd, &byte, 1, 0) != 0)
		fail("FIN");
}

/* The peer would keep its ACK of the FIN back for a tick, in the hope of data to send it with. */
static void acknowledge_now(int fd)
{
#ifdef TCP_QUICKACK
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
#else
	(void)fd;
#endif
}

static void wait_for_state(int fd, int state)
{
	struct tcp_info info;
	socklen_t length;
	do {
		length = sizeof info;
		if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0)
			fail("TCP_INFO");
	} while (info.tcpi_state != state);
}

static struct target *target_of(const char *address)
{
	const char *host = client_host(address);
	struct target *target = targets;
	for (; target->host != NULL; target++)
		if (is(target->host, host))
			return target;
	target->port = fresh_port();
	target->fd = listener_at(host, "none", target->port, 512);
	target->host = host;
	return target;
}

/* A connection that the port's owner makes; the local port is the residue's. */
static int connect_out(const struct place *from, int *own, int *peer)
{
	struct target *target = target_of(from->address);
	int autobind = is(from->bind, "autobind");
	/* IPV6_V6ONLY is for wildcards. */
	const char *unbound = autobind && is(from->address, "::1") ? "dual" : from->address;
	*own = make_socket(unbound, autobind ? "none" : from->bind);
	if (!autobind && try_bind(*own, from->address, fresh_port()) < 0)
		fail("predecessor");
	char mapped[WORD * 2];
	snprintf(mapped, sizeof mapped, "::ffff:%s", target->host);
	connect_to(*own, is(from->address, "dual") ? mapped : target->host, target->port);
	*peer = accept(target->fd, NULL, NULL);
	if (*peer < 0)
		fail("accept");
	return local_port(*own);
}

/* A connection that was accepted on the port; the listener is closed. */
static int accept_one(const struct place *server, int *own, int *peer)
{
	int port = fresh_port();
	int listener = listener_at(server->address, server->bind, port, 1);
	const char *host = client_host(server->address);
	*peer = make_socket(host, "none");
	connect_to(*peer, host, port);
	*own = accept(listener, NULL, NULL);
	if (*own < 0)
		fail("accept");
	close(listener);
	return port;
}

static int answer_to(const struct place *successor, int port)
{
	int fd = make_socket(successor->address, successor->bind);
	int answer = try_bind(fd, successor->address, port) < 0 || listen(fd, 1) < 0 ? errno : 0;
	close(fd);
	return answer;
}

static void walk(struct cell *cell)
{
	static const char outgoing[] = "outgoing-";
	const struct place *predecessor = &cell->predecessor;
	int goes_out = strncmp(cell->residue, outgoing, strlen(outgoing)) == 0;
	const char *state = cell->residue + (goes_out ? strlen(outgoing) : 0);
	int own = -1, peer = -1, port;

	if (is(state, "none") || is(state, "LISTEN")) {
		port = fresh_port();
		own = listener_at(predecessor->address, predecessor->bind, port, 1);
		if (is(state, "none"))
			close(own);
		cell->answer = answer_to(&cell->successor, port);
		if (is(state, "LISTEN"))
			close(own);
		return;
	}
	for (int attempt = 0;; attempt++) {
		port = goes_out ? connect_out(predecessor, &own, &peer) : accept_one(predecessor, &own, &peer);
		if (!is(predecessor->bind, "autobind") || !autobound[port]++)
			break;
		if (attempt == AUTOBIND_ATTEMPTS)
			fail("connect() chose ports that were used");
		abort_connection(own);
		abort_connection(peer);
	}
	if (is(state, "CLOSE_WAIT")) {
		close(peer);
		peer = -1;
		wait_for_fin(own);
	} else if (is(state, "FIN_WAIT2") || is(state, "TIME_WAIT")) {
		shutdown(own, SHUT_WR);
		wait_for_fin(peer);
		acknowledge_now(peer);
		if (is(state, "TIME_WAIT")) {
			close(peer);
			peer = -1;
			wait_for_fin(own);
		}
		wait_for_state(own, is(state, "TIME_WAIT") ? CLOSED : FIN_WAIT2);
		close(own);
		own = -1;
	}
	cell->answer = answer_to(&cell->successor, port);
	if (own >= 0)
		abort_connection(own);
	if (peer >= 0)
		abort_connection(peer);
}

static long long nanoseconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(int argc, char **argv)
{
	int count = 0;
	if (argc != 3) {
		fputs("usage: matrix-walk FIRST_PORT LAST_PORT < cells\n", stderr);
		return 2;
	}
	next_port = atoi(argv[1]);
	last_port = atoi(argv[2]);
	for (struct cell *cell = cells; count < MOST_CELLS; cell++, count++)
		if (scanf("%31s %31s %31s %31s %31s", cell->residue, cell->predecessor.bind,
			  cell->predecessor.address, cell->successor.bind, cell->successor.address) != 5)
			break;
	long long start = nanoseconds();
	for (int index = 0; index < count; index++)
		walk(&cells[index]);
	long long took = nanoseconds() - start;
	for (int index = 0; index < count; index++)
		printf("%d\n", cells[index].answer);
	printf("%lld\n", took);
	return 0;
}
