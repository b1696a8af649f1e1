import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pcapFile } from "#test/support/pcap.ts";

export const hasTshark = spawnSync("tshark", ["--version"], { stdio: "ignore" }).status === 0;

/** Fields by their Wireshark names; each may stand several times in a packet. */
export type Fields = Readonly<Record<string, readonly string[]>>;

/** What Wireshark reads in each packet, with all checksums checked. `names` are fields of its display filters. */
export function dissect(
  packets: readonly Uint8Array[],
  linkType: number,
  names: readonly string[],
): Fields[] {
  const folder = mkdtempSync(join(tmpdir(), "castaway-tshark-"));
  try {
    const file = join(folder, "packets.pcap");
    writeFileSync(file, pcapFile(packets, linkType));
    const checks = ["ip.check_checksum", "udp.check_checksum"].flatMap((name) => ["-o", `${name}:TRUE`]);
    const fields = names.flatMap((name) => ["-e", name]);
    const args = ["-n", "-r", file, ...checks, "-T", "json", ...fields];
    const text = execFileSync("tshark", args, {
      encoding: "utf8",
      maxBuffer: 2 ** 28,
      stdio: ["ignore", "pipe", "ignore"],
    });
    const parsed = JSON.parse(text) as { readonly _source: { readonly layers?: Fields } }[];
    return parsed.map(({ _source }) => _source.layers ?? {});
  } finally {
    rmSync(folder, { recursive: true });
  }
}
