/** Protocol numbers and IPv6 next headers that this project reads or writes (IANA "Protocol Numbers"). */
export const IpProtocol = {
  HOP_BY_HOP: 0,
  IGMP: 2,
  UDP: 17,
  ROUTING: 43,
  FRAGMENT: 44,
  ICMPV6: 58,
  NO_NEXT_HEADER: 59,
  DESTINATION_OPTIONS: 60,
} as const;
