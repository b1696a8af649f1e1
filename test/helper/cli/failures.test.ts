// Every wrong input ends with its documented exit code, one line what is wrong and one line what to do.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ROOT, startFakeDaemon, STRANGER, type FakeDaemon } from "../control/fake-daemon.ts";
import { run, type Run } from "./run.ts";

let daemon: FakeDaemon;
beforeAll(async () => {
  daemon = await startFakeDaemon();
});
afterAll(() => daemon.stop());
beforeEach(() => {
  daemon.caller = ROOT;
});

function castaway(line: string): Promise<Run> {
  return run(line.split(" "), { environment: { CASTAWAY_SOCKET: daemon.path } });
}

// command line, exit code, a part of what stands on standard error
test.each([
  ["join castaway://join/damaged", 5, "Copy the whole link."],
  ["join castaway://join/expired", 5, "Ask for a new one."],
  ["join castaway://join/used-up", 5, "used already"],
  ["join castaway://join/revoked", 5, "revoked"],
  ["join castaway://join/newer", 5, "Update Castaway."],
  ["join castaway://join/silent", 6, "Is it on?"],
  ["join", 2, "missing required argument 'link'"],
  ["members limit 2 20", 2, "such as 500k or 20M, or off"],
  ["members limit 2 1k", 2, "from 64k"],
  ["members remove nobody", 1, "castaway members list"],
  ["members rename 2", 2, "missing required argument 'name'"],
  ["routes remove s9", 1, "no static route"],
  ["routes add 239.1.1.1", 2, "--from <interface>"],
  ["routes add not-a-group --from eth0", 2, "group: not an address"],
  ["lans set eth0 half", 2, "full, local or off"],
  ["metrics on --listen nowhere", 2, "not ADDRESS:PORT or a path"],
  ["metrics maybe", 2, "too many arguments"],
  ["owners add", 2, "castaway owners add alice"],
  ["owners add no-such-account", 1, "id -u NAME"],
  ["invite --uses 0", 2, "whole number from 1 to 1000"],
  ["invite --uses many", 2, "whole number"],
  ["invite --expires soon", 2, "90m, 24h or 7d"],
  ["invite --expires 9999999d", 2, "90m, 24h or 7d"],
  ["invite lsit", 2, "too many arguments"],
  ["logs -n -1", 2, "whole number from 0 to 2000"],
  ["completion tcsh", 2, "bash, zsh, fish"],
  ["daemon --lan eth0=some", 2, "full, local or off"],
  ["daemon --port 70000", 2, "65535"],
  ["daemon --socket-vif 239.1.2.3", 2, "GROUP:PORT"],
  ["daemon --socket-vif 239.1.2.3:0", 2, "GROUP:PORT"],
  ["daemon --socket-vif ff1e::1:5004", 2, "[IPv6 GROUP]:PORT"],
  ["daemon --socket-vif [239.1.2.3]:5004", 2, "GROUP:PORT"],
  ["daemon --socket-vif 10.1.2.3:5004", 2, "no multicast group"],
  ["daemon --socket-vif 224.0.0.251:5353", 2, "never carried"],
  ["daemon --socket-vif 239.255.255.250:1900", 2, "never carried"],
  ["daemon --socket-vif 239.1.2.3:5004@2001:db8::1", 2, "same family"],
  ["daemon --socket-vif 239.1.2.3:5004@127.0.0.1", 2, "from afar"],
  ["daemon --socket-vif 239.1.2.3:5004@", 2, "GROUP:PORT"],
  ["daemon --log-level loud", 2, "debug, info, warn, error"],
  ["ping", 2, "missing required argument 'member'"],
  ["ping nobody", 1, "castaway members list"],
  ["ping 2 --network Nowhere", 1, "no network"],
  ["ping 2 -c 0", 2, "whole number from 1 to 10000"],
  ["ping 2 -i 0.1", 2, "seconds from 0.2 to 60"],
  ["ping 2 -W forever", 2, "seconds from 0.1 to 20"],
  ["statsu", 2, "Did you mean one of stats, status?"],
  ["status --colour", 2, "unknown option"],
  ["share dlna perhaps", 2, "on or off"],
  ["share", 2, "missing required argument"],
  ["reach --dht maybe", 2, "on or off"],
  ["reach --meet somewhere", 2, "off or HOST:PORT"],
  ["status --socket /nowhere/control.sock", 3, "sudo systemctl start castaway"],
  ["groups --watch --socket /nowhere/control.sock", 3, "sudo castaway daemon"],
  ["status --socket /etc/passwd", 4, "is not a socket"],
])("castaway %s ends with %i", async (line, code, text) => {
  const human = await castaway(line);
  expect(human.err).toContain(text);
  expect(human).toMatchObject({ code, out: "" });
  expect(human.err.trimEnd().split("\n").length).toBeLessThanOrEqual(2);

  const machine = await castaway(`${line} --json`);
  expect(machine).toMatchObject({ code, out: "" });
  expect(JSON.parse(machine.err)).toMatchObject({ error: { exitCode: code, message: expect.any(String) } });
});

test("who may not is told the command that helps", async () => {
  daemon.caller = STRANGER;
  const { code, err } = await castaway("down");
  expect(code).toBe(4);
  expect(err).toContain("sudo castaway owners add 1001");
  expect((await castaway("status")).code).toBe(0);
});
