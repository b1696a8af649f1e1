// mcasttunnel's technique, in C so that the language is no excuse: TCP, a length-prefixed frame per write, one thread.
// "home TCP-PORT GROUP PORT INTERFACE-ADDRESS" takes one connection and sends what it receives; "away HOST TCP-PORT
// GROUP PORT INTERFACE-ADDRESS" sends what comes out of it.
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int readAll(int fd, uint8_t *to, int length) {
	for (int done = 0; done < length;) {
		int got = read(fd, to + done, length - done);
		if (got <= 0) return -1;
		done += got;
	}
	return 0;
}

int main(int argc, char **argv) {
	if (argc < 6) return 2;
	int home = strcmp(argv[1], "home") == 0, one = 1, ttl = 16;
	char **rest = argv + (home ? 3 : 4);
	struct sockaddr_in group = {.sin_family = AF_INET, .sin_port = htons(atoi(rest[1]))};
	struct in_addr interface;
	inet_pton(AF_INET, rest[0], &group.sin_addr);
	inet_pton(AF_INET, rest[2], &interface);
	int udp = socket(AF_INET, SOCK_DGRAM, 0), tcp = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[home ? 2 : 3]))};
	uint8_t frame[2 + 2048];
	if (home) {
		setsockopt(udp, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		if (bind(udp, (struct sockaddr *)&group, sizeof group) < 0) return 1;
		struct ip_mreq join = {group.sin_addr, interface};
		if (setsockopt(udp, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof join) < 0) return 1;
		setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		if (bind(tcp, (struct sockaddr *)&peer, sizeof peer) < 0 || listen(tcp, 1) < 0) return 1;
		int client = accept(tcp, NULL, NULL);
		for (;;) {
			int length = recv(udp, frame + 2, 2048, 0);
			if (length <= 0) continue;
			frame[0] = length >> 8;
			frame[1] = length;
			if (write(client, frame, 2 + length) < 0) return 1;
		}
	}
	inet_pton(AF_INET, argv[2], &peer.sin_addr);
	setsockopt(udp, IPPROTO_IP, IP_MULTICAST_IF, &interface, sizeof interface);
	setsockopt(udp, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof ttl);
	while (connect(tcp, (struct sockaddr *)&peer, sizeof peer) < 0) sleep(1);
	for (;;) {
		if (readAll(tcp, frame, 2) < 0) return 1;
		int length = frame[0] << 8 | frame[1];
		if (length > 2048 || readAll(tcp, frame + 2, length) < 0) return 1;
		sendto(udp, frame + 2, length, 0, (struct sockaddr *)&group, sizeof group);
	}
}
