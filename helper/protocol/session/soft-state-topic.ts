/** What soft state carries: a table of values by key. One topic is one table in each direction. */
export interface Topic<Value> {
  /** TOPIC_* of wire/control-state.ts. */
  readonly id: number;
  /** Beyond it a sender takes no more and a receiver drops and counts. */
  readonly maxEntries: number;
  /** One entry; undefined removes the key. At most MAX_ENTRY bytes. */
  encode(key: string, value: Value | undefined): Uint8Array;
  /** Undefined for an entry that a later version added. Throws DecodeError. */
  decode(bytes: Uint8Array): { readonly key: string; readonly value: Value | undefined } | undefined;
  same(a: Value, b: Value): boolean;
}
