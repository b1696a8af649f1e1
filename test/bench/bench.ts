// npm run bench: what Castaway costs and carries, beside what people use today, in one run.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { LAB_TOOLS, ensureTools } from "#test/demo/install.ts";
import { DemoError, say } from "#test/demo/steps.ts";
import { comparisonTable, judge, type Figures } from "./figures.ts";
import { harnessFolder, runHarness } from "./harness.ts";

const HELP = `npm run bench [-- options] [peers], or: npm run bench -- amt-fanout
  --quick      one of everything instead of medians of three
  --check      only whether each peer comes up and carries the groups
  --alone      Castaway against socat in our own lab, without the harness
  --out FILE   write the table there, too
  proxy        instead of tunnels: LAN in, LAN out, beside smcroute, igmpproxy and a forwarder in Python
The harness is looked for in $MCBENCH and beside the checkout. Its peers unless named: `;

const CHECKOUT = fileURLToPath(new URL("../../", import.meta.url));
// Read by the test daemons where they are loaded, so before that.
process.env["CASTAWAY_BIN"] = join(CHECKOUT, "out/castaway");
const { reportIdle, runAlone } = await import("./alone.ts");

const PEERS = ["castaway", "openvpn", "fastd", "socat", "vxlan-bridge"];

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      check: { type: "boolean", default: false },
      alone: { type: "boolean", default: false },
      out: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return say(HELP + PEERS.join(" "));
  if (process.getuid?.() !== 0)
    throw new DemoError("The bench needs root, for network namespaces", "sudo npm run bench");
  build();
  if (positionals.includes("amt-fanout")) {
    await ensureTools([...LAB_TOOLS, ["python3", "python3"]]);
    const { runAmtFanout } = await import("./amt-fanout.ts");
    const tables = await runAmtFanout();
    if (values.out !== undefined) write(values.out, tables);
    return;
  }
  if (positionals[0] === "proxy") {
    const harness = harnessFolder();
    if (harness === undefined)
      throw new DemoError("The load generator is not here", "Set MCBENCH to its folder");
    const { runProxyBench } = await import("./proxy.ts");
    const table = await runProxyBench(harness);
    if (values.out !== undefined) write(values.out, table);
    return say(`\n${table}\n`);
  }
  const folder = values.alone ? undefined : harnessFolder();
  let figures: Figures[];
  if (folder === undefined) {
    say("Quick mode: Castaway against socat in our own lab.");
    await ensureTools([...LAB_TOOLS, ["socat", "socat"], ["python3", "python3"]]);
    figures = await runAlone();
  } else {
    const peers = positionals.length > 0 ? positionals : PEERS;
    figures = await runHarness(folder, { peers, quick: values.quick, check: values.check });
    if (values.check) return;
    if (figures.length === 0) throw new DemoError("Nothing was measured", "Why stands above");
    if (peers.includes("castaway")) await reportIdle();
  }
  const table = comparisonTable(figures);
  say(`\n${table}\n`);
  for (const { text, holds } of judge(figures)) say(`${holds ? "holds " : "MISSED"}  ${text}`);
  if (values.out !== undefined) write(values.out, table);
}

function write(file: string, table: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${table}\n`);
}

/** What people run is what is measured. */
function build(): void {
  say("Building out/castaway.");
  execFileSync("npm", ["run", "--silent", "build"], {
    cwd: CHECKOUT,
    stdio: ["ignore", "ignore", "inherit"],
  });
}

try {
  await main();
} catch (error) {
  process.stderr.write(`\n${(error as Error).message}\n`);
  if (error instanceof DemoError) process.stderr.write(`What to do: ${error.remedy}\n`);
  process.exitCode = 1;
}
