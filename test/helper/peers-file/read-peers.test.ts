import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { keyPair } from "#noise/x25519.ts";
import { PeersFile } from "#runtime/peers-file/peers-file.ts";
import { readPeers } from "#runtime/peers-file/read-peers.ts";

const KEY = keyPair(new Uint8Array(32).fill(1)).publicKey.toBase64();
const OTHER = keyPair(new Uint8Array(32).fill(2)).publicKey;
const PSK = new Uint8Array(32).fill(7);
const OWN = process.getuid?.() ?? 0;
let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "castaway-peers-"));
  file = join(folder, "peers.conf");
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string | Buffer, mode = 0o640): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}
async function errors(): Promise<string[]> {
  const { problems } = await readPeers(file, { uids: [0, OWN], untrusted: "error", ownKey: OTHER });
  return problems.map(({ line, message }) => `${line}: ${message}`);
}

test("a psk in the file, and one in a file of its own", async () => {
  write("b.psk", `${PSK.toBase64()}\n`, 0o600);
  write("peers.conf", `peer a key ${KEY} psk-file ${folder}/b.psk`, 0o644); // no secret in this one
  const read = await readPeers(file, { uids: [0, OWN], untrusted: "error", ownKey: OTHER });
  expect(read.problems).toEqual([]);
  expect(read.config.peers[0]!.psk).toEqual(PSK);
  write("peers.conf", `psk ${PSK.toBase64()}\npeer a key ${KEY}`);
  expect(await errors()).toEqual([]);
});

test("a secret that everybody may read is refused, with the line that has it", async () => {
  write("peers.conf", `\npeer a key ${KEY} psk ${PSK.toBase64()}`, 0o644);
  expect(await errors()).toEqual([expect.stringMatching(/^2: a psk is a secret.*chmod 640/)]);
  write("b.psk", PSK.toBase64(), 0o604);
  write("peers.conf", `peer a key ${KEY} psk-file ${folder}/b.psk`);
  expect(await errors()).toEqual([expect.stringMatching(/^1: .*b\.psk/)]);
});

test("a file that others may write is refused, the psk's too", async () => {
  write("peers.conf", `peer a key ${KEY}`, 0o666);
  expect(await errors()).toEqual([expect.stringMatching(/can be written by other users.*chmod go-w/)]);
  write("b.psk", PSK.toBase64(), 0o620);
  write("peers.conf", `peer a key ${KEY} psk-file ${folder}/b.psk`);
  expect(await errors()).toEqual([expect.stringMatching(/^1: .*can be written by other users/)]);
});

test("files that are none, or hold no key", async () => {
  expect(await errors()).toEqual([expect.stringContaining("is not there")]);
  write("peers.conf", `peer a key ${KEY} psk-file ${folder}/none`);
  expect(await errors()).toEqual([expect.stringMatching(/^1: .*none is not there/)]);
  write("peers.conf", `peer a key ${KEY} psk-file ${folder}/b.psk`);
  for (const text of ["no key\n", "", new Uint8Array(32).toBase64()]) {
    write("b.psk", text, 0o600);
    expect(await errors()).toEqual([expect.stringMatching(/^1: .*does not hold one key/)]);
  }
  write("peers.conf", Buffer.from([0xff, 0xfe]));
  expect(await errors()).toEqual([expect.stringContaining("UTF-8")]);
  rmSync(file);
  symlinkSync(join(folder, "b.psk"), file);
  expect(await errors()).toEqual([expect.stringContaining("symbolic link")]);
});

test("a file with a mistake leaves what was in force, and one that is taken away leaves nothing", async () => {
  const lines: string[] = [];
  const log = { write: (_level: string, text: string) => void lines.push(text) };
  const options = { path: file, optional: true, ownKey: OTHER, log, wall: () => 5 };
  const peers = new PeersFile(options);
  await peers.load();
  expect([peers.config, peers.fault]).toEqual([undefined, undefined]);
  write("peers.conf", `peer a key ${KEY}`);
  await peers.load();
  expect(peers.config?.peers).toHaveLength(1);
  write("peers.conf", `peer a key ${KEY}\npeer self key ${OTHER.toBase64()}\nnonsense`);
  await expect(peers.load()).rejects.toThrow(/2: peer self has this computer's own key.*\(and 1 more\)/);
  expect(peers.config?.peers).toHaveLength(1);
  expect(peers.fault).toEqual({ message: expect.stringContaining("own key"), since: 5 });
  expect(lines.join("\n")).toContain('"nonsense" is none of');
  rmSync(file);
  await peers.load();
  expect([peers.config, peers.fault]).toEqual([undefined, undefined]);
  await expect(new PeersFile({ ...options, optional: false }).load()).rejects.toThrow("is not there");
});
