import { expect, test } from "vitest";
import { Mcasttunnel } from "#runtime/mcasttunnel/tunnel.ts";
import { run } from "./run.ts";

const CLIENT = ["-a", "home.example", "-p", "9000", "-g", "239.1.2.3", "-r", "5004"];

test("mcasttunnel: the original's options", async () => {
  const server = await run(
    "mcasttunnel -s -a 192.0.2.1 -p 9000 -i 192.168.1.2 -g FF1E:0::1 -r 5004 -t 8 -v".split(" "),
  );
  expect(server).toMatchObject({ code: 0, err: "" });
  expect(server.mcasttunnel).toMatchObject({
    server: true,
    address: "192.0.2.1",
    port: 9000,
    via: "192.168.1.2",
    group: "ff1e::1",
    groupPort: 5004,
    ttl: 8,
    verbose: true,
  });
  const client = await run(["mcasttunnel", ...CLIENT]);
  expect(client.mcasttunnel).toMatchObject({ server: false, address: "home.example", ttl: 1 });
});

test.each([
  [["-g", "192.168.1.1"], /multicast group/],
  [["-g", "224.0.0.251"], /belongs to one link/],
  [["-g", "ff02::fb"], /belongs to one link/],
  [["-p", "0"], /whole number from 1 to 65535/],
  [["-r", "65536"], /whole number/],
  [["-t", "256"], /whole number from 0 to 255/],
  [["-a", "a b"], /address or a name/],
])("mcasttunnel %j is wrong use", async (words, message) => {
  const { code, err, mcasttunnel } = await run(["mcasttunnel", ...CLIENT, ...words]);
  expect(code).toBe(2);
  expect(err).toMatch(message);
  expect(mcasttunnel).toBeUndefined();
});

test("a client without a server, and a missing group, are wrong use", async () => {
  const alone = await run(["mcasttunnel", ...CLIENT.slice(2)]);
  expect(alone.code).toBe(2);
  expect(alone.err).toMatch(/A client needs the server's address/);
  expect((await run(["mcasttunnel", "-s", "-p", "9000", "-r", "5004"])).code).toBe(2);
});

test("an interface that this computer does not have is said", async () => {
  const options = {
    server: true,
    address: undefined,
    port: 9000,
    group: "239.1.2.3",
    groupPort: 5004,
    ttl: 1,
  };
  const events = { said: () => {}, failed: () => {} };
  await expect(Mcasttunnel.start({ ...options, via: "192.0.2.77" }, events)).rejects.toThrow(
    "This computer has no interface 192.0.2.77.",
  );
});
