// Times are milliseconds. What both ends must agree on stands apart from what each may tune.

/** Mixed into every handshake: another major version fails authentication and stays silent. */
export const PROLOGUE = "castaway v1";
export const LABEL_MAC1 = "castaway v1 mac1";
export const LABEL_COOKIE = "castaway v1 cookie";

/** A key is replaced after this time, by the side that initiated it ... */
export const REKEY_AFTER = 120_000;
/** ... or by the other side, if that did not come. */
export const REKEY_AFTER_RESPONDER = 135_000;
/** A key is worth nothing after this time. */
export const REJECT_AFTER = 180_000;
/** A responder makes new cookies with a new secret this often; those of the last one still count. */
export const COOKIE_SECRET_LIFETIME = 120_000;
/** Something is sent at least this often, so that address translators on the path keep their mapping. */
export const KEEPALIVE = 20_000;
/** Soft state is sent in full this often, and forgotten after three of them did not come. */
export const REFRESH = 30_000;
export const EXPIRE_STATE = 3 * REFRESH + 5_000;

// Tuning.

/** An idle session looks at its counters this often. */
export const IDLE_CHECK = 15_000;
/** Both sides send keepalives: two of them missing is suspicious. */
export const SILENCE = 2 * KEEPALIVE + 5_000;
/** A flow that stops for this long may have stopped because its path did. */
export const FLOW_STOPPED = 500;
/** While much is sent and nothing comes back, the far end is asked this often. */
export const SENDING_SILENCE = 1_000;
/** Fewer packets than this between two looks are no flow. */
export const FLOW_PACKETS = 4;
export const PROBE_INTERVAL = 250;
export const PROBE_PINGS = 4;
/** Unanswered pings before a new handshake starts beside them. */
export const PROBE_HANDSHAKE_AFTER = 2;
/** A session that has not been heard for this long is reported as lost; it is tried again all the same. */
export const LOST_AFTER = 10_000;
export const RTT_EVERY = 60_000;

export const RETRY_FIRST = 250;
/** For the first seconds of trouble retries stay dense: most troubles are short. */
export const RETRY_DENSE = 1_000;
export const RETRY_DENSE_FOR = 20_000;
/** With the random quarter on top: 30 s. */
export const RETRY_LAST = 24_000;
/** Between two endpoint candidates of one attempt (the idea of RFC 8305 section 5). */
export const CANDIDATE_STAGGER = 100;
export const MAX_ENDPOINTS = 8;

// Streams, where UDP does not answer.

/** A first handshake that UDP does not answer for this long has streams opened beside it. */
export const FALLBACK_AFTER = 1_500;
/** The same for a session that worked: it has been silent for a while before anything is suspected. */
export const FALLBACK_PROBING = 1_000;
/** A handshake on a stream that opened and says nothing. */
export const RACE_CALL_AGAIN = 1_500;
export const RACE_ROUND_FIRST = 2_000;
export const RACE_ROUND_LAST = 30_000;
/** While on a stream, UDP is tried again. The last: with a quarter more it is still below 10 s. */
export const UDP_RETRY_FIRST = 1_000;
export const UDP_RETRY_LAST = 6_000;
/** A stream that was left is read on for this long. */
export const STREAM_LINGER = 5_000;
/** Whose stream has ended, and who is known at no other address, has this long to open another one. */
export const STRANDED_AFTER = 2_000;
/** Both ends say something at least this often on a stream, so that one that has gone dead is noticed within 10 s ... */
export const STREAM_KEEPALIVE = 3_000;
/** ... by this much silence. */
export const STREAM_SILENCE = 2 * STREAM_KEEPALIVE + 1_000;

export const RETRANSMIT_FIRST = 100;
export const RETRANSMIT_LAST = 5_000;
