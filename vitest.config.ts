import { defineConfig } from "vitest/config";

// Two projects: "unit" needs nothing but Node; "net" builds network namespaces and so needs root.
// Files of the net project run one after the other and after all others, because they share the machine's
// processors and measure time.
export default defineConfig({
  test: {
    reporters: ["default", "./test/support/summary-reporter.ts"],
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/helper/**/*.test.ts", "test/scenarios/**/*.test.ts"],
          testTimeout: 60_000,
          // Some of them watch memory, or start programs: see below.
          retry: 1,
        },
      },
      {
        test: {
          name: "net",
          include: ["test/net/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          // A shared machine stalls for a second now and then: what fails has to fail each time.
          retry: 2,
          pool: "forks",
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
