// Before the e2e project: what the web shell serves is what stands in the sources now, built as it is for people.
import { build } from "vite";

export default async function setup(): Promise<void> {
  const before = process.env["NODE_ENV"];
  process.env["NODE_ENV"] = "production"; // vitest's own value makes a build with what helps developers in it
  try {
    await build({ configFile: "vite.config.ts", logLevel: "warn" });
  } finally {
    process.env["NODE_ENV"] = before;
  }
}
