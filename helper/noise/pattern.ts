// Handshake patterns as Noise section 7 writes them. Castaway speaks IKpsk2 alone; the others cost a line each and
// let the published vectors check every token.

export type Token = "e" | "s" | "ee" | "es" | "se" | "ss" | "psk";

export interface Pattern {
  readonly name: string;
  /** The responder's static key is known to the initiator before (the "<- s ..." premessage). */
  readonly responderKnown: boolean;
  /** The initiator writes the first message, then they take turns. */
  readonly messages: readonly (readonly Token[])[];
}

export const IKPSK2: Pattern = {
  name: "IKpsk2",
  responderKnown: true,
  messages: [
    ["e", "es", "s", "ss"],
    ["e", "ee", "se", "psk"],
  ],
};

export const NK: Pattern = {
  name: "NK",
  responderKnown: true,
  messages: [
    ["e", "es"],
    ["e", "ee"],
  ],
};

export const IK: Pattern = {
  name: "IK",
  responderKnown: true,
  messages: [
    ["e", "es", "s", "ss"],
    ["e", "ee", "se"],
  ],
};

export const XX: Pattern = {
  name: "XX",
  responderKnown: false,
  messages: [["e"], ["e", "ee", "s", "es"], ["s", "se"]],
};

export const NNPSK0: Pattern = {
  name: "NNpsk0",
  responderKnown: false,
  messages: [
    ["psk", "e"],
    ["e", "ee"],
  ],
};

export const NNPSK2: Pattern = {
  name: "NNpsk2",
  responderKnown: false,
  messages: [["e"], ["e", "ee", "psk"]],
};

export const XXPSK3: Pattern = {
  name: "XXpsk3",
  responderKnown: false,
  messages: [["e"], ["e", "ee", "s", "es"], ["s", "se", "psk"]],
};
