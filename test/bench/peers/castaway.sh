# Castaway itself, as `npm run build` leaves it. OPENVPN_PROTO and the like have no counterpart: it runs as it comes.
TITLE="Castaway"
TRANSPORT=UDP SINK_IF=castaway0
# As the two ends negotiate it.
if grep -qw aes /proc/cpuinfo; then ENCRYPTED="AES-256-GCM"; else ENCRYPTED="ChaCha20-Poly1305"; fi
CASTAWAY_PORT=4810
CASTAWAY_CHECKOUT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
CASTAWAY_BIN=${CASTAWAY_BIN:-$CASTAWAY_CHECKOUT/out/castaway}
NEEDS=$CASTAWAY_BIN

castaway() { # END WORDS...
	CASTAWAY_SOCKET=$LAB_RUN/castaway-$1.sock "$CASTAWAY_BIN" "${@:2}"
}

castaway_daemon() { # NS END WORDS...
	peer_daemon "$1" "castaway-$2" "$CASTAWAY_BIN" daemon --foreground \
		--state "$LAB_RUN/castaway-$2" --socket "$LAB_RUN/castaway-$2.sock" "${@:3}"
}

castaway_connected() { castaway away status --json | grep -q '"state": "connected"'; }

peer_up() {
	local link
	castaway_daemon $NS_HOME home --port $CASTAWAY_PORT --lan $HOME_LAN=full --lan $HOME_WAN=off --lan $HOME_TV=off
	castaway_daemon $NS_AWAY away --tun $SINK_IF --lan $AWAY_WAN=off --lan $AWAY_LAN=off
	wait_for 15 castaway home status
	wait_for 15 castaway away status
	castaway home up --name bench
	castaway home reach --dht off >/dev/null # the lab has none
	link=$(castaway home invite --json --endpoint $HOME_WAN_IP:$CASTAWAY_PORT |
		sed -n 's/.*"link": "\([^"]*\)".*/\1/p')
	castaway away join "$link"
	wait_for 15 castaway_connected
	wait_for 5 has_link $NS_AWAY $SINK_IF
}
