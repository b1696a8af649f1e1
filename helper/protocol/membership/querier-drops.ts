/** What was not taken in, by reason: messages, records or sources. */
export interface QuerierDrops {
  badSender: number; // wrong family, multicast, no host of this link; a query from nowhere
  notElected: number; // a query of a router with a higher address than the querier's
  badGroup: number;
  linkLocalGroup: number; // of no concern to a router
  nothingToLeave: number; // a leave, or a block, of a group that has no listener
  tooManyGroups: number;
  badSource: number;
  tooManySources: number;
}

export function noDrops(): QuerierDrops {
  return {
    badSender: 0,
    notElected: 0,
    badGroup: 0,
    linkLocalGroup: 0,
    nothingToLeave: 0,
    tooManyGroups: 0,
    badSource: 0,
    tooManySources: 0,
  };
}
