import { svelte } from "@sveltejs/vite-plugin-svelte";
import { svelteTesting } from "@testing-library/svelte/vite";
import { defineConfig } from "vitest/config";

// Four projects: "unit" needs nothing but Node, "renderer" has a page of jsdom's; "net" builds network namespaces and
// so needs root; "e2e" has real daemons and a real browser. Files of the last two run one after the other and after
// all others, because they share the machine's processors and measure time.
const shared = { testTimeout: 60_000, hookTimeout: 60_000, fileParallelism: false, pool: "forks" } as const;

export default defineConfig({
  test: {
    reporters: ["default", "./test/support/summary-reporter.ts"],
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/{helper,main,packaging,scenarios}/**/*.test.ts"],
          testTimeout: 60_000,
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
          setupFiles: ["test/renderer/page-setup.ts"],
        },
      },
      {
        test: {
          name: "net",
          include: ["test/net/**/*.test.ts"],
          // A shared machine stalls for a second now and then: what fails has to fail each time.
          retry: 2,
          sequence: { groupOrder: 1 },
          ...shared,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          globalSetup: ["./test/support/app/build-renderer.ts"],
          retry: 1,
          sequence: { groupOrder: 2 },
          ...shared,
        },
      },
    ],
  },
});
