/* A sender and a receiver of a Librecast channel, by the library that its own programs use. */
#include <librecast/net.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* librecast INTERFACE CHANNEL recv|TEXT */
int main(int argc, char **argv)
{
	char buffer[1024];
	ssize_t length;
	lc_ctx_t *ctx;
	lc_socket_t *sock;
	lc_channel_t *chan;

	if (argc != 4) return 2;
	ctx = lc_ctx_new();
	sock = lc_socket_new(ctx);
	if (!sock || lc_socket_bind(sock, if_nametoindex(argv[1])) == -1) return 3;
	lc_socket_ttl(sock, 16);
	chan = lc_channel_new(ctx, argv[2]);
	if (!chan || lc_channel_bind(sock, chan) == -1) return 4;
	if (strcmp(argv[3], "recv")) {
		for (;;) {
			if (lc_channel_send(chan, argv[3], strlen(argv[3]), 0) < 0) perror("send");
			usleep(200000);
		}
	}
	if (lc_channel_join(chan) == -1) return 5;
	puts("joined");
	fflush(stdout);
	while ((length = lc_channel_recv(chan, buffer, sizeof buffer - 1, 0)) >= 0) {
		printf("%.*s\n", (int)length, buffer);
		fflush(stdout);
	}
	return 6;
}
