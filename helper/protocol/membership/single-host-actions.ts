import type { Address } from "#wire/address.ts";
import type { RecordType } from "#wire/membership-message.ts";
import type { GroupState } from "./group-state.ts";

/**
 * Fast leave: where one host alone listens (this computer's kernel behind the TUN), its records say what it wants
 * and nobody else can want anything, so each takes effect at once and nothing is asked. A list of sources that
 * is too long comes in several records of the same type (RFC 9776 section 4.2.16), so a record that goes on
 * with INCLUDE adds, and only an EXCLUDE list, which is cut instead, replaces.
 */
export function applySingleHostRecord(
  state: GroupState,
  type: RecordType,
  sources: ReadonlySet<Address>,
  gmi: number,
): void {
  switch (type) {
    case "is-exclude":
    case "to-exclude":
      state.mode = "exclude";
      state.groupTimer = gmi;
      state.requested.clear();
      state.excluded = new Set(sources);
      return;

    case "to-include":
      if (state.mode === "exclude" || sources.size === 0) state.requested.clear();
      state.mode = "include";
      state.excluded = new Set();
      for (const source of sources) state.requested.set(source, gmi);
      return;

    case "is-include":
      // In EXCLUDE mode this says that a TO_IN was lost; the timers see to the rest.
      if (state.mode === "include") for (const source of sources) state.requested.set(source, gmi);
      return;

    case "allow":
      for (const source of sources) {
        if (state.mode === "include") state.requested.set(source, gmi);
        else state.excluded.delete(source);
      }
      return;

    case "block":
      for (const source of sources) {
        if (state.mode === "include") state.requested.delete(source);
        else state.excluded.add(source);
      }
  }
}
