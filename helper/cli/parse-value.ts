// Values of options and arguments; what does not fit is a usage error that names the forms that do.
import { InvalidArgumentError } from "commander";
import { parseBitRate } from "#contract/bit-rate.ts";
import { parseSocketChoice, type SocketChoice } from "#runtime/socket-choice.ts";
import { AddressError } from "#wire/address.ts";

export function wholeNumber(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d{1,10}$/.test(text) || value < minimum || value > maximum)
      throw new InvalidArgumentError(`It is a whole number from ${minimum} to ${maximum}.`);
    return value;
  };
}

export function seconds(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d{1,4}(\.\d{1,3})?$/.test(text) || value < minimum || value > maximum)
      throw new InvalidArgumentError(`It is a number of seconds from ${minimum} to ${maximum}.`);
    return value;
  };
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { m: 60, h: 3_600, d: 86_400 };

/** "90m", "24h", "7d" to seconds. */
export function durationSeconds(text: string): number {
  const [, amount, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const seconds = Number(amount) * (UNIT_SECONDS[unit ?? ""] ?? Number.NaN);
  if (!(seconds >= 60 && seconds <= 31_536_000))
    throw new InvalidArgumentError("It is a duration from 1m to 365d, such as 90m, 24h or 7d.");
  return seconds;
}

/** Bits a second. Not null: an option's value that is null is lost in commander. */
export type BitRate = number | "off";

/** "500k", "20M", "1.5G". */
export function bitRate(text: string): BitRate {
  if (text === "off") return text;
  const rate = parseBitRate(text);
  if (rate === undefined)
    throw new InvalidArgumentError(
      "It is a rate from 64k to 100G bits a second, such as 500k or 20M, or off.",
    );
  return rate;
}

/** As the daemon takes it. */
export function limitOf(rate: BitRate): number | null {
  return rate === "off" ? null : rate;
}

const LAN_MODES = ["full", "local", "off"] as const;
export type LanMode = (typeof LAN_MODES)[number];

export function lanMode(text: string): LanMode {
  const mode = LAN_MODES.find((known) => known === text);
  if (!mode) throw new InvalidArgumentError("It is full, local or off.");
  return mode;
}

/** "eth0" or "eth0=local", gathered over repeated options. */
export function lanChoice(
  text: string,
  earlier: readonly { name: string; mode: LanMode }[],
): { name: string; mode: LanMode }[] {
  const [name = "", mode = "full", rest] = text.split("=");
  if (!/^[^\s/]{1,15}$/.test(name) || rest !== undefined)
    throw new InvalidArgumentError("It is an interface, or an interface and a mode: eth0, eth0=local.");
  return [...earlier, { name, mode: lanMode(mode) }];
}

/** "239.1.2.3:5004", "[ff1e::1]:5004@2001:db8::7%eth0", gathered over repeated options. */
export function socketChoice(text: string, earlier: readonly SocketChoice[]): SocketChoice[] {
  try {
    return [...earlier, parseSocketChoice(text)];
  } catch (error) {
    if (error instanceof AddressError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}

export function onOff(text: string): boolean {
  if (text !== "on" && text !== "off") throw new InvalidArgumentError("It is on or off.");
  return text === "on";
}
