/** The transport socket: UDP for IPv6 and IPv4 (as ::ffff:a.b.c.d) in one. */
export interface Datagrams {
  /** Non-blocking AF_INET6; UDP_GRO is on, SO_RXQ_OVFL too. */
  readonly fd: number;
  readonly port: number;
  /** Bytes of the receive buffer that the system granted. */
  readonly receiveBuffer: number;
  close(): void;
}
