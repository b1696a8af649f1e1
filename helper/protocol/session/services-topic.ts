import {
  decodeServiceChange,
  encodeServiceChange,
  sameData,
  type ServiceEntry,
} from "#wire/control-services.ts";
import { TOPIC_SERVICES } from "#wire/control-state.ts";
import type { Topic } from "./soft-state-topic.ts";

/** Records of one peer, each way. */
export const MAX_SERVICES = 1_024;

/** DNS-SD records that a side knows and the other may show to its links; the key is a number of the sender's. */
export const SERVICES: Topic<ServiceEntry> = {
  id: TOPIC_SERVICES,
  maxEntries: MAX_SERVICES,
  encode: encodeServiceChange,
  decode: decodeServiceChange,
  same: (a, b) => a.ttl === b.ttl && a.origin === b.origin && a.name === b.name && sameData(a.data, b.data),
};
