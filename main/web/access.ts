// Who may use the web shell: a token that is used once opens a session, and a cookie is the session. Both are 256
// random bits, kept as hashes, so that neither comparing them nor a look at this process's memory later tells much.
import { createHash, randomBytes } from "node:crypto";

const SECRET_BYTES = 32;
/** base64url of those. */
const SECRET = /^[\w-]{43}$/;
const MAX_SESSIONS = 8;
const MAX_TOKENS = 8;

export interface Session {
  readonly key: string;
  /** Monotonic ms. */
  usedAt: number;
  /** Called once, when it is over. */
  onEnd: Set<(reason: string) => void>;
}

export class Access {
  /** 0: sessions and tokens last as long as the program. */
  readonly #idleMs: number;
  /** When they were made, by hash; the oldest first. */
  readonly #tokens = new Map<string, number>();
  /** The least lately used first. */
  readonly #sessions = new Map<string, Session>();

  constructor(idleMs: number) {
    this.#idleMs = idleMs;
  }

  /** A new token. The oldest goes where there are too many. */
  issue(now: number): string {
    const token = secret();
    this.#tokens.set(hash(token), now);
    const [oldest] = this.#tokens.keys();
    if (this.#tokens.size > MAX_TOKENS && oldest !== undefined) this.#tokens.delete(oldest);
    return token;
  }

  /** Whether such a token would open a session. It stays as it is. */
  knows(token: string): boolean {
    return SECRET.test(token) && this.#tokens.has(hash(token));
  }

  /** The cookie of a new session; undefined: no such token, or used already. */
  redeem(token: string, now: number): string | undefined {
    if (!SECRET.test(token) || !this.#tokens.delete(hash(token))) return undefined;
    const [oldest] = this.#sessions.values();
    if (this.#sessions.size >= MAX_SESSIONS && oldest)
      this.#end(oldest, "Castaway was opened in too many other browsers.");
    const cookie = secret();
    const key = hash(cookie);
    this.#sessions.set(key, { key, usedAt: now, onEnd: new Set() });
    return cookie;
  }

  session(cookie: string | undefined): Session | undefined {
    return cookie !== undefined && SECRET.test(cookie) ? this.#sessions.get(hash(cookie)) : undefined;
  }

  /** Somebody did something. */
  touch(session: Session, now: number): void {
    session.usedAt = now;
    if (this.#sessions.delete(session.key)) this.#sessions.set(session.key, session);
  }

  /** Ends what nobody used for too long. Returns whether anybody can still come in, or is in. */
  expire(now: number): boolean {
    if (this.#idleMs === 0) return true;
    for (const [token, made] of this.#tokens) if (now - made >= this.#idleMs) this.#tokens.delete(token);
    for (const session of this.#sessions.values())
      if (now - session.usedAt >= this.#idleMs)
        this.#end(session, "Nobody used Castaway here for a long time, so it was closed.");
    return this.#tokens.size + this.#sessions.size > 0;
  }

  endAll(reason: string): void {
    this.#tokens.clear();
    for (const session of this.#sessions.values()) this.#end(session, reason);
  }

  #end(session: Session, reason: string): void {
    this.#sessions.delete(session.key);
    for (const end of session.onEnd) end(reason);
    session.onEnd.clear();
  }
}

function secret(): string {
  return randomBytes(SECRET_BYTES).toString("base64url");
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}
