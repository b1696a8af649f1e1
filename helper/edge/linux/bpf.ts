// Classic BPF programs (Documentation/networking/filter.rst): a small assembler with labels, because jump offsets
// written by hand do not survive the second change.

export type Instruction =
  | { readonly op: "load-byte" | "load-half" | "load-word"; readonly at: number }
  /** From the packet at X + `at`. */
  | { readonly op: "load-byte-x" | "load-half-x"; readonly at: number }
  | { readonly op: "and" | "add" | "shift-left"; readonly value: number }
  | { readonly op: "a-to-x" }
  /** Both labels stand further down. Without `no`: the next instruction. */
  | {
      readonly op: "jump-equal" | "jump-greater" | "jump-greater-equal" | "jump-set";
      readonly value: number;
      readonly yes?: string;
      readonly no?: string;
    }
  | { readonly op: "label"; readonly name: string }
  | { readonly op: "return"; readonly value: number };

// linux/bpf_common.h
const BPF_LD = 0x00;
const BPF_ALU = 0x04;
const BPF_JMP = 0x05;
const BPF_RET = 0x06;
const BPF_MISC = 0x07;
const BPF_W = 0x00;
const BPF_H = 0x08;
const BPF_B = 0x10;
const BPF_ABS = 0x20;
const BPF_IND = 0x40;
const BPF_ADD = 0x00;
const BPF_AND = 0x50;
const BPF_LSH = 0x60;
const BPF_JEQ = 0x10;
const BPF_JGT = 0x20;
const BPF_JGE = 0x30;
const BPF_JSET = 0x40;
const BPF_TAX = 0x00;

const CODES = {
  "load-byte": BPF_LD | BPF_B | BPF_ABS,
  "load-half": BPF_LD | BPF_H | BPF_ABS,
  "load-word": BPF_LD | BPF_W | BPF_ABS,
  "load-byte-x": BPF_LD | BPF_B | BPF_IND,
  "load-half-x": BPF_LD | BPF_H | BPF_IND,
  and: BPF_ALU | BPF_AND,
  add: BPF_ALU | BPF_ADD,
  "shift-left": BPF_ALU | BPF_LSH,
  "a-to-x": BPF_MISC | BPF_TAX,
  "jump-equal": BPF_JMP | BPF_JEQ,
  "jump-greater": BPF_JMP | BPF_JGT,
  "jump-greater-equal": BPF_JMP | BPF_JGE,
  "jump-set": BPF_JMP | BPF_JSET,
  return: BPF_RET,
} as const;

/** Ancillary loads (linux/filter.h): offsets that mean something about the packet instead of a place in it. */
const SKF_AD_OFF = -0x1000;
export const SKF_AD_PKTTYPE = SKF_AD_OFF + 4;
export const SKF_AD_MARK = SKF_AD_OFF + 20;
export const SKF_AD_VLAN_TAG_PRESENT = SKF_AD_OFF + 48;

const BYTES = 8; // struct sock_filter: code u16, jt u8, jf u8, k u32
const MAX_JUMP = 255;
const MAX_INSTRUCTIONS = 4096; // BPF_MAXINSNS

/** The program as an array of struct sock_filter. Throws on a label that is missing, behind, or too far away. */
export function assemble(program: readonly Instruction[]): Buffer {
  const labels = new Map<string, number>();
  let count = 0;
  for (const instruction of program) {
    if (instruction.op !== "label") count++;
    else if (labels.has(instruction.name)) throw new Error(`BPF label ${instruction.name} stands twice`);
    else labels.set(instruction.name, count);
  }
  if (count === 0 || count > MAX_INSTRUCTIONS) throw new Error(`a BPF program of ${count} instructions`);
  const jump = (from: number, label: string | undefined): number => {
    if (label === undefined) return 0;
    const distance = (labels.get(label) ?? -1) - from - 1;
    if (distance < 0 || distance > MAX_JUMP) throw new Error(`BPF label ${label} is out of reach`);
    return distance;
  };
  const out = Buffer.alloc(count * BYTES);
  let at = 0;
  for (const instruction of program) {
    if (instruction.op === "label") continue;
    out.writeUInt16LE(CODES[instruction.op], at * BYTES);
    if ("yes" in instruction || "no" in instruction) {
      out[at * BYTES + 2] = jump(at, instruction.yes);
      out[at * BYTES + 3] = jump(at, instruction.no);
    }
    const k = "value" in instruction ? instruction.value : "at" in instruction ? instruction.at : 0;
    out.writeUInt32LE(k >>> 0, at * BYTES + 4);
    at++;
  }
  return out;
}
