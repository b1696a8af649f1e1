import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AF_UNIX, MSG_DONTWAIT, SOCK_DGRAM } from "#edge/linux/constants.ts";
import { bind, close, recv, socket } from "#edge/linux/libc.ts";
import { tellServiceManager, unixAddress } from "#edge/linux/service-manager.ts";
import { checked } from "#edge/linux/system-error.ts";

describe.skipIf(process.platform !== "linux")("what the service's manager is told", () => {
  let folder: string;
  let manager: number;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "castaway-notify-"));
    manager = checked("socket", socket(AF_UNIX, SOCK_DGRAM, 0));
  });
  afterEach(() => {
    close(manager);
    rmSync(folder, { recursive: true });
  });

  const listenAt = (place: string): void => {
    const address = unixAddress(place);
    checked("bind", bind(manager, address, address.length));
  };
  const heard = (): string => {
    const data = Buffer.alloc(64);
    return data.toString("latin1", 0, checked("recv", recv(manager, data, data.length, MSG_DONTWAIT)));
  };

  test("arrives at a path", () => {
    const place = join(folder, "notify");
    listenAt(place);
    tellServiceManager("READY=1", place);
    tellServiceManager("STOPPING=1", place);
    expect([heard(), heard()]).toEqual(["READY=1", "STOPPING=1"]);
  });

  test("arrives at an abstract name", () => {
    const place = `@castaway-test-${process.pid}`;
    listenAt(place);
    tellServiceManager("READY=1", place);
    expect(heard()).toBe("READY=1");
  });

  test("is nothing where there is none", () => {
    expect(() => tellServiceManager("READY=1", undefined)).not.toThrow();
  });

  test("is an error where nobody listens", () => {
    expect(() => tellServiceManager("READY=1", join(folder, "nobody"))).toThrow(/ENOENT/);
  });

  test.each(["", "relative/path", "vsock:2:1234", "@", "/", `/${"x".repeat(107)}`, "/with\0zero"])(
    "is an error where %j is said to be the place",
    (place) => {
      expect(() => tellServiceManager("READY=1", place)).toThrow("no Unix socket's place");
    },
  );

  test("the longest path still has its zero byte", () => {
    expect(unixAddress(`/${"x".repeat(106)}`)).toHaveLength(2 + 108);
  });
});
