// Before the e2e project: what the web shell serves is what stands in the sources now.
import { build } from "vite";

export default async function setup(): Promise<void> {
  await build({ configFile: "vite.config.ts", logLevel: "warn" });
}
