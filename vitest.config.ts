import { join } from "node:path";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { svelteTesting } from "@testing-library/svelte/vite";
import { defineConfig } from "vitest/config";

// "unit" needs nothing but Node, "renderer" has a page of jsdom's; "net" and "net-timed" build network namespaces and so
// need root; "e2e" has real daemons and a real browser. What builds namespaces comes after all others, three files at a
// time: they wait more than they work. What measures what the machine itself does (a rate, a silence, a processor's rest)
// comes last, one file after the other.
const patient = {
  testTimeout: 60_000,
  hookTimeout: 60_000,
  // A command from its sources takes 190 ms of the processor, most of it for reading what was read before; 70 ms so.
  env: { NODE_COMPILE_CACHE: join(import.meta.dirname, "out/test-compile-cache") },
};
const slow = { ...patient, pool: "forks" } as const;

const TIMED = ["circuit-breaker", "resilience-idle", "resilience-strangers", "roaming"].map(
  (name) => `test/net/${name}.test.ts`,
);

export default defineConfig({
  test: {
    reporters: ["default", "./test/support/summary-reporter.ts"],
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/{helper,main,packaging,scenarios}/**/*.test.ts"],
          ...patient,
          maxWorkers: 2, // where there are two processors Vitest would take one, and run this last
          // Some of them watch memory, or start programs: see below.
          retry: 1,
        },
      },
      {
        plugins: [svelte({ configFile: false }), svelteTesting()],
        server: { fs: { strict: false } }, // node_modules may be a link to another folder
        test: {
          name: "renderer",
          include: ["test/renderer/**/*.test.ts"],
          environment: "jsdom",
          maxWorkers: 2,
          setupFiles: ["test/renderer/page-setup.ts"],
        },
      },
      {
        test: {
          name: "net",
          include: ["test/net/**/*.test.ts"],
          exclude: TIMED,
          // A shared machine stalls for a second now and then: what fails has to fail each time.
          retry: 2,
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
          ...slow,
        },
      },
      {
        test: {
          name: "net-timed",
          include: TIMED,
          retry: 2,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
          ...slow,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          globalSetup: ["./test/support/app/build-renderer.ts"],
          retry: 1,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
          ...slow,
        },
      },
    ],
  },
});
