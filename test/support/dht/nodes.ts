// A DHT of one's own on the lab's internet: five nodes with an address each, and one that relays.
// Arguments: the nodes' addresses. Prints "ready KEY" (the relay's public key), stays until it is ended.
import { Server as RelayServer } from "blind-relay";
import HyperDHT from "hyperdht";

const PORT = 49_737;
const addresses = process.argv.slice(2);
const [first] = addresses;
if (first === undefined) throw new Error("which addresses?");
const bootstrap = [{ host: first, port: PORT }];

const nodes: HyperDHT[] = [];
for (const host of addresses) {
  const node = new HyperDHT({
    host,
    port: PORT,
    anyPort: false,
    ephemeral: false,
    firewalled: false,
    bootstrap: host === first ? [] : bootstrap,
  });
  await node.fullyBootstrapped();
  nodes.push(node);
}

const relay = nodes.at(-1)!;
const streams = new RelayServer({
  createStream: (options) => relay.createRawStream({ ...options, framed: true }),
});
const server = relay.createServer({ shareLocalAddress: false }, (stream) => {
  stream.on("error", () => {});
  streams.accept(stream, { id: stream.remotePublicKey }).on("error", () => {});
});
const keyPair = HyperDHT.keyPair(Buffer.alloc(32, 7));
await server.listen(keyPair);
process.stdout.write(`ready ${keyPair.publicKey.toString("hex")}\n`);
