// igmpproxy.conf(5) as a routes file that does the same. Its words may be spread over lines. Pure, and the whole text is
// looked at: all mistakes are told at once.
import type { LanRole } from "#protocol/forwarding/vifs.ts";
import { AddressError, prefixText } from "#wire/address.ts";
import type { Problem } from "./grammar.ts";
import { Mistake, quoted } from "./mistake.ts";
import { PhyintProxyWords } from "./phyint-proxy.ts";

export interface Converted {
  readonly text: string;
  readonly problems: readonly Problem[];
}

interface Word {
  readonly text: string;
  readonly line: number;
}

/** Of later versions: how the program runs, not what it forwards. */
const RUNNING = new Set(["user", "chroot", "log", "loglevel", "rescanvif", "rescanconf", "hashtablesize"]);
const VALUES = new Set(["altnet", "whitelist", "blacklist"]);

export function convertIgmpproxy(text: string, file: string): Converted {
  const reader = new Reader(wordsOf(text), file);
  return reader.read();
}

function wordsOf(text: string): Word[] {
  return text.split("\n").flatMap((line, index) => {
    const code = line.replace(/(^|\s)#.*$/, "").trim();
    return code === "" ? [] : code.split(/\s+/).map((word) => ({ text: word, line: index + 1 }));
  });
}

class Reader {
  readonly #words: readonly Word[];
  readonly #file: string;
  readonly #problems: Problem[] = [];
  readonly #lines: string[] = [];
  #at = 0;
  #upstream: string | undefined;

  constructor(words: readonly Word[], file: string) {
    this.#words = words;
    this.#file = file;
  }

  read(): Converted {
    for (let word; (word = this.#next());) {
      if (word.text === "quickleave") this.#lines.push("quickleave");
      else if (word.text === "phyint") this.#try(word, () => this.#phyint(word));
      else if (RUNNING.has(word.text)) {
        this.#next();
        this.#say(word, "warning", `${word.text} is how igmpproxy runs, and nothing here`);
      } else this.#say(word, "error", `${quoted(word.text)} is none of phyint and quickleave`);
    }
    if (this.#upstream === undefined && this.#problems.every(({ severity }) => severity !== "error"))
      this.#say(
        { text: "", line: 0 },
        "warning",
        "no interface is upstream: the one with the default route is taken",
      );
    return { text: `${this.#lines.join("\n")}\n`, problems: this.#problems };
  }

  #phyint(start: Word): void {
    const name = this.#next()?.text;
    if (name === undefined || !/^[^\s/\p{C}]{1,15}$/u.test(name))
      throw new Mistake("phyint names no interface");
    let role: LanRole | "disabled" | undefined;
    let threshold = "";
    const proxy = new PhyintProxyWords();
    for (let word; (word = this.#peek()) && this.#belongs(word.text);) {
      this.#at++;
      const value = (): string => this.#value(word);
      if (word.text === "disabled") role = "disabled";
      else if (word.text === "threshold") threshold = thresholdOf(value());
      else if (word.text === "ratelimit") this.#rate(word, value());
      else if (VALUES.has(word.text)) this.#values(word.text, proxy, value());
      else if (proxy.take(word.text, value)) role = word.text === "upstream" ? "upstream" : "downstream";
    }
    if (role === undefined) throw new Mistake(`${name} is none of upstream, downstream and disabled`);
    this.#add(start, name, role, proxy, threshold);
  }

  #add(
    start: Word,
    name: string,
    role: LanRole | "disabled",
    proxy: PhyintProxyWords,
    threshold: string,
  ): void {
    if (/:\d+$/.test(name)) {
      this.#say(
        start,
        "warning",
        `${name} is a further address of an interface, which is one as a whole here: left out`,
      );
      return;
    }
    if (role === "disabled") {
      this.#lines.push(`phyint ${name} disabled`);
      return;
    }
    const { sources, allowed, denied } = proxy.result(true)!;
    if (role === "upstream") {
      if (this.#upstream !== undefined)
        throw new Mistake(`a proxy has one upstream interface, which is ${this.#upstream}`);
      this.#upstream = name;
      if (sources.length === 0)
        this.#say(
          start,
          "warning",
          `igmpproxy takes sources of ${name}'s own network alone; here all are taken, unless an altnet is named`,
        );
    }
    const lists = [
      ...sources.map((one) => `altnet ${prefixText(one)}`),
      ...allowed.map((one) => `whitelist ${prefixText(one)}`),
      ...denied.map((one) => `blacklist ${prefixText(one)}`),
    ];
    this.#lines.push([`phyint ${name} ${role}`, ...(threshold ? [threshold] : []), ...lists].join(" "));
  }

  /** One value or, as its manual has it, several. */
  #values(keyword: string, proxy: PhyintProxyWords, first: string): void {
    proxy.take(keyword, () => first);
    for (let word; (word = this.#peek()) && /^[\d.]+(\/\d+)?$/.test(word.text);) {
      this.#at++;
      proxy.take(keyword, () => word.text);
    }
  }

  #rate(word: Word, value: string): void {
    if (!/^\d+$/.test(value)) throw new Mistake(`ratelimit takes a number: ${quoted(value)} is none`);
    if (Number(value) > 0)
      this.#say(
        word,
        "warning",
        `ratelimit ${value} is left out: no Linux kernel kept to it. To have a limit, add one with its unit: ratelimit 20M`,
      );
  }

  #belongs(word: string): boolean {
    return !["phyint", "quickleave"].includes(word) && !RUNNING.has(word) && this.#isKnown(word);
  }

  #isKnown(word: string): boolean {
    return (
      VALUES.has(word) || ["upstream", "downstream", "disabled", "ratelimit", "threshold"].includes(word)
    );
  }

  #value({ text }: Word): string {
    const word = this.#next();
    if (!word) throw new Mistake(`nothing follows ${text}`);
    return word.text;
  }

  #peek(): Word | undefined {
    return this.#words[this.#at];
  }

  #next(): Word | undefined {
    const word = this.#peek();
    if (word) this.#at++;
    return word;
  }

  /** The rest of a phyint that has a mistake is no further one. */
  #try(start: Word, read: () => void): void {
    try {
      read();
    } catch (error) {
      if (!(error instanceof Mistake || error instanceof AddressError)) throw error;
      this.#say(this.#words[this.#at - 1] ?? start, "error", error.message);
      while (this.#peek() && !["phyint", "quickleave"].includes(this.#peek()!.text)) this.#at++;
    }
  }

  #say({ line }: Word, severity: Problem["severity"], message: string): void {
    if (this.#problems.length < 100) this.#problems.push({ file: this.#file, line, severity, message });
  }
}

function thresholdOf(value: string): string {
  const ttl = /^\d{1,3}$/.test(value) ? Number(value) : 0;
  if (ttl < 1 || ttl > 255) throw new Mistake("threshold takes a number from 1 to 255");
  return ttl === 1 ? "" : `ttl-threshold ${ttl}`;
}
