import { chownSync, linkSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync } from "node:fs";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { cacheSaver, loadCache } from "#runtime/store/cache-store.ts";
import { STATE_FORMAT, initialState } from "#runtime/store/state.ts";
import type { State } from "#runtime/store/state.ts";
import { DEFAULT_AMT } from "#runtime/store/amt-settings.ts";
import { DEFAULT_METRICS } from "#runtime/store/metrics-settings.ts";
import { DEFAULT_REACH } from "#runtime/store/reach-settings.ts";
import { DEFAULT_SHARING } from "#runtime/store/sharing-settings.ts";
import { loadDocument } from "#runtime/store/load-document.ts";
import { loadState, stateSaver } from "#runtime/store/state-store.ts";
import { StoreError } from "#runtime/store/store-error.ts";
import { MAX_FILE_BYTES } from "#runtime/store/trusted-path.ts";
import { NOW, PRIVATE_KEY, fullState, temporaryFolder } from "./state-fixture.ts";

const isRoot = process.geteuid?.() === 0;
const DAMAGED = "state.json.damaged-2026-11-21T04-05-06Z";

function load(folder: string, newState = false, key = PRIVATE_KEY) {
  return loadState({ folder, newState, now: NOW, randomKey: () => key });
}
async function errorOf(promise: Promise<unknown>): Promise<StoreError> {
  const error: unknown = await promise.then(
    () => new Error("it succeeded"),
    (reason: unknown) => reason,
  );
  if (error instanceof StoreError) return error;
  throw error;
}
function saverOf(folder: string, snapshot: () => State, errors: StoreError[] = []) {
  return stateSaver({ folder, snapshot, onError: (error) => errors.push(error) });
}
const mode = (path: string) => (statSync(path).mode & 0o7777).toString(8);
const names = (folder: string) => readdirSync(folder).sort();

/** A folder with a saved state, and one save before it. */
async function savedFolder(): Promise<{ folder: string; file: string }> {
  const folder = temporaryFolder();
  await load(folder);
  await saverOf(folder, fullState).saveNow();
  return { folder, file: join(folder, "state.json") };
}

describe("the first start", () => {
  test("makes folder and state, for its user alone, on disk before it is used", async () => {
    const folder = join(temporaryFolder(), "a", "castaway");
    expect(await load(folder)).toEqual({ value: initialState(PRIVATE_KEY), isNew: true, notes: [] });
    expect([mode(folder), mode(join(folder, "state.json"))]).toEqual(["700", "600"]);
    expect(await load(folder, false, new Uint8Array(32))).toMatchObject({ isNew: false });
  });
  test.skipIf(process.platform !== "linux")(
    "where no folder can be made is an error (Linux: below /proc)",
    async () => {
      expect((await errorOf(load("/proc/castaway"))).message).toContain("cannot read /proc/castaway: ENOENT");
    },
  );
  test("--new-state does nothing to a good state", async () => {
    const { folder } = await savedFolder();
    const before = names(folder);
    expect(await load(folder, true)).toEqual({ value: fullState(), isNew: false, notes: [] });
    expect(names(folder)).toEqual(before);
  });
});

describe("a save", () => {
  test("comes back after a restart, and keeps the one before", async () => {
    const { folder, file } = await savedFolder();
    expect((await load(folder)).value).toEqual(fullState());
    expect(readFileSync(`${file}.previous`, "utf8")).not.toContain("Elsewhere");
    expect(names(folder)).toEqual(["state.json", "state.json.previous"]);
    expect([mode(file), mode(`${file}.previous`)]).toEqual(["600", "600"]);
  });
  test("of many at once leaves one whole file and nothing else", async () => {
    const { folder } = await savedFolder();
    let port = 1;
    const saver = saverOf(folder, () => ({ ...fullState(), settings: { ...fullState().settings, port } }));
    const all: Promise<void>[] = [];
    for (; port < 200; port++) all.push(saver.saveNow());
    await Promise.all(all);
    expect((await load(folder)).value.settings.port).toBe(200);
    expect(names(folder)).toEqual(["state.json", "state.json.previous"]);
  });
  test("into a folder that is gone is an error that says so, and the next one succeeds", async () => {
    const { folder } = await savedFolder();
    const errors: StoreError[] = [];
    const saver = saverOf(folder, fullState, errors);
    rmSync(folder, { recursive: true });
    const error = await errorOf(saver.saveNow());
    expect(error.message).toMatch(/cannot save .*state\.json: ENOENT\. What was saved before is intact/);
    expect(saver.dirty).toBe(true);
    mkdirSync(folder, { mode: 0o700 });
    await saver.saveNow();
    expect([saver.dirty, errors.length, (await load(folder)).value]).toEqual([false, 1, fullState()]);
  });

  test.skipIf(!isRoot)(
    "on a full disk is an error, and the old state stays (needs root for a tmpfs)",
    async (context) => {
      const folder = join(temporaryFolder(), "small");
      mkdirSync(folder, { mode: 0o700 });
      const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=128k,mode=700", "castaway", folder]);
      if (mounted.status !== 0) return context.skip(`no tmpfs here: ${String(mounted.stderr)}`);
      onTestFinished(() => void spawnSync("umount", [folder]));
      await load(folder);
      let state = fullState();
      const saver = saverOf(folder, () => state);
      await saver.saveNow();

      const filler = join(folder, "filler");
      expect(() => writeFileSync(filler, Buffer.alloc(256 * 1024))).toThrow("ENOSPC");
      state = { ...state, settings: { ...state.settings, port: 5000 } };
      const error = await errorOf(saver.saveNow());
      expect([error.code, error.remedy]).toEqual(["disk-full", "Make room on that disk."]);
      expect(error.message).toContain("What was saved before is intact");
      expect(names(folder)).toEqual(["filler", "state.json", "state.json.previous"]);
      expect((await load(folder)).value).toEqual(fullState());

      rmSync(filler);
      await saver.saveNow();
      expect((await load(folder)).value).toEqual(state);
    },
  );
});

describe("a damaged state", () => {
  test("is set aside with an error, and no identity is made in its place, however often one starts", async () => {
    const { folder, file } = await savedFolder();
    writeFileSync(file, "{ half");
    const error = await errorOf(load(folder));
    expect(error.code).toBe("damaged");
    expect(error.message).toContain(`it was set aside as ${join(folder, DAMAGED)}`);
    expect(error.remedy).toContain(`cp -p ${file}.previous ${file}`);
    expect(readFileSync(join(folder, DAMAGED), "utf8")).toBe("{ half");
    for (let start = 0; start < 2; start++) {
      const again = await errorOf(load(folder));
      expect([again.code, again.message]).toEqual(["missing", expect.stringContaining(DAMAGED)]);
    }
    expect(names(folder)).toEqual([DAMAGED, "state.json.previous"]);
  });
  test("comes back with the previous one put in its place", async () => {
    const { folder, file } = await savedFolder();
    writeFileSync(file, "");
    await errorOf(load(folder));
    expect(spawnSync("cp", ["-p", `${file}.previous`, file]).status).toBe(0);
    expect(await load(folder)).toMatchObject({ value: initialState(PRIVATE_KEY), isNew: false });
  });
  test("gives way to a new one when that is asked for; the old files are kept", async () => {
    const { folder, file } = await savedFolder();
    const previous = readFileSync(`${file}.previous`);
    writeFileSync(file, "one");
    const key = new Uint8Array(32).fill(77);
    const { value, isNew, notes } = await load(folder, true, key);
    expect([value, isNew, notes.length]).toEqual([initialState(key), true, 2]);
    const kept = "state.json.previous.kept-2026-11-21T04-05-06Z";
    expect(names(folder)).toEqual(["state.json", DAMAGED, kept]);
    expect(readFileSync(join(folder, kept))).toEqual(previous);
  });
  test("does not overwrite one that was set aside in the same second", async () => {
    const { folder, file } = await savedFolder();
    for (const text of ["one", "two", "three"]) {
      writeFileSync(file, text, { mode: 0o600 });
      await errorOf(load(folder));
    }
    const asides = [DAMAGED, `${DAMAGED}-2`, `${DAMAGED}-3`];
    expect(asides.map((name) => readFileSync(join(folder, name), "utf8"))).toEqual(["one", "two", "three"]);
  });
  test("of 33 MiB is damaged without being read", async () => {
    const { folder, file } = await savedFolder();
    spawnSync("truncate", ["-s", String(MAX_FILE_BYTES + 1), file]);
    expect((await errorOf(load(folder))).message).toContain("longer than any state");
  });
  test("of a newer version stays where it is", async () => {
    const { folder, file } = await savedFolder();
    const newer = readFileSync(file, "utf8").replace('"version": 3', '"version": 4');
    writeFileSync(file, newer);
    for (const newState of [false, true]) {
      const error = await errorOf(load(folder, newState));
      expect([error.code, error.message]).toEqual([
        "newer-version",
        expect.stringContaining("newer Castaway"),
      ]);
    }
    expect(readFileSync(file, "utf8")).toBe(newer);
  });
  test("of an older version is brought up to date, and the old one kept", async () => {
    const { file } = await savedFolder();
    const old = readFileSync(file, "utf8");
    const format = { ...STATE_FORMAT, version: 4, migrations: new Map([[3, (value: unknown) => value]]) };
    const options = { path: file, format, initial: fullState, newState: false, now: NOW };
    expect(await loadDocument(options)).toMatchObject({ value: fullState(), isNew: false });
    expect(readFileSync(`${file}.version-3`, "utf8")).toBe(old);
    expect(readFileSync(file, "utf8")).toBe(old.replace('"version": 3', '"version": 4'));
    expect((await loadDocument(options)).notes).toEqual([]);
  });
  test("of version 1, which knew nothing of reach, presets, metrics, AMT and tunnels, gets the defaults", async () => {
    const { folder, file } = await savedFolder();
    const document = JSON.parse(readFileSync(file, "utf8")) as {
      version: number;
      value: { settings: Record<string, unknown> };
    };
    document.version = 1;
    delete document.value.settings["reach"];
    delete document.value.settings["sharing"];
    delete document.value.settings["metrics"];
    delete document.value.settings["amt"];
    delete document.value.settings["staticEnabled"];
    delete document.value.settings["tunnels"];
    writeFileSync(file, JSON.stringify(document));
    const { value } = await load(folder);
    expect(value.settings).toEqual({
      ...fullState().settings,
      reach: DEFAULT_REACH,
      sharing: DEFAULT_SHARING,
      metrics: DEFAULT_METRICS,
      amt: DEFAULT_AMT,
      staticEnabled: true,
      tunnels: [],
    });
  });
  test("half-written files of a kill are removed, and are no trace of a state", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "state.json.new-0011"), "{");
    expect((await load(folder)).isNew).toBe(true);
    expect(names(folder)).toEqual(["state.json"]);
  });
});

describe("what others could have written is refused", () => {
  test("a file or folder that others may write", async () => {
    for (const bits of [0o020, 0o002]) {
      const { folder, file } = await savedFolder();
      chmodSync(file, 0o600 | bits);
      expect((await errorOf(load(folder))).code).toBe("untrusted");
      chmodSync(file, 0o600);
      chmodSync(folder, 0o700 | bits);
      expect((await errorOf(load(folder, true))).message).toContain("can be written by other users");
    }
  });
  test("a file that others may read is closed to them, a folder that they may list is left as it is", async () => {
    const { folder, file } = await savedFolder();
    chmodSync(file, 0o644);
    chmodSync(folder, 0o755);
    await load(folder);
    expect([mode(folder), mode(file)]).toEqual(["755", "600"]);
  });
  test("symbolic links, for the file and for the folder", async () => {
    const { folder, file } = await savedFolder();
    const away = temporaryFolder();
    linkSync(file, join(away, "real.json"));
    rmSync(file);
    symlinkSync(join(away, "real.json"), file);
    expect((await errorOf(load(folder))).message).toContain("is a symbolic link");
    const link = join(away, "link");
    symlinkSync(folder, link);
    expect((await errorOf(load(link))).message).toContain("is a symbolic link");
  });
  test("a FIFO does not hold the start up", async () => {
    const folder = temporaryFolder();
    spawnSync("mkfifo", ["-m", "600", join(folder, "state.json")]);
    expect((await errorOf(load(folder))).message).toContain("is not a file");
  });
  test("a folder in the place of the file, and a file in the place of the folder", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "state.json"), { mode: 0o700 });
    expect((await errorOf(load(folder))).message).toContain("is not a file");
    writeFileSync(join(folder, "plain"), "");
    expect((await errorOf(load(join(folder, "plain")))).message).toContain("is not a folder");
    expect((await errorOf(load(join(folder, "plain", "under")))).message).toContain("is not a folder");
  });
  test.skipIf(!isRoot)(
    "another user's file, folder, or a folder above it (needs root to give it away)",
    async () => {
      const one = await savedFolder();
      chownSync(one.file, 1234, 0);
      expect((await errorOf(load(one.folder))).message).toContain("belongs to uid 1234");
      const two = await savedFolder();
      chownSync(two.folder, 1234, 0);
      expect((await errorOf(load(two.folder))).message).toContain("belongs to uid 1234");
      const above = temporaryFolder();
      const inside = join(above, "castaway");
      await load(inside);
      chownSync(above, 1234, 0);
      expect((await errorOf(load(inside))).message).toContain("(above the state folder) belongs to uid 1234");
      chownSync(above, 0, 0);
      chmodSync(above, 0o777);
      expect((await errorOf(load(inside))).message).toContain("(above the state folder) can be written");
    },
  );
});

describe("the cache", () => {
  const peer = (n: number) => ({
    publicKey: new Uint8Array(32).fill(n & 0xff),
    endpoint: { address: "192.0.2.1", port: 1 + n },
    seenAt: NOW + n,
  });
  const save = (folder: string, peers: ReturnType<typeof peer>[]) =>
    cacheSaver({ folder, snapshot: () => ({ peers }), onError: () => {} }).saveNow();

  test("comes back, newest first, and bounded", async () => {
    const folder = temporaryFolder();
    expect(await loadCache(folder)).toEqual({ peers: [] });
    await save(folder, [peer(1), peer(2)]);
    expect(await loadCache(folder)).toEqual({ peers: [peer(2), peer(1)] });
    expect(names(folder)).toEqual(["cache.json"]);
    await save(
      folder,
      Array.from({ length: 5000 }, (_, i) => peer(i)),
    );
    const { peers } = await loadCache(folder);
    expect([peers.length, peers[0]]).toEqual([4096, peer(4999)]);
  });
  test("damaged is empty, but somebody else's is refused", async () => {
    const folder = temporaryFolder();
    const file = join(folder, "cache.json");
    await save(folder, [peer(1)]);
    writeFileSync(file, readFileSync(file, "utf8").slice(0, -20));
    expect(await loadCache(folder)).toEqual({ peers: [] });
    chmodSync(file, 0o666);
    expect((await errorOf(loadCache(folder))).code).toBe("untrusted");
  });
});
