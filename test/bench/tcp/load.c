// Load for the bench: "send GROUP PORT INTERFACE-ADDRESS BYTES RATE SECONDS" (rate 0: as fast as it goes), or
// "sink GROUP PORT INTERFACE-ADDRESS SECONDS" from the first packet on. Prints a line of JSON.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BURST 32

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static struct mmsghdr messages[BURST];
static struct iovec parts[BURST];
static char room[BURST][2048];

int main(int argc, char **argv) {
	if (argc < 6) return 2;
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[3]))};
	struct in_addr interface;
	inet_pton(AF_INET, argv[2], &to.sin_addr);
	inet_pton(AF_INET, argv[4], &interface);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), one = 1, buffer = 8 << 20, ttl = 16;
	for (int i = 0; i < BURST; i++) {
		parts[i] = (struct iovec){room[i], sizeof room[i]};
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	if (strcmp(argv[1], "send") == 0) {
		int bytes = atoi(argv[5]);
		double rate = atof(argv[6]), seconds = atof(argv[7]), start = now();
		setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &interface, sizeof interface);
		setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof ttl);
		if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) return 1;
		for (int i = 0; i < BURST; i++) parts[i].iov_len = bytes;
		uint64_t sent = 0;
		for (double t; (t = now() - start) < seconds;) {
			if (rate > 0 && sent > t * rate) {
				usleep(200);
				continue;
			}
			int count = rate > 0 && rate < 50000 ? 4 : BURST;
			int done = sendmmsg(fd, messages, count, 0);
			if (done > 0) sent += done;
		}
		printf("{\"sent\": %lu, \"seconds\": %.3f}\n", sent, now() - start);
		return 0;
	}
	double seconds = atof(argv[5]), first = 0, last = 0, wait = now() + 10;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
	if (bind(fd, (struct sockaddr *)&to, sizeof to) < 0) return 1;
	struct ip_mreq join = {to.sin_addr, interface};
	if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof join) < 0) return 1;
	printf("ready\n");
	fflush(stdout);
	uint64_t received = 0;
	for (;;) {
		struct pollfd p = {fd, POLLIN, 0};
		double t = now();
		if (first == 0 ? t > wait : t > first + seconds) break;
		if (poll(&p, 1, 50) <= 0) continue;
		int count = recvmmsg(fd, messages, BURST, MSG_DONTWAIT, NULL);
		if (count <= 0) continue;
		last = now();
		if (first == 0) first = last;
		received += count;
	}
	printf("{\"received\": %lu, \"seconds\": %.3f}\n", received, last - first);
	return 0;
}
