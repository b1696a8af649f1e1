import { plainText } from "#contract/plain-text.ts";
import type { Converted } from "#runtime/routes-file/igmpproxy.ts";
import { print, type CliContext } from "./context.ts";
import { EXIT } from "./exit-code.ts";

/** To be written into a file as it is printed: what is to be looked at stands in comments. */
export async function convertConfig(
  context: CliContext,
  path: string,
  options: { readonly json?: true },
): Promise<void> {
  const { convertIgmpproxy } = await import("#runtime/routes-file/igmpproxy.ts");
  const { problemText } = await import("#runtime/routes-file/read-routes.ts");
  const { readText, UnreadableError } = await import("#runtime/routes-file/trusted-text.ts");
  const read = async (): Promise<Converted> => {
    try {
      return convertIgmpproxy((await readText(path, [0])).text, path);
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      const problem = {
        file: path,
        line: 0,
        severity: "error",
        message: `${path} ${error.message}`,
      } as const;
      return { text: "", problems: [problem] };
    }
  };
  const { text, problems } = await read();
  const ok = problems.every(({ severity }) => severity !== "error");
  if (!ok) context.exitCode = EXIT.failed;
  print(context, options, { file: path, ok, text: ok ? text : "", problems }, () =>
    [
      ...problems.map((problem) => `# ${problem.severity}: ${plainText(problemText(problem))}`),
      ...(ok ? [text] : []),
    ].join("\n"),
  );
}
