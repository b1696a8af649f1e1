// `castaway check-config --sixtunnel ROLE FILE`: the configuration of the IPv6 tunnel, with the original's names.
import { plainText } from "#contract/plain-text.ts";
import { print, type CliContext } from "./context.ts";
import { EXIT } from "./exit-code.ts";

export type SixRole = "server" | "client";

export async function checkSixtunnel(
  context: CliContext,
  role: SixRole,
  file: string,
  options: { json?: true },
): Promise<void> {
  // Loaded late: clients start faster without it.
  const { readClientConfig, readServerConfig } = await import("#runtime/sixtunnel/config-file.ts");
  const { problems } = await (role === "server" ? readServerConfig(file) : readClientConfig(file)).catch(
    (error: unknown) => ({ problems: [error instanceof Error ? error.message : String(error)] }),
  );
  const ok = problems.length === 0;
  if (!ok) context.exitCode = EXIT.failed;
  const mistakes = `${problems.length} ${problems.length === 1 ? "mistake" : "mistakes"}`;
  print(context, options, { file, ok, role, problems }, () =>
    [
      ...problems.map((problem) => `error: ${plainText(problem)}`),
      `${plainText(file)} ${ok ? `can be used by castaway sixtunnel ${role}` : `cannot be used: ${mistakes}`}.`,
    ].join("\n"),
  );
}
